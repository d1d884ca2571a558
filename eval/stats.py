"""Means with bootstrap intervals, and the paired randomisation test.

Intervals are 95 % percentile bootstrap intervals over cases (Efron and Tibshirani 1993, chapter
13); differences are tested by paired randomisation (Smucker, Allan and Carterette 2007). Both
are seeded: the same values always give the same numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEED = 0
RESAMPLES = 2000
SHUFFLES = 10_000
# Up to this many differences every one of the 2**n sign patterns is tried.
EXACT_UP_TO = 12
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over n cases with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


def estimate(values: Sequence[float], weights: Sequence[float] | None = None) -> Estimate:
    """The (weighted) mean of at least one value with its bootstrap interval.

    Weights make it a ratio of sums, resampled by case, so that what one case
    contributes stays together.
    """
    x: Floats = np.asarray(values, dtype=np.float64)
    w: Floats = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    picks = np.random.default_rng(SEED).integers(len(x), size=(RESAMPLES, len(x)))
    means = (x * w)[picks].sum(axis=1) / w[picks].sum(axis=1)
    low, high = np.quantile(means, (LEVEL / 2, 1 - LEVEL / 2))
    return Estimate(float((x * w).sum() / w.sum()), float(low), float(high), len(x))


def randomisation_p(differences: Sequence[float]) -> float:
    """The two-sided p-value of a mean difference, were the sign of each a coin's toss.

    Exact for up to 12 differences, else from 10,000 tosses (counting the observed one).
    """
    d: Floats = np.asarray(differences, dtype=np.float64)
    seen = abs(d.sum()) - 1e-9
    if len(d) <= EXACT_UP_TO:
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(d))))
        return float((np.abs(signs @ d) >= seen).mean())
    rng = np.random.default_rng(SEED)
    tosses = (rng.integers(2, size=len(d)) * 2 - 1 for _ in range(SHUFFLES))
    extreme = sum(bool(abs(toss @ d) >= seen) for toss in tosses)
    return (extreme + 1) / (SHUFFLES + 1)
