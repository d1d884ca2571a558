"""Brings the index in line with the files: compares, embeds what changed, writes, deletes.

Readers see what is written when all of it is there: until then they have the index as it was. An
ingest that is cut short has changed nothing for them, and the next one goes on where it ended.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.chunk import MAX_TOKENS, chunk
from ingest.embed import MANY, ReportWrite, save_sentence_vectors, write_passages
from ingest.parsing.form_text import Forms, Lesson, learn, lesson_of, load_lessons, save_lessons
from ingest.parsing.parser import parse
from ingest.publish import publish_index
from ingest.sources import (
    ReportFile,
    ReportFiles,
    Skipped,
    SourceFile,
    collect,
    place_exists,
    read_files,
)
from rag.errors import IndexBusy, IndexDamaged, IndexMissing, IndexUnusable, InputError
from rag.index import layout
from rag.index.snapshot import open_snapshot, save_vectors, sealed_reports
from rag.index.store import (
    Store,
    StoredReport,
    begin,
    create_store,
    database_error,
    is_sound,
    open_database,
    open_store,
    passage_row,
    write_errors,
)
from rag.models.embeddings import embedding_name
from rag.settings import Settings
from rag.types import Passage, Progress, Report

PARSER_VERSION = "5"  # raise with any change that alters what is stored for the same file


@dataclass(slots=True)
class SyncResult:
    """What an ingest did (or would do), by report id.

    `unpublished` says why a shared index was not published; "" if it was or need not be.
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
class Changes:
    """What brings the index in line: reports to write with passages, or without; ids to delete.

    `lessons` are those of all files by digest; empty where the index has these very files.
    """

    result: SyncResult
    forms: Forms
    lessons: Mapping[str, Lesson]
    writes: list[ReportWrite] = field(default_factory=list)
    rows: list[StoredReport] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)


def made_by(settings: Settings) -> dict[str, str]:
    """What an index is made with; another value of any of these needs another index."""
    return {
        "parser": PARSER_VERSION,
        "chunker": f"{MAX_TOKENS} tokens",
        "embedding": embedding_name(settings),
    }


def sync(
    paths: Sequence[Path],
    settings: Settings,
    *,
    prune: bool = False,
    dry_run: bool = False,
    rebuild: bool = False,
    progress: Progress = lambda *_: None,
) -> SyncResult:
    """Make the index hold the reports at `paths`, and those that came through the page.

    Args:
        prune: delete from the index what is not at `paths`; what is there but can't be read stays.
        dry_run: only report; nothing is made or written.
        rebuild: make the index anew from `paths`, whatever there was; that stays until the end.

    Raises:
        InputError: a path is not usable.
        IndexBusy: another ingest is writing to this index.
        IndexUnusable: the index can't be read or written, or was made with other models.
    """
    # Looked up before anything is made: a wrong path leaves no empty index.
    folder, made = settings.index, made_by(settings)
    at_paths = list(collect(paths))
    uploaded = folder / layout.UPLOADED
    sources = [*at_paths, *(collect([uploaded]) if uploaded.is_dir() else ())]
    if dry_run:
        store = None if rebuild else _existing(folder, made)
        return _compare(sources, store, prune, progress)[1].result
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / layout.LOCK, timeout=0):
            if not rebuild:
                layout.sweep(folder)
            with _read_errors_explained(folder):
                store = None if rebuild else _unfinished(folder, made) or _existing(folder, made)
                files, changes = _compare(sources, store, prune, progress)
            places = {source.place for source in at_paths}
            if rebuild and places.isdisjoint(file.place for file in files.files):
                raise InputError(
                    "There is no readable report at the paths, so the index was not made anew."
                )
            is_same = not (changes.writes or changes.rows or changes.deletes)
            if is_same and store is not None and store.state.revision:
                changes.result.revision = store.state.revision
            else:
                store = _to_write(folder, made, store, rebuild, changes.result.passages)
                with _discarded_on_full_disk(store):
                    _carry_out(changes, store, settings, progress)
            if rebuild or store.home != layout.current_database(folder):
                with _discarded_on_full_disk(store):
                    if changes.result.passages >= MANY:
                        progress("preparing search", 0, 0)
                        open_snapshot(store)
                    else:  # The first query builds the snapshot in seconds.
                        save_vectors(store, store.state.generation)
                    store.close()
                    if settings.chroma:
                        # Nothing is fetched over what is current until that is published.
                        (folder / layout.UNPUBLISHED).touch()
                    layout.make_current(store.home)
            changes.result.unpublished = publish_index(settings, progress)
    except Timeout as error:
        raise IndexBusy(f"Another ingest is writing to {folder}. Wait until it is done.") from error
    except write_errors() as error:
        raise layout.write_error(folder, error) from error
    return changes.result


