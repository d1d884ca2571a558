"""What happens to hits between search and answer: duplicates folded, labs spread, budget kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rag.tokens import count_tokens
from rag.types import Hit
from rag.words import words


def fold_duplicates(hits: Iterable[Hit]) -> list[Hit]:
    """Hits without those whose words a better one has too.

    The files of one line of work share answers word for word; the best stands for all.
    """
    seen: set[tuple[str, ...]] = set()
    kept = []
    for hit in hits:
        key = tuple(words(hit.passage.text))
        if len(key) > 8 and key in seen:
            continue
        seen.add(key)
        kept.append(hit)
    return kept


def spread(hits: Sequence[Hit], per_report: int, per_lab: int) -> list[Hit]:
    """Hits in rank order with at most so many of a report and of a lab; the rest comes after."""
    reports: Counter[str] = Counter()
    labs: Counter[str] = Counter()
    first, rest = [], []
    for hit in hits:
        info = hit.passage.report
        if reports[info.id] < per_report and labs[info.lab] < per_lab:
            first.append(hit)
            reports[info.id] += 1
            labs[info.lab] += 1
        else:
            rest.append(hit)
    return first + rest


def interleave(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """One ranking that takes turns between several; each passage once."""
    merged: dict[str, Hit] = {}
    for rank in range(max(map(len, rankings), default=0)):
        for ranking in rankings:
            if rank < len(ranking):
                merged.setdefault(ranking[rank].passage.id, ranking[rank])
    return list(merged.values())


def fit_budget(hits: Sequence[Hit], count: int, tokens: int) -> list[Hit]:
    """The first hits, at most `count` and whole, whose text and context fit in `tokens`."""
    kept: list[Hit] = []
    for hit in hits[:count]:
        tokens -= count_tokens(f"{hit.passage.context}\n{hit.passage.text}") + 20
        if tokens < 0 and kept:
            break
        kept.append(hit)
    return kept
