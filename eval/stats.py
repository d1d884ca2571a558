"""Means with intervals, and the paired randomisation test.

Intervals of means are 95 % percentile bootstrap intervals over cases (Efron and Tibshirani 1993,
chapter 13), those of counts Wilson's (1927); differences are tested by paired randomisation
(Smucker, Allan and Carterette 2007), many at once with Holm's correction (1979). What is drawn by
chance is seeded: the same values always give the same numbers.
"""

from __future__ import annotations

import itertools
import math
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
# Sign patterns that are drawn at once; more take memory and no less time.
_BATCH = 500
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over n cases with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def estimate(values: Sequence[float], weights: Sequence[float] | None = None) -> Estimate:
    """The (weighted) mean of at least one value with its bootstrap interval.

    Weights make it a ratio of sums, resampled by case, so that what one case
    contributes stays together.
    """
    x: Floats = np.asarray(values, dtype=np.float64)
    w: Floats = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    drawn = np.random.default_rng(SEED).integers(len(x), size=(RESAMPLES, len(x)))
    means = (x * w)[drawn].sum(axis=1) / w[drawn].sum(axis=1)
    low, high = np.quantile(means, (LEVEL / 2, 1 - LEVEL / 2))
    return Estimate(float((x * w).sum() / w.sum()), float(low), float(high), len(x))


def randomisation_p(differences: Sequence[float]) -> float:
    """The two-sided p-value of a mean difference, were the sign of each a coin's toss.

    Exact for up to 12 differences, else from 10,000 tosses (counting the observed one).
    """
    d: Floats = np.asarray(differences, dtype=np.float64)
    observed = abs(d.sum()) - 1e-9
    if len(d) <= EXACT_UP_TO:
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(d))))
        return float((np.abs(signs @ d) >= observed).mean())
    rng = np.random.default_rng(SEED)
    extreme = 0
    for _ in range(SHUFFLES // _BATCH):
        signs = rng.integers(2, size=(_BATCH, len(d))) * 2 - 1
        extreme += int((np.abs(signs @ d) >= observed).sum())
    return (extreme + 1) / (SHUFFLES + 1)


def proportion(hits: int, n: int) -> Estimate:
    """The share of `hits` in at least one case, with Wilson's interval.

    It keeps a width where all or none are hits, which resampling can't show.
    """
    share, z2 = hits / n, _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach), n)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the same order.

    Those below 0.05 keep the chance of any false finding among all of them below 0.05.
    """
    corrected, least = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        least = max(least, min(1.0, (len(ps) - rank) * ps[i]))
        corrected[i] = least
    return corrected
