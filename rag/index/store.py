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
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rag.errors import IndexDamaged
from rag.index.interface import Embedded, Replica
from rag.index.local import BAD, CHROMA, DATA, LocalWriter, Snapshot, anew, write_error
from rag.types import Passage, Progress

REPORTS = "reports.sqlite3"
_TABLES = """CREATE TABLE IF NOT EXISTS report (id TEXT PRIMARY KEY, mark TEXT, head, record BLOB);
    CREATE TABLE IF NOT EXISTS state (revision TEXT, made_by TEXT)"""


def chromadb() -> Any:
    """The library, without its telemetry."""
    # Set before the import: chromadb starts its telemetry client when it is loaded.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb

    return chromadb


class Store(Replica):
    """What Chroma holds of an index; the collection is opened at first use."""

    stage, together, parameter = "writing to Chroma", 100, "?"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CHROMA
        self.folder.mkdir(exist_ok=True)
        super().__init__(sqlite3.connect(self.folder / REPORTS))
        self.database.executescript(_TABLES)
        self._client: Any = None

    def close(self) -> None:
        """Close the databases; what Chroma had still to write is written then."""
        if self._client:
            self._client.close()
        self.database.close()

    def made_by(self) -> str:
        """What made what is here as a whole; "" while it is written."""
        query = "SELECT made_by FROM state WHERE revision != ''"
        return next(self.database.execute(query), ("",))[0]

    def hold(self, revision: str, made_by: str) -> None:
        """Note of which revision all is here, and what made it; both "" while it is written."""
        with self.database:
            self.database.execute("DELETE FROM state")
            self.database.execute("INSERT INTO state VALUES (?, ?)", (revision, made_by))

    @cached_property
    def passages(self) -> Any:
        """The collection."""
        chroma = chromadb()
        # Chroma keeps a client of each path for ever, also of one whose files are gone.
        chroma.api.shared_system_client.SharedSystemClient.clear_system_cache()
        self._client = chroma.PersistentClient(
            str(self.folder), settings=chroma.config.Settings(anonymized_telemetry=False)
        )
        kinds = chroma.api.types
        schema = chroma.Schema()
        # Ten close neighbours are found as surely as by comparing all. Chroma writes vectors to the
        # disk after so many changes, and keeps as many twice.
        hnsw = kinds.HnswIndexConfig(ef_search=300, sync_threshold=1_000)
        schema.create_index(kinds.VectorIndexConfig(space="cosine", hnsw=hnsw))
        schema.delete_index(kinds.FtsIndexConfig(), key="#document")
        make = self._client.get_or_create_collection
        return make("passages", embedding_function=None, schema=schema)

    def write(self, snapshot: Snapshot, report_ids: Sequence[str]) -> None:
        from chromadb.utils.batch_utils import create_batches

        collection, new = self.passages, snapshot.read(report_ids)
        passages = [passage for _, own in new.values() for passage in own]
        ids = [passage.id for passage in passages]
        old = {passage.id for _, own in self.records(report_ids) for passage in own}
        if gone := old.difference(ids):
            for batch, *_ in create_batches(self._client, list(gone)):
                collection.delete(batch)
        if passages:
            rows = np.concatenate([np.r_[snapshot.heads[name].rows] for name in new])
            vectors: Any = snapshot.dense.at(rows)
            texts, tags = [p.text for p in passages], list(map(_metadata, passages))
            for part in create_batches(self._client, ids, vectors, tags, texts):
                collection.upsert(*part)
        with self.database:
            self.put(snapshot, report_ids)

    def read(self, report_id: str) -> Embedded:
        ((report, passages),) = self.records([report_id])
        ids = [passage.id for passage in passages]
        page = self.passages.get(ids=ids, include=["embeddings"]) if ids else {}
        found = dict(zip(page.get("ids", ()), page.get("embeddings", ()), strict=True))
        return report, passages, np.array([found[i] for i in ids], np.float32)

    def delete_indexes(self, *, shrink: bool) -> None:
        """Delete what Chroma keeps of texts beside them, which takes five times their room.

        It fills a full-text index, though the collection's schema has none, and orders all texts
        with the other metadata. Filters work without that order, only slower.
        """
        if self.passages:
            self._client = self._client.close()
        with closing(sqlite3.connect(self.folder / "chroma.sqlite3")) as database:
            query = "SELECT sql FROM sqlite_master WHERE name = 'embedding_fulltext_search'"
            (made,) = database.execute(query).fetchone()
            database.executescript(
                f"""BEGIN; DROP TABLE embedding_fulltext_search; {made};
                DROP INDEX IF EXISTS embedding_metadata_string_value; COMMIT"""
            )
            if shrink:
                database.execute("VACUUM")


def _metadata(passage: Passage) -> Any:
    info = passage.report
    of_report = {"report": info.id, "lab": info.lab, "year": info.year, "kind": info.kind}
    return of_report | {name: getattr(passage, name) for name in ("prompt", "stage", "language")}


def bring_in_line(snapshot: Snapshot, progress: Progress, *, afresh: bool) -> None:
    """Have Chroma hold what a snapshot has; `afresh`, or after a kill, all is written anew."""
    made_by = orjson.dumps(dict(snapshot.version.made_by)).decode()
    stale: list[str] | None = None
    with suppress(sqlite3.Error), closing(Store(snapshot.folder)) as store:
        if store.made_by() == made_by and not afresh:
            stale = snapshot.unlike(store.marks())
    if stale is None:
        shutil.rmtree(snapshot.folder / CHROMA, ignore_errors=True)
    elif not stale:
        return
    try:
        with closing(Store(snapshot.folder)) as store:
            store.hold("", "")
            store.follow(snapshot, progress)
            store.delete_indexes(shrink=stale is None)
            store.hold(snapshot.revision, made_by)
    except (sqlite3.Error, chromadb().errors.ChromaError) as error:
        raise write_error(snapshot.folder, error) from error


def restore(folder: Path, progress: Progress) -> Snapshot:
    """The published files of an index made again from Chroma; nothing is embedded.

    Raises:
        IndexDamaged: Chroma does not hold all either.
    """
    before = list(folder.glob(f"{DATA}*"))
    try:
        with closing(Store(folder)) as store:
            # Nothing to be parsed while it is written. That of an older kind tells of more.
            made_by = {k: v for k, v in orjson.loads(store.made_by()).items() if k != "schema"}
            writer = LocalWriter(folder, None, made_by)
            for memo in (home / "memo" for home in before[:1]):
                shutil.copytree(memo, writer.home / "memo")
            return store.fill(writer, progress)
    except (*BAD, sqlite3.Error, chromadb().errors.ChromaError) as error:
        for home in set(folder.glob(f"{DATA}*")).difference(before):
            shutil.rmtree(home, ignore_errors=True)
        raise IndexDamaged(
            f"The index in {folder} can't be read, and what Chroma holds of it is not complete. "
            f"{anew(folder)}"
        ) from error
