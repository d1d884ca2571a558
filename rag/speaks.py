"""Which passages speak of what a question is about, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from rag.types import Hit, QueryPlan
from rag.words import terms

# A single word may mean anything: "plastic" is no evidence that a passage is about plastic.
FEWEST = 2


def speaking_of(plan: QueryPlan, hits: Sequence[Hit]) -> set[int]:
    """The passages, from 1, with every word that a question is about.

    Similarity tells little of short topics: "informal vendors" is far from passages about them.
    Words of other languages that mean nearly the same prove too little: "information" is as near
    to "informel" as any.
    """
    wanted = set(terms(plan.standalone, plan.language))
    if len(wanted) < FEWEST:
        return set()
    texts = ((n, hit.passage) for n, hit in enumerate(hits, 1))
    return {n for n, p in texts if wanted <= {*terms(f"{p.text} {p.context}", plan.language)}}
