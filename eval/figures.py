"""The figures of a run: means with intervals and latencies, by type of question and language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval.cases import CASE_TYPES, ONE_REPORT
from eval.metrics import METRICS
from eval.run import Outcome
from eval.stats import Estimate, estimate, proportion

LATENCIES = ("plan_ms", "retrieve_ms", "answer_ms", "first_ms", "total_ms")
ALL = "all"
# The figures that readers are shown first; each is named in words in `eval.report.labels`.
MAIN = ("rep@10", "ev@4k", "quote_ok", "cite_prec", "facts", "refusal_ok", "list_exact")
_BINS = 16
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds over n cases; each is a measured value, none interpolated."""

    p50: float
    p95: float
    n: int

    def __str__(self) -> str:
        return f"{self.p50:.0f} / {self.p95:.0f}"


# What a run used of a chat model: tokens and dollars, from the records of its answers.


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


def seen(outcomes: Sequence[Outcome], field: str) -> list[str]:
    """The values that a field of the answers has."""
    return sorted({str(o.answer[field]) for o in outcomes if o.answer and o.answer.get(field)})


def histogram(outcomes: Sequence[Outcome]) -> Histogram | None:
    """How long whole answers took; None where none was timed."""
    times = [o.timings["total_ms"] for o in answered(outcomes) if "total_ms" in o.timings]
    if not times:
        return None
    # Few slow answers must not press all others into one bar.
    reach = float(np.quantile(times, 0.95)) * 1.25
    step = next((one for one in _STEPS if one * _BINS > reach), _STEPS[-1])
    counts = [0] * min(_BINS, int(reach // step) + 1)
    for time in times:
        counts[min(int(time // step), len(counts) - 1)] += 1
    return Histogram(step, tuple(counts))


def _group(outcomes: Sequence[Outcome]) -> Group:
    good = answered(outcomes)
    metrics, latency = {}, {}
    for metric in METRICS:
        scored = [o for o in good if metric in o.scores]
        if scored:
            # A quote is checked by itself, whichever answer it stands in.
            weights = [_citations(o) for o in scored] if metric == "quote_ok" else None
            metrics[metric] = estimate([o.scores[metric] for o in scored], weights)
    metrics |= whole_run(good)
    for name in LATENCIES:
        values = [o.timings[name] for o in good if name in o.timings]
        if values:
            p50, p95 = np.quantile(values, (0.5, 0.95), method="lower")
            latency[name] = Latency(float(p50), float(p95), len(values))
    return Group(len(good), len(outcomes) - len(good), metrics, latency, usage(good))


def _citations(outcome: Outcome) -> int:
    return len(outcome.answer["citations"]) if outcome.answer else 0


# Metrics of a whole run: what no single case has.


WHOLE = ("refusal_p", "refusal_r")


def whole_run(outcomes: Sequence[Outcome]) -> dict[str, Estimate]:
    """The metrics of `WHOLE` that apply to answered outcomes, by name.

    None where all are answerable, or all are not: then it says nothing who refuses what.
    """
    if len({o.case.type == "unanswerable" for o in outcomes}) < 2:
        return {}
    values = {"refusal_p": refusal_p(outcomes), "refusal_r": refusal_r(outcomes)}
    return {name: estimate(found) for name, found in values.items() if found}


def refusal_p(outcomes: Sequence[Outcome]) -> list[float]:
    """Refusal precision, of each refused case whether it is unanswerable; the mean is the share.

    Source: precision and recall (van Rijsbergen 1979) of telling the unanswerable, the task of
    SQuAD 2.0 (Rajpurkar et al. 2018). Nothing where none was refused.
    """
    return [float(o.case.type == "unanswerable") for o in outcomes if o.scores.get("refused")]


def refusal_r(outcomes: Sequence[Outcome]) -> list[float]:
    """Refusal recall, of each unanswerable case whether it was refused; the mean is the share."""
    asked = [o for o in outcomes if o.case.type == "unanswerable"]
    return [o.scores["refused"] for o in asked if "refused" in o.scores]


def usage(outcomes: Sequence[Outcome]) -> Usage:
    """What the answers of outcomes used; nothing where no model wrote."""
    answers = [o.answer for o in outcomes if o.answer and _model_run(o.answer).get("model")]
    costs = [_model_run(answer).get("cost_usd") for answer in answers]
    known = [float(cost) for cost in costs if cost is not None]
    return Usage(
        written=len(answers),
        prompt=sum(answer["tokens"]["prompt"] for answer in answers),
        completion=sum(answer["tokens"]["completion"] for answer in answers),
        cost_usd=sum(known) if known else None,
        priced=len(known),
    )


def usage_line(used: Usage) -> str:
    """The usage as a sentence; "" where no model wrote."""
    if not used.written:
        return ""
    tokens = f"{used.prompt:,} tokens of prompts and {used.completion:,} of completions"
    cost = "cost unknown"
    if used.cost_usd is not None:
        some = "" if used.priced == used.written else f" for {used.priced} of them"
        cost = f"${used.cost_usd:.4f} at list prices{some}"
    return f"{used.written} answers written by a model: {tokens}, {cost}"


def _model_run(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.get("detail", {}).get("run") or {}
    return found


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of the headline: `hits` of n cases, or a mean over n where `hits` is None."""

    name: str
    share: Estimate
    hits: int | None = None


def claims(outcomes: Sequence[Outcome]) -> tuple[Claim, ...]:
    """What the cases that didn't fail show; a claim without a case is left out."""
    good = answered(outcomes)
    told = [o.scores["facts"] for o in good if "facts" in o.scores]
    found = [
        _count("found", _perfect("rep@10", [o for o in good if o.case.type in ONE_REPORT])),
        _count("wrong", [_wrong(o) for o in good if _answers(o)]),
        Claim("facts", estimate(told)) if told else None,
        _count("quotes", _perfect("quote_ok", good)),
        _count("refused", [o.scores.get("refused") == 1 for o in good if not o.case.gold]),
        _count("refused_wrongly", [o.scores.get("refused") == 1 for o in good if o.case.gold]),
        _count("lists", _perfect("list_exact", good)),
    ]
    return tuple(claim for claim in found if claim)


def _count(name: str, hits: Sequence[bool]) -> Claim | None:
    return Claim(name, proportion(sum(hits), len(hits)), sum(hits)) if hits else None


def _perfect(metric: str, outcomes: Sequence[Outcome]) -> list[bool]:
    return [o.scores[metric] == 1 for o in outcomes if metric in o.scores]


def _answers(outcome: Outcome) -> bool:
    """Whether it is an answer that can be wrong: no refusal, and no list, which has its own."""
    known = not outcome.case.gold or "cite_rec" in outcome.scores
    return outcome.scores.get("refused") == 0 and outcome.case.type != "listing" and known


def _wrong(outcome: Outcome) -> bool:
    return not outcome.case.gold or outcome.scores["cite_rec"] == 0
