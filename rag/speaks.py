"""Whether passages speak of what a question is about, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from rag.types import Hit, QueryPlan
from rag.words import terms

# A single word may mean anything: "plastic" is no evidence that a passage is about plastic.
FEWEST = 2


def speaks_of(plan: QueryPlan, hits: Sequence[Hit]) -> bool:
    """Whether a passage has every word that a question is about, or a word like it.

    Similarity tells little of short topics: "informal vendors" is far from passages about them.
    Words of another language than the question's count where they mean nearly the same.
    """
    wanted = set(terms(plan.standalone, plan.language))
    if len(wanted) < FEWEST:
        return False
    near = {word: {word, *_near(plan, word)} for word in wanted}
    return any(all(options & _have(hit, plan) for options in near.values()) for hit in hits)


def _near(plan: QueryPlan, word: str) -> set[str]:
    return {term for alike in plan.alike if word in alike.terms for term in alike.near}


def _have(hit: Hit, plan: QueryPlan) -> set[str]:
    passage = hit.passage
    said = f"{passage.text} {passage.context}"
    return {*terms(said, passage.language), *terms(said, plan.language)}
