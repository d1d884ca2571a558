"""Reports that speak of a tag's value without carrying the tag: a list answer's second list."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rag.fields import FREE_FIELDS
from rag.named import stems_of
from rag.snapshot import Snapshot
from rag.types import Filters, Hit
from rag.words import terms_and_pairs


def mentions(snapshot: Snapshot, filters: Filters, listed: Collection[str]) -> tuple[Hit, ...]:
    """One passage each of the reports that name a value of the filters in their text alone.

    The reports pass all other filters. What is looked for are the words of the value's spellings,
    stemmed and in their order, in a passage's text; the passage that names it most comes first.

    Args:
        snapshot: the reports and passages.
        filters: what the list was made by; values that labs write freely are looked for.
        listed: ids of the reports that carry the tags.
    """
    expanded = snapshot.catalogue.expanded(filters)
    phrases = {
        stems_of(value): value
        for field in FREE_FIELDS
        if getattr(filters, field)
        for value in getattr(expanded, field)
    }
    others = replace(filters, **dict.fromkeys(FREE_FIELDS, ()))
    scope = snapshot.allowed(others)
    best: dict[str, Hit] = {}
    for phrase, value in phrases.items():
        for i, score in snapshot.keyword.having(terms_and_pairs(value, "en")):
            passage = snapshot.passages[i]
            known = best.get(passage.report.id)
            if passage.report.id in listed or not scope[i] or (known and known.score >= score):
                continue
            if phrase in stems_of(passage.text):
                best[passage.report.id] = Hit(passage, score)
    return tuple(sorted(best.values(), key=lambda hit: (-hit.score, hit.passage.id)))
