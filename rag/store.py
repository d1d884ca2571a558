"""The store of passages: Chroma, embedded; the only importer of chromadb.

Two collections. `passages` holds one row a passage: its vector, its text, and metadata by
which it can be filtered. `reports` holds one row a report: its raw text (which the passages'
spans point into), its tags, and the hash of what it was made from; its vectors mean nothing.
The metadata of `reports` says what made the index, and its revision: a hash of all content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, UnknownReport
from rag.rows import StoredReport, passage_from_row, passage_row, report_from_row, report_row, where
from rag.types import Filters, Passage, ReportInfo

SCHEMA = 1
_PAGE = 2000
_DATABASE = "chroma.sqlite3"


class Store:
    """An open index. Made by `open_store`."""

    def __init__(self, client: Any, made_by: Mapping[str, str]) -> None:
        # Cosine, because the adapter's default (l2) would rank long passages by length.
        space = {"hnsw": {"space": "cosine"}}
        self._passages = client.get_or_create_collection(
            "passages", embedding_function=None, configuration=space
        )
        self._reports = client.get_or_create_collection(
            "reports",
            embedding_function=None,
            metadata={"revision": "", "forms": "", **_prefixed(made_by)},
        )
        self._client = client

    @property
    def state(self) -> dict[str, str]:
        """What the index says of itself now, as other processes see it too."""
        return dict(self._client.get_collection("reports", embedding_function=None).metadata or {})

    @property
    def revision(self) -> str:
        """A hash of all content: equal for equal content; "" before the first ingest."""
        return str(self.state.get("revision", ""))

    @property
    def forms(self) -> str:
        """What ingest learned about the collection's forms, as it stored it."""
        return str(self.state.get("forms", ""))

    def seal(self, forms: str) -> str:
        """Record the present content's revision and the forms; returns the revision."""
        state = self.state
        made = {k: v for k, v in state.items() if k.startswith("made_by_")}
        lines = [f"{k}={v}" for k, v in sorted(made.items())]
        lines += sorted(f"{r.info.id} {r.passages_digest}" for r in self.reports())
        revision = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        self._reports.modify(metadata={**made, "revision": revision, "forms": forms})
        return revision

    def reports(self, raw: bool = False) -> Iterator[StoredReport]:
        """All reports, ordered by id; their text only if asked for."""
        include = ["metadatas", "documents"] if raw else ["metadatas"]
        rows = list(self._pages(self._reports, include))
        for _, meta, text in sorted(rows, key=lambda row: row[0]):
            yield report_from_row(meta, text or "")

    def report(self, report_id: str) -> StoredReport:
        """One report with its verbatim text.

        Raises:
            UnknownReport: the index has none of that id.
        """
        found = self._reports.get(ids=[report_id], include=["metadatas", "documents"])
        if not found["ids"]:
            raise UnknownReport(
                f"There is no report {report_id!r} in the index. See `asklabs info`."
            )
        return report_from_row(found["metadatas"][0], found["documents"][0])

    def raws(self, report_ids: Collection[str]) -> dict[str, str]:
        """The verbatim text of reports by id; ids that the index does not have are left out."""
        if not report_ids:
            return {}
        found = self._reports.get(ids=sorted(report_ids), include=["documents"])
        return dict(zip(found["ids"], found["documents"], strict=True))

    def passages(self, reports: Mapping[str, ReportInfo]) -> list[Passage]:
        """All passages whose report is among `reports`, ordered by id."""
        rows = self._pages(self._passages, ["metadatas", "documents"])
        found = [
            passage_from_row(row_id, meta, text, reports[meta["report"]])
            for row_id, meta, text in rows
            if meta["report"] in reports
        ]
        return sorted(found, key=lambda passage: passage.id)

    def nearest(self, vector: Sequence[float], k: int, filters: Filters) -> list[tuple[str, float]]:
        """Ids of the k passages nearest to a vector within the filters, with cosine similarity."""
        count = self._passages.count()
        if not count or k <= 0:
            return []
        found = self._passages.query(
            query_embeddings=[list(vector)],
            n_results=min(k, count),
            where=where(filters),
            include=["distances"],
        )
        return [
            (row_id, 1.0 - float(distance))
            for row_id, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]

    def replace(
        self, items: Sequence[tuple[StoredReport, Sequence[Passage], Sequence[Sequence[float]]]]
    ) -> None:
        """Put reports, each with exactly its passages, in the place of what was there of them.

        The reports' own rows are written last: if this is cut short, the next ingest sees that
        they are not done and does them again.
        """
        before = set(self._ids_of([report.info.id for report, _, _ in items]))
        rows = [(p, v) for _, ps, vs in items for p, v in zip(ps, vs, strict=True)]
        size = self._client.get_max_batch_size()
        for at in range(0, len(rows), size):
            batch = rows[at : at + size]
            self._passages.upsert(
                ids=[p.id for p, _ in batch],
                embeddings=[v for _, v in batch],
                documents=[p.text for p, _ in batch],
                metadatas=[passage_row(p) for p, _ in batch],
            )
        stale = sorted(before - {p.id for p, _ in rows})
        if stale:
            self._passages.delete(ids=stale)
        self.write_reports([report for report, _, _ in items])

    def write_reports(self, reports: Sequence[StoredReport]) -> None:
        """Write reports' own rows, their passages being there already."""
        if reports:
            self._reports.upsert(
                ids=[report.info.id for report in reports],
                embeddings=[[0.0]] * len(reports),
                documents=[report.raw for report in reports],
                metadatas=[report_row(report) for report in reports],
            )

    def delete(self, report_id: str) -> None:
        """Remove a report and its passages; its own row last, so that nothing is orphaned."""
        ids = self._ids_of([report_id])
        if ids:
            self._passages.delete(ids=ids)
        self._reports.delete(ids=[report_id])

    def _ids_of(self, reports: Sequence[str]) -> list[str]:
        return list(self._passages.get(where={"report": {"$in": list(reports)}}, include=[])["ids"])

    def __len__(self) -> int:
        return int(self._passages.count())

    @staticmethod
    def _pages(collection: Any, include: list[str]) -> Iterator[tuple[str, dict[str, Any], str]]:
        # Page by page: all rows at once would hold the collection in memory several times.
        for offset in range(0, collection.count(), _PAGE):
            page = collection.get(include=include, limit=_PAGE, offset=offset)
            documents = page.get("documents") or [""] * len(page["ids"])
            yield from zip(page["ids"], page["metadatas"], documents, strict=True)


