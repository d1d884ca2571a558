"""An index's passages and reports in Chroma, embedded. The only importer of chromadb.

The collection `passages` holds a row for each passage: its id, vector, text, and metadata by which
other programs can filter. Beside it, `reports.sqlite3` holds all that the index has of each report
but its vectors, and the revision that is here as a whole. Readers never open Chroma, which
overwrites its files in place and writes even on reads. It is brought in line after each ingest.
What a kill has torn is made again from the published files, and they from it, without embedding.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rag.errors import IndexDamaged
from rag.index.interface import HEAD, Record, StoredReport, unpack
from rag.index.layout import CHROMA, anew
from rag.index.snapshot import BAD, Snapshot
from rag.index.writer import LocalWriter
from rag.models.encoder import Vectors
from rag.types import Passage, Progress

_TOGETHER = 100  # reports that are written together
STAGE = "writing to Chroma"
REPORTS = "reports.sqlite3"
_TABLE = "CREATE TABLE IF NOT EXISTS report (id TEXT PRIMARY KEY, head TEXT, record BLOB)"
_STATE = "CREATE TABLE IF NOT EXISTS state (revision TEXT, made_by TEXT)"


def chromadb() -> Any:
    """The library, without its telemetry."""
    # Set before the import: chromadb starts its telemetry client when it is loaded.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb

    return chromadb


def write_errors() -> tuple[type[Exception], ...]:
    """What is raised where the files of an index can't be written."""
    return OSError, sqlite3.Error, chromadb().errors.ChromaError


def held(folder: Path) -> tuple[str, str]:
    """The revision that Chroma has all of, and what made it; "" while it is written."""
    path = folder / CHROMA / REPORTS
    if path.is_file():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as reports:
            return reports.execute("SELECT revision, made_by FROM state").fetchone() or ("", "")
    return "", ""


def hold(folder: Path, *state: str) -> None:
    """Note what `held` tells."""
    (folder / CHROMA).mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / CHROMA / REPORTS)) as reports, reports:
        reports.execute(_STATE)
        reports.execute("DELETE FROM state")
        reports.execute("INSERT INTO state (revision, made_by) VALUES (?, ?)", state)


class Store:
    """Chroma's database of an index, open."""

    def __init__(self, folder: Path) -> None:
        chroma = chromadb()
        self._folder = folder / CHROMA
        self._folder.mkdir(exist_ok=True)
        # Chroma keeps a client of each path for ever, also of one whose files are gone.
        chroma.api.shared_system_client.SharedSystemClient.clear_system_cache()
        self.client = chroma.PersistentClient(
            str(self._folder), settings=chroma.config.Settings(anonymized_telemetry=False)
        )
        kinds = chroma.api.types
        schema = chroma.Schema()
        # Ten close neighbours are found as surely as by comparing all. Chroma writes vectors to the
        # disk after so many changes, and keeps as many twice.
        hnsw = kinds.HnswIndexConfig(ef_search=300, sync_threshold=1_000)
        schema.create_index(kinds.VectorIndexConfig(space="cosine", hnsw=hnsw))
        schema.delete_index(kinds.FtsIndexConfig(), key="#document")
        make = self.client.get_or_create_collection
        self.passages = make("passages", embedding_function=None, schema=schema)
        self._batch = self.client.get_max_batch_size()
        self.reports = sqlite3.connect(self._folder / REPORTS)
        self.reports.execute(_TABLE)

    def close(self) -> None:
        """Close the database; what Chroma had still to write is written then."""
        self.reports.close()
        self.client.close()

    def delete(self, report_ids: Collection[str]) -> None:
        """Delete reports with their passages."""
        query = "SELECT head, record FROM report WHERE id = ?"
        rows = [row for i in report_ids for row in self.reports.execute(query, (i,))]
        ids = [passage.id for head, record in rows for passage in _unpacked(head, record)[1]]
        for at in range(0, len(ids), self._batch):
            self.passages.delete(ids=ids[at : at + self._batch])
        with self.reports:
            self.reports.executemany("DELETE FROM report WHERE id = ?", [(i,) for i in report_ids])

    def write(self, snapshot: Snapshot, report_ids: Sequence[str]) -> None:
        """Write reports of a snapshot with their passages."""
        passages = [p for i in report_ids for p in snapshot.passages_of(i)]
        heads = [snapshot.heads[i] for i in report_ids]
        vectors = np.concatenate([snapshot.dense.at(head.rows) for head in heads])
        for at in range(0, len(passages), self._batch):
            batch = passages[at : at + self._batch]
            self.passages.upsert(
                ids=[passage.id for passage in batch],
                embeddings=vectors[at : at + self._batch],
                documents=[passage.text for passage in batch],
                metadatas=[passage_row(passage) for passage in batch],
            )
        lines, records = (head.line().decode() for head in heads), map(snapshot.packed, report_ids)
        with self.reports:
            self.reports.executemany(
                "INSERT OR REPLACE INTO report (id, head, record) VALUES (?, ?, ?)",
                zip(report_ids, lines, records, strict=True),
            )

    def read_all(self) -> Iterator[tuple[StoredReport, Sequence[Passage], Vectors]]:
        """The reports with their passages and the vectors of these."""
        for row in self.reports.execute("SELECT head, record FROM report ORDER BY id"):
            report, passages = _unpacked(*row)
            ids = [passage.id for passage in passages]
            page = self.passages.get(ids=ids, include=["embeddings"]) if ids else {}
            found = dict(zip(page.get("ids", ()), page.get("embeddings", ()), strict=True))
            yield report, passages, np.array([found[i] for i in ids], np.float32)


