"""Complete lists: what they count, what they only mention, and what to do where none is left."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fake_engine import report

from rag.answer.lists import list_draft, mentions
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import CatalogQuery, Filters
from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.i18n.translations import ENGLISH
from rag.index.local import current_snapshot
from rag.models.prompts import is_refusal
from rag.query.entities import is_named
from rag.types import Answer, Plan
from ui.web.answer import render_conversation
from ui.web.handlers import Exchange

FACTS = {"cost": ("High",), "sample_size": ("Small",)}
CATALOG = Catalog([*(report(i) for i in range(12)), report(12, year=2031, facts=FACTS)])
TOGO, COSTLY = Filters(country=("Togo",)), Filters(fact=("cost: High",))


def listed(
    filters: Filters = Filters(), catalog: Catalog = CATALOG, raw: str = "", **more: Any
) -> Answer:
    query = CatalogQuery(filters, **more)
    plan = Plan("?", "?", "en", "list", query.filters, query=query)
    return list_draft(plan, catalog, lambda ids: dict.fromkeys(ids, raw), ())


def head(filters: Filters = Filters(), **more: Any) -> str:
    return listed(filters, **more).text.split("\n")[0]


def none_left(language: str = "en", **filters: Any) -> str:
    plan = Plan("?", "?", language, "list", Filters(**filters))
    draft = list_draft(plan, CATALOG, lambda _: {}, ())
    assert draft.refused
    assert is_refusal(draft.text)
    return draft.text


def test_the_filter_to_give_up_is_named_with_what_is_left() -> None:
    both = {"country": ("Togo",), "year": (2031,)}
    assert none_left(**both).endswith(
        "No report passes these filters (country: Togo; year: 2031). "
        "Without “year: 2031”: 4 reports; without “country: Togo”: 1 report."
    )
    assert none_left("ar", **both).endswith("بدون “البلد: توغو”: تقرير واحد.")
    facts = ("cost: High", "sample_size: Huge")
    assert none_left(fact=facts).endswith(" Without “sample size: Huge”: 1 report.")
    # One filter alone has no way out, and giving up one of three is not enough.
    assert none_left(year=(1990, 1991)).endswith("filters (year: 1990 / 1991).")
    three = none_left(country=("Fiji",), year=(1990,), theme=("Markets",))
    assert three.endswith("theme: Markets).")


def test_years_of_a_tag_have_its_share_of_reports_that_have_such_tags() -> None:
    known = [
        report(100 * y + n, year=2020 + y, methods=("Foresight",) if n < 3 * y else ("Maps",))
        for y in range(1, 5)
        for n in range(14)
    ]
    catalog = Catalog([*known, *(report(n, year=2021, methods=()) for n in range(9))])
    made = listed(Filters(method=("Foresight",)), catalog, group_by="year")
    _, *rows, shares = made.text.split("\n")
    assert rows == [f"- {2020 + n}: {3 * n} reports ({3 * n / 14:.0%})" for n in range(1, 5)]
    assert shares == "Shares are of the reports that have such tags."


def test_counts_and_shares_say_of_how_many_and_how_many_of_each_kind() -> None:
    assert head(TOGO, form="count") == "4 reports of 1 lab (country: Togo): plan: 2; closing: 2"
    assert head(TOGO, group_by="year").endswith("; plan: 2; closing: 2")
    both = Filters(country=("Togo", "Peru"))
    assert "(country: Togo (4) / Peru (" in head(both, form="count")
    # A share is one of all reports.
    kinds = "plan: 2; closing: 2"
    assert head(TOGO, form="share").endswith(f", 31% of 13 reports: {kinds}")
    by_labs = replace(TOGO, author=("lab",))
    assert head(by_labs, form="share").endswith(f", 33% of 3 labs: {kinds}")
    # A share of tags is one of the year's reports.
    assert head(replace(COSTLY, year=(2031,)), form="share").endswith(", 100% of 1 report:")


def test_a_number_says_of_how_many_and_who_lacks_the_tag() -> None:
    # Of how many that is, and how many have no such tag at all.
    assert head(replace(COSTLY, kind=("plan",)), form="count") == (
        "1 of 7 reports, 1 lab (kind: plan; cost: High); 6 of 7 reports have no cost tag:"
    )
    plans = Filters(kind=("plan",), author=("lab",), theme=("Markets",))
    assert head(plans) == "3 labs, 4 of 7 reports (kind: plan; theme: Markets):"
    # Without another choice that is of all reports; without a kind each is told.
    bare = "12 of 13 reports have no cost tag (plan: 6; closing: 6)"
    assert head(COSTLY) == f"1 report of 1 lab (cost: High); {bare}:"
    by_year = head(COSTLY, group_by="year")
    assert by_year == f"Year: 1 in 1 report of 1 lab (cost: High); {bare}"
    both = Filters(kind=("plan", "closing"))
    assert head(both, excluded=COSTLY, form="share") == (
        "12 reports of 3 labs (kind: plan / closing; without cost: High), 92% of 13 reports: "
        "plan: 6; closing: 6"
    )
    assert head(replace(COSTLY, kind=("closing",)), form="count") == (
        "No report passes these filters (kind: closing; cost: High). 6 of 6 reports have no "
        "cost tag. Without “cost: High”: 6 reports; without “kind: closing”: 1 report."
    )


def test_a_table_says_what_was_counted_in_which_order_and_what_has_no_tag() -> None:
    coverage = listed(group_by="year").coverage
    assert sum(number for _, number in coverage.table) == len(CATALOG.reports)
    assert coverage.grouped_by == "year"
    assert [*coverage.table] == sorted(coverage.table)
    first, *rows = listed(group_by="country", limit=1).text.split("\n")
    assert first == "Country: 3 in 13 reports of 3 labs"
    assert len(rows) == 2
    assert rows[-1].startswith("and ")
    # Of those that have as many reports none is left out.
    draft = listed(group_by="country", limit=2)
    assert [number for _, number in draft.coverage.table][1:] == [4, 4]
    assert draft.text.count("\n- ") == 3
    assert draft.text.endswith("Those with the same number of reports share a place.")
    assert "12 reports have no such tag" in head(group_by="cost")
    # Years are in order unless they are to be ranked.
    numbers = [n for _, n in listed(group_by="year", ranked=True).coverage.table]
    assert numbers == sorted(numbers, reverse=True)


def test_the_rows_of_a_table_are_split() -> None:
    draft = listed(group_by="year", split="country", limit=1)
    assert draft.coverage.split == "country"
    assert all(len(cell.split("; ")) == 1 for cell in draft.coverage.cells)
    assert len(draft.coverage.cells) == len(draft.coverage.table)
    [(year, number), *others], _ = CATALOG.table(CatalogQuery(group_by="year"))
    assert draft.coverage.table == ((year, number), *others)
    first = draft.text.split("\n")[1]
    assert first.startswith(f"- {year}: {number} reports (")
    assert " … (+" in first
    # What is told of a kind is told of each row, of which a limit tells how many.
    by_kind = listed(group_by="country", split="kind", limit=1)
    assert len(by_kind.coverage.table) < len(CATALOG.table(CatalogQuery(group_by="country"))[0])
    assert "plan: " in by_kind.text
    # A year whose reports have no such tag has nothing to split by.
    rows = listed(group_by="year", split="cost").text.split("\n")[1:]
    assert [row for row in rows if "(" in row] == ["- 2031: 1 report (High: 1)"]


def test_values_with_too_few_or_too_many_are_left_out_and_that_is_said() -> None:
    # Peru has five, the other two labs have four each.
    first, row = listed(group_by="country", having=(5, 0)).text.split("\n")
    assert "Reports ≥ 5" in first
    assert row.startswith("- Peru: 5 reports")
    none = listed(group_by="country", split="year", having=(1, 1))
    assert none.text == "Country: 0 in 13 reports of 3 labs; Year = 1"


def test_those_that_lack_something_are_listed() -> None:
    wanted: dict[str, Any] = {"group_by": "country", "lacking": True}
    late = Filters(year=(2031,))
    draft = listed(excluded=late, **wanted)
    assert draft.text.split("\n")[0].endswith("(none of whose reports has year: 2031)")
    assert {name for name, _ in draft.coverage.table} == {"Togo", "Viet Nam"}
    # Of the same places, whatever else is asked of them.
    inside = Filters(country=("Togo",), theme=("Markets",))
    assert listed(inside, excluded=late, **wanted).coverage.table == (("Togo", 1),)
    none = listed(excluded=Filters(method=("Prototyping",)), **wanted)
    assert none.text == "There is none (none of whose reports has method: Prototyping)."
    assert not none.refused


def test_whether_there_is_any_is_answered_and_values_are_left_out_or_all_wanted() -> None:
    some, none = (listed(Filters(year=(year,)), form="exists") for year in (2031, 1990))
    assert some.text.startswith("Yes: 1 report")
    assert none.text.startswith("No report passes")
    assert [some.refused, none.refused] == [False, False]
    one, two = Filters(year=(2021,)), Filters(year=(2021, 2022))
    assert CATALOG.ids(one)
    assert {*listed(excluded=one).coverage.reports} == {*CATALOG.reports} - CATALOG.ids(one)
    assert listed(two, every=("year",), form="count").coverage.reports == ()


def test_the_values_of_one_report_are_cited_by_their_tags() -> None:
    raw = "# Boxes\n\n[[sample_size:Small]]\n"
    draft = listed(Filters(year=(2031,)), raw=raw, group_by="sample_size")
    assert draft.text == "Sample size: Small [1]"
    assert [citation.quote for citation in draft.citations] == ["[[sample_size:Small]]"]


def test_a_mention_stands_in_the_text_and_in_no_tag(sample_index: Path) -> None:
    snapshot = current_snapshot(sample_index, {})
    for name, _ in snapshot.catalog.counts("method"):
        filters = Filters(method=(name,))
        found = mentions(snapshot, filters)
        reports = {hit.passage.report.id for hit in found}
        assert not snapshot.catalog.ids(filters) & reports
        assert len(reports) == len(found)
        spellings = snapshot.catalog.expanded(filters).method
        for hit in found:
            assert any(is_named(value, hit.passage.text) for value in spellings)
    # Other filters narrow them, too.
    interviews = Filters(datasource=("interviews",))
    everywhere, narrowed = (
        {hit.passage.report.id for hit in mentions(snapshot, filters)}
        for filters in (interviews, replace(interviews, year=(2023,)))
    )
    assert narrowed
    assert narrowed == everywhere & snapshot.catalog.ids(Filters(year=(2023,)))


def test_mentions_are_not_counted_and_cited_by_their_words(sample_engine: Engine) -> None:
    answer = sample_engine.ask("Which labs used interviews as a data source?").answer
    mentioned = answer.coverage.mentioned
    assert mentioned
    assert not set(mentioned) & set(answer.coverage.reports)
    assert [hit.passage.report.id for hit in answer.mentions] == [*mentioned]
    last = answer.text.split("\n")[-1]
    assert last.startswith(f"Not counted: {len(mentioned)} more reports")
    page = render_conversation([Exchange("Q", answer=answer)], sample_engine.catalog, ENGLISH)
    assert page.count('<details class="source"') == len(mentioned)
    cited = answer.citations[answer.coverage.count :]
    assert [c.passage.report.id for c in cited] == [*mentioned[:10]]
    for citation in cited:
        assert f"[{citation.n}]" in last
        assert citation.span
        raw = sample_engine.report(citation.passage.report.id).raw
        assert fold_text(raw[slice(*citation.span)]) == fold_text(citation.quote)
