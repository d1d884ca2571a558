"""The figures of a run: means with intervals, latencies, usage and the headline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.cases import CASE_TYPES, ONE_REPORT
from eval.metrics import METRICS
from eval.run import Outcome
from eval.stats import Estimate, estimate, proportion

LATENCIES = ("plan_ms", "retrieve_ms", "answer_ms", "first_ms", "total_ms")
ALL = "all"
# Metrics of a run, which no single case has; shown with the refusals.
RUN_METRICS = ("refusal_p", "refusal_r")
# The figures that readers are shown first; `eval.report.labels` puts each in words.
MAIN = ("rep@10", "ev@4k", "quote_ok", "cite_prec", "facts", "refusal_ok", "list_exact")
_BINS = 16
_BIN_WIDTHS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds over n cases; each is a measured value, none interpolated."""

    p50: float
    p95: float
    n: int

    def __str__(self) -> str:
        return f"{self.p50:.0f} / {self.p95:.0f}"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of prompts and completions over the answers that a model wrote (`written`).

    `cost_usd` is what they cost at list prices; None where no answer's price is known. `priced`
    counts the answers whose price is.
    """

    written: int = 0
    prompt: int = 0
    completion: int = 0
    cost_usd: float | None = None
    priced: int = 0

    def __str__(self) -> str:
        """The usage as a sentence; "" where no model wrote."""
        if not self.written:
            return ""
        tokens = f"{self.prompt:,} tokens of prompts and {self.completion:,} of completions"
        cost = "cost unknown"
        if self.cost_usd is not None:
            some = "" if self.priced == self.written else f" for {self.priced} of them"
            cost = f"${self.cost_usd:.4f} at list prices{some}"
        return f"{self.written} answers written by a model: {tokens}, {cost}"


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of the cases of one type: n answered, and `errors` that failed.

    `usage` is what they used of a chat model.
    """

    n: int
    errors: int
    metrics: Mapping[str, Estimate]
    latency: Mapping[str, Latency]
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many answers took how long: counts by `step` milliseconds from 0, the last one open."""

    step: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence of the headline: `hits` of n cases, or a mean over n where `hits` is None."""

    name: str
    share: Estimate
    hits: int | None = None


def aggregate(outcomes: Sequence[Outcome]) -> dict[str, Group]:
    """The figures by type, one-report cases not in English apart ("crosslingual"), and of all."""
    groups = {
        name: _group([o for o in outcomes if name in (o.case.group, ALL)])
        for name in (*CASE_TYPES, "crosslingual", ALL)
    }
    return {name: group for name, group in groups.items() if group.n or group.errors}


def by_language(outcomes: Sequence[Outcome]) -> dict[str, Group]:
    """The figures by the language of the question, that of most cases first."""
    codes = [o.case.lang for o in outcomes]
    order = sorted(set(codes), key=lambda code: (-codes.count(code), code))
    return {code: _group([o for o in outcomes if o.case.lang == code]) for code in order}


