"""Complete lists: what they count, what they only mention, and what to do where none is left."""

from dataclasses import replace

import pytest
from fake_engine import report

from rag.answer.lists import list_draft, mentions
from rag.answer.pipeline import Draft
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import CatalogQuery, Filters
from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.i18n.translations import ENGLISH
from rag.index.local import Snapshot, current_snapshot
from rag.models.prompts import is_refusal
from rag.query.entities import is_named
from rag.types import Plan
from ui.web.answer import render_conversation
from ui.web.handlers import Exchange

FACTS = {"cost": ("High",), "sample_size": ("Small",)}
CATALOG = Catalog([*(report(i) for i in range(12)), report(12, year=2031, facts=FACTS)])


@pytest.mark.parametrize(
    ("language", "filters", "ending"),
    [
        (
            "en",
            {"country": ("Togo",), "year": (2031,)},
            "No report passes these filters (country: Togo; year: 2031). "
            "Without “year: 2031”: 4 reports; without “country: Togo”: 1 report.",
        ),
        ("ar", {"country": ("Togo",), "year": (2031,)}, "بدون “البلد: توغو”: تقرير واحد."),
        # One filter alone has no way out, and giving up one of three is not enough.
        ("en", {"year": (1990, 1991)}, "filters (year: 1990 / 1991)."),
        ("en", {"country": ("Fiji",), "year": (1990,), "theme": ("Markets",)}, "theme: Markets)."),
        (
            "en",
            {"fact": ("cost: High", "sample_size: Huge")},
            " Without “sample size: Huge”: 1 report.",
        ),
    ],
)
def test_the_filter_to_give_up_is_named_with_what_is_left(
    language: str, filters: dict[str, object], ending: str
) -> None:
    plan = Plan("?", "?", language, "list", Filters(**filters))  # type: ignore[arg-type]
    draft = list_draft(plan, CATALOG, lambda _: {}, ())
    assert draft.refused
    assert is_refusal(draft.text)
    assert draft.text.endswith(ending)


def listed(query: CatalogQuery) -> Draft:
    plan = Plan("?", "?", "en", "list", query.filters, query=query)
    return list_draft(plan, CATALOG, lambda ids: dict.fromkeys(ids, ""), ())


def test_a_count_says_how_many_there_are_of_each_kind() -> None:
    head, *_ = listed(CatalogQuery(Filters(country=("Togo",)), form="count")).text.split("\n")
    assert head == "4 reports of 1 lab (country: Togo): plan: 2; closing: 2"
    both = CatalogQuery(Filters(country=("Togo", "Peru")), form="count")
    assert "(country: Togo (4) / Peru (" in listed(both).text
    head, *_ = listed(CatalogQuery(Filters(country=("Togo",)), group_by="year")).text.split("\n")
    assert head.endswith("; plan: 2; closing: 2")


COSTLY = Filters(fact=("cost: High",))
BARE = "12 of 13 reports have no cost tag (plan: 6; closing: 6)"


@pytest.mark.parametrize(
    ("query", "head"),
    [
        # Of how many that is, and how many have no such tag at all.
        (
            CatalogQuery(replace(COSTLY, kind=("plan",)), form="count"),
            "1 of 7 reports, 1 lab (kind: plan; cost: High); 6 of 7 reports have no cost tag:",
        ),
        (
            CatalogQuery(Filters(kind=("plan",), author=("lab",), theme=("Markets",))),
            "3 labs, 4 of 7 reports (kind: plan; theme: Markets):",
        ),
        # Without another choice that is of all reports; without a kind each is told.
        (CatalogQuery(COSTLY), f"1 report of 1 lab (cost: High); {BARE}:"),
        (
            CatalogQuery(COSTLY, group_by="year"),
            f"Year: 1 in 1 report of 1 lab (cost: High); {BARE}",
        ),
        (
            CatalogQuery(Filters(kind=("plan", "closing")), excluded=COSTLY, form="share"),
            "12 reports of 3 labs (kind: plan / closing; without cost: High), 92% of 13 reports: "
            "plan: 6; closing: 6",
        ),
        (
            CatalogQuery(replace(COSTLY, kind=("closing",)), form="count"),
            "No report passes these filters (kind: closing; cost: High). 6 of 6 reports have no "
            "cost tag. Without “cost: High”: 6 reports; without “kind: closing”: 1 report.",
        ),
    ],
)
def test_a_number_says_of_how_many_and_who_lacks_the_tag(query: CatalogQuery, head: str) -> None:
    assert listed(query).text.split("\n")[0] == head


def test_a_table_says_what_was_counted_and_what_has_no_tag() -> None:
    draft = listed(CatalogQuery(group_by="year"))
    assert sum(number for _, number in draft.coverage.table) == len(CATALOG.reports)
    assert draft.coverage.grouped_by == "year"
    assert [year for year, _ in draft.coverage.table] == sorted(
        year for year, _ in draft.coverage.table
    )
    head, *rows = listed(CatalogQuery(group_by="country", limit=2)).text.split("\n")
    assert head == "Country: 3 in 13 reports of 3 labs"
    assert len(rows) == 3
    assert rows[-1].startswith("and ")
    assert "12 reports have no such tag" in listed(CatalogQuery(group_by="cost")).text


