"""What is found for a plan and read for its answer: duplicates folded, spread over labs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from rag.cross_encoder import CrossEncoder
from rag.postprocess import fit_budget, fold_duplicates, interleave, spread
from rag.rerank import Reranker, reordered
from rag.retrieve import Found, HybridRetriever
from rag.settings import Settings
from rag.types import Hit, QueryPlan, ReportInfo

WIDE_PER_LAB = 5
# No answer reads more passages than this: a model's window, and a reader's patience, end.
WIDEST = 100


def find(
    retriever: HybridRetriever,
    plan: QueryPlan,
    reranker: Reranker | None = None,
    *,
    explain: bool = False,
    masked: bool = True,
) -> Found:
    """What is found for a plan, duplicates folded, spread over the labs that are asked.

    A reranker has its say before that, so that the best hits of its order stand for a family, a
    report and a lab; the built-in one, which is slow, after that, on those that stand first.
    `masked` is whether contacts are hidden from another one.
    """
    compared = plan.intent == "compare" and not plan.filters.country
    sides = plan.boosted.country if compared else ()
    scopes = [plan.filters]
    if len(sides) > 1:
        scopes = [replace(plan.filters, country=(side,)) for side in sides]
    found = [retriever.find(replace(plan, filters=s), explain=explain) for s in scopes]
    rankings: Sequence[Sequence[Hit]] = [one.hits for one in found]
    notice = ""
    if plan.intent == "list":  # What a list holds is computed, not found.
        reranker = None
    if reranker is not None and not isinstance(reranker, CrossEncoder):
        rankings, notice = reordered(
            rankings, plan.standalone, reranker, masked=masked, apart=_apart(plan)
        )
    ranked = [fold_duplicates(hits, _apart(plan)) for hits in rankings]
    if plan.wide or len(sides) > 1:
        per_lab = 99 if sides else WIDE_PER_LAB
        ranked = [spread(hits, per_report=1, per_lab=per_lab) for hits in ranked]
    matched = frozenset[str]().union(*(one.matched for one in found))
    hits = interleave(ranked)
    if isinstance(reranker, CrossEncoder):
        hits = reranker.judged(hits, plan)
    return Found(tuple(hits), matched, notice)


def unread(
    found: Found, read: Collection[str], reports: Mapping[str, ReportInfo]
) -> tuple[tuple[str, int], ...]:
    """How many of the reports that matched were not among those read, by lab, most first."""
    labs = Counter(reports[i].lab for i in found.matched if i in reports and i not in read)
    return tuple(sorted(labs.items(), key=lambda pair: (-pair[1], pair[0])))


def _apart(plan: QueryPlan) -> tuple[str, ...]:
    """In what passages must agree to be folded: who names two years wants to see both."""
    return tuple(name for name in ("year", "kind") if len(getattr(plan.boosted, name)) > 1)


def wider(passages: int, settings: Settings) -> int:
    """How many passages to read after an answer that could read so many; 0: as settings say."""
    return min(2 * (passages or settings.passages), max(WIDEST, settings.passages))


def read(found: Found, plan: QueryPlan, settings: Settings, passages: int = 0) -> list[Hit]:
    """The passages that the answer is made from: so many, or, for 0, as settings say.

    For a question to many labs two of a report: one is enough to know that a report speaks of
    something, not to say what.
    """
    count = passages or settings.passages
    # Who wants twice as many passages wants them as long as they are.
    tokens = settings.context_tokens * max(count, settings.passages) // settings.passages
    if not plan.wide:
        return fit_budget(found.hits, count, tokens)
    ranked = fold_duplicates(sorted(found.hits, key=lambda hit: -hit.score), _apart(plan))
    return fit_budget(spread(ranked, per_report=2, per_lab=WIDE_PER_LAB), count, tokens)
