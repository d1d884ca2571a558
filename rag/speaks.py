"""Which passages speak of what a question is about, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.topic import is_topic
from rag.types import Hit, QueryPlan
from rag.words import terms

# A single word may mean anything: "plastic" is no evidence that a passage is about plastic. It is
# where nothing else was asked.
FEWEST = 2
# From here on a word of another language means the same as a topic's: "informal" is 0.83 near to
# "informel", "information" 0.69. Several together prove what each alone does not.
SAME = 0.7


def of_topic(plan: QueryPlan, hits: Sequence[Hit], told: set[int]) -> tuple[QueryPlan, set[int]]:
    """A plan and the passages, from 1 and of `told`, that its answer is made of.

    Of a topic those tell that have its words, and where they are of one report all of its; where
    none has, the report that comes nearest.
    """
    if not is_topic(plan.question, plan.language):
        return plan, told
    speaking = told & speaking_of(plan, hits)
    reports = {hits[n - 1].passage.report.id for n in speaking}
    if len(reports) == 1:
        speaking = {n for n in told if hits[n - 1].passage.report.id in reports}
    return replace(plan, wide=bool(speaking)), speaking or told


def proved_by(plan: QueryPlan, hits: Sequence[Hit]) -> set[int]:
    """The passages, from 1, that are about a question's topic, even if none is similar to it.

    Similarity tells little of short topics: "informal vendors" is far from passages about them.
    """
    topic, several = is_topic(plan.question, plan.language), len(_wanted(plan)) >= FEWEST
    return speaking_of(plan, hits, translated=topic and several) if topic or several else set()


def speaking_of(plan: QueryPlan, hits: Sequence[Hit], *, translated: bool = True) -> set[int]:
    """The passages, from 1, with every word that a question is about.

    With `translated` a passage in another language may have one that means the same.
    """
    wanted = _wanted(plan)
    near = {
        word: {term for term, likeness in alike.near.items() if likeness >= SAME}
        for alike in plan.alike
        for word in alike.terms
        if translated
    }
    found = set()
    for n, passage in enumerate((hit.passage for hit in hits), start=1):
        text = f"{passage.text} {passage.context}"
        have, other = set(terms(text, plan.language)), passage.language != plan.language
        if other:
            have |= set(terms(text, passage.language))
        if all(w in have or (other and not have.isdisjoint(near.get(w, ()))) for w in wanted):
            found.add(n)
    return found


def _wanted(plan: QueryPlan) -> set[str]:
    return set(terms(plan.standalone, plan.language))
