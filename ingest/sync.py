"""Brings the index in line with the files: compares, embeds what changed, writes, deletes.

Readers see what is written when all of it is there: until then they have the index as it was. An
ingest that is cut short has changed nothing for them, and the next one goes on where it ended.
"""

import errno
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ingest.embed import Embedder
from ingest.form_text import Forms, Lesson, learn, lesson_of, load_lessons, save_lessons
from ingest.parser import MAX_TOKENS, chunk, parse
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
from rag.files import free_bytes, in_words, replace_file, size_of
from rag.index import local, store
from rag.index.interface import Index, Record, StoredReport
from rag.index.local import LocalWriter, Snapshot, current_index, current_snapshot
from rag.models.embeddings import embedding_name
from rag.settings import Settings
from rag.text.tokenize import language_of
from rag.types import Progress

if TYPE_CHECKING:
    from rag.index.postgres import Database

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # told of a file that can't grow
A_PASSAGE = 16_000  # bytes of a new one in all files, also those that are deleted at the end
IN_DATABASE = "in-database"  # the file of the revision that the database had when last in line
PARSER_VERSION = "7"  # raise with any change that alters what is stored for the same file


@dataclass(slots=True)
class SyncResult:
    """What an ingest did (or would do), by report id."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)  # uploads that others sent under this name, too
    elsewhere: list[str] = field(default_factory=list)  # that stay, though no path has their file
    passages: int = 0
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What brings the index in line with files."""

    result: SyncResult
    files: ReportFiles
    lessons: Mapping[str, Lesson]  # what all files say of their forms, by digest
    deletes: list[str]  # ids of reports
    writes: list[Record] = field(default_factory=list)
    updates: list[Record] = field(default_factory=list)  # written with the vectors they have
    origins: set[str] = field(default_factory=set)  # ids of reports that have some new passages


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
    prune_most: bool = False,
    dry_run: bool = False,
    rebuild: bool = False,
    progress: Progress = lambda *_: None,
) -> SyncResult:
    """Make the index hold the reports at `paths`, and those that came through the page.

    Args:
        prune: delete from the index what is not at `paths`; what is there but can't be read stays.
        prune_most: also where that is more than half of the index.
        dry_run: only report; nothing is made or written.
        rebuild: make the index anew from `paths`, whatever there was; that stays until the end.

    Raises:
        InputError: a path is not usable, or most of the index would be deleted.
        IndexBusy: another ingest is writing to this index.
        IndexUnusable: the index can't be read or written, or was made with other models.
    """
    # Looked up before anything is made: a wrong path leaves no empty index.
    folder, made = settings.index, made_by(settings)
    at_paths = list(collect(paths))
    uploaded = folder / local.UPLOADED
    sources = [*at_paths, *(collect([uploaded]) if uploaded.is_dir() else ())]
    if dry_run:
        index = None
        with suppress(IndexMissing):
            index = None if rebuild else current_index(settings, made, None)
        return _compare(sources, index, prune, progress, None).result
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / local.LOCK, timeout=0), ExitStack() as stack:
            embedder = stack.enter_context(closing(Embedder(settings, progress)))
            database: Database | None = None
            if settings.database:
                from rag.index import postgres

                url = settings.database.get_secret_value()
                database = stack.enter_context(closing(postgres.Database(url, writes=True)))
                # From here on no other ingest writes to it.
                held, held_by = database.run(postgres.state)
            base = None if rebuild else _repaired(made, embedder)
            if database and not rebuild and _is_newer(held, base, folder):
                local.check_made_by("the database", held_by, made)
                base = database.run(partial(postgres.pull, base, folder, progress))
                replace_file(folder / IN_DATABASE, held.encode())
            changes = _compare(sources, base, prune, progress, embedder if base else None)
            gone = len(changes.result.deleted)
            if base and 2 * gone > len(base.heads) and not prune_most:
                raise InputError(
                    f"This would delete {gone} of the {len(base.heads)} reports of the index: all "
                    "that are not at PATHS. Name all of its folders, or delete them with --yes."
                )
            places = {source.place for source in at_paths}
            if rebuild and places.isdisjoint(file.place for file in changes.files.files):
                raise InputError(
                    "There is no readable report at the paths, so the index was not made anew."
                )
            snapshot, touched = base, bool(changes.writes or changes.updates or changes.deletes)
            if snapshot is None or touched:
                snapshot = _carry_out(changes, base, embedder)
            changes.result.revision = snapshot.revision
            store.bring_in_line(snapshot, base, progress, rebuild)
            if database and (touched or held != snapshot.revision):
                database.run(partial(postgres.bring_in_line, snapshot, progress))
                replace_file(folder / IN_DATABASE, snapshot.revision.encode())
    except Timeout as error:
        raise IndexBusy(f"Another ingest is writing to {folder}. Wait until it is done.") from error
    except OSError as error:
        raise local.write_error(folder, error) from error
    return changes.result


