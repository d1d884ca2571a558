"""nDCG by report and by evidence.

No library is used: ir-measures (MIT) would bring pytrec-eval and scipy, and before it could compute
nDCG of cases with alternative reports and of quotes, all but three lines of it would be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from eval.cases import MANY_REPORTS, Case
from eval.texts import holds
from rag.types import Hit

NDCG_DEPTH = 10


def ndcg(case: Case, hits: Sequence[Hit]) -> float | None:
    """nDCG at 10 of the reports in the order of their first passages; gold reports are relevant.

    One-report cases want one report, any accepted one. Elsewhere alternatives, which need not be
    found, are taken out of the ranking. Source: Järvelin and Kekäläinen 2002, with log2(rank + 1)
    as trec_eval has it; the condensed list as Sakai 2007. Not for lists.
    """
    if not case.searched:
        return None
    ranking = list(dict.fromkeys(hit.passage.report.id for hit in hits))
    if case.type in MANY_REPORTS:
        gold = [r in case.gold for r in ranking if r in case.gold or r not in case.accepted]
        return _ndcg(gold, len(case.gold))
    first = next((i for i, report in enumerate(ranking) if report in case.accepted), len(ranking))
    return _ndcg([i == first for i in range(len(ranking))], 1)


def ev_ndcg(case: Case, hits: Sequence[Hit]) -> float | None:
    """nDCG at 10 of the passages; each gold quote is gained once, where it stands first.

    The ideal has one quote a passage; passages that hold several reach no more than 1. Source:
    alpha-nDCG (Clarke et al. 2008) with alpha 1. Not for lists, nor without evidence.
    """
    if not case.searched or not case.evidence:
        return None
    left = {item.quote for item in case.evidence}
    count, gains = len(left), []
    for hit in hits[:NDCG_DEPTH]:
        accepted = hit.passage.report.id in case.accepted
        found = {quote for quote in left if accepted and holds(hit.passage.text, quote)}
        gains.append(len(found))
        left -= found
    return _ndcg(gains, count)


def _ndcg(gains: Sequence[float], relevant: int) -> float:
    discounts = [1 / log2(rank + 1) for rank in range(1, NDCG_DEPTH + 1)]
    gained = sum(gain * discount for gain, discount in zip(gains, discounts, strict=False))
    return min(1.0, gained / sum(discounts[:relevant]))
