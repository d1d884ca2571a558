"""The store of passages: Chroma, embedded. The only importer of chromadb.

Two collections. `passages` holds one row a passage: its vector, its text, and metadata by
which it can be filtered. `reports` holds one row a report: its raw text (which the passages'
spans point into), its tags, and the hash of what it was made from; its vectors mean nothing.

Rows are never changed, only added, each with the generation in which it was written. The
metadata of `reports` names the sealed generation: of each report its newest row up to that one
counts, with the passages of the generation that this row names. So a reader sees each report as
it was or as it is, whatever a `Writer` does at the time, and a writer that is cut short has changed
nothing. The same metadata says what made the index, and its revision: a hash of all content.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import TypeAdapter

from rag.catalog.normalize import report_keys
from rag.catalog.tag_fields import FILTER_FIELDS, ReportInfo
from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.index.layout import (
    DATABASE,
    current_database,
    is_scarce,
    new_database,
    unfinished_database,
)
from rag.types import Passage, Span

Vector = npt.NDArray[np.float32]
SCHEMA = 2
_MADE_BY = "made_by_"
_PAGE = 2000  # rows that are read together
_IDS = 500  # ids in one condition: databases allow only so many values there
_SINGLE = ("year", "type", "kind")  # fields of which a report has one value; the others are lists
# Fields of a passage that a row has as they are.
_OF_PASSAGE = ("section", "prompt", "stage", "language", "part", "parts")
_JSON = ("info", "links", "images", "unanswered")  # fields of a report that a row has as JSON
# Held while a client of Chroma is made: another made meanwhile can take its parts away.
opening = threading.Lock()


@dataclass(frozen=True, slots=True)
class State:
    """What an index says of itself.

    `generation` is the sealed one, which readers see; `revision` a hash of its content, "" before
    the first ingest; `forms` what ingest learned about the collection's forms; `made_by` the
    parser, chunker, embedding and schema that made the index.
    """

    generation: int = 0
    revision: str = ""
    forms: str = ""
    made_by: Mapping[str, str] = field(default_factory=dict)


class Store:
    """An open index. Made by `open_store` or `create_store`."""

    def __init__(self, client: Any, home: Path, made_by: Mapping[str, str]) -> None:
        self.passage_rows = client.get_or_create_collection(
            "passages", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        self.report_rows = client.get_or_create_collection(
            "reports", embedding_function=None, metadata=state_row(State(made_by=made_by))
        )
        self.client = client
        self.home = home

    @property
    def state(self) -> State:
        """What the index says of itself now, as other processes see it too."""
        reports = self.client.get_collection("reports", embedding_function=None)
        return state_from(reports.metadata or {})

    def set_state(self, state: State) -> None:
        """Say something else of the index; for readers the change comes at once or not at all."""
        self.report_rows.modify(metadata=state_row(state))

    def rows(self) -> list[StoredReport]:
        """All rows of reports, those that do not count too, without their text."""
        rows = self._pages(self.report_rows, ["metadatas"])
        return [_report_from_row(meta) for _, meta, _ in rows]

    def reports(self, generation: int) -> dict[str, StoredReport]:
        """The reports that count in a generation by id, without their text."""
        return counting(self.rows(), generation)

    def texts(self, reports: Iterable[StoredReport]) -> dict[str, str]:
        """The verbatim texts of reports by id; those whose rows are gone are left out."""
        rows = {report.row: report.info.id for report in reports}
        if not rows:
            return {}
        page = self.report_rows.get(ids=sorted(rows), include=["documents"])
        pairs = zip(page["ids"], page["documents"], strict=True)
        return {rows[row]: text or "" for row, text in pairs}

    def passages(
        self, reports: Mapping[str, StoredReport], only: Collection[str] | None = None
    ) -> list[Passage]:
        """The passages of reports (by id), ordered by id; those of the reports `only`, if given."""
        include = ["metadatas", "documents"]
        if only is None:
            rows = self._pages(self.passage_rows, include)
        else:
            # Chroma refuses an empty list.
            which = {"report": {"$in": sorted(only) or [""]}}
            page = self.passage_rows.get(where=which, include=include)
            rows = zip(page["ids"], page["metadatas"], page["documents"], strict=True)
        passages = [
            _passage_from_row(row_id, meta, text, report.info)
            for row_id, meta, text in rows
            if (report := reports.get(meta["report"]))
            and meta["generation"] == report.passages_generation
        ]
        return sorted(passages, key=lambda passage: passage.id)

    def vectors(self, rows: Collection[str]) -> dict[str, Vector]:
        """The vectors of passages' rows; rows that are not there are left out."""
        ids = sorted(rows)
        vectors: dict[str, Vector] = {}
        for at in range(0, len(ids), _PAGE):
            page = self.passage_rows.get(ids=ids[at : at + _PAGE], include=["embeddings"])
            array = np.asarray(page["embeddings"], np.float32)
            vectors.update(zip(page["ids"], array, strict=True))
        return vectors

    def close(self) -> None:
        """Close the database; what Chroma had still to write is written then."""
        self.client.close()

    @staticmethod
    def _pages(collection: Any, include: list[str]) -> Iterator[tuple[str, dict[str, Any], str]]:
        """All rows of a collection: id, metadata and, if included, document."""
        # Page by page: all rows at once would hold the collection in memory several times.
        for offset in range(0, collection.count(), _PAGE):
            page = collection.get(include=include, limit=_PAGE, offset=offset)
            documents = page.get("documents") or [""] * len(page["ids"])
            yield from zip(page["ids"], page["metadatas"], documents, strict=True)