def _compare(
    sources: Sequence[SourceFile],
    base: Index | None,
    prune: bool,
    progress: Progress,
    embedder: Embedder | None,
) -> Changes:
    """What brings the index in line with the files; models are loaded where any is new.

    Forms are learned from all reports that the index will hold, so that its content does not
    depend on the order in which they came. A report without a file is parsed again from the index
    where the forms it was parsed with have changed.
    """
    stored = {name: head.report for name, head in base.heads.items()} if base else {}
    files = read_files(sources, stored, progress)
    digests = {name: report.digest for name, report in stored.items()}
    if embedder and any(digests.get(file.id) != file.digest for file in files.files):
        # What a changed report needs, each where it does not hold up the others.
        embedder.load_ahead()
        language = Thread(target=language_of, args=["Any text that is long enough to tell."])
        language.start()
        store.chromadb()
        language.join()
    ids = {file.id for file in files.files}
    new = {file.digest: file.id for file in files.files if file.id not in stored}
    # By a new file's id that of the report that it was: one of equal text whose file is gone.
    renamed = {
        new[report.digest]: name
        for name, report in stored.items()
        if report.digest in new and name not in ids and not place_exists(report.source)
    }
    deletes = list(renamed.values())
    result = SyncResult(skipped=files.skipped)
    absent = stored.keys() - ids - set(deletes)
    if prune:
        result.deleted = sorted(i for i in absent if not files.may_hold(stored[i].source))
        deletes += result.deleted
    result.elsewhere = sorted(absent.difference(deletes))
    remaining = (stored[name] for name in result.elsewhere)
    all_files = files.files + [_file_of(base, report) for report in remaining if base]
    known = load_lessons(base.home) if isinstance(base, Snapshot) else {}
    lessons = {f.digest: known.get(f.digest) or lesson_of(f.text) for f in all_files}
    forms = learn(lessons.values())
    changes = Changes(result, files, lessons, deletes)
    for n, file in enumerate(all_files, start=1):
        progress("parsing", n, len(all_files))
        old = stored.get(file.id)
        # All that a report is parsed from: its text, and the forms' part that matters.
        parsed_from = f"{file.digest} {forms.digest(lessons[file.digest])}"
        form_digest = hashlib.sha256(parsed_from.encode()).hexdigest()
        if old is None or old.form_digest != form_digest:
            row, passages = _parsed(file, forms, form_digest)
            if old and old.passages_digest == row.passages_digest:
                result.unchanged.append(file.id)
                changes.updates.append((row, passages))
                continue
            origin = file.id if old else renamed.get(file.id)
            (result.updated if old else result.moved if origin else result.added).append(file.id)
            changes.writes.append((row, passages))
            changes.origins.update([origin] if origin else [])
        elif old.source == file.place or place_exists(old.source):
            if n <= len(files.files):
                result.unchanged.append(file.id)
        else:
            result.moved.append(file.id)
            moved = replace(old, raw=file.text, source=file.place)
            changes.updates.append((moved, base.passages_of(file.id) if base else ()))
    result.passages = sum(len(passages) for _, passages in changes.writes)
    return changes