def _unpacked(head: str, record: bytes) -> Record:
    return unpack(HEAD.validate_json(head).report, record)


def passage_row(passage: Passage) -> dict[str, Any]:
    """The metadata of a passage's row."""
    info = passage.report
    return {
        "report": info.id,
        "lab": info.lab,
        "year": info.year,
        "kind": info.kind,
        **{name: getattr(passage, name) for name in ("prompt", "stage", "language")},
    }


def bring_in_line(snapshot: Snapshot, before: Snapshot | None, progress: Progress) -> None:
    """Have Chroma hold what a snapshot has: what differs from the one before, if it held that."""
    folder, revision = snapshot.folder, held(snapshot.folder)[0]
    whole = bool(revision) and before is not None and revision == before.revision
    old = {i: head.mark for i, head in before.heads.items()} if whole and before else {}
    now = {i: head.mark for i, head in snapshot.heads.items()}
    changed = [i for i in old | now if old.get(i) != now.get(i)]
    if whole and revision == snapshot.revision and not changed:
        return
    if not whole:
        shutil.rmtree(folder / CHROMA, ignore_errors=True)
    new = [i for i in changed if i in now]
    hold(folder, "", "")
    with closing(Store(folder)) as store:
        store.delete(changed if whole else ())
        for at in range(0, len(new), _TOGETHER):
            progress(STAGE, at, len(new))
            store.write(snapshot, new[at : at + _TOGETHER])
    _delete_indexes(folder, shrink=not whole)
    made_by = orjson.dumps(dict(snapshot.version.made_by)).decode()
    hold(folder, snapshot.revision, made_by)


def _delete_indexes(folder: Path, *, shrink: bool) -> None:
    """Delete what Chroma keeps of texts beside them, which takes five times their room.

    It fills a full-text index, though the collection's schema has none, and orders all texts with
    the other metadata. Filters work without that order, only slower.
    """
    name = "embedding_fulltext_search"
    with closing(sqlite3.connect(folder / CHROMA / "chroma.sqlite3")) as database:
        query = "SELECT sql FROM sqlite_master WHERE name = ?"
        (made,) = database.execute(query, (name,)).fetchone()
        database.executescript(
            f"""BEGIN; DROP TABLE {name}; {made};
            DROP INDEX IF EXISTS embedding_metadata_string_value; COMMIT"""
        )
        if shrink:
            database.execute("VACUUM")


def restore(folder: Path, progress: Progress) -> Snapshot:
    """The published files of an index made again from Chroma; nothing is embedded.

    Raises:
        IndexDamaged: Chroma does not hold all either.
    """
    error: Exception | None = None
    revision, made_by = held(folder)
    if revision:
        writer = LocalWriter(folder, None, orjson.loads(made_by))
        try:
            with closing(Store(folder)) as store:
                for n, report in enumerate(store.read_all(), start=1):
                    progress("repairing", n, 0)
                    writer.add(*report)
                return writer.publish()
        except BAD + write_errors() as failure:
            error = failure
            writer.discard()
    raise IndexDamaged(
        f"The index in {folder} can't be read, and what Chroma holds of it is not complete. "
        f"{anew(folder)}"
    ) from error
