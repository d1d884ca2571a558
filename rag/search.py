"""What is found for a plan and read for its answer: duplicates folded, spread over labs."""

from __future__ import annotations

from dataclasses import replace

from rag.postprocess import fit_budget, fold_duplicates, interleave, spread
from rag.retrieve import Found, HybridRetriever
from rag.settings import Settings
from rag.types import Hit, QueryPlan

WIDE_PER_LAB = 5


def find(retriever: HybridRetriever, plan: QueryPlan, explain: bool = False) -> Found:
    """What is found for a plan, duplicates folded, spread over the labs that are asked."""
    sides = plan.boosted.country if plan.intent == "compare" else ()
    if len(sides) < 2:
        found = retriever.find(plan, explain=explain)
        hits = fold_duplicates(found.hits, _apart(plan))
        if plan.wide:
            hits = spread(hits, per_report=1, per_lab=99 if sides else WIDE_PER_LAB)
        return Found(tuple(hits), found.matched)
    found_sides = [
        retriever.find(
            replace(plan, filters=replace(plan.filters, country=(side,))), explain=explain
        )
        for side in sides
    ]
    folded = [fold_duplicates(found.hits, _apart(plan)) for found in found_sides]
    rankings = [spread(hits, per_report=1, per_lab=99) for hits in folded]
    return Found(tuple(interleave(rankings)), frozenset().union(*(f.matched for f in found_sides)))


def _apart(plan: QueryPlan) -> tuple[str, ...]:
    """In what passages must agree to be folded: who names two years wants to see both."""
    return tuple(name for name in ("year", "kind") if len(getattr(plan.boosted, name)) > 1)


def read(found: Found, plan: QueryPlan, settings: Settings) -> list[Hit]:
    """The passages that the answer is made from.

    For a question to many labs twice as many, and two of a report: one is enough to know
    that a report speaks of something, not to say what.
    """
    count, tokens = settings.passages, settings.context_tokens
    if not plan.wide:
        return fit_budget(found.hits, count, tokens)
    ranked = fold_duplicates(sorted(found.hits, key=lambda hit: -hit.score), _apart(plan))
    return fit_budget(spread(ranked, per_report=2, per_lab=WIDE_PER_LAB), 2 * count, tokens)