def _compare(
    sources: Sequence[SourceFile], store: Store | None, prune: bool, progress: Progress
) -> tuple[ReportFiles, Changes]:
    """The readable files, and what brings the index in line with them.

    Forms are learned from all reports that the index will hold, so that its content does not
    depend on the order in which they came. A report without a file is parsed again from the index
    where the forms it was parsed with have changed.
    """
    stored = sealed_reports(store) if store else {}
    files = read_files(sources, stored, progress)
    renamed = _renamed(files, stored)
    deletes = [report.info.id for report in renamed.values()]
    result = SyncResult(skipped=files.skipped)
    absent = set(stored) - {file.id for file in files.files} - set(deletes)
    if prune:
        result.deleted = sorted(i for i in absent if not files.may_hold(stored[i].source))
        deletes += result.deleted
    remaining = (stored[name] for name in sorted(absent.difference(deletes)))
    all_files = files.files + [ReportFile(r.info.id, r.source, r.raw, r.digest) for r in remaining]
    forms, lessons = _learn(all_files, stored, store)
    changes = Changes(result, forms, lessons, deletes=deletes)
    for n, file in enumerate(all_files, start=1):
        progress("parsing", n, len(all_files))
        old = stored.get(file.id)
        # Unless the index has this very text, parsed with these forms.
        if (
            old is None
            or old.digest != file.digest
            or (changes.lessons and old.form_digest != _form_digest(file, changes))
        ):
            _add_report(changes, file, old, renamed.get(file.id))
        elif old.source == file.place or place_exists(old.source):
            if n <= len(files.files):
                result.unchanged.append(file.id)
        else:
            result.moved.append(file.id)
            changes.rows.append(replace(old, raw=file.text, source=file.place))
    result.passages = sum(len(write.passages) for write in changes.writes)
    return files, changes


def _learn(
    files: Sequence[ReportFile], stored: Mapping[str, StoredReport], store: Store | None
) -> tuple[Forms, Mapping[str, Lesson]]:
    """The forms of files, and their lessons; no lessons where the index has these very files."""
    by_digest = {file.digest: file for file in files}
    if store and by_digest.keys() == {report.digest for report in stored.values()}:
        return Forms.from_json(store.state.forms), {}
    known = load_lessons(store.home) if store else {}
    lessons = {i: known.get(i) or lesson_of(file.text) for i, file in by_digest.items()}
    return learn(lessons, lambda digest: by_digest[digest].text), lessons


def _form_digest(file: ReportFile, changes: Changes) -> str:
    """A hash of all that a report is parsed from: its text, and the forms' part that matters."""
    lesson = changes.lessons.get(file.digest) or lesson_of(file.text)
    forms = changes.forms.digest(lesson.prompts)
    return hashlib.sha256(f"{file.digest} {forms}".encode()).hexdigest()


def _renamed(files: ReportFiles, stored: Mapping[str, StoredReport]) -> dict[str, StoredReport]:
    """By a new file's id the report that it was: one of equal text whose file is gone."""
    ids = {file.id for file in files.files}
    left = {
        report.digest: report
        for name, report in stored.items()
        if name not in ids and not place_exists(report.source)
    }
    new = (file for file in files.files if file.id not in stored and file.digest in left)
    return {file.id: left[file.digest] for file in new}


