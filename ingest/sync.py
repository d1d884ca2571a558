"""Brings the index in line with the files: compares, embeds what changed, writes, deletes.

What is written is seen by readers when all of it is there: until then they have the index as it
was. An ingest that is cut short has changed nothing for them, and the next one goes on where it
ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.chunk import MAX_TOKENS
from ingest.compare import (
    Comparison,
    Known,
    SyncResult,
    Todo,
    compare,
)
from ingest.disk_space import (
    cant_write,
    check_room,
    giving_back,
    reading,
    unwritable,
)
from ingest.parsing.forms import Forms, load_lessons, save_lessons
from ingest.sentences import keep_sentences
from ingest.shared import keep_from_fetching, publish_index
from ingest.sources import Found, SourceFile, collect, read_files
from rag.errors import (
    IndexBusy,
    IndexMissing,
    IndexUnusable,
    InputError,
)
from rag.index.layout import (
    LOCK,
    UPLOADED,
    copied_database,
    current_database,
    make_current,
    remember_unfinished,
    sweep,
    unfinished_database,
)
from rag.index.snapshot import open_snapshot, save_vectors, sealed_reports
from rag.index.store import (
    Store,
    StoredReport,
    Writer,
    begin,
    create_store,
    is_sound,
    open_database,
    open_store,
)
from rag.models.embeddings import Embed, embedding_name, open_embed
from rag.settings import Settings
from rag.types import Passage, Progress

# Of each report the vectors of its passages.
Vectors = list[list[Sequence[float]]]
# Raise with any change that alters what is stored for the same file.
PARSER_VERSION = "4"
# Passages embedded and written together: enough to keep the cores busy, little to lose.
BATCH = 256
# From so many new passages on it pays to start processes that embed them.
MANY = 1000


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
        paths: folders, report files, archives.
        settings: says where the index is and which embedding model to use.
        prune: delete from the index what is not at `paths`; what is there but can't be read stays.
        dry_run: only tell; nothing is made or written.
        rebuild: make the index anew from `paths`, whatever there was; that stays until the end.
        progress: called with a stage's name, how much is done, and how much there is.

    Raises:
        InputError: a path is not usable.
        IndexBusy: another ingest is writing to this index.
        IndexUnusable: the index can't be read or written, or was made with other models.
    """
    # Looked up before anything is made: a wrong path leaves no empty index.
    folder, made = settings.index, made_by(settings)
    given = list(collect(paths))
    uploaded = folder / UPLOADED
    sources = [*given, *(collect([uploaded]) if uploaded.is_dir() else ())]
    if dry_run:
        store = None if rebuild else _existing(folder, made)
        return _compared(sources, store, prune, progress)[1].result
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            if not rebuild:
                sweep(folder)
            with reading(folder):
                store = None if rebuild else _unfinished(folder, made) or _existing(folder, made)
                found, todo = _compared(sources, store, prune, progress)
            if rebuild and not {file.place for file in found.files} & {one.place for one in given}:
                raise InputError(
                    "There is no readable report at the paths, so the index was not made anew."
                )
            if store is not None and store.state.revision and not todo.changes:
                todo.result.revision = store.state.revision
            else:
                store = _to_write(folder, made, store, rebuild, todo.result.passages)
                with giving_back(store):
                    _carry_out(todo, store, settings, progress)
            if rebuild or store.home != current_database(folder):
                with giving_back(store):
                    _prepare_search(store, todo.result.passages, progress)
                    store.close()
                    keep_from_fetching(settings)
                    make_current(store.home)
            todo.result.unpublished = publish_index(settings, progress)
    except Timeout as error:
        raise IndexBusy(f"Another ingest is writing to {folder}. Wait until it is done.") from error
    except unwritable() as error:
        raise cant_write(folder, error) from error
    return todo.result


def _prepare_search(store: Store, new: int, progress: Progress) -> None:
    """After much that is new, now; after little, whoever asks first does it in a few seconds."""
    if new >= MANY:
        progress("preparing search", 0, 0)
        open_snapshot(store)
    else:
        save_vectors(store, store.state.generation)


def _existing(folder: Path, made: dict[str, str]) -> Store | None:
    try:
        return open_store(folder, made)
    except IndexMissing:
        return None


def _unfinished(folder: Path, made: dict[str, str]) -> Store | None:
    """What an ingest that was cut short was writing, if it can be gone on with."""
    database = unfinished_database(folder)
    try:
        return open_database(database, made) if database and is_sound(database) else None
    except IndexUnusable:
        return None


