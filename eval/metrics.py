"""Metrics: one small pure function each; None where a metric does not apply to a case.

All are shares from 0 to 1. `METRICS` names each with its function and the table that shows it: to
add a metric, write a function of an `Observation` and add a row. Texts are compared by the rules of
`eval.matching`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from math import log2
from typing import Literal

from eval.cases import MANY_REPORTS, Case
from eval.matching import fold, has_fact, has_fact_by_value, holds, overlap
from rag.citation.judge import Judge, make_judge
from rag.citation.verify import Verifier
from rag.errors import SettingsError
from rag.settings import Settings
from rag.text.marks import cited_sentences
from rag.types import Answer, Hit, Passage

DEPTHS = (5, 10, 20)
TOKEN_BUDGET = 4000
# Tokens of a word, on average over English, French, Spanish and Portuguese reports.
TOKENS_PER_WORD = 1.35
# Ranks that the reciprocal rank and nDCG look at.
RANKS = 10
# Characters of passages that the chat model is shown for a claim.
SHOWN = 6000
# Letters and digits of a sentence that states nothing unless it has more ("3 labs wrote:").
FRAME_LETTERS = 20
_LEAD = re.compile(r"^(?P<lab>[^():]{2,120}) \([^()]{1,60}\): ")
_END_MARKS = " .!?؟。…\"'"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer to `question`, and the passages that are to support it together."""

    sentence: str
    passages: tuple[Passage, ...]
    language: str
    question: str = ""


# Whether each claim is supported; None where the judge has no opinion.
Support = Callable[[Sequence[Claim]], Sequence[bool | None]]


def support_by_rules(claims: Sequence[Claim]) -> list[bool | None]:
    """Whether the rules of `rag.citation.verify` find claims supported.

    A claim that stands in a passage word for word needs no rules. The same rules strike sentences
    from what a model writes for us. Between our answers and those of another system, a chat model
    is the fairer judge.
    """
    verifiers = {question: Verifier(question=question) for question in {c.question for c in claims}}
    return [
        any(_is_verbatim(claim.sentence, passage) for passage in claim.passages)
        or verifiers[claim.question].verify(claim.sentence, claim.passages, claim.language).status
        == "supported"
        for claim in claims
    ]


def support_by_model(judge: Judge) -> Support:
    """A chat model as the judge; it is called once an answer."""

    def support(claims: Sequence[Claim]) -> list[bool | None]:
        pairs = [(c.sentence, "\n".join(p.text for p in c.passages)) for c in claims]
        return [None if status is None else status == "supported" for status in judge(pairs)]

    return support


def make_support(settings: Settings, judge: str) -> Support:
    """The judge of that name: "rules", or "model" for the chat model that the settings name.

    Raises:
        SettingsError: they name no chat model.
    """
    if judge == "rules":
        return support_by_rules
    model = make_judge(settings.model_copy(update={"judge": True}), shown=SHOWN)
    if model is None:
        raise SettingsError(
            "There is no chat model to judge. Set ASKLABS_MODEL, or leave out --judge model."
        )
    return support_by_model(model)


def _is_verbatim(sentence: str, passage: Passage) -> bool:
    """Whether a sentence stands in a passage, with or without the name of the passage's own lab."""
    lead = _LEAD.match(sentence)
    if lead and fold(lead["lab"]) == fold(passage.report.lab):
        sentence = sentence[lead.end() :]
    bare = fold(sentence).strip(_END_MARKS)
    return bool(bare) and bare in fold(passage.text)


def statements(answer: Answer) -> Iterator[tuple[str, list[int]]]:
    """The sentences of an answer that state something, each with the numbers that it cites."""
    # Half a surrogate pair, which a model's server may send, has no vector.
    text = answer.text.encode("utf-8", "replace").decode("utf-8")
    for sentence, numbers in cited_sentences(text):
        letters = len(re.findall(r"\w", sentence))
        if numbers or not (sentence.endswith((":", "：")) or letters <= FRAME_LETTERS):
            yield sentence, numbers