def counting(rows: Iterable[StoredReport], generation: int) -> dict[str, StoredReport]:
    """Of rows of reports those that count in a generation, by id and ordered by it."""
    newest: dict[str, StoredReport] = {}
    for row in sorted(rows, key=lambda row: (row.info.id, row.generation)):
        if row.generation <= generation:
            newest[row.info.id] = row
    return {name: row for name, row in newest.items() if not row.deleted}


def open_store(folder: Path, made_by: Mapping[str, str]) -> Store:
    """The index in a folder, as it is now; a writer names all that it must be made with.

    Raises:
        IndexMissing, IndexDamaged: there is none; its files can't be read.
        IndexMismatch: it was made by something else than `made_by`.
        IndexUnusable: its files can't be written, which Chroma needs to read them too.
    """
    database = current_database(folder)
    if database is None:
        if (folder / DATABASE).is_file():
            raise IndexMismatch(f"The index in {folder} is of an older kind. {_anew(folder)}")
        if unfinished_database(folder):
            raise IndexMissing(
                f"The index in {folder} holds nothing yet: an ingest is at work or was cut short. "
                "Run asklabs ingest PATH and wait until it is done."
            )
        raise IndexMissing(
            f"There is no index in {folder}. Make one: asklabs ingest PATH --index {folder}"
        )
    return open_database(database, made_by)


def open_database(database: Path, made_by: Mapping[str, str]) -> Store:
    """One database of an index, whether it counts or not; raises what `open_store` does."""
    folder = database.parent
    if not os.access(database / DATABASE, os.W_OK) or not os.access(database, os.W_OK):
        if not (database / DATABASE).is_file():
            raise IndexDamaged(f"The index in {folder} has lost its database. {_anew(folder)}")
        raise IndexUnusable(
            f"The index in {folder} may not be written, and its database needs that even to be "
            "read. Give yourself write permission, or copy the folder and name it with --index."
        )
    store = _open(database, made_by)
    check_made_by(folder, store.state.made_by, made_by)
    return store


def check_made_by(folder: Path, made: Mapping[str, str], made_by: Mapping[str, str]) -> None:
    """Raise IndexMismatch where an index was made with something else than `made_by`."""
    for name, ours in {"schema": str(SCHEMA), **made_by}.items():
        if (theirs := made.get(name, "")) != ours:
            raise IndexMismatch(
                f"The index in {folder} was made with {name} {theirs!r}, this is {ours!r}. "
                f"{_anew(folder)}"
            )


def create_store(folder: Path, made_by: Mapping[str, str]) -> Store:
    """A new, empty database in an index's folder; readers see it once `make_current` names it."""
    return _open(new_database(folder), made_by)


