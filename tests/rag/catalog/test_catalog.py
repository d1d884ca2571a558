"""Selections, counts and names of tags, whatever their spelling."""

from __future__ import annotations

from passages import report

from rag.catalog.catalog import Catalog, TagValue
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import FILTER_FIELDS, FREE_FIELDS, Filters

REPORTS = (
    report(
        "a", "Peru", "PE", year=2022, methods=("In-depth interviews",), sdgs=("5. Gender equality",)
    ),
    report("b", "Peru", "PE", year=2023, methods=("in depth Interviews", "Pilots"), kind="closing"),
    report("c", "Turkey", "TR", year=2023, sdgs=("SDG 5",), methods=("in-depth interviews",)),
    report("d", "Türkiye", "TR", year=None, methods=("In-depth interviews",)),
    report("e", "Somewhere", iso="", year=2021),
)
CATALOG = Catalog(REPORTS)
SPELT = Catalog(
    (
        report("a", methods=("tide surveys",), thematic_areas=("harbour engagement", "nets")),
        report("b", methods=("Tide survey", "tide surveys"), thematic_areas=("harbor engagment",)),
        report("c", methods=("tide surveys",), thematic_areas=("Nets",), datasources=("logs",)),
    )
)


def ids(**filters: tuple[str | int, ...]) -> str:
    return "".join(sorted(CATALOG.ids(Filters(**filters))))  # type: ignore[arg-type]


def test_a_value_is_found_in_any_spelling_and_an_unknown_one_selects_nothing() -> None:
    for name in ("Turkey", "Türkiye", "turquie", "tr", "تركيا"):
        assert ids(country=(name,)) == "cd"
    for name in ("IN-DEPTH INTERVIEWS", "indepth interviews"):
        assert ids(method=(name,)) == "abcd"
    for name in ("5", "ods 5", "5. Gender equality", "Gender equality"):
        assert ids(sdg=(name,)) == "ac"
    assert ids(country=("Atlantis",)) == ids(year=(1999,)) == ids(method=("",)) == ""


def test_any_value_of_a_field_and_all_fields_must_match() -> None:
    assert ids(country=("Peru", "Turkey"), year=(2023,)) == "bc"
    assert ids(country=("Peru",), method=("pilots",)) == "b"
    assert [r.id for r in CATALOG.select(Filters())] == ["a", "b", "e", "c", "d"]


def test_labs_are_countries_where_a_lab_wrote_something_itself() -> None:
    collected = report("s", "Ghana", "GH", kind="solution"), report("t", kind="solution")
    catalog = Catalog([*REPORTS, *collected])
    assert catalog.labs() == ("Peru", "Türkiye", "Somewhere")
    assert catalog.labs(collected) == ("Peru",)


def test_counts_merge_spellings_under_the_most_common_one() -> None:
    assert CATALOG.counts("method") == [("In-depth interviews", 4), ("Pilots", 1)]
    assert CATALOG.counts("year") == [("2021", 1), ("2022", 1), ("2023", 2)]
    in_peru = CATALOG.counts("method", Filters(country=("Peru",)))
    assert in_peru == [("In-depth interviews", 2), ("Pilots", 1)]
    assert CATALOG.name("method", "in depth interviews") == "In-depth interviews"
    assert CATALOG.name("country", "PE") == "Peru"
    assert CATALOG.name("country", "Atlantis") == "Atlantis"
    # A report with two spellings of a value counts once.
    assert SPELT.counts("method") == [("tide surveys", 3)]
    assert SPELT.counts("theme") == [("harbour engagement", 2), ("Nets", 2)]


def test_every_field_can_be_counted_and_selected() -> None:
    for field in FILTER_FIELDS:
        for value, number in CATALOG.counts(field):
            filters = Filters(**{field: (int(value) if field == "year" else value,)})  # type: ignore[arg-type]
            assert len(CATALOG.select(filters)) == number


def test_variants_come_with_their_numbers_and_merged_ones_first() -> None:
    assert SPELT.variants("method") == [
        TagValue("tide surveys", 3, (("tide surveys", 3), ("Tide survey", 1)))
    ]
    tagged = (report(tag, methods=(tag,)) for tag in ("anchors", "Tides", "tides"))
    values = Catalog(tagged).variants("method")
    assert [(value.name, value.reports) for value in values] == [("Tides", 2), ("anchors", 1)]


def test_the_store_finds_what_the_catalog_finds_by_expanded_filters() -> None:
    assert SPELT.expanded(Filters(country=("Peru",), theme=("reefs",))) == Filters(
        country=("Peru",), theme=("reefs",)
    )
    for field in FREE_FIELDS:
        keys = {
            info.id: {filter_key(field, v) for v in getattr(info, FILTER_FIELDS[field])}
            for info in SPELT.reports.values()
        }
        for value in SPELT.variants(field):
            for spelling, _ in value.variants:
                filters = Filters(**{field: (spelling,)})  # type: ignore[arg-type]
                wanted = {filter_key(field, v) for v in getattr(SPELT.expanded(filters), field)}
                assert {i for i, own in keys.items() if own & wanted} == SPELT.ids(filters)


def test_a_language_is_that_of_passages() -> None:
    languages = {"a": {"es", "en"}, "b": {"en"}}
    catalog = Catalog([report("a"), report("b"), report("c")], languages=languages)
    assert catalog.counts("language") == [("en", 2), ("es", 1)]
    assert catalog.ids(Filters(language=("ES",))) == {"a"}
    # Without passages a report's own language is all that is known.
    assert Catalog([report("a", language="es")]).counts("language") == [("es", 1)]
