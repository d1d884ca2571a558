"""Reports that go with one: its line of work, and the nearest reports of other labs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rag.catalog.tag_fields import ReportInfo
from rag.index.interface import Index
from rag.models.encoder import Vectors, unit
from rag.text.tokenize import terms

SIMILAR = 5
_SHARED = 2  # answers that two reports of one line have word for word
_SAME_TITLE = 0.5  # share of the words of two titles that are in both


def related(
    index: Index, info: ReportInfo
) -> tuple[tuple[ReportInfo, ...], tuple[ReportInfo, ...]]:
    """A report's line of work, with it among them, and similar reports of other labs."""
    return line_of_work(index, info), similar(index, info)


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


def similar(index: Index, info: ReportInfo) -> tuple[ReportInfo, ...]:
    """Up to five reports of other labs, one a lab, the nearest in meaning first."""
    if info.id not in index.heads:
        return ()
    names, middles = list(index.heads), _middles(index)
    nearness = middles @ middles[names.index(info.id)]
    found, labs = [], {info.lab}
    for row in np.argsort(-nearness, kind="stable"):
        other = index.catalog.reports[names[row]]
        if other.lab not in labs:
            labs.add(other.lab)
            found.append(other)
        if len(found) == SIMILAR:
            break
    return tuple(found)


@lru_cache(maxsize=1)
def _middles(index: Index) -> Vectors:
    """For each report the direction of its passages from the middle of all reports."""
    middles = index.means - index.means.mean(axis=0)
    return unit(middles)