def _add_report(
    changes: Changes, file: ReportFile, old: StoredReport | None, renamed: StoredReport | None
) -> None:
    report = parse(file.id, file.text, changes.forms)
    passages = chunk(report)
    row = StoredReport(
        info=passages[0].report if passages else report.info,
        raw=file.text,
        source=file.place,
        digest=file.digest,
        form_digest=_form_digest(file, changes),
        passages_digest=_passages_digest(report, passages),
        passages=len(passages),
        passages_generation=old.passages_generation if old else 0,
        links=report.links,
        images=report.images,
        unanswered=report.unanswered,
    )
    if old is not None and old.passages_digest == row.passages_digest:
        changes.result.unchanged.append(file.id)
        changes.rows.append(row)
        return
    if renamed is not None:
        changes.result.moved.append(file.id)
    else:
        (changes.result.added if old is None else changes.result.updated).append(file.id)
    changes.writes.append(ReportWrite(row, passages, old or renamed))


def _passages_digest(report: Report, passages: Sequence[Passage]) -> str:
    digest = hashlib.sha256(repr(report.info).encode("utf-8", "surrogatepass"))
    for passage in passages:
        # All that a passage's row holds: a line added above an answer moves its spans only.
        row = (passage.id, passage.context, passage.text, passage_row(passage, 0))
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]


def _existing(folder: Path, made: dict[str, str]) -> Store | None:
    with suppress(IndexMissing):
        return open_store(folder, made)
    return None


def _unfinished(folder: Path, made: dict[str, str]) -> Store | None:
    """What an ingest that was cut short was writing, if it can be gone on with."""
    database = layout.unfinished_database(folder)
    with suppress(IndexUnusable):
        return open_database(database, made) if database and is_sound(database) else None
    return None


def _to_write(
    folder: Path, made: dict[str, str], store: Store | None, rebuild: bool, passages: int
) -> Store:
    """The database to which an ingest writes this many passages: never the one that counts."""
    if store is None:
        layout.check_room(folder, None, passages)
        new = create_store(folder, made)
        if not rebuild:
            layout.remember_unfinished(new.home)
        return new
    if store.home == layout.unfinished_database(folder):
        return store
    layout.check_room(folder, store.home, passages)
    return open_database(layout.copied_database(folder), made)


def _carry_out(changes: Changes, store: Store, settings: Settings, progress: Progress) -> None:
    writer = begin(store)
    # What an ingest that was cut short has written and this one would not.
    wanted = {*changes.deletes, *(report.info.id for report in changes.rows)}
    wanted |= {write.report.info.id for write in changes.writes}
    writer.forget(writer.written.keys() - wanted)
    writer.write_reports(changes.rows)
    write_passages(writer, changes.writes, settings, progress)
    save_sentence_vectors(
        store.home,
        (passage for write in changes.writes for passage in write.passages),
        settings,
        progress,
        earlier=store.home,
        # Finding what is no longer in use takes seconds, so it waits until a report is deleted.
        others=_untouched(changes, store) if changes.result.deleted else None,
    )
    writer.delete(changes.deletes)
    changes.result.revision = writer.seal(changes.forms.to_json())
    if changes.lessons:
        save_lessons(store.home, changes.lessons)


def _untouched(changes: Changes, store: Store) -> list[Passage]:
    """The passages of the reports that are neither written nor deleted."""
    touched = {*changes.deletes, *(write.report.info.id for write in changes.writes)}
    reports = store.reports(store.state.generation)
    return store.passages({i: report for i, report in reports.items() if i not in touched})


@contextmanager
def _discarded_on_full_disk(store: Store) -> Iterator[None]:
    """Delete the database if the disk fills up: what was begun would keep the disk full."""
    try:
        yield
    except write_errors():
        if layout.is_scarce(store.home):
            # Else what has been deleted keeps its room until the process ends.
            with suppress(*write_errors()):
                store.close()
            shutil.rmtree(store.home, ignore_errors=True)
        raise


@contextmanager
def _read_errors_explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except database_error() as error:
        if layout.is_scarce(folder):
            raise layout.write_error(folder, error) from error
        raise IndexDamaged(
            f"The index in {folder} can't be read ({error}). Make it anew: "
            f"asklabs ingest PATH --rebuild --index {folder}"
        ) from error
