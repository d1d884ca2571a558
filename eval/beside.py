"""A run beside the baselines that were run with it: how much better or worse ours is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.compare import Difference, answered_pairs, differences
from eval.figures import ALL, aggregate, seen
from eval.run import BASELINES, OUTCOMES, Outcome, load_outcomes, load_record
from eval.stats import Estimate


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline reached over all its cases, and what ours has more, over the cases paired.

    `median_ms` is the median time of a whole answer, None where none was timed.
    """

    date: str
    answered_by: tuple[str, ...]
    paired: int
    figures: Mapping[str, Estimate]
    differences: tuple[Difference, ...]
    median_ms: float | None = None


def load_baselines(out: Path, ours: Sequence[Outcome]) -> dict[str, Baseline]:
    """The baselines that stand in the folder of a run, by name; none without a common case.

    Raises:
        InputError: a baseline's files are damaged.
    """
    found = {}
    for folder in sorted((out / BASELINES).glob("*")):
        if (folder / OUTCOMES).is_file():
            baseline = _baseline(folder, ours)
            if baseline.paired:
                found[folder.name] = baseline
    return found


def _baseline(folder: Path, ours: Sequence[Outcome]) -> Baseline:
    outcomes = load_outcomes(folder)
    pairs = answered_pairs(outcomes, ours)
    whole = aggregate(outcomes)[ALL]
    spent = whole.latency.get("total_ms")
    return Baseline(
        date=str(load_record(folder)["date"]),
        answered_by=tuple(seen(outcomes, "mode")),
        paired=len(pairs),
        figures=whole.metrics,
        differences=differences(pairs),
        median_ms=spent.p50 if spent else None,
    )
