"""Intervals and tests against numbers computed by hand."""

from __future__ import annotations

import pytest

from eval.stats import estimate, holm, proportion, randomisation_p


def test_estimate_is_the_mean_with_an_interval_around_it() -> None:
    half = estimate([0.0, 1.0] * 50)
    assert (half.mean, half.n) == (0.5, 100)
    # The standard error is 0.05, so the normal interval reaches from 0.402 to 0.598.
    assert (half.low, half.high) == pytest.approx((0.402, 0.598), abs=0.015)
    assert (estimate([0.3]).low, estimate([0.3]).high) == (0.3, 0.3)
    assert estimate([1.0, 0.0], [3, 1]).mean == 0.75


def test_a_proportion_has_wilsons_interval() -> None:
    nine, half = proportion(9, 9), proportion(5, 10)
    assert (nine.mean, nine.low, nine.high) == (1.0, pytest.approx(0.701, abs=0.001), 1.0)
    assert (half.low, half.high) == pytest.approx((0.237, 0.763), abs=0.001)


def test_randomisation_p_counts_sign_patterns() -> None:
    assert randomisation_p([1.0, 1.0, 1.0]) == 0.25  # two of eight patterns are as extreme
    assert randomisation_p([1.0, -1.0] * 20) > 0.9
    assert randomisation_p([1.0] * 40) == 1 / 10_001


def test_holm_corrects_by_rank_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