def is_sound(database: Path) -> bool:
    """Whether a database that may have been torn by a kill can be read; a process tries it.

    What Chroma keeps of vectors it reads without checks: torn files can end a process.
    """
    command = [sys.executable, "-P", "-m", "rag.index.store", str(database)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def chromadb() -> Any:
    """The library, without its telemetry."""
    # Set before the import: chromadb starts its telemetry client when it is loaded.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb

    return chromadb


def database_error() -> type[Exception]:
    """What the database raises when it can't be read or written."""
    error: type[Exception] = chromadb().errors.ChromaError
    return error


def write_errors() -> tuple[type[Exception], ...]:
    """What is raised where a database or a folder can't be written."""
    return OSError, database_error()


def _open(database: Path, made_by: Mapping[str, str]) -> Store:
    chroma = chromadb()
    errors: tuple[type[Exception], ...] = (RuntimeError, ValueError, *write_errors())
    try:
        with opening:
            # Chroma keeps a client of each path for ever. Those that are in use stay as they are.
            chroma.api.shared_system_client.SharedSystemClient.clear_system_cache()
            client = chroma.PersistentClient(
                str(database), settings=chroma.config.Settings(anonymized_telemetry=False)
            )
        return Store(client, database, {"schema": str(SCHEMA), **made_by})
    except errors as error:
        folder = database.parent
        if is_scarce(folder):
            raise IndexUnusable(
                f"The index in {folder} can't be opened ({error}): its disk is full, and its "
                "database needs room even to be read. Free space there."
            ) from error
        raise IndexDamaged(
            f"The index in {folder} can't be opened ({error}). {_anew(folder)}"
        ) from error


def _anew(folder: Path) -> str:
    return f"Make it anew: asklabs ingest PATH --rebuild --index {folder}"


def state_row(state: State) -> dict[str, Any]:
    """A state as the metadata of a collection."""
    values = asdict(state)
    made = {f"{_MADE_BY}{name}": value for name, value in values.pop("made_by").items()}
    return values | made


def state_from(meta: Mapping[str, Any]) -> State:
    """A state from the metadata of a collection."""
    made = {k.removeprefix(_MADE_BY): str(v) for k, v in meta.items() if k.startswith(_MADE_BY)}
    revision, forms = (str(meta.get(name, "")) for name in ("revision", "forms"))
    return State(int(meta.get("generation", 0)), revision, forms, made)


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as the index holds it: tags, verbatim text, where it came from.

    `generation` is that of its row, `passages_generation` that of its passages' rows: they differ
    where only something about the report has changed. From a row with `deleted` on it is gone.
    """

    info: ReportInfo
    raw: str
    source: str = ""
    digest: str = ""
    form_digest: str = ""
    passages_digest: str = ""
    passages: int = 0
    generation: int = 0
    passages_generation: int = 0
    deleted: bool = False
    links: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def row(self) -> str:
        """The id of its row."""
        return f"{self.info.id}@{self.generation}"

    def row_of(self, passage_id: str) -> str:
        """The id of the row of one of its passages."""
        return f"{passage_id}@{self.passages_generation}"


def passage_row(passage: Passage, generation: int) -> dict[str, Any]:
    """The metadata of a passage's row: its place, and the report's tags to filter by."""
    info = passage.report
    values: dict[str, Any] = {
        "report": info.id,
        "generation": generation,
        **{name: getattr(passage, name) for name in _OF_PASSAGE},
        "spans": [at for span in passage.spans for at in span],
    }
    for name, key in FILTER_FIELDS.items():
        if name in ("fact", "language", "author"):
            continue  # The report's own row has its facts; a passage's language is its own.
        keys = sorted(report_keys(info, name), key=str)
        values[key] = next(iter(keys), None) if name in _SINGLE else keys
    # Chroma refuses empty lists. None takes away what the row had there before a run that was cut
    # short: a key that is only left out would keep its old value.
    return {key: None if value == [] else value for key, value in values.items()}


def _passage_from_row(row_id: str, meta: Mapping[str, Any], text: str, info: ReportInfo) -> Passage:
    flat = list(meta.get("spans", ()))
    spans: tuple[Span, ...] = tuple(zip(flat[::2], flat[1::2], strict=True))
    values = {name: meta[name] for name in _OF_PASSAGE}
    return Passage(row_id.rpartition("@")[0], info, text=text, spans=spans, **values)


def _report_row(report: StoredReport) -> dict[str, Any]:
    """The metadata of a report's row; tags and lists are JSON."""
    row = {f.name: getattr(report, f.name) for f in fields(report) if f.name != "raw"}
    return row | {name: orjson.dumps(row[name]).decode() for name in _JSON}


def _report_from_row(meta: Mapping[str, Any]) -> StoredReport:
    lists = {name: orjson.loads(meta[name]) for name in _JSON}
    return REPORT.validate_python({**meta, "raw": "", **lists})


REPORT = TypeAdapter(StoredReport)  # reads a report that was written as JSON


@dataclass(frozen=True, slots=True)
class Writer:
    """One writer's work on a store; made by `begin`.

    `generation` is the one being written; `sealed` are the reports that count before it, by id;
    `written` those that are whole in it, at first what a writer who was cut short has left.
    """

    store: Store
    generation: int
    sealed: dict[str, StoredReport]
    written: dict[str, StoredReport]

    def write(
        self, items: Sequence[tuple[StoredReport, Sequence[Passage], Sequence[Sequence[float]]]]
    ) -> None:
        """Write reports with their passages and vectors; a report that has its own row is whole."""
        reports = [replace(r, passages_generation=self.generation) for r, _, _ in items]
        self._drop({"report": {"$in": [r.info.id for r in reports]}}, only=self.generation)
        rows = [
            row for _, passages, vectors in items for row in zip(passages, vectors, strict=True)
        ]
        size = self.store.client.get_max_batch_size()
        for at in range(0, len(rows), size):
            batch = rows[at : at + size]
            self.store.passage_rows.upsert(
                ids=[f"{p.id}@{self.generation}" for p, _ in batch],
                embeddings=[v for _, v in batch],
                documents=[p.text for p, _ in batch],
                metadatas=[passage_row(p, self.generation) for p, _ in batch],
            )
        self.write_reports(reports)

    def write_reports(self, reports: Sequence[StoredReport]) -> None:
        """Write reports' own rows, their passages being there already."""
        if reports:
            reports = [replace(report, generation=self.generation) for report in reports]
            self.store.report_rows.upsert(
                ids=[report.row for report in reports],
                embeddings=[[0.0]] * len(reports),
                documents=[report.raw for report in reports],
                metadatas=[_report_row(report) for report in reports],
            )
            self.written.update({r.info.id: replace(r, raw="") for r in reports})

    def delete(self, report_ids: Collection[str]) -> None:
        """Let reports be gone from this generation on."""
        self.write_reports(
            [StoredReport(ReportInfo(i, title=""), "", deleted=True) for i in report_ids]
        )

    def forget(self, report_ids: Collection[str]) -> None:
        """Delete what was written of some of the reports in this generation."""
        for names in _portions(sorted(report_ids)):
            self._drop({"report": {"$in": names}}, only=self.generation)
            self.store.report_rows.delete(ids=[self.written.pop(name).row for name in names])

    def seal(self, forms: str) -> str:
        """Let readers see this generation; returns its revision, a hash of all content."""
        made_by = self.store.state.made_by
        reports = counting((*self.sealed.values(), *self.written.values()), self.generation)
        revision = revision_of(made_by, reports)
        self.store.set_state(State(self.generation, revision, forms, made_by))
        return revision

    def _drop(
        self, where: dict[str, Any], only: int | None = None, current: Collection[object] = ()
    ) -> None:
        """Delete passages that match: `only` of one generation, none of the `current` rows."""
        page = self.store.passage_rows.get(where=where, include=["metadatas"])
        doomed = [
            row_id
            for row_id, meta in zip(page["ids"], page["metadatas"], strict=True)
            if only in (None, meta["generation"])
            and (meta["report"], meta["generation"]) not in current
        ]
        for ids in _portions(doomed):
            self.store.passage_rows.delete(ids=ids)


def revision_of(made_by: Mapping[str, str], reports: Mapping[str, StoredReport]) -> str:
    """The hash of all content of an index: what made it, and its reports by id, in that order."""
    lines = [f"{k}={v}" for k, v in sorted(made_by.items())]
    # The file's hash too: its text is shown, and facts of it that are in no passage.
    lines += [f"{name} {r.passages_digest} {r.digest}" for name, r in reports.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def begin(store: Store) -> Writer:
    """Start writing; rows that no longer count, or are only half written, are deleted."""
    rows = store.rows()
    generation = store.state.generation + 1
    sealed = counting(rows, generation - 1)
    written = {row.info.id: row for row in rows if row.generation == generation}
    stale = [row for row in rows if row.generation < generation and row != sealed.get(row.info.id)]
    writer = Writer(store, generation, sealed, written)
    named = (*sealed.values(), *written.values())
    current = {(row.info.id, row.passages_generation) for row in named}
    writer._drop({"generation": generation}, current=current)
    for names in _portions(sorted({row.info.id for row in stale})):
        writer._drop({"report": {"$in": names}}, current=current)
    # The rows that say "deleted" go last: without them what they deleted would be back.
    for deleted in (False, True):
        for ids in _portions([row.row for row in stale if row.deleted is deleted]):
            store.report_rows.delete(ids=ids)
    return writer


def _portions(ids: list[str]) -> Iterable[list[str]]:
    return (ids[at : at + _IDS] for at in range(0, len(ids), _IDS))


if __name__ == "__main__":  # See `is_sound`.
    store = open_database(Path(sys.argv[1]), {})
    for collection in (store.passage_rows, store.report_rows):
        collection.get(limit=1, include=["embeddings"])
