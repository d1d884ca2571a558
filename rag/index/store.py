"""An index's passages and reports in Chroma, embedded. The only importer of chromadb.

Two collections. `passages` holds one row a passage: its id, vector, text, and metadata by which
other programs can filter. `reports` holds one row a report: a record of all that the index has of
it (text and passages, compressed); its vectors mean nothing. Readers never open Chroma, which
overwrites its files in place and writes even on reads. It is brought in line after each ingest;
what a kill has torn is made again from the published files, and they from it, without embedding.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rag.errors import IndexDamaged
from rag.index.interface import StoredReport
from rag.index.layout import CHROMA, anew, is_in_chroma, set_in_chroma
from rag.index.snapshot import BAD, HEAD, Snapshot, head_line, mark, unpack
from rag.index.writer import LocalWriter
from rag.types import Passage, Progress

_REPORTS = 100  # reports that are written or read together
_FEW = 100  # reports that are deleted one by one
_IDS = 500  # ids in one condition: databases allow only so many values there
STAGE = "writing to Chroma"
# Chroma writes its vectors to the disk after so many changes. Ten close neighbours are found as
# surely as by comparing all.
_HNSW = {"space": "cosine", "ef_search": 300, "sync_threshold": 5_000}


def chromadb() -> Any:
    """The library, without its telemetry."""
    # Set before the import: chromadb starts its telemetry client when it is loaded.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb

    return chromadb


def write_errors() -> tuple[type[Exception], ...]:
    """What is raised where the files of an index can't be written."""
    return OSError, chromadb().errors.ChromaError


class Store:
    """Chroma's database of an index, open."""

    def __init__(self, folder: Path) -> None:
        chroma = chromadb()
        # Chroma keeps a client of each path for ever, also of one whose files are gone.
        chroma.api.shared_system_client.SharedSystemClient.clear_system_cache()
        self.client = chroma.PersistentClient(
            str(folder / CHROMA), settings=chroma.config.Settings(anonymized_telemetry=False)
        )
        make = self.client.get_or_create_collection
        self.passages = make("passages", embedding_function=None, configuration={"hnsw": _HNSW})
        self.reports = make("reports", embedding_function=None)

    def close(self) -> None:
        """Close the database; what Chroma had still to write is written then."""
        self.client.close()

    def marks(self) -> dict[str, str]:
        """Of each report here the mark of what it was written from."""
        return {i: meta["mark"] for i, meta in self.rows()}

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows of reports: id and metadata."""
        for offset in range(0, self.reports.count(), _REPORTS):
            page = self.reports.get(include=["metadatas"], limit=_REPORTS, offset=offset)
            yield from zip(page["ids"], page["metadatas"], strict=True)

    def delete(self, report_ids: Sequence[str]) -> None:
        """Delete reports with their passages."""
        for at in range(0, len(report_ids), _IDS):
            ids = list(report_ids[at : at + _IDS])
            # The reports' own rows go first: without them the next ingest writes them again.
            self.reports.delete(ids=ids)
            # Chroma finds one value by its index; it looks for several in every row.
            several: list[Any] = ids if len(ids) < _FEW else [{"$in": ids}]
            for report in several:
                self.passages.delete(where={"report": report})

    def write(self, snapshot: Snapshot, report_ids: Sequence[str]) -> None:
        """Write reports of a snapshot with their passages; each one's own row comes last."""
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
        self.reports.upsert(
            ids=list(report_ids),
            embeddings=[[0.0]] * len(heads),
            metadatas=[
                {
                    "mark": mark(head),
                    "head": head_line(head).decode(),
                    "record": base64.b85encode(snapshot.record(i)).decode(),
                }
                for i, head in zip(report_ids, heads, strict=True)
            ],
        )

    def vectors(self, passages: Sequence[Passage]) -> Any:
        """The vectors of passages."""
        ids = [passage.id for passage in passages]
        page = self.passages.get(ids=ids, include=["embeddings"])
        found = dict(zip(page["ids"], np.asarray(page["embeddings"], np.float32), strict=True))
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
    snapshot: Snapshot, before: str, changed: Collection[str] | None, progress: Progress
) -> None:
    """Have Chroma hold what a snapshot has.

    Args:
        before: the revision that it holds if all went well.
        changed: the ids of reports that differ from that one; None: all may.
    """
    folder = snapshot.folder
    if is_in_chroma(folder, snapshot.revision) and not changed:
        return
    whole = is_in_chroma(folder, before)
    if not whole and (folder / CHROMA).exists() and not is_sound(folder):
        shutil.rmtree(folder / CHROMA, ignore_errors=True)
    (folder / CHROMA).mkdir(exist_ok=True)
    set_in_chroma(folder, "")
    store = Store(folder)
    try:
        if changed is None or not whole:
            there = store.marks()
            gone = [i for i in there if i not in snapshot.heads]
            stale = [i for i, head in snapshot.heads.items() if there.get(i) != mark(head)]
            # Without its own row a report may be there in part.
            old = [*gone, *(stale if there or store.passages.count() else ())]
        else:
            old = list(changed)
            stale = [i for i in changed if i in snapshot.heads]
        store.delete(old)
        for at in range(0, len(stale), _REPORTS):
            progress(STAGE, at, len(stale))
            store.write(snapshot, stale[at : at + _REPORTS])
        made_by = orjson.dumps(dict(snapshot.version.made_by)).decode()
        store.reports.modify(metadata={"forms": snapshot.forms, "made_by": made_by})
    finally:
        store.close()
    set_in_chroma(folder, snapshot.revision)


def restore(folder: Path, progress: Progress) -> Snapshot:
    """The published files of an index made again from Chroma; nothing is embedded.

    Raises:
        IndexDamaged: Chroma does not hold all either.
    """
    error: Exception | None = None
    if is_in_chroma(folder) and is_sound(folder):
        store = Store(folder)
        writer = None
        try:
            meta = store.reports.metadata
            made_by = orjson.loads(meta["made_by"])
            made_by.pop("schema")
            writer = LocalWriter(folder, None, made_by, fresh=True)
            batch: list[tuple[StoredReport, list[Passage]]] = []
            for n, (_, row) in enumerate(sorted(store.rows()), start=1):
                progress("repairing", n, 0)
                head = HEAD.validate_json(row["head"])
                batch.append(unpack(head.report, base64.b85decode(row["record"])))
                if n % _REPORTS == 0:
                    _add(writer, store, batch)
                    batch = []
            _add(writer, store, batch)
            writer.publish(meta["forms"])
            return writer.snapshot
        except (*BAD, chromadb().errors.ChromaError) as failure:
            error = failure
            if writer:
                writer.discard()
        finally:
            store.close()
    raise IndexDamaged(
        f"The index in {folder} can't be read, and what Chroma holds of it is not complete. "
        f"{anew(folder)}"
    ) from error


def _add(
    writer: LocalWriter, store: Store, batch: Sequence[tuple[StoredReport, list[Passage]]]
) -> None:
    passages = [passage for _, own in batch for passage in own]
    if batch:
        writer.add(batch, store.vectors(passages) if passages else np.zeros((0, 0), np.float32))


def is_sound(folder: Path) -> bool:
    """Whether Chroma's files, which a kill may have torn, can be read; a process tries it.

    What Chroma keeps of vectors it reads without checks: torn files can end a process.
    """
    command = [sys.executable, "-P", "-m", "rag.index.store", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":  # See `is_sound`.
    opened = Store(Path(sys.argv[1]))
    for collection in (opened.passages, opened.reports):
        collection.get(limit=1, include=["embeddings"])
