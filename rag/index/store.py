"""An index's passages and reports in Chroma, embedded. The only importer of chromadb.

The collection `passages` holds a row for each passage: its id, vector, text, and metadata by which
other programs can filter. Beside it, `reports.sqlite3` holds all that the index has of each report
but its vectors, and the revision that is here as a whole. Readers never open Chroma, which
overwrites its files in place and writes even on reads. It is brought in line after each ingest;
what a kill has torn is made again from the published files, and they from it, without embedding.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rag.errors import IndexDamaged
from rag.index.interface import HEAD, unpack
from rag.index.layout import CHROMA, anew
from rag.index.snapshot import BAD, Snapshot
from rag.index.writer import LocalWriter
from rag.types import Passage, Progress

_REPORTS = 100  # reports that are written together
_FEW = 100  # reports that are deleted one by one
_IDS = 500  # ids in one condition: databases allow only so many values there
STAGE = "writing to Chroma"
REPORTS = "reports.sqlite3"
_TABLES = """
    CREATE TABLE IF NOT EXISTS report (id TEXT PRIMARY KEY, mark TEXT, head TEXT, record BLOB);
    CREATE TABLE IF NOT EXISTS state (revision TEXT, forms TEXT, made_by TEXT);
"""


def chromadb() -> Any:
    """The library, without its telemetry."""
    # Set before the import: chromadb starts its telemetry client when it is loaded.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb

    return chromadb


def write_errors() -> tuple[type[Exception], ...]:
    """What is raised where the files of an index can't be written."""
    return OSError, sqlite3.Error, chromadb().errors.ChromaError


def held_revision(folder: Path) -> str:
    """The revision that Chroma has all of; "" where there is none, or while it is written."""
    path = folder / CHROMA / REPORTS
    if path.is_file():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as reports:
            return str((reports.execute("SELECT revision FROM state").fetchone() or ("",))[0])
    return ""


class Store:
    """Chroma's database of an index, open."""

    def __init__(self, folder: Path) -> None:
        chroma = chromadb()
        self._folder = folder / CHROMA
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
        self.reports = sqlite3.connect(self._folder / REPORTS)
        self.reports.executescript(_TABLES)

    def close(self) -> None:
        """Close the database; what Chroma had still to write is written then."""
        self.reports.close()
        self.client.close()

    def hold(self, revision: str, forms: str = "", made_by: str = "") -> None:
        """Note which revision is here as a whole; "" while it is written."""
        with self.reports:
            self.reports.execute("DELETE FROM state")
            self.reports.execute("INSERT INTO state VALUES (?, ?, ?)", (revision, forms, made_by))

    def delete(self, report_ids: Sequence[str]) -> None:
        """Delete reports with their passages."""
        # The reports' own rows go first: without them the next ingest writes them again.
        with self.reports:
            self.reports.executemany("DELETE FROM report WHERE id = ?", [(i,) for i in report_ids])
        for at in range(0, len(report_ids), _IDS):
            ids = list(report_ids[at : at + _IDS])
            # Chroma finds one value by its index; it looks for several in every row.
            several: list[Any] = ids if len(ids) < _FEW else [{"$in": ids}]
            for report in several:
                self.passages.delete(where={"report": report})

    def write(self, snapshot: Snapshot, report_ids: Sequence[str]) -> None:
        """Write reports of a snapshot with their passages; the reports' own rows come last."""
        passages = [p for i in report_ids for p in snapshot.passages_of(i)]
        heads = [snapshot.heads[i] for i in report_ids]
        rows = [np.arange(head.row, head.row + head.report.passages) for head in heads]
        vectors = snapshot.dense.all[np.concatenate(rows)]
        size = self.client.get_max_batch_size()
        for at in range(0, len(passages), size):
            batch = passages[at : at + size]
            self.passages.upsert(
                ids=[passage.id for passage in batch],
                embeddings=vectors[at : at + size],
                documents=[passage.text for passage in batch],
                metadatas=[passage_row(passage) for passage in batch],
            )
        with self.reports:
            self.reports.executemany(
                "INSERT OR REPLACE INTO report VALUES (?, ?, ?, ?)",
                [
                    (i, head.mark, head.line().decode(), snapshot.packed(i))
                    for i, head in zip(report_ids, heads, strict=True)
                ],
            )

    def vectors(self, passages: Sequence[Passage]) -> Any:
        """The vectors of passages."""
        ids = [passage.id for passage in passages]
        page = self.passages.get(ids=ids, include=["embeddings"]) if ids else {}
        found = dict(zip(page.get("ids", ()), page.get("embeddings", ()), strict=True))
        return np.array([found[i] for i in ids], np.float32)


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


