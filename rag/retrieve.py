"""Finds passages: dense and keyword rankings within the filters, fused by reciprocal rank.

Each ranking gives a passage weight / (K + rank). Where the question names a country, both
rankings are made once more among that country's reports and added, so that the named lab comes
first and another lab's better match still shows. A passage then gains from the other passages
found in its report, unless the question is put to many labs. Answers that say little without
their form question (a name, a date, "yes") count half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from rag.keyword import Scores
from rag.models import embed_query
from rag.nodes import to_scored_node
from rag.snapshot import Snapshot
from rag.types import Hit, QueryPlan
from rag.words import focus

# Chosen on the development questions among 5, 10, 20, 40. With the usual 60, keyword search
# drowns the dense ranking wherever question and passage differ in language.
K = 20
DEPTH = 200
WEIGHT_DENSE = 1.0
WEIGHT_KEYWORD = 1.0
# For a question in another language than most reports, words seldom meet.
WEIGHT_KEYWORD_OTHER = 0.5
BOOST = 1.3
MINOR = 0.5
MINOR_LENGTH = 60
# Share of the scores of its report's two best passages that a passage gains.
COMPANY = 0.1
# A report "matches" when a passage of it scores this share of the best keyword score.
MATCH_SHARE = 0.5


@dataclass
class PlannedQuery(QueryBundle):
    """A llama-index query with the plan that was made of it."""

    plan: QueryPlan | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What retrieval found: hits in rank order, and the ids of reports in scope that matched."""

    hits: tuple[Hit, ...]
    matched: frozenset[str]


class HybridRetriever(BaseRetriever):
    """Dense and keyword search over a snapshot of the store."""

    def __init__(self, snapshot: Snapshot, embedding: BaseEmbedding) -> None:
        self._snapshot = snapshot
        self._embedding = embedding
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        plan = getattr(query_bundle, "plan", None) or QueryPlan(
            query_bundle.query_str, query_bundle.query_str
        )
        return [to_scored_node(hit) for hit in self.find(plan).hits]

    def find(self, plan: QueryPlan, limit: int = DEPTH) -> Found:
        """The best passages for a plan's stand-alone question, within its filters."""
        scores: dict[int, float] = {}
        similar: dict[int, float] = {}
        # "What did labs learn about ..." is close to every answer to "What did you learn?": a
        # question to many labs is searched for by what it is about.
        about = focus(plan.standalone, plan.language) if plan.wide else plan.standalone
        vector = embed_query(self._embedding, about)
        keyword = self._snapshot.keyword.scores(plan.standalone, plan.language, pairs=plan.wide)
        scopes = [plan.filters]
        if plan.boosted.country and not plan.filters.country:
            scopes.append(replace(plan.filters, country=plan.boosted.country))
        weight = WEIGHT_KEYWORD if plan.language == "en" else WEIGHT_KEYWORD_OTHER
        for scope in scopes:
            within = np.where(self._snapshot.allowed(scope), keyword, 0.0) if scope else keyword
            _add_ranks(scores, _top(within), weight)
            near = self._snapshot.nearest(vector, DEPTH, scope)
            similar |= near
            _add_ranks(scores, list(near), WEIGHT_DENSE)
            if scope is plan.filters:
                in_scope = within
        self._weigh(scores, plan)
        passages = self._snapshot.passages
        best = sorted(scores, key=lambda i: (-scores[i], passages[i].id))[:limit]
        hits = tuple(Hit(passages[i], scores[i], similar.get(i, 0.0)) for i in best)
        return Found(hits, self._matched(in_scope, best))

    def _weigh(self, scores: dict[int, float], plan: QueryPlan) -> None:
        """Change fused scores by what a passage is and what else was found in its report."""
        passages = self._snapshot.passages
        boosted = replace(plan.boosted, country=())
        named = self._snapshot.catalogue.ids(boosted) if boosted else frozenset()
        company: dict[str, list[float]] = {}
        for i in scores:
            passage = passages[i]
            if passage.stage == "admin":
                scores[i] *= MINOR
            if len(passage.text) < MINOR_LENGTH:
                scores[i] *= MINOR
            if passage.report.id in named:
                scores[i] *= BOOST
            company.setdefault(passage.report.id, []).append(scores[i])
        if not plan.wide:
            gains = {r: COMPANY * sum(sorted(found)[-2:]) for r, found in company.items()}
            for i in scores:
                scores[i] += gains[passages[i].report.id]

    def _matched(self, keyword: Scores, best: Sequence[int]) -> frozenset[str]:
        passages = self._snapshot.passages
        highest = float(keyword.max()) if keyword.size else 0.0
        over = np.flatnonzero(keyword >= MATCH_SHARE * highest) if highest else ()
        return frozenset(passages[int(i)].report.id for i in (*over, *best[:20]))


def _top(scores: Scores) -> list[int]:
    """Positions of the highest scores above zero, best first."""
    depth = min(DEPTH, int(np.count_nonzero(scores)))
    if not depth:
        return []
    top = np.argpartition(-scores, depth - 1)[:depth]
    return [int(i) for i in top[np.lexsort((top, -scores[top]))]]


def _add_ranks(scores: dict[int, float], ranking: Sequence[int], weight: float) -> None:
    for rank, i in enumerate(ranking, start=1):
        scores[i] = scores.get(i, 0.0) + weight / (K + rank)