def _to_write(
    folder: Path, made: dict[str, str], store: Store | None, rebuild: bool, passages: int
) -> Store:
    """The database that an ingest writes so many passages to: never the one that counts."""
    if store is None:
        check_room(folder, None, passages)
        new = create_store(folder, made)
        if not rebuild:
            remember_unfinished(new.home)
        return new
    if store.home == unfinished_database(folder):
        return store
    check_room(folder, store.home, passages)
    return open_database(copied_database(folder), made)


def _compared(
    sources: Sequence[SourceFile],
    store: Store | None,
    prune: bool,
    progress: Progress,
) -> tuple[Found, Comparison]:
    known = Known()
    if store is not None:
        state = store.state
        known = Known(
            reports=sealed_reports(store),
            forms=Forms.from_json(state.forms),
            lessons=partial(load_lessons, store.home),
        )
    found = read_files(sources, known.reports, progress)
    return found, compare(found, known, prune, progress)


def _carry_out(todo: Comparison, store: Store, settings: Settings, progress: Progress) -> None:
    writer = begin(store)
    writer.forget(_unwanted(todo, writer))
    writer.write_reports(todo.rows)
    many = todo.result.passages >= MANY
    with open_embed(settings, many) as embed:
        threads = settings.embedding_threads if many else 1
        _write(writer, todo.todo, embed, threads, progress)
        keep_sentences(store, todo, settings, embed, threads, progress)
    writer.delete(todo.gone)
    todo.result.revision = writer.seal(todo.forms.to_json())
    if todo.lessons:
        save_lessons(store.home, todo.lessons)


def _unwanted(todo: Comparison, writer: Writer) -> list[str]:
    """Reports that an ingest which was cut short has written and this one would not."""
    wanted = [item.report.info.id for item in todo.todo] + [r.info.id for r in todo.rows]
    return sorted(set(writer.written) - {*wanted, *todo.gone})


def _write(
    writer: Writer, todo: Sequence[Todo], embed: Embed, threads: int, progress: Progress
) -> None:
    """Embed and write, several reports at a time; what is there already only counts."""
    total = sum(len(item.passages) for item in todo)
    new = [t for t in todo if not _is_ready(t.report, writer.written.get(t.report.info.id))]
    done = total - sum(len(item.passages) for item in new)
    progress("embedding", done, total)
    for batch, vectors in _embedded_ahead(writer.store, _batches(new), embed, threads):
        writer.write([(t.report, t.passages, vs) for t, vs in zip(batch, vectors, strict=True)])
        done += sum(len(item.passages) for item in batch)
        progress("embedding", done, total)


def _batches(todo: Sequence[Todo]) -> Iterator[list[Todo]]:
    batch: list[Todo] = []
    for item in todo:
        batch.append(item)
        if sum(len(t.passages) for t in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _embedded_ahead(
    store: Store, batches: Iterable[list[Todo]], embed: Embed, threads: int
) -> Iterator[tuple[list[Todo], Vectors]]:
    """Batches with the vectors of each item's passages; the next ones are embedded meanwhile."""
    waiting: deque[tuple[list[Todo], Future[Vectors]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for batch in batches:
            # Looked up here, so that one thread at a time is at the store.
            known = _known_vectors(store, [item.origin for item in batch if item.origin])
            waiting.append((batch, pool.submit(_vectors, batch, known, embed)))
            if len(waiting) > threads:
                embedded, future = waiting.popleft()
                yield embedded, future.result()
        for embedded, future in waiting:
            yield embedded, future.result()
    finally:
        # Who interrupts an ingest need not wait for what is being embedded.
        pool.shutdown(wait=False, cancel_futures=True)


def _is_ready(report: StoredReport, written: StoredReport | None) -> bool:
    return written is not None and all(
        getattr(report, name) == getattr(written, name)
        for name in ("source", "digest", "form_digest", "passages_digest")
    )


def _vectors(batch: Sequence[Todo], known: Mapping[str, Sequence[float]], embed: Embed) -> Vectors:
    """The vectors of each item's passages; those of words that the index has are taken there."""
    texts = [_embedded(passage) for item in batch for passage in item.passages]
    new = [text for text in dict.fromkeys(texts) if text not in known]
    vectors = {**known, **dict(zip(new, embed(new) if new else (), strict=True))}
    return [[vectors[_embedded(passage)] for passage in item.passages] for item in batch]


def _known_vectors(store: Store, origins: Sequence[StoredReport]) -> dict[str, Sequence[float]]:
    by_id = {report.info.id: report for report in origins}
    passages = store.passages(by_id, only=by_id.keys())
    rows = {by_id[p.report.id].row_of(p.id): _embedded(p) for p in passages}
    return {rows[row]: vector.tolist() for row, vector in store.vectors(rows.keys()).items()}


def _embedded(passage: Passage) -> str:
    """What of a passage is embedded."""
    return f"{passage.context}\n{passage.text}"