def citation_grounding(answer: Answer, support: Support) -> tuple[float | None, float | None]:
    """Citation recall and precision as ALCE defines them; None where they don't apply.

    Recall is the share of sentences that cite passages which support them together. Precision is
    the share of citations (a passage in a sentence) that matter: the sentence is supported, and the
    passage supports it alone or is needed for that. Sentences without an opinion of the judge count
    in neither. Source: Gao, Yen, Yu and Chen 2023, section 4.3, where a model of entailment judges.
    """
    passages = {c.n: c.passage for c in answer.citations}
    claims: dict[tuple[str, ...], Claim] = {}

    def claim(sentence: str, cited: Sequence[Passage]) -> tuple[str, ...]:
        # Of two citations, one alone is the same claim as without the other: it is judged once.
        key = (sentence, *(p.id for p in cited))
        claims[key] = Claim(sentence, tuple(cited), answer.language, answer.standalone)
        return key

    checks = []
    for sentence, numbers in statements(answer):
        cited = [passages[n] for n in dict.fromkeys(numbers) if n in passages]
        several = range(len(cited)) if len(cited) > 1 else ()
        alone = [claim(sentence, cited[i : i + 1]) for i in several]
        without = [claim(sentence, [*cited[:i], *cited[i + 1 :]]) for i in several]
        together = claim(sentence, cited) if cited else None
        checks.append((together, alone, without))
    verdicts = dict(zip(claims, support(list(claims.values())) if claims else (), strict=True))
    recall: list[float] = []
    precision: list[float] = []
    for together, alone, without in checks:
        if together is None:
            recall.append(0.0)
            continue
        if verdicts[together] is None:
            continue
        recall.append(float(bool(verdicts[together])))
        pairs = zip(alone, without, strict=True)
        # A single citation matters where it supports.
        needed = [bool(verdicts[a]) or not verdicts[w] for a, w in pairs] or [True]
        precision += [float(bool(verdicts[together]) and matters) for matters in needed]
    return _mean(recall), _mean(precision)


@dataclass(frozen=True)
class Observation:
    """A case, the answer to it, and what the metrics need besides.

    `raw` is the file text of each cited report, `labs` are those of the gold reports as far as they
    are known, and `support` judges whether passages support a sentence.
    """

    case: Case
    answer: Answer
    raw: Mapping[str, str] = field(default_factory=dict)
    labs: Collection[str] = ()
    support: Support = support_by_rules

    @property
    def is_answered(self) -> bool:
        """Whether the reports answer the case, and the answer is no refusal."""
        return bool(self.case.gold) and not self.answer.refused

    @property
    def is_prose(self) -> bool:
        """Whether it is an answer in sentences: no refusal and no list."""
        return self.is_answered and self.case.type != "listing"

    @property
    def cited_reports(self) -> list[str]:
        """The report of each citation."""
        return [citation.passage.report.id for citation in self.answer.citations]

    @cached_property
    def grounding(self) -> tuple[float | None, float | None]:
        """ALCE's citation recall and precision; the judge is asked once for both."""
        return citation_grounding(self.answer, self.support) if self.is_prose else (None, None)


def rep_at(o: Observation, k: int) -> float | None:
    """Report recall at k: the share of gold reports among the first k passages.

    One-report cases score 1 when any accepted report is there (success at k). Source: recall
    and success at k as in TREC (Voorhees and Harman 2005), over reports. Not for lists.
    """
    if not o.case.searched:
        return None
    return _share_of_gold(o.case, (hit.passage.report.id for hit in o.answer.hits[:k]))


def ev_at(o: Observation, k: int) -> float | None:
    """Evidence recall: the share of gold quotes that stand in a passage of an accepted report.

    Source: recall over nuggets of evidence, as answer recall of passages in open-domain
    question answering (Karpukhin et al. 2020). Not for lists, nor without evidence.
    """
    return _evidence_recall(o.case, o.answer.hits[:k])


