"""What happens to hits between search and answer."""

from dataclasses import replace

from passages import hits, passage, report

from rag.models.tokens import count_tokens
from rag.retrieval.postprocess import fit_budget, fold_duplicates, interleave, spread
from rag.types import Hit

LONG = "The committee of the market met on Tuesday and counted all crates"
SAID = (
    "Shared pumps stood idle at noon since nobody knew whose hour it was, so the users painted a "
    "clock on the tank and named a keeper for every day of the dry season"
)


def texts(ranked: list[Hit]) -> list[str]:
    return [hit.passage.text for hit in ranked]


def copies(*members: tuple[str, str, int]) -> list[Hit]:
    """Nearly the same words in rank order, each by (report, country, year)."""
    return [
        Hit(passage(f"{LONG} {r}", report(r, country, year=year)), 1 / n)
        for n, (r, country, year) in enumerate(members, start=1)
    ]


def siblings(ranked: list[Hit]) -> list[tuple[str, list[str]]]:
    return [(hit.passage.report.id, [info.id for info in hit.siblings]) for hit in ranked]


def test_the_better_of_two_equal_passages_stands_for_both() -> None:
    folded = fold_duplicates(hits(LONG, "Other words", f"{LONG.upper()}!", SAID))
    assert texts(folded) == [LONG, "Other words", SAID, f"{LONG.upper()}!"]
    assert siblings(folded) == [("r1", ["r3"]), ("r2", []), ("r4", []), ("r3", [])]
    short = hits("Yes", "Yes", "No", "Yes", LONG.partition(" crates")[0])
    assert fold_duplicates([*short, *short[4:]]) == [*short, *short[4:]]


def test_an_answer_repeated_in_a_report_is_a_duplicate_and_a_changed_word_is_not() -> None:
    """Partners of one report often have the same description."""
    again = [Hit(passage(text, report("a")), 1.0) for text in (SAID, SAID.upper())]
    assert siblings(fold_duplicates([*again, *hits(LONG)])) == [("a", []), ("r1", []), ("a", [])]
    named = (f"{name} brings us together. {SAID}" for name in ("Kelp", "Tide"))
    partners = [Hit(passage(text, report("a")), 1.0) for text in named]
    others = [replace(hit, passage=replace(hit.passage, report=report("b"))) for hit in partners]
    assert fold_duplicates(partners) == partners
    folded = siblings(fold_duplicates([partners[0], *others]))
    assert folded == [("a", ["b"]), ("b", []), ("b", [])]


def test_copies_name_each_other_by_year_where_neither_countries_nor_years_are_compared() -> None:
    ranked = copies(("closing", "Peru", 2023), ("again", "Peru", 2022), ("plan", "Peru", 2021))
    folded = fold_duplicates([*ranked, Hit(passage("Other", report("other")), 0.1)])
    closing, *others = siblings(folded)
    assert closing == ("closing", ["plan", "again"])
    assert others == [("other", []), ("again", []), ("plan", [])]
    ranked = copies(("a", "Peru", 2021), ("b", "Togo", 2021))
    assert fold_duplicates(ranked) == ranked
    equal = [Hit(passage(LONG, report(name, name)), 1.0) for name in ("Peru", "Togo")]
    assert fold_duplicates(equal) == equal
    years = copies(("a", "Peru", 2021), ("b", "Peru", 2022), ("c", "Peru", 2021))
    folded = fold_duplicates(years, apart=["year"])
    assert siblings(folded) == [("a", ["c"]), ("b", []), ("c", [])]


def test_each_report_and_lab_gets_its_share_and_rankings_take_turns() -> None:
    one, two, three = report("one"), report("two"), report("three", "Togo", "TG")
    infos = [one, one, two, two, three, one]
    ranked = [Hit(passage(f"p{n}", info), 1.0) for n, info in enumerate(infos)]
    assert texts(spread(ranked, 1, 99)) == ["p0", "p2", "p4", "p1", "p3", "p5"]
    assert texts(spread(ranked, 2, 2)) == ["p0", "p1", "p4", "p2", "p3", "p5"]
    a, b, c, d = hits("a", "b", "c", "d")
    assert texts(interleave([[a, b], [c, a, d]])) == ["a", "c", "b", "d"]


def test_a_budget_keeps_whole_passages_from_the_head() -> None:
    ranked = hits(LONG, LONG + " again", LONG + " thrice")
    cost = sum(count_tokens(f"{h.passage.context}\n{h.passage.text}") + 20 for h in ranked)
    assert fit_budget(ranked, 9, cost) == ranked
    assert fit_budget(ranked, 9, cost - 1) == ranked[:2]
    assert fit_budget(ranked, 1, cost) == fit_budget(ranked, 9, 1) == ranked[:1]
