"""Metrics: one small pure function each.

All are shares from 0 to 1. `METRICS` names each with its function, its table and the
observations that it applies to: to add a metric, write a function and add a row. A metric is None
where there is nothing to count. This module compares texts by rules of its own: the yardstick must
not share a fault with the product that it measures.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from eval.cases import MANY_REPORTS, NATURAL, OPEN, Case
from rag.answer.extractive import UNSURE
from rag.i18n.translations import languages, translations_for
from rag.types import Answer, Citation, Hit

DEPTHS = (5, 10, 20)
TOKEN_BUDGET = 4000
TOKENS_PER_WORD = 1.35  # on average over English, French, Spanish and Portuguese reports
_NATURAL = "Natural questions"  # the name of a table
# The metrics of surveys, which `eval.survey` measures.
SURVEYED = ("about_r", "about_p", "says_r", "says_p", "count_err", "inside")
# A sentence states something only with more letters and digits ("3 labs wrote:" has too few).
FRAME_LETTERS = 20


@dataclass(frozen=True, slots=True)
class Observation:
    """A case, the answer to it, and the file text of each cited report (`raw`)."""

    case: Case
    answer: Answer
    raw: Mapping[str, str] = field(default_factory=dict)

    @property
    def cited(self) -> Sequence[Citation]:
        """The citations; none of a refusal, which shows what is nearest."""
        return () if self.answer.refused else self.answer.citations

    @property
    def cited_reports(self) -> list[str]:
        """The report of each citation."""
        return [citation.passage.report.id for citation in self.cited]

    def found(self, first: int | None) -> list[str]:
        """The reports of so many passages that come first."""
        return [hit.passage.report.id for hit in self.answer.hits[:first]]

    @property
    def listed(self) -> set[str]:
        """The reports that the answer lists."""
        return set(self.answer.coverage.reports)


def rep_at(o: Observation, k: int) -> float:
    """Report recall at k, of cases of one report success at k (Voorhees and Harman 2005)."""
    return _share_of_gold(o.case, o.found(k))


def ev_at(o: Observation, k: int) -> float | None:
    """The share of gold quotes in a passage of an accepted report (Karpukhin et al. 2020)."""
    return _evidence_recall(o.case, o.answer.hits[:k])


def ev_in_budget(o: Observation) -> float | None:
    """Evidence recall over the first passages that fit in 4,000 tokens."""
    hits, room = o.answer.hits, float(TOKEN_BUDGET)
    for count, hit in enumerate(hits):
        room -= TOKENS_PER_WORD * len(hit.passage.text.split())
        # One passage is read whatever its length.
        if room < 0 and count:
            return _evidence_recall(o.case, hits[:count])
    return _evidence_recall(o.case, hits)


def quote_ok(o: Observation) -> float | None:
    """The share of quotes that stand verbatim (folded) in the file of the report they name."""
    quotes = [(fold(c.quote), c.passage.report.id) for c in o.answer.citations]
    return _mean(bool(q) and q in fold(o.raw.get(report, "")) for q, report in quotes)


def cite_prec(o: Observation) -> float:
    """Citation precision: the share of citations of an accepted report; 0 without citations.

    For natural questions also 0 for a refusal, and only where no other report answers as well.
    Over gold reports, where ALCE (Gao et al. 2023) asks a judge.
    """
    return _mean(report in o.case.accepted for report in o.cited_reports) or 0.0


def cite_rec(o: Observation) -> float:
    """The share of gold reports that are cited; 1 for an accepted one in a case of one report."""
    return _share_of_gold(o.case, o.cited_reports)


def ev_cited(o: Observation) -> float | None:
    """The share of gold quotes whose words a quote of an accepted report has in part."""
    quotes = [c.quote for c in o.answer.citations if c.passage.report.id in o.case.accepted]

    def is_cited(gold: str) -> bool:
        shares = (overlap(gold, quote) for quote in quotes)
        return any(min(pair) > 0.15 and max(pair) > 0.3 for pair in shares)

    return _mean(is_cited(item.quote) for item in o.case.evidence)


def facts(o: Observation) -> float | None:
    """The share of key facts that the answer holds: nugget recall (Voorhees 2003), by words."""
    return _mean(not o.answer.refused and has_fact(o.answer.text, f) for f in o.case.facts)


def points_of(o: Observation, reports: Collection[str]) -> float | None:
    """The share of key points whose report is among these."""
    return _mean(point.report in reports for point in o.case.points)


def points_ev(o: Observation) -> float | None:
    """The share of key points whose words are cited: 0.6 of theirs, or of a quote of the report."""
    quotes = [(c.passage.report.id, c.quote) for c in o.cited]
    shares = [[max(overlap(p.quote, q)) for r, q in quotes if r == p.report] for p in o.case.points]
    return _mean(max(of_point, default=0) >= 0.6 for of_point in shares)


def values_told(o: Observation) -> float | None:
    """The share of values that the answer tells: of a ranking the first five, or the number."""
    # That there is none at all may be said in words.
    is_none = o.case.expected_values == (0,) and (o.answer.refused or not o.listed)
    return _mean(is_none or tells(o.answer.text, value) for value in o.case.expected_values)


def cited_sent(o: Observation) -> float | None:
    """The share of sentences, but for lists, headings and what ends in a colon, with a [n] mark.

    That it is not certain whether an answer answers is said of no report.
    """
    if o.answer.coverage.intent == "list":
        return None
    unsure = {translations_for(language).gettext(UNSURE) for language in languages()}
    parts = re.split(r"(?<=[.!?؟。])\s+|\n+", o.answer.text)
    long = [part for part in parts if len(re.findall(r"\w", part)) > FRAME_LETTERS]
    heads = {part for part in long if part.rstrip().endswith(":") or part[0] == "#"}
    sentences = [part for part in long if part not in heads | unsure]
    return _mean(bool(re.search(r"\[\d+\]", part)) for part in sentences)


def refusal_ok(o: Observation) -> float:
    """1 when exactly the unanswerable is refused (Rajpurkar et al. 2018, SQuAD 2.0)."""
    return float(o.answer.refused == (o.case.type == "unanswerable"))


def list_f1(o: Observation) -> float:
    """The harmonic mean of a list's precision and recall (van Rijsbergen 1979). Only for lists."""
    return 2 * len(o.listed & o.case.gold) / (len(o.listed) + len(o.case.gold))


