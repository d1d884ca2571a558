"""Reports that go with one: its line of work, and the nearest reports of other labs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rag.catalog.tag_fields import ReportInfo
from rag.index.interface import Index
from rag.index.snapshot import Snapshot
from rag.text.tokenize import terms

SIMILAR = 5
_SHARED = 2  # answers that two reports of one line have word for word
_SAME_TITLE = 0.5  # share of the words of two titles that are in both


def related(
    index: Index, info: ReportInfo
) -> tuple[tuple[ReportInfo, ...], tuple[ReportInfo, ...]]:
    """A report's line of work, with it among them, and similar reports of other labs.

    The latter need the vectors of all passages, which only an index of files has at hand.
    """
    return line_of_work(index, info), similar(index, info) if isinstance(index, Snapshot) else ()


def line_of_work(index: Index, info: ReportInfo) -> tuple[ReportInfo, ...]:
    """The reports of the same author on the same work, the report among them, by year.

    They share answers word for word, or most words of their titles.
    """
    words = frozenset(terms(info.title, info.language))
    families = _families(index, info.id)
    same = []
    for other in index.catalog.reports.values():
        if other.lab != info.lab or other.author != info.author:
            continue
        theirs = frozenset(terms(other.title, other.language))
        is_titled = len(words & theirs) >= _SAME_TITLE * (len(words | theirs) or 1)
        if is_titled or len(families & _families(index, other.id)) >= _SHARED:
            same.append(other)
    return tuple(sorted(same, key=lambda other: (other.year or 0, other.kind != "plan", other.id)))


def _families(index: Index, report_id: str) -> set[str]:
    return {passage.family for passage in index.passages_of(report_id) if passage.family}


def similar(snapshot: Snapshot, info: ReportInfo) -> tuple[ReportInfo, ...]:
    """Up to five reports of other labs, one a lab, the nearest in meaning first."""
    ids, middles = _middles(snapshot)
    if info.id not in ids:
        return ()
    nearness = middles @ middles[ids[info.id]]
    names, found, labs = list(ids), [], {info.lab}
    for row in np.argsort(-nearness, kind="stable"):
        other = snapshot.catalog.reports[names[row]]
        if other.lab not in labs:
            labs.add(other.lab)
            found.append(other)
        if len(found) == SIMILAR:
            break
    return tuple(found)


@lru_cache(maxsize=1)
def _middles(snapshot: Snapshot) -> tuple[dict[str, int], npt.NDArray[np.float32]]:
    """The row of each report, and the direction of its passages from the middle of all reports."""
    ids = {report: row for row, report in enumerate(snapshot.heads)}
    bounds = np.searchsorted(snapshot.report_numbers, np.arange(len(ids) + 1))
    middles = np.zeros((len(ids), snapshot.version.dimensions), np.float32)
    for row in range(len(ids)):
        if bounds[row] < bounds[row + 1]:
            own = np.asarray(snapshot.dense[bounds[row] : bounds[row + 1]], np.float32)
            middles[row] = own.mean(axis=0)
    middles -= middles.mean(axis=0)
    return ids, middles / np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), 1e-9)
