"""Metrics: one small pure function each; None where a metric does not apply to a case.

`rep_at`, `ev_at`, `mrr` look at what retrieval found, the others at the answer. All are shares
from 0 to 1. Texts are compared by the rules of `eval.texts` and `eval.numbers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from math import log2

from eval.cases import MANY_REPORTS, Case
from eval.grounding import (
    Support,
    alce,
    by_rules,
    sent_ok,
)
from eval.matching import (
    fold,
    has_fact,
    has_fact_by_value,
    holds,
    overlap,
)
from rag.types import Answer, Citation, Hit

DEPTHS = (5, 10, 20)
TOKEN_BUDGET = 4000
# Tokens of a word, on average over English, French, Spanish and Portuguese reports.
TOKENS_PER_WORD = 1.35
MRR_DEPTH = 10
RETRIEVAL = (
    *(f"rep@{k}" for k in DEPTHS),
    *(f"ev@{k}" for k in DEPTHS),
    *("ev@4k", "mrr", "ndcg@10", "ev_ndcg@10"),
)
ANSWERS = (
    *("quote_ok", "cite_prec", "cite_rec", "ev_cited", "facts", "facts_num", "cited_sent"),
    *("alce_rec", "alce_prec", "sent_ok", "lab_spread"),
)
REFUSAL = ("refused", "refusal_ok")
LISTS = ("list_p", "list_r", "list_f1", "list_exact")
METRICS = RETRIEVAL + ANSWERS + REFUSAL + LISTS


def score(
    case: Case,
    answer: Answer,
    raw: Mapping[str, str],
    labs: Collection[str] = (),
    support: Support = by_rules,
) -> dict[str, float]:
    """Every metric that applies, by name.

    Args:
        case: what was asked.
        answer: what came of it.
        raw: the file text of each cited report.
        labs: those of the gold reports, as far as they are known.
        support: judges whether passages support a sentence.
    """
    values = {f"rep@{k}": rep_at(case, answer.hits, k) for k in DEPTHS}
    values |= {f"ev@{k}": ev_at(case, answer.hits[:k]) for k in DEPTHS}
    values |= {one.__name__: one(case, answer) for one in _OF_ANSWER}
    recall, precision = alce(answer, support) if _is_prose(case, answer) else (None, None)
    values |= {
        "ev@4k": ev_at(case, within_budget(answer.hits)),
        "mrr": mrr(case, answer.hits),
        "ndcg@10": ndcg(case, answer.hits),
        "ev_ndcg@10": ev_ndcg(case, answer.hits),
        "quote_ok": quote_ok(answer.citations, raw),
        "alce_rec": recall,
        "alce_prec": precision,
        "sent_ok": sent_ok(answer) if _is_prose(case, answer) else None,
        "lab_spread": lab_spread(case, answer, labs),
        "refused": float(answer.refused),
    }
    ordered = ((name, values[name]) for name in METRICS)
    return {name: value for name, value in ordered if value is not None}


def rep_at(case: Case, hits: Sequence[Hit], k: int) -> float | None:
    """Report recall at k: the share of gold reports among the first k passages.

    One-report cases score 1 when any accepted report is there (success at k). Source: recall
    and success at k as in TREC (Voorhees and Harman 2005), over reports. Not for lists.
    """
    if not case.searched:
        return None
    return _share_of_gold(case, {hit.passage.report.id for hit in hits[:k]})


def ev_at(case: Case, hits: Sequence[Hit]) -> float | None:
    """Evidence recall: the share of gold quotes that stand in a passage of an accepted report.

    Source: recall over nuggets of evidence, as answer recall of passages in open-domain
    question answering (Karpukhin et al. 2020). Not for lists, nor without evidence.
    """
    if not case.searched or not case.evidence:
        return None
    texts = [hit.passage.text for hit in hits if hit.passage.report.id in case.accepted]
    found = sum(any(holds(text, item.quote) for text in texts) for item in case.evidence)
    return found / len(case.evidence)


def within_budget(hits: Sequence[Hit], budget: float = TOKEN_BUDGET) -> Sequence[Hit]:
    """The first hits whose estimated tokens fit in `budget`, and at least one if there is any."""
    room = budget
    for count, hit in enumerate(hits):
        room -= TOKENS_PER_WORD * len(hit.passage.text.split())
        if room < 0 and count:
            return hits[:count]
    return hits


def mrr(case: Case, hits: Sequence[Hit]) -> float | None:
    """Reciprocal rank of the first passage of an accepted report among ten; 0 if none.

    Source: Voorhees 1999, the TREC-8 question answering track. Not for lists.
    """
    if not case.searched:
        return None
    for rank, hit in enumerate(hits[:MRR_DEPTH], start=1):
        if hit.passage.report.id in case.accepted:
            return 1 / rank
    return 0.0


def quote_ok(citations: Sequence[Citation], raw: Mapping[str, str]) -> float | None:
    """The share of quotes that stand verbatim (folded) in the file of the report they name.

    A report that `raw` lacks holds no quote. Not without citations.
    """
    if not citations:
        return None
    good = 0
    for citation in citations:
        quote = fold(citation.quote)
        good += bool(quote) and quote in fold(raw.get(citation.passage.report.id, ""))
    return good / len(citations)


def cite_prec(case: Case, answer: Answer) -> float | None:
    """Citation precision: the share of citations of an accepted report; 0 without citations.

    Over gold reports, where ALCE (Gao et al. 2023) asks a judge. Not for lists or refusals.
    """
    if not _is_prose(case, answer):
        return None
    cited = [citation.passage.report.id for citation in answer.citations]
    return sum(report in case.accepted for report in cited) / len(cited) if cited else 0.0


def cite_rec(case: Case, answer: Answer) -> float | None:
    """Citation recall: the share of gold reports that are cited.

    One-report cases score 1 when any accepted report is cited. Not for lists or refusals.
    """
    if not _is_prose(case, answer):
        return None
    return _share_of_gold(case, {citation.passage.report.id for citation in answer.citations})


def ev_cited(case: Case, answer: Answer) -> float | None:
    """The share of gold quotes that overlap the quote of a citation of an accepted report.

    Overlapping: more than 0.3 of the words of one and 0.15 of the other are shared (word overlap
    as in SQuAD, Rajpurkar et al. 2016). Not for lists or refusals, nor without evidence.
    """
    if not _is_prose(case, answer) or not case.evidence:
        return None
    quotes = [c.quote for c in answer.citations if c.passage.report.id in case.accepted]

    def cited(gold: str) -> bool:
        shares = (overlap(gold, quote) for quote in quotes)
        return any(min(pair) > 0.15 and max(pair) > 0.3 for pair in shares)

    return sum(cited(item.quote) for item in case.evidence) / len(case.evidence)


def facts(case: Case, answer: Answer) -> float | None:
    """Fact recall: the share of key facts that the answer holds; 0 for a refusal.

    Source: nugget recall (Voorhees 2003) with words and numbers matched literally.
    Not for unanswerable cases, nor without facts.
    """
    if not case.facts or not case.gold:
        return None
    if answer.refused:
        return 0.0
    return sum(has_fact(answer.text, fact) for fact in case.facts) / len(case.facts)


def facts_num(case: Case, answer: Answer) -> float | None:
    """Fact recall with numbers compared by value (`eval.matching`), as five languages write them.

    `facts` stays as it is, so that earlier runs stay comparable. Not where `facts` does not apply.
    """
    if not case.facts or not case.gold:
        return None
    text = "" if answer.refused else re.sub(r"\[\d+\]", "", answer.text)
    return sum(has_fact_by_value(text, fact) for fact in case.facts) / len(case.facts)


def lab_spread(case: Case, answer: Answer, labs: Collection[str]) -> float | None:
    """The share of the gold reports' labs that are cited, by whichever of their reports.

    Source: subtopic recall (Zhai, Cohen and Lafferty 2003), with labs for subtopics. Only for
    cases across labs; not for refusals, nor where no lab is known.
    """
    if case.type not in MANY_REPORTS or answer.refused or not labs:
        return None
    return len({c.passage.report.lab for c in answer.citations} & set(labs)) / len(set(labs))


def cited_sent(case: Case, answer: Answer) -> float | None:
    """The share of sentences (of more than 20 letters or digits) that carry a [n] mark.

    Not for refusals, unanswerable cases, nor answers without such a sentence.
    """
    parts = re.split(r"(?<=[.!?؟。])\s+|\n+", answer.text)
    sentences = [part for part in parts if len(re.findall(r"\w", part)) > 20]
    if not _answers(case, answer) or not sentences:
        return None
    return sum(bool(re.search(r"\[\d+\]", part)) for part in sentences) / len(sentences)


def refusal_ok(case: Case, answer: Answer) -> float:
    """1 when exactly the unanswerable is refused (Rajpurkar et al. 2018, SQuAD 2.0)."""
    return float(answer.refused == (case.type == "unanswerable"))


def list_p(case: Case, answer: Answer) -> float | None:
    """The share of listed reports that are gold; 0 for an empty list. Only for lists."""
    if case.type != "listing":
        return None
    listed = set(answer.coverage.reports)
    return len(listed & case.gold) / len(listed) if listed else 0.0


def list_r(case: Case, answer: Answer) -> float | None:
    """The share of gold reports that are listed. Only for lists."""
    if case.type != "listing":
        return None
    return len(case.gold & set(answer.coverage.reports)) / len(case.gold)


def list_f1(case: Case, answer: Answer) -> float | None:
    """The harmonic mean of a list's precision and recall (van Rijsbergen 1979)."""
    precision, recall = list_p(case, answer), list_r(case, answer)
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def list_exact(case: Case, answer: Answer) -> float | None:
    """1 when the listed reports are the gold reports, no more and no fewer. Only for lists."""
    return float(set(answer.coverage.reports) == case.gold) if case.type == "listing" else None


# Metrics of a case and its answer, each named as its function.
_OF_ANSWER: tuple[Callable[[Case, Answer], float | None], ...] = (
    *(cite_prec, cite_rec, ev_cited, facts, facts_num, cited_sent, refusal_ok),
    *(list_p, list_r, list_f1, list_exact),
)


def _answers(case: Case, answer: Answer) -> bool:
    return bool(case.gold) and not answer.refused


def _is_prose(case: Case, answer: Answer) -> bool:
    return _answers(case, answer) and case.type != "listing"


def _share_of_gold(case: Case, reports: set[str]) -> float:
    if case.type in MANY_REPORTS:
        return len(case.gold & reports) / len(case.gold)
    return float(bool(case.accepted & reports))


# nDCG by report and by evidence.
#
# No library is used: ir-measures (MIT) would bring pytrec-eval and scipy, and before it could
# compute
# nDCG of cases with alternative reports and of quotes, all but three lines of it would be written.


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