def answered(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that didn't fail."""
    return [o for o in outcomes if not o.error]


def values_of(outcomes: Sequence[Outcome], name: str) -> list[str]:
    """The values that a field of the answers has, sorted."""
    return sorted({str(o.answer[name]) for o in outcomes if o.answer and o.answer.get(name)})


def histogram(outcomes: Sequence[Outcome]) -> Histogram | None:
    """How long whole answers took; None where none was timed."""
    times = [o.timings["total_ms"] for o in answered(outcomes) if "total_ms" in o.timings]
    if not times:
        return None
    # Few slow answers must not press all others into one bar.
    reach = float(np.quantile(times, 0.95)) * 1.25
    step = next((width for width in _BIN_WIDTHS_MS if width * _BINS > reach), _BIN_WIDTHS_MS[-1])
    counts = [0] * min(_BINS, int(reach // step) + 1)
    for time in times:
        counts[min(int(time // step), len(counts) - 1)] += 1
    return Histogram(step, tuple(counts))


def _group(outcomes: Sequence[Outcome]) -> Group:
    good = answered(outcomes)
    metrics, latency = {}, {}
    for name in METRICS:
        if scored := [o for o in good if name in o.scores]:
            # A quote is checked by itself, whichever answer it stands in.
            weights = [_citations(o) for o in scored] if name == "quote_ok" else None
            metrics[name] = estimate([o.scores[name] for o in scored], weights)
    for name in LATENCIES:
        if values := [o.timings[name] for o in good if name in o.timings]:
            p50, p95 = np.quantile(values, (0.5, 0.95), method="lower")
            latency[name] = Latency(float(p50), float(p95), len(values))
    errors = len(outcomes) - len(good)
    return Group(len(good), errors, metrics | run_figures(good), latency, usage(good))


def _citations(outcome: Outcome) -> int:
    return len(outcome.answer["citations"]) if outcome.answer else 0


def run_figures(outcomes: Sequence[Outcome]) -> dict[str, Estimate]:
    """Refusal precision and recall over answered outcomes, by the names of `RUN_METRICS`.

    None where all are answerable, or all are not: then it says nothing who refuses what. Source:
    precision and recall (van Rijsbergen 1979) of telling the unanswerable, the task of SQuAD 2.0
    (Rajpurkar et al. 2018).
    """
    unanswerable = [o for o in outcomes if o.case.type == "unanswerable"]
    if len(unanswerable) in (0, len(outcomes)):
        return {}
    shares = {
        "refusal_p": [float(o in unanswerable) for o in outcomes if o.scores.get("refused")],
        "refusal_r": [o.scores["refused"] for o in unanswerable if "refused" in o.scores],
    }
    return {name: estimate(values) for name, values in shares.items() if values}


def usage(outcomes: Sequence[Outcome]) -> Usage:
    """What the answers of outcomes used; nothing where no model wrote."""
    records = [
        (o.answer, o.answer.get("detail", {}).get("run") or {}) for o in outcomes if o.answer
    ]
    written = [(answer, record) for answer, record in records if record.get("model")]
    costs = [r["cost_usd"] for _, r in written if r.get("cost_usd") is not None]
    return Usage(
        written=len(written),
        prompt=sum(answer["tokens"]["prompt"] for answer, _ in written),
        completion=sum(answer["tokens"]["completion"] for answer, _ in written),
        cost_usd=float(sum(costs)) if costs else None,
        priced=len(costs),
    )


def headlines(outcomes: Sequence[Outcome]) -> tuple[Headline, ...]:
    """How often a run was right, refused and wrong, over the cases that didn't fail.

    A headline without a case is left out.
    """
    good = answered(outcomes)
    facts = [o.scores["facts"] for o in good if "facts" in o.scores]
    found = [
        _count("found", _is_one("rep@10", [o for o in good if o.case.type in ONE_REPORT])),
        _count("wrong", [_is_wrong(o) for o in good if _can_be_wrong(o)]),
        Headline("facts", estimate(facts)) if facts else None,
        _count("quotes", _is_one("quote_ok", good)),
        _count("refused", [o.scores.get("refused") == 1 for o in good if not o.case.gold]),
        _count("refused_wrongly", [o.scores.get("refused") == 1 for o in good if o.case.gold]),
        _count("lists", _is_one("list_exact", good)),
    ]
    return tuple(headline for headline in found if headline)


def _count(name: str, hits: Sequence[bool]) -> Headline | None:
    return Headline(name, proportion(sum(hits), len(hits)), sum(hits)) if hits else None


def _is_one(metric: str, outcomes: Sequence[Outcome]) -> list[bool]:
    return [o.scores[metric] == 1 for o in outcomes if metric in o.scores]


def _can_be_wrong(outcome: Outcome) -> bool:
    """Whether it is an answer that can be wrong: no refusal, and no list, which has its own."""
    known = not outcome.case.gold or "cite_rec" in outcome.scores
    return outcome.scores.get("refused") == 0 and outcome.case.type != "listing" and known


def _is_wrong(outcome: Outcome) -> bool:
    return not outcome.case.gold or outcome.scores["cite_rec"] == 0