def _parsed(file: ReportFile, forms: Forms, form_digest: str) -> Record:
    """What a file says, as the index holds it."""
    report = parse(file.id, file.text, forms)
    passages = chunk(report)
    # All that is stored of passages: a line added above an answer moves its spans only.
    content = repr((report.info, passages)).encode("utf-8", "surrogatepass")
    stored = StoredReport(
        info=passages[0].report if passages else report.info,
        raw=file.text,
        source=file.place,
        digest=file.digest,
        form_digest=form_digest,
        passages_digest=hashlib.sha256(content).hexdigest()[:16],
        passages=len(passages),
        unanswered=report.unanswered,
    )
    return stored, passages


def _file_of(base: Index, report: StoredReport) -> ReportFile:
    """A report of the index as if its file were read again."""
    name = report.info.id
    return ReportFile(name, report.source, lambda: base.report(name).raw, report.digest)


def _repaired(made: dict[str, str], embedder: Embedder) -> Snapshot | None:
    """The index as it is; where its files are damaged they are made again from Chroma's."""
    folder, base = embedder.settings.index, None
    try:
        with suppress(IndexMissing):
            base = current_snapshot(folder, made)
    except (IndexDamaged, *local.BAD):
        restored = store.restore(folder, embedder.progress)
        embedder.save_sentences(restored.home / "memo", restored.passages)
        return current_snapshot(folder, made)
    local.trim(folder, base.version if base else local.Version())
    return base


def _is_newer(held: str, base: Snapshot | None, folder: Path) -> bool:
    """Whether another machine has changed what the database holds, so that the folder's is old."""
    ours, in_line = base.revision if base else "", ""
    with suppress(OSError):
        in_line = (folder / IN_DATABASE).read_text("ascii", errors="replace")
    # What this machine has not written yet, or not all of it, is newer here.
    return bool(held) and ours != held and not (ours and held == in_line)


def _carry_out(changes: Changes, base: Snapshot | None, vectors: Embedder) -> Snapshot:
    """Embed what is new, write it all and publish it."""
    settings, progress, folder = vectors.settings, vectors.progress, vectors.settings.index
    passages = [passage for _, own in changes.writes for passage in own]
    # What was deleted goes at once, what was changed when there is much of it.
    fresh = not base or changes.result.deleted or base.is_worn
    needed = len(passages) * A_PASSAGE + (size_of(base.home) if base and fresh else 0)
    free = free_bytes(folder)
    if free is not None and free < needed:
        raise IndexUnusable(
            f"The disk of {folder} has {in_words(free)} free, and this needs about "
            f"{in_words(needed)}. Free space, or name a folder on another disk with --index."
        )
    earlier = base
    if base is None:
        # An index that is made anew takes the vectors of the one before.
        with suppress(IndexUnusable):
            earlier = current_snapshot(folder, {"embedding": embedding_name(settings)})
    try:
        if earlier:
            vectors.take_over(earlier, changes.origins if base else earlier.heads)
        vectors.make(passages)
        writer = LocalWriter(folder, None if fresh else base, made_by(settings))
        stays: list[str] = []
        if base and fresh:
            replaced = {*changes.deletes, *(report.info.id for report, _ in changes.writes)}
            stays = [name for name in base.heads if name not in replaced]
            writer.copy(base, stays)
        else:
            writer.delete(changes.deletes)
        for update in changes.updates:
            writer.update(*update)
        for n, (report, own) in enumerate(changes.writes):
            progress("indexing", n, len(changes.writes))
            writer.add(report, own, vectors.of(own))
        others = (p for name in stays if base for p in base.passages_of(name))
        memo = earlier.memo if earlier and fresh else None
        vectors.save_sentences(writer.home / "memo", chain(passages, others), memo)
        progress("preparing search", 0, 0)
        snapshot = writer.publish()
        vectors.save_words(snapshot)
        vectors.forget()
    except OSError as error:
        if error.errno in FULL:
            # What was begun would keep the disk full.
            vectors.forget()
            with suppress(IndexUnusable):
                there = local.Version()
                with suppress(IndexMissing):
                    there = local.current_version(folder)
                local.trim(folder, there)
        raise
    save_lessons(writer.home, changes.lessons)
    return snapshot