def ev_in_budget(o: Observation) -> float | None:
    """Evidence recall over the first passages that fit in 4,000 tokens."""
    return _evidence_recall(o.case, within_budget(o.answer.hits))


def within_budget(hits: Sequence[Hit], budget: float = TOKEN_BUDGET) -> Sequence[Hit]:
    """The first hits whose estimated tokens fit in `budget`, and at least one if there is any."""
    room = budget
    for count, hit in enumerate(hits):
        room -= TOKENS_PER_WORD * len(hit.passage.text.split())
        if room < 0 and count:
            return hits[:count]
    return hits


def mrr(o: Observation) -> float | None:
    """Reciprocal rank of the first passage of an accepted report among ten; 0 if none.

    Source: Voorhees 1999, the TREC-8 question answering track. Not for lists.
    """
    if not o.case.searched:
        return None
    for rank, hit in enumerate(o.answer.hits[:RANKS], start=1):
        if hit.passage.report.id in o.case.accepted:
            return 1 / rank
    return 0.0


# nDCG is computed here: ir-measures would bring pytrec-eval and scipy, and knows neither
# alternative reports nor quotes.


def ndcg(o: Observation) -> float | None:
    """nDCG at 10 of the reports in the order of their first passages; gold reports are relevant.

    One-report cases want one report, any accepted one. Elsewhere alternatives, which need not be
    found, are taken out of the ranking. Source: Järvelin and Kekäläinen 2002, with log2(rank + 1)
    as trec_eval has it; the condensed list as Sakai 2007. Not for lists.
    """
    case = o.case
    if not case.searched:
        return None
    ranking = list(dict.fromkeys(hit.passage.report.id for hit in o.answer.hits))
    if case.type in MANY_REPORTS:
        gold = [r in case.gold for r in ranking if r in case.gold or r not in case.accepted]
        return _ndcg(gold, len(case.gold))
    first = next((i for i, report in enumerate(ranking) if report in case.accepted), len(ranking))
    return _ndcg([i == first for i in range(len(ranking))], 1)


def ev_ndcg(o: Observation) -> float | None:
    """nDCG at 10 of the passages; each gold quote is gained once, where it stands first.

    The ideal has one quote a passage; passages that hold several reach no more than 1. Source:
    alpha-nDCG (Clarke et al. 2008) with alpha 1. Not for lists, nor without evidence.
    """
    if not o.case.searched or not o.case.evidence:
        return None
    left = {item.quote for item in o.case.evidence}
    count, gains = len(left), []
    for hit in o.answer.hits[:RANKS]:
        accepted = hit.passage.report.id in o.case.accepted
        gained = {quote for quote in left if accepted and holds(hit.passage.text, quote)}
        gains.append(len(gained))
        left -= gained
    return _ndcg(gains, count)


def quote_ok(o: Observation) -> float | None:
    """The share of quotes that stand verbatim (folded) in the file of the report they name.

    A report that `raw` lacks holds no quote. Not without citations.
    """
    quotes = [(fold(c.quote), c.passage.report.id) for c in o.answer.citations]
    return _mean([float(bool(q) and q in fold(o.raw.get(report, ""))) for q, report in quotes])


def cite_prec(o: Observation) -> float | None:
    """Citation precision: the share of citations of an accepted report; 0 without citations.

    Over gold reports, where ALCE (Gao et al. 2023) asks a judge. Not for lists or refusals.
    """
    if not o.is_prose:
        return None
    return _mean([float(report in o.case.accepted) for report in o.cited_reports]) or 0.0


def cite_rec(o: Observation) -> float | None:
    """Citation recall: the share of gold reports that are cited.

    One-report cases score 1 when any accepted report is cited. Not for lists or refusals.
    """
    return _share_of_gold(o.case, o.cited_reports) if o.is_prose else None


