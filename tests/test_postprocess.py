"""What happens to hits between search and answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from passages import hits, passage, report

from rag.postprocess import fit_budget, fold_duplicates, interleave, spread
from rag.tokens import count_tokens
from rag.types import Hit

LONG = "The committee of the market met on Tuesday and counted all crates"


def texts(found: list[Hit]) -> list[str]:
    return [hit.passage.text for hit in found]


def test_the_better_of_two_equal_passages_stands_for_both() -> None:
    found = fold_duplicates(hits(LONG, "Other words", f"{LONG.upper()}!", LONG + " twice"))
    assert texts(found) == [LONG, "Other words", LONG + " twice"]


def test_short_answers_are_not_duplicates() -> None:
    assert texts(fold_duplicates(hits("Yes", "Yes"))) == ["Yes", "Yes"]


def test_each_report_and_lab_gets_its_share_and_nothing_is_lost() -> None:
    one, two, three = report("one"), report("two"), report("three", "Togo", "TG")
    found = [
        Hit(passage(f"p{n}", info), 1.0) for n, info in enumerate([one, one, two, two, three, one])
    ]
    assert texts(spread(found, 1, 99)) == ["p0", "p2", "p4", "p1", "p3", "p5"]
    assert texts(spread(found, 2, 2)) == ["p0", "p1", "p4", "p2", "p3", "p5"]
    assert texts(spread(found, 9, 9)) == ["p0", "p1", "p2", "p3", "p4", "p5"]


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 3), st.integers(1, 3))
def test_spreading_keeps_all_hits(of_report: list[int], per_report: int, per_lab: int) -> None:
    found = [Hit(passage(f"p{n}", report(f"r{r}")), 1.0) for n, r in enumerate(of_report)]
    assert sorted(texts(spread(found, per_report, per_lab))) == sorted(texts(found))


def test_rankings_take_turns_and_share_no_passage() -> None:
    a, b, c, d = hits("a", "b", "c", "d")
    assert texts(interleave([[a, b], [c, a, d]])) == ["a", "c", "b", "d"]
    assert interleave([]) == []


def test_a_budget_keeps_whole_passages_from_the_head() -> None:
    found = hits(LONG, LONG + " again", LONG + " thrice")
    cost = [count_tokens(f"{h.passage.context}\n{h.passage.text}") + 20 for h in found]
    assert fit_budget(found, 9, sum(cost)) == found
    assert fit_budget(found, 9, sum(cost) - 1) == found[:2]
    assert fit_budget(found, 1, sum(cost)) == found[:1]
    assert fit_budget(found, 9, 1) == found[:1]
    assert fit_budget([], 9, 100) == []