def bring_in_line(
    snapshot: Snapshot, before: str, changed: Collection[str], progress: Progress
) -> None:
    """Have Chroma hold what a snapshot has.

    Args:
        before: the revision that it holds if all went well.
        changed: the ids of reports that differ from that one.
    """
    folder = snapshot.folder
    held = held_revision(folder)
    if held == snapshot.revision and not changed:
        return
    whole = bool(held) and held == before
    if not whole and not ((folder / CHROMA / REPORTS).is_file() and is_sound(folder)):
        shutil.rmtree(folder / CHROMA, ignore_errors=True)
    (folder / CHROMA).mkdir(exist_ok=True)
    with closing(Store(folder)) as store:
        store.hold("")
        if not whole:
            there = dict(store.reports.execute("SELECT id, mark FROM report"))
            marks = {i: head.mark for i, head in snapshot.heads.items()}
            changed = [i for i in there | marks if there.get(i) != marks.get(i)]
        # Without its own row a report may be there in part.
        if whole or store.passages.count():
            store.delete(list(changed))
        new = [i for i in changed if i in snapshot.heads]
        for at in range(0, len(new), _REPORTS):
            progress(STAGE, at, len(new))
            store.write(snapshot, new[at : at + _REPORTS])
        made_by = orjson.dumps(dict(snapshot.version.made_by)).decode()
        store.hold(snapshot.revision, snapshot.forms, made_by)
    _delete_trigrams(folder, shrink=not whole)


def _delete_trigrams(folder: Path, *, shrink: bool) -> None:
    """Delete the full-text index, which Chroma fills though the collection's schema has none.

    It takes four times the room of the texts.
    """
    name = "embedding_fulltext_search"
    with closing(sqlite3.connect(folder / CHROMA / "chroma.sqlite3")) as database:
        query = "SELECT sql FROM sqlite_master WHERE name = ?"
        (made,) = database.execute(query, (name,)).fetchone()
        database.executescript(f"BEGIN; DROP TABLE {name}; {made}; COMMIT")
        if shrink:
            database.execute("VACUUM")


def restore(folder: Path, progress: Progress) -> Snapshot:
    """The published files of an index made again from Chroma; nothing is embedded.

    Raises:
        IndexDamaged: Chroma does not hold all either.
    """
    error: Exception | None = None
    if held_revision(folder) and is_sound(folder):
        writer = None
        try:
            with closing(Store(folder)) as store:
                query = "SELECT forms, made_by FROM state"
                forms, made_by = store.reports.execute(query).fetchone()
                writer = LocalWriter(folder, None, orjson.loads(made_by))
                rows = store.reports.execute("SELECT head, record FROM report ORDER BY id")
                for n, (head, record) in enumerate(rows, start=1):
                    progress("repairing", n, 0)
                    report, passages = unpack(HEAD.validate_json(head).report, record)
                    writer.add(report, passages, store.vectors(passages))
                return writer.publish(forms)
        except BAD + write_errors() as failure:
            error = failure
            if writer:
                writer.discard()
    raise IndexDamaged(
        f"The index in {folder} can't be read, and what Chroma holds of it is not complete. "
        f"{anew(folder)}"
    ) from error


def is_sound(folder: Path) -> bool:
    """Whether Chroma's files, which a kill may have torn, can be read; a process tries it.

    What Chroma keeps of vectors it reads without checks: torn files can end a process.
    """
    command = [sys.executable, "-P", "-m", "rag.index.store", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":  # See `is_sound`.
    opened = Store(Path(sys.argv[1]))
    opened.passages.get(limit=1, include=["embeddings"])
    opened.reports.execute("SELECT count(*) FROM report WHERE record > ''")