def ev_cited(o: Observation) -> float | None:
    """The share of gold quotes that overlap the quote of a citation of an accepted report.

    Overlapping: more than 0.3 of the words of one and 0.15 of the other are shared (word overlap
    as in SQuAD, Rajpurkar et al. 2016). Not for lists or refusals, nor without evidence.
    """
    if not o.is_prose or not o.case.evidence:
        return None
    quotes = [c.quote for c in o.answer.citations if c.passage.report.id in o.case.accepted]

    def is_cited(gold: str) -> bool:
        shares = (overlap(gold, quote) for quote in quotes)
        return any(min(pair) > 0.15 and max(pair) > 0.3 for pair in shares)

    return _mean([float(is_cited(item.quote)) for item in o.case.evidence])


def facts(o: Observation) -> float | None:
    """Fact recall: the share of key facts that the answer holds; 0 for a refusal.

    Source: nugget recall (Voorhees 2003) with words and numbers matched literally.
    Not for unanswerable cases, nor without facts.
    """
    if not o.case.gold:
        return None
    text = o.answer.text
    return _mean([float(not o.answer.refused and has_fact(text, fact)) for fact in o.case.facts])


def facts_num(o: Observation) -> float | None:
    """Fact recall with numbers compared by value (`eval.matching`), as five languages write them.

    `facts` stays as it is, so that earlier runs stay comparable. Not where `facts` does not apply.
    """
    if not o.case.gold:
        return None
    text = "" if o.answer.refused else re.sub(r"\[\d+\]", "", o.answer.text)
    return _mean([float(has_fact_by_value(text, fact)) for fact in o.case.facts])


def cited_sent(o: Observation) -> float | None:
    """The share of sentences (of more than 20 letters or digits) that carry a [n] mark.

    Not for refusals, unanswerable cases, nor answers without such a sentence.
    """
    if not o.is_answered:
        return None
    parts = re.split(r"(?<=[.!?؟。])\s+|\n+", o.answer.text)
    sentences = [part for part in parts if len(re.findall(r"\w", part)) > 20]
    return _mean([float(bool(re.search(r"\[\d+\]", part))) for part in sentences])


def alce_rec(o: Observation) -> float | None:
    """ALCE's citation recall: the share of sentences that their passages support together."""
    return o.grounding[0]


def alce_prec(o: Observation) -> float | None:
    """ALCE's citation precision: the share of citations that support alone or are needed."""
    return o.grounding[1]


def sent_ok(o: Observation) -> float | None:
    """The share of its sentences that an answer shows as supported, by the status of citations.

    Each number in the sentence has a citation of that status. Read back from the answer; ALCE's
    metrics judge anew. Not for lists or refusals.
    """
    if not o.is_prose:
        return None
    supported = {c.n for c in o.answer.citations if c.status == "supported"}
    numbers = [cited for _, cited in statements(o.answer)]
    return _mean([float(bool(cited) and set(cited) <= supported) for cited in numbers])


def lab_spread(o: Observation) -> float | None:
    """The share of the gold reports' labs that are cited, by whichever of their reports.

    Source: subtopic recall (Zhai, Cohen and Lafferty 2003), with labs for subtopics. Only for
    cases across labs; not for refusals, nor where no lab is known.
    """
    labs = set(o.labs)
    if o.case.type not in MANY_REPORTS or o.answer.refused or not labs:
        return None
    return len({c.passage.report.lab for c in o.answer.citations} & labs) / len(labs)


def refused(o: Observation) -> float:
    """1 when the answer is a refusal, which is good or bad as the case is."""
    return float(o.answer.refused)


def refusal_ok(o: Observation) -> float:
    """1 when exactly the unanswerable is refused (Rajpurkar et al. 2018, SQuAD 2.0)."""
    return float(o.answer.refused == (o.case.type == "unanswerable"))


