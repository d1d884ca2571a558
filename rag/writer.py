"""Writes to the store: a new generation beside the sealed one, which readers keep until the end."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.rows import StoredReport, passage_row, report_row
from rag.store import State, Store, counting
from rag.types import Passage, ReportInfo

# Report ids in one condition: databases allow only so many values there.
_NAMES = 500

Item = tuple[StoredReport, Sequence[Passage], Sequence[Sequence[float]]]


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

    def write(self, items: Sequence[Item]) -> None:
        """Write reports with their passages and vectors.

        The reports' own rows are written last: a report that has one is whole.
        """
        reports = [replace(r, passages_generation=self.generation) for r, _, _ in items]
        self._drop({"report": {"$in": [r.info.id for r in reports]}}, only=self.generation)
        rows = [(p, v) for _, ps, vs in items for p, v in zip(ps, vs, strict=True)]
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
                metadatas=[report_row(report) for report in reports],
            )
            self.written.update({r.info.id: replace(r, raw="") for r in reports})

    def delete(self, report_ids: Collection[str]) -> None:
        """Let reports be gone from this generation on."""
        self.write_reports(
            [StoredReport(ReportInfo(i, title=""), raw="", deleted=True) for i in report_ids]
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
        self,
        where: dict[str, Any],
        only: int | None = None,
        kept: Collection[tuple[str, int]] = (),
    ) -> None:
        """Delete passages that match: `only` of one generation, none of those kept."""
        rows = self.store.passage_rows
        found = rows.get(where=where, include=["metadatas"])
        doomed = [
            row_id
            for row_id, meta in zip(found["ids"], found["metadatas"], strict=True)
            if only in (None, meta["generation"])
            and (meta["report"], meta["generation"]) not in kept
        ]
        for ids in _portions(doomed):
            rows.delete(ids=ids)


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
    kept = {(row.info.id, row.passages_generation) for row in named}
    writer._drop({"generation": generation}, kept=kept)
    for names in _portions(sorted({row.info.id for row in stale})):
        writer._drop({"report": {"$in": names}}, kept=kept)
    # The rows that say "deleted" go last: without them what they deleted would be back.
    for deleted in (False, True):
        for ids in _portions([row.row for row in stale if row.deleted is deleted]):
            store.report_rows.delete(ids=ids)
    return writer


def _portions(values: Sequence[str]) -> Iterable[list[str]]:
    return (list(values[at : at + _NAMES]) for at in range(0, len(values), _NAMES))
