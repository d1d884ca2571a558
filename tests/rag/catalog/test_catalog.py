"""Selections, counts and names of tags, whatever their spelling."""

from __future__ import annotations

from dataclasses import fields

import pytest
from passages import report

from rag.catalog.catalog import Catalog, TagValue
from rag.catalog.fields import FILTER_FIELDS, FREE_FIELDS, Filters
from rag.catalog.normalize import filter_key

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


def ids(**filters: tuple[str | int, ...]) -> set[str]:
    return {r.id for r in CATALOG.select(Filters(**filters))}  # type: ignore[arg-type]


def test_a_value_is_found_in_any_spelling() -> None:
    for name in ("Turkey", "Türkiye", "turquie", "TR", "tr", "Turquía", "تركيا"):
        assert ids(country=(name,)) == {"c", "d"}
    for name in ("In depth_interviews", "IN-DEPTH INTERVIEWS", "indepth interviews"):
        assert ids(method=(name,)) == {"a", "b", "c", "d"}
    for name in ("5", "SDG 5", "ods 5", "5. Gender equality", "Gender equality"):
        assert ids(sdg=(name,)) == {"a", "c"}


def test_any_value_of_a_field_and_all_fields_must_match() -> None:
    assert ids(country=("Peru", "Turkey"), year=(2023,)) == {"b", "c"}
    assert ids(country=("Peru",), method=("pilots",)) == {"b"}
    assert ids(country=("Peru",), kind=("plan",)) == {"a"}
    assert ids() == {"a", "b", "c", "d", "e"}


def test_unknown_values_select_nothing() -> None:
    assert ids(country=("Atlantis",)) == set()
    assert ids(year=(1999,)) == set()
    assert ids(sdg=("99",)) == set()
    assert ids(method=("",)) == set()


def test_reports_are_ordered_by_lab_and_year() -> None:
    assert [r.id for r in CATALOG.select(Filters())] == ["a", "b", "e", "c", "d"]


def test_counts_merge_spellings_and_add_up() -> None:
    assert CATALOG.counts("method") == [("In-depth interviews", 4), ("Pilots", 1)]
    assert CATALOG.counts("year") == [("2021", 1), ("2022", 1), ("2023", 2)]
    assert CATALOG.counts("kind") == [("closing", 1), ("plan", 4)]
    assert CATALOG.counts("method", Filters(country=("Peru",))) == [
        ("In-depth interviews", 2),
        ("Pilots", 1),
    ]


def test_the_most_common_spelling_is_the_name() -> None:
    assert CATALOG.name("method", "in depth interviews") == "In-depth interviews"
    assert CATALOG.name("country", "PE") == "Peru"
    assert CATALOG.name("country", "Atlantis") == "Atlantis"


def test_each_filter_has_its_field_in_filters_and_in_reports() -> None:
    assert list(FILTER_FIELDS) == [field.name for field in fields(Filters)]
    assert all(hasattr(report("a"), name) for name in FILTER_FIELDS.values())


def test_every_field_can_be_counted_and_selected() -> None:
    for field in FILTER_FIELDS:
        for value, number in CATALOG.counts(field):
            filters = Filters(**{field: (int(value) if field == "year" else value,)})  # type: ignore[arg-type]
            assert len(CATALOG.select(filters)) == number


SPELT = Catalog(
    (
        report("a", methods=("tide surveys",), thematic_areas=("harbour engagement", "nets")),
        report("b", methods=("Tide survey", "tide surveys"), thematic_areas=("harbor engagment",)),
        report("c", methods=("tide surveys",), thematic_areas=("Nets",), datasources=("logs",)),
    )
)


def test_a_report_with_two_variants_counts_once() -> None:
    assert SPELT.counts("method") == [("tide surveys", 3)]
    assert SPELT.counts("theme") == [("harbour engagement", 2), ("Nets", 2)]
    assert SPELT.counts("theme", Filters(datasource=("logs",))) == [("Nets", 1)]


def test_variants_come_with_their_numbers_and_merged_ones_first() -> None:
    assert SPELT.variants("method") == [
        TagValue("tide surveys", 3, (("tide surveys", 3), ("Tide survey", 1)))
    ]
    themes = Catalog(
        [
            report("a", thematic_areas=("anchors",)),
            report("b", thematic_areas=("Tides",)),
            report("c", thematic_areas=("tides",)),
        ]
    ).variants("theme")
    assert [(value.name, value.reports) for value in themes] == [("Tides", 2), ("anchors", 1)]
    assert CATALOG.variants("country")[0].variants == (("Turkey", 1), ("Türkiye", 1))


def test_expanded_filters_hold_all_variants_for_the_store() -> None:
    wider = SPELT.expanded(Filters(country=("Peru",), method=("tidesurveys",), theme=("reefs",)))
    assert wider == Filters(
        country=("Peru",), method=("tide surveys", "Tide survey"), theme=("reefs",)
    )
    assert SPELT.expanded(Filters()) == Filters()


@pytest.mark.parametrize("field", FREE_FIELDS)
def test_the_store_finds_what_the_catalog_finds(field: str) -> None:
    keys = {
        info.id: {filter_key(field, v) for v in getattr(info, FILTER_FIELDS[field])}
        for info in SPELT.reports.values()
    }
    for value in SPELT.variants(field):
        for spelling, _ in value.variants:
            filters = Filters(**{field: (spelling,)})  # type: ignore[arg-type]
            wanted = {filter_key(field, v) for v in getattr(SPELT.expanded(filters), field)}
            assert {i for i, own in keys.items() if own & wanted} == SPELT.ids(filters)
            assert len(SPELT.ids(filters)) == value.reports


def test_a_language_is_that_of_passages() -> None:
    languages = {"a": {"es", "en"}, "b": {"en"}}
    catalog = Catalog([report("a"), report("b"), report("c")], languages=languages)
    assert catalog.counts("language") == [("en", 2), ("es", 1)]
    assert catalog.ids(Filters(language=("ES",))) == {"a"}
    assert catalog.ids(Filters(language=("es", "en"))) == {"a", "b"}
    assert catalog.ids(Filters(language=("fr",))) == frozenset()
    # Without passages a report's own language is all that is known.
    assert Catalog([report("a", language="es")]).counts("language") == [("es", 1)]