def list_p(o: Observation) -> float | None:
    """The share of listed reports that are gold; 0 for an empty list. Only for lists."""
    if o.case.type != "listing":
        return None
    listed = set(o.answer.coverage.reports)
    return len(listed & o.case.gold) / len(listed) if listed else 0.0


def list_r(o: Observation) -> float | None:
    """The share of gold reports that are listed. Only for lists."""
    if o.case.type != "listing":
        return None
    return len(o.case.gold & set(o.answer.coverage.reports)) / len(o.case.gold)


def list_f1(o: Observation) -> float | None:
    """The harmonic mean of a list's precision and recall (van Rijsbergen 1979)."""
    precision, recall = list_p(o), list_r(o)
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def list_exact(o: Observation) -> float | None:
    """1 when the listed reports are the gold reports, no more and no fewer. Only for lists."""
    if o.case.type != "listing":
        return None
    return float(set(o.answer.coverage.reports) == o.case.gold)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name in outcomes, its function, and the table of a report that shows it."""

    name: str
    function: Callable[[Observation], float | None]
    table: Literal["Retrieval", "Answers", "Refusals", "Complete lists"]

    @property
    def meaning(self) -> str:
        """What it measures: the first sentence of its function's docstring."""
        function = getattr(self.function, "func", self.function)
        return " ".join((function.__doc__ or "").split("\n\n")[0].split())


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        *(Metric(f"rep@{k}", partial(rep_at, k=k), "Retrieval") for k in DEPTHS),
        *(Metric(f"ev@{k}", partial(ev_at, k=k), "Retrieval") for k in DEPTHS),
        Metric("ev@4k", ev_in_budget, "Retrieval"),
        Metric("mrr", mrr, "Retrieval"),
        Metric("ndcg@10", ndcg, "Retrieval"),
        Metric("ev_ndcg@10", ev_ndcg, "Retrieval"),
        Metric("quote_ok", quote_ok, "Answers"),
        Metric("cite_prec", cite_prec, "Answers"),
        Metric("cite_rec", cite_rec, "Answers"),
        Metric("ev_cited", ev_cited, "Answers"),
        Metric("facts", facts, "Answers"),
        Metric("facts_num", facts_num, "Answers"),
        Metric("cited_sent", cited_sent, "Answers"),
        Metric("alce_rec", alce_rec, "Answers"),
        Metric("alce_prec", alce_prec, "Answers"),
        Metric("sent_ok", sent_ok, "Answers"),
        Metric("lab_spread", lab_spread, "Answers"),
        Metric("refused", refused, "Refusals"),
        Metric("refusal_ok", refusal_ok, "Refusals"),
        Metric("list_p", list_p, "Complete lists"),
        Metric("list_r", list_r, "Complete lists"),
        Metric("list_f1", list_f1, "Complete lists"),
        Metric("list_exact", list_exact, "Complete lists"),
    )
}


def score(observation: Observation) -> dict[str, float]:
    """Every metric that applies, by name."""
    values = {name: metric.function(observation) for name, metric in METRICS.items()}
    return {name: value for name, value in values.items() if value is not None}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _share_of_gold(case: Case, reports: Iterable[str]) -> float:
    if case.type in MANY_REPORTS:
        return len(case.gold.intersection(reports)) / len(case.gold)
    return float(not case.accepted.isdisjoint(reports))


def _evidence_recall(case: Case, hits: Sequence[Hit]) -> float | None:
    if not case.searched or not case.evidence:
        return None
    texts = [hit.passage.text for hit in hits if hit.passage.report.id in case.accepted]
    return _mean([float(any(holds(t, item.quote) for t in texts)) for item in case.evidence])


def _ndcg(gains: Sequence[float], relevant: int) -> float:
    discounts = [1 / log2(rank + 1) for rank in range(1, RANKS + 1)]
    gained = sum(gain * discount for gain, discount in zip(gains, discounts, strict=False))
    return min(1.0, gained / sum(discounts[:relevant]))
