"""nDCG against numbers computed by hand: a place counts 1, 0.631, 0.5, 0.431 ..."""

from __future__ import annotations

from math import log2

import pytest

from eval.metrics import ev_ndcg, ndcg
from tests.eval.test_metrics import case, hits

SECOND, THIRD = 1 / log2(3), 1 / log2(4)


def test_reports_are_ranked_by_their_first_passage_and_counted_once() -> None:
    assert ndcg(case(), hits("x", "x", "x", "a", "a")) == pytest.approx(SECOND)
    assert ndcg(case(), hits("a", "x")) == 1.0
    assert ndcg(case(), hits("x")) == 0.0
    assert ndcg(case(), ()) == 0.0


def test_one_report_cases_want_one_accepted_report() -> None:
    two = case("single", ("a", "b"), alt=("c",))
    assert ndcg(two, hits("x", "c", "a", "b")) == pytest.approx(SECOND)
    assert ndcg(two, hits("b")) == 1.0


def test_cases_of_many_reports_want_all_and_alternatives_take_no_place() -> None:
    wide = case("cross", ("a", "b"), alt=("c",))
    ideal = 1 + SECOND
    assert ndcg(wide, hits("a", "x", "b")) == pytest.approx((1 + THIRD) / ideal)
    assert ndcg(wide, hits("c", "a", "c", "b")) == 1.0
    assert ndcg(wide, hits("c")) == 0.0


def test_what_stands_behind_the_tenth_report_does_not_count() -> None:
    assert ndcg(case(), hits(*"bcdefghijk", "a")) == 0.0
    ten = case("cross", tuple("abcdefghijklmnop"))
    assert ndcg(ten, hits(*"abcdefghij")) == 1.0


def test_each_gold_quote_is_gained_where_it_stands_first() -> None:
    two = case(quotes=(("a", "twelve boats"), ("a", "one beacon")))
    again = hits(("a", "twelve boats"), ("a", "twelve boats"), ("a", "one beacon"))
    assert ev_ndcg(two, again) == pytest.approx((1 + THIRD) / (1 + SECOND))
    assert ev_ndcg(two, hits(("a", "twelve boats"), ("a", "one beacon"))) == 1.0
    assert ev_ndcg(two, hits(("a", "twelve boats and one beacon"))) == 1.0
    assert ev_ndcg(two, hits(("x", "twelve boats"))) == 0.0


def test_ndcg_does_not_apply_to_lists_the_unanswerable_and_without_evidence() -> None:
    assert ndcg(case("listing"), hits("a")) is None
    assert ndcg(case("unanswerable", ()), hits("a")) is None
    assert ev_ndcg(case(), hits("a")) is None