def test_the_rows_of_a_table_are_split() -> None:
    draft = listed(CatalogQuery(group_by="year", split="country", limit=1))
    assert draft.coverage.split == "country"
    assert draft.coverage.table
    assert not draft.coverage.values
    years = [year for year, _ in draft.coverage.table]
    assert years == sorted(years)
    number, head = CATALOG.table(CatalogQuery(group_by="year"))[0][0][1], draft.text.split("\n")[1]
    assert head.startswith(f"- {years[0]}: {number} reports (")
    assert " … (+" in head
    # A year whose reports have no such tag has nothing to split by.
    rows = listed(CatalogQuery(group_by="year", split="cost")).text.split("\n")[1:]
    assert [row for row in rows if "(" in row] == ["- 2031: 1 report (High: 1)"]


def test_values_with_too_few_or_too_many_are_left_out_and_that_is_said() -> None:
    counts = [number for _, number in CATALOG.table(CatalogQuery(group_by="country"))[0]]
    least = max(counts)
    assert min(counts) < least
    head, *rows = listed(CatalogQuery(group_by="country", having=(least, 0))).text.split("\n")
    assert f"Reports ≥ {least}" in head
    assert len(rows) == counts.count(least)
    one_year = CatalogQuery(group_by="country", split="year", having=(1, 1))
    assert "; Year = 1" in listed(one_year).text
    assert len(CATALOG.table(one_year)[0]) < len(counts)


@pytest.mark.parametrize(
    ("filters", "ending"),
    [
        (Filters(country=("Togo",)), ", 31% of 13 reports: plan: 2; closing: 2"),
        (Filters(country=("Togo",), author=("lab",)), ", 33% of 3 labs: plan: 2; closing: 2"),
        # A share of tags is one of the year's reports.
        (Filters(year=(2031,), fact=("cost: High",)), ", 100% of 1 report:"),
    ],
)
def test_a_share_is_one_of_all_reports(filters: Filters, ending: str) -> None:
    head, *_ = listed(CatalogQuery(filters, form="share")).text.split("\n")
    assert head.endswith(ending)


@pytest.mark.parametrize(("year", "begins"), [(2031, "Yes: 1 report"), (1990, "No report passes")])
def test_whether_there_is_any_is_answered_either_way(year: int, begins: str) -> None:
    draft = listed(CatalogQuery(Filters(year=(year,)), form="exists"))
    assert draft.text.startswith(begins)
    assert not draft.refused


def test_values_are_left_out_or_all_wanted() -> None:
    years = [int(year) for year, _ in CATALOG.counts("year")]
    rest = listed(CatalogQuery(excluded=Filters(year=(years[0],))))
    assert set(rest.coverage.reports) == set(CATALOG.reports) - CATALOG.ids(
        Filters(year=(years[0],))
    )
    both = CatalogQuery(Filters(year=tuple(years[:2])), every=("year",), form="count")
    assert listed(both).coverage.reports == ()


def test_the_values_of_one_report_are_cited_by_their_tags() -> None:
    query = CatalogQuery(Filters(year=(2031,)), group_by="sample_size")
    plan = Plan("?", "?", "en", "list", query.filters, query=query)
    raw = "# Boxes\n\n[[sample_size:Small]]\n"
    draft = list_draft(plan, CATALOG, lambda ids: dict.fromkeys(ids, raw), ())
    assert draft.text == "Sample size: Small [1]"
    assert [citation.quote for citation in draft.citations] == ["[[sample_size:Small]]"]


@pytest.fixture(scope="module")
def snapshot(sample_engine: Engine) -> Snapshot:
    return current_snapshot(sample_engine.settings.index, {})


def mentioned_reports(snapshot: Snapshot, filters: Filters) -> list[str]:
    return [hit.passage.report.id for hit in mentions(snapshot, filters)]


@pytest.mark.parametrize("field", ["method", "datasource", "theme"])
def test_a_mention_stands_in_the_text_and_in_no_tag(snapshot: Snapshot, field: str) -> None:
    for name, _ in snapshot.catalog.counts(field):
        filters = Filters(**{field: (name,)})  # type: ignore[arg-type]
        reports = mentioned_reports(snapshot, filters)
        assert not snapshot.catalog.ids(filters) & set(reports)
        assert len(reports) == len(set(reports))
        spellings = getattr(snapshot.catalog.expanded(filters), field)
        for hit in mentions(snapshot, filters):
            assert any(is_named(value, hit.passage.text) for value in spellings)


def test_other_filters_narrow_mentions_too(snapshot: Snapshot) -> None:
    everywhere = set(mentioned_reports(snapshot, Filters(datasource=("interviews",))))
    narrowed = mentioned_reports(snapshot, Filters(datasource=("interviews",), year=(2023,)))
    assert narrowed
    assert set(narrowed) == everywhere & snapshot.catalog.ids(Filters(year=(2023,)))


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
