"""The figures of a run: means with intervals and latencies, by type of question and language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.cases import CASE_TYPES
from eval.metrics import METRICS
from eval.run import Outcome
from eval.stats import Estimate, estimate
from eval.usage import Usage, usage
from eval.whole import whole_run

LATENCIES = ("plan_ms", "retrieve_ms", "answer_ms", "first_ms", "total_ms")
ALL = "all"
# The figures that readers are shown first; each is named in words in `eval.phrases`.
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