# The observations that a metric can be limited to.
SCOPES: Mapping[str, Callable[[Observation], bool]] = {
    "all": lambda _: True,
    "searched": lambda o: o.case.searched,
    "answerable": lambda o: bool(o.case.gold),
    "answered": lambda o: bool(o.case.gold) and not o.answer.refused,
    "prose": lambda o: o.case.searched and not o.answer.refused,
    "precise": lambda o: (
        SCOPES["prose" if o.case.type not in NATURAL and not o.case.points else "searched"](o)
        and o.case.type not in OPEN
    ),
    "listing": lambda o: o.case.asks_for == "reports",
    "ranking": lambda o: o.case.asks_for == "ranking",
    "values": lambda o: o.case.asks_for == "values",
    "count": lambda o: o.case.asks_for == "count",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its function, the table of a report that shows it, which of `SCOPES` it is for."""

    function: Callable[..., float | None]
    table: str
    scope: str = "all"


METRICS: Mapping[str, Metric] = {
    **{f"rep@{k}": Metric(partial(rep_at, k=k), "Retrieval", "searched") for k in DEPTHS},
    **{f"ev@{k}": Metric(partial(ev_at, k=k), "Retrieval", "searched") for k in DEPTHS},
    "ev@4k": Metric(ev_in_budget, "Retrieval", "searched"),
    "quote_ok": Metric(quote_ok, "Answers"),
    "cite_prec": Metric(cite_prec, "Answers", "precise"),
    "cite_rec": Metric(cite_rec, "Answers", "prose"),
    "ev_cited": Metric(ev_cited, "Answers", "prose"),
    "facts": Metric(facts, "Answers", "answerable"),
    "cited_sent": Metric(cited_sent, "Answers", "answered"),
    "refused": Metric(lambda o: float(o.answer.refused), "Refusals"),
    "refusal_ok": Metric(refusal_ok, "Refusals"),
    "list_f1": Metric(list_f1, "Complete lists", "listing"),
    "list_exact": Metric(lambda o: float(o.listed == o.case.gold), "Complete lists", "listing"),
    # The reports of key points may be cited, cited or listed, or read.
    "points": Metric(lambda o: points_of(o, o.cited_reports), _NATURAL),
    "listed": Metric(lambda o: points_of(o, [*o.cited_reports, *o.listed]), _NATURAL),
    "points_ev": Metric(points_ev, _NATURAL),
    "read": Metric(lambda o: points_of(o, o.found(None)), _NATURAL),
    **{name: Metric(values_told, _NATURAL, name) for name in ("ranking", "values", "count")},
    **{name: Metric(lambda _: None, "Surveys") for name in SURVEYED},
}


def score(observation: Observation) -> dict[str, float]:
    """Every metric that applies, by name."""
    applying = {n: m for n, m in METRICS.items() if SCOPES[m.scope](observation)}
    values = {name: metric.function(observation) for name, metric in applying.items()}
    return {name: value for name, value in values.items() if value is not None}


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else None


def _share_of_gold(case: Case, reports: Iterable[str]) -> float:
    if case.type in MANY_REPORTS:
        return len(case.gold.intersection(reports)) / len(case.gold)
    return float(not case.accepted.isdisjoint(reports))


def _evidence_recall(case: Case, hits: Sequence[Hit]) -> float | None:
    texts = [hit.passage.text for hit in hits if hit.passage.report.id in case.accepted]
    return _mean(any(holds(t, item.quote) for t in texts) for item in case.evidence)


_FOLD = str.maketrans("‘’“”«»–—\u2011", '\'\'""""---', "\u200b\ufeff")


def holds(text: str, quote: str) -> bool:
    """Whether the text has the quote verbatim (folded) or nine tenths of its words.

    The looser rule is for passages, not whole reports: a text over 12 times as long as the
    quote (720 characters for short ones) has most words of anything.
    """
    folded, wanted = fold(text), fold(quote)
    if wanted in folded:
        return True
    return len(folded) < 12 * max(len(wanted), 60) and overlap(quote, text)[0] >= 0.9


def has_fact(text: str, fact: str) -> bool:
    """Whether the text has the fact ("a|b": either), or its numbers and longer words."""
    if "|" in fact:
        return any(has_fact(text, part) for part in fact.split("|") if part.strip())
    wanted, folded = _plain_numbers(fact), _plain_numbers(text)
    if wanted in folded:
        return True
    words = [w for w in re.findall(r"\w+", wanted) if len(w) > 2 or w.isdigit()]
    return bool(words) and set(words) <= set(re.findall(r"\w+", folded))


def tells(text: str, value: str | int) -> bool:
    """Whether the text has the value; a number as a whole number."""
    if isinstance(value, int):
        return bool(re.search(rf"(?<![\d.,]){value}(?!\d|[.,]\d)", _plain_numbers(text)))
    return fold(value) in fold(text)


def overlap(a: str, b: str) -> tuple[float, float]:
    """The words two texts share (as multisets), as a share of the first and of the second."""
    words_a, words_b = _words(a), _words(b)
    shared = (words_a & words_b).total()
    return shared / max(1, words_a.total()), shared / max(1, words_b.total())


@lru_cache(maxsize=512)
def fold(text: str) -> str:
    """The text with entities, typographic marks, white space and case made alike."""
    plain = unicodedata.normalize("NFKC", html.unescape(html.unescape(text)))
    return re.sub(r"\s+", " ", plain.translate(_FOLD)).strip().casefold()


@lru_cache(maxsize=512)
def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", fold(text)))


def _plain_numbers(text: str) -> str:
    grouped = re.sub(r"(?<=\d)[\s.,'](?=\d{3}\b)", "", fold(text))
    return grouped.replace(",", ".")
