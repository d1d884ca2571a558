"""What happens to hits between search and answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from passages import hits, passage, report

from rag.models.tokens import count_tokens
from rag.retrieval.postprocess import (
    fit_budget,
    fold_duplicates,
    interleave,
    spread,
)
from rag.types import Hit

LONG = "The committee of the market met on Tuesday and counted all crates"


def texts(found: list[Hit]) -> list[str]:
    return [hit.passage.text for hit in found]


def family(*given: tuple[str, str, int], name: str = "f") -> list[Hit]:
    """Hits of one family in rank order, each by (report, country, year)."""
    return [
        Hit(passage(f"{LONG} {r}", report(r, country, year=year), family=name), 1 / n)
        for n, (r, country, year) in enumerate(given, start=1)
    ]


def told(found: list[Hit]) -> list[tuple[str, list[str]]]:
    return [(hit.passage.report.id, [info.id for info in hit.siblings]) for hit in found]


def test_the_better_of_two_equal_passages_stands_for_both() -> None:
    found = fold_duplicates(hits(LONG, "Other words", f"{LONG.upper()}!", LONG + " twice"))
    assert texts(found) == [LONG, "Other words", LONG + " twice", f"{LONG.upper()}!"]
    assert told(found) == [("r1", ["r3"]), ("r2", []), ("r4", []), ("r3", [])]


def test_short_answers_are_not_duplicates() -> None:
    found = hits("Yes", "Yes", "No", "Yes")
    assert fold_duplicates(found) == found


def test_the_best_of_a_family_names_the_others_by_year() -> None:
    found = family(("closing", "Peru", 2023), ("again", "Peru", 2022), ("plan", "Peru", 2021))
    other = Hit(passage("Other", report("other")), 0.1)
    folded = fold_duplicates([*found, other])
    assert told(folded) == [
        ("closing", ["plan", "again"]),
        ("other", []),
        ("again", []),
        ("plan", []),
    ]
    assert [info.year for info in folded[0].siblings] == [2021, 2022]


def test_what_a_report_says_twice_has_no_siblings() -> None:
    assert told(fold_duplicates(family(("a", "Peru", 2021), ("a", "Peru", 2021)))) == [
        ("a", []),
        ("a", []),
    ]


def test_another_country_is_never_folded() -> None:
    found = family(("a", "Peru", 2021), ("b", "Togo", 2021))
    assert fold_duplicates(found) == found
    equal = [Hit(passage(LONG, report(name, name)), 1.0) for name in ("Peru", "Togo")]
    assert fold_duplicates(equal) == equal


def test_years_that_are_compared_stay_apart() -> None:
    found = family(("a", "Peru", 2021), ("b", "Peru", 2022), ("c", "Peru", 2021))
    assert told(fold_duplicates(found, apart=["year"])) == [("a", ["c"]), ("b", []), ("c", [])]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["Peru", "Togo"])), max_size=12))
def test_folding_keeps_all_hits_and_can_be_done_again(given_: list[tuple[str, str]]) -> None:
    found = [
        Hit(passage(f"p{n}", report(f"r{n % 4}", country), family=name), 1 / (n + 1))
        for n, (name, country) in enumerate(given_)
    ]
    folded = fold_duplicates(found)
    assert sorted(texts(folded)) == sorted(texts(found))
    assert fold_duplicates(folded) == folded
    kept = {(h.passage.family, h.passage.report.lab) for h in found}
    assert len({(h.passage.family, h.passage.report.lab) for h in folded[: len(kept)]}) == len(kept)


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