def open_store(folder: Path, made_by: Mapping[str, str], create: bool = False) -> Store:
    """The index in a folder.

    Args:
        folder: the index's folder.
        made_by: what the index must be made with, by name; a writer gives all of it.
        create: make the index if there is none.

    Raises:
        IndexMissing: there is none, and `create` is off.
        IndexMismatch: it was made by something else than `made_by`.
        IndexDamaged: its files can't be read.
    """
    if not create and not (folder / _DATABASE).is_file():
        raise IndexMissing(
            f"There is no index in {folder}. Make one: asklabs ingest PATH --index {folder}"
        )
    # Set before the import: chromadb starts its telemetry client when it is loaded.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb
    from chromadb.config import Settings as ChromaSettings
    from chromadb.errors import ChromaError

    made_by = {"schema": str(SCHEMA), **made_by}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        client = chromadb.PersistentClient(
            str(folder), settings=ChromaSettings(anonymized_telemetry=False)
        )
        store = Store(client, made_by)
        state = store.state
    except (ChromaError, OSError, RuntimeError, ValueError) as error:
        raise IndexDamaged(
            f"The index in {folder} can't be opened ({error}). Delete the folder and ingest again."
        ) from error
    for name, wanted in made_by.items():
        found = state.get(f"made_by_{name}", "")
        if found != wanted:
            raise IndexMismatch(
                f"The index in {folder} was made with {name} {found!r}, this is {wanted!r}. "
                f"Make it anew: delete the folder and run asklabs ingest PATH --index {folder}"
            )
    return store


def _prefixed(made_by: Mapping[str, str]) -> dict[str, str]:
    return {f"made_by_{name}": value for name, value in made_by.items()}
