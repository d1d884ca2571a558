"""Compares report files with the index: what is new, changed, moved, gone; and parses what is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ingest.chunk import chunk
from ingest.parsing.forms import Forms, Lesson, learn, lesson_of
from ingest.parsing.parser import parse
from ingest.sources import Found, ReportFile, Skipped, still_there
from rag.index.store import StoredReport, passage_row
from rag.types import Passage, Progress, Report


@dataclass(slots=True)
class SyncResult:
    """What an ingest did (or would do), by report id.

    `unpublished` says why others don't get it, where the index is shared and it was not published.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    passages: int = 0
    revision: str = ""
    unpublished: str = ""


@dataclass(frozen=True, slots=True)
class Todo:
    """A report to be written with its passages; `origin` has some of them in the index already."""

    report: StoredReport
    passages: list[Passage]
    origin: StoredReport | None = None


@dataclass(frozen=True)
class Known:
    """What an index has: its reports with their texts by id, and the forms they were read with.

    `lessons` gives the lessons of files by the hash of their text, as far as they are kept.
    """

    reports: Mapping[str, StoredReport] = field(default_factory=dict)
    forms: Forms = field(default_factory=Forms)
    lessons: Callable[[], Mapping[str, Lesson]] = dict


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be done: reports to write with their passages, or without; reports to delete.

    `lessons` are those of all files, by the hash of their text, where they were needed.
    """

    result: SyncResult
    forms: Forms
    lessons: Mapping[str, Lesson]
    todo: list[Todo] = field(default_factory=list)
    rows: list[StoredReport] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.todo or self.rows or self.gone)


def compare(
    found: Found, known: Known, prune: bool, progress: Progress = lambda *_: None
) -> Comparison:
    """What brings the index in line with the files.

    Forms are learned from all reports that the index will hold, so that its content does not
    depend on the order in which they came. A report that no file was given for is read again
    from the index where the forms it was read with have changed.

    Args:
        found: the files.
        known: the index.
        prune: reports whose file is gone are to go.
        progress: called with "parsing", how many files are done, and how many there are.
    """
    stored = known.reports
    renamed = _renamed(found, stored)
    gone = [report.info.id for report in renamed.values()]
    result = SyncResult(skipped=found.skipped)
    if prune:
        absent = set(stored) - {file.id for file in found.files} - set(gone)
        result.deleted = sorted(i for i in absent if not found.may_hold(stored[i].source))
    gone += result.deleted
    files = found.files + _kept(found, known, gone)
    forms, lessons = _learned(files, known)
    done = Comparison(result, forms, lessons, gone=gone)
    for n, file in enumerate(files, start=1):
        progress("parsing", n, len(files))
        old = stored.get(file.id)
        if old is None or not _is_current(old, file, done):
            _one(done, file, old, renamed.get(file.id))
        elif old.source == file.place or still_there(old.source):
            if n <= len(found.files):
                result.unchanged.append(file.id)
        else:
            result.moved.append(file.id)
            done.rows.append(replace(old, raw=file.text, source=file.place))
    result.passages = sum(len(item.passages) for item in done.todo)
    return done


def _kept(found: Found, known: Known, gone: Collection[str]) -> list[ReportFile]:
    """The reports that stay though no file was given for them, as files."""
    ids = {file.id for file in found.files}
    kept = [r for name, r in known.reports.items() if name not in ids and name not in gone]
    return [_StoredFile(r.info.id, r.source, "", r.digest, r) for r in kept]


@dataclass(frozen=True)
class _StoredFile(ReportFile):
    """A report of the index that stands for its file."""

    report: StoredReport

    @cached_property
    def text(self) -> str:
        return self.report.raw


def _learned(files: Sequence[ReportFile], known: Known) -> tuple[Forms, Mapping[str, Lesson]]:
    """The forms of files, and their lessons; those of the index where it has the very files."""
    by_digest = {file.digest: file for file in files}
    if by_digest.keys() == {report.digest for report in known.reports.values()}:
        return known.forms, {}
    kept = known.lessons()
    lessons = {i: kept.get(i) or lesson_of(file.text) for i, file in by_digest.items()}
    return learn(lessons, lambda digest: by_digest[digest].text), lessons


def _form_digest(file: ReportFile, done: Comparison) -> str:
    """A hash of all that a report is parsed from: its text, and of the forms what bears on it."""
    lesson = done.lessons.get(file.digest) or lesson_of(file.text)
    bearing = done.forms.bearing_on(lesson.prompts)
    return hashlib.sha256(f"{file.digest} {bearing}".encode()).hexdigest()


def _is_current(old: StoredReport, file: ReportFile, done: Comparison) -> bool:
    """Whether the index has this very text, read with these forms."""
    if old.digest != file.digest:
        return False
    return not done.lessons or old.form_digest == _form_digest(file, done)


def _renamed(found: Found, stored: Mapping[str, StoredReport]) -> dict[str, StoredReport]:
    """By a new file's id the report that it was: one of equal text whose file is gone."""
    ids = {file.id for file in found.files}
    left = {
        report.digest: report
        for name, report in stored.items()
        if name not in ids and not still_there(report.source)
    }
    new = (file for file in found.files if file.id not in stored and file.digest in left)
    return {file.id: left[file.digest] for file in new}


def _one(
    done: Comparison, file: ReportFile, old: StoredReport | None, renamed: StoredReport | None
) -> None:
    """Add what one file's report needs; it is new, changed, or renamed."""
    report = parse(file.id, file.text, done.forms)
    passages = chunk(report)
    row = StoredReport(
        info=passages[0].report if passages else report.info,
        raw=file.text,
        source=file.place,
        digest=file.digest,
        form_digest=_form_digest(file, done),
        passages_digest=_passages_digest(report, passages),
        passages=len(passages),
        passages_generation=old.passages_generation if old else 0,
        links=report.links,
        images=report.images,
        unanswered=report.unanswered,
    )
    if old is not None and old.passages_digest == row.passages_digest:
        done.result.unchanged.append(file.id)
        done.rows.append(row)
        return
    if renamed is not None:
        done.result.moved.append(file.id)
    else:
        (done.result.added if old is None else done.result.updated).append(file.id)
    done.todo.append(Todo(row, passages, old or renamed))


def _passages_digest(report: Report, passages: Sequence[Passage]) -> str:
    digest = hashlib.sha256(repr(report.info).encode("utf-8", "surrogatepass"))
    for passage in passages:
        # All that a passage's row holds: a line added above an answer moves its spans only.
        row = (passage.id, passage.context, passage.text, passage_row(passage, 0))
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]
