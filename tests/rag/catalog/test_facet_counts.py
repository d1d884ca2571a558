"""Counts of facets that follow each other, worked out by hand; regions; runs of years."""

from __future__ import annotations

import pytest
from passages import report

from rag.catalog.catalog import (
    FACETS,
    Catalog,
    Region,
    Value,
    facet,
    find_value,
    region_facet,
    year_ranges,
    years_between,
)
from rag.catalog.tag_fields import Filters

CATALOG = Catalog(
    (
        report("a", "Peru", "PE", year=2021, methods=("Pilots",), sdgs=("2. Zero hunger",)),
        report("b", "Peru", "PE", year=2022, methods=("pilots", "Surveys"), language="es"),
        report("c", "Colombia", "CO", year=2022, sdgs=("13. Climate action", "2. Zero hunger")),
        report("d", "Togo", "TG", year=2024, methods=("Surveys",), language="fr"),
        report("e", "Togo", "TG", year=None, methods=("Surveys", "Pilots")),
        report("f", "Kenya", "KE", year=2024, thematic_areas=("Élan",)),
    )
)


def counts(field: str, chosen: Filters = Filters()) -> list[tuple[str, int]]:
    return [(value.name, value.reports) for value in facet(CATALOG, chosen, field)]


def test_counts_are_those_of_the_other_facets() -> None:
    assert counts("country") == [("Peru", 2), ("Togo", 2), ("Colombia", 1), ("Kenya", 1)]
    assert counts("sdg") == [("2. Zero hunger", 2), ("13. Climate action", 1)]
    chosen = Filters(country=("Peru",))
    # Its own choice changes nothing of a facet: any of its values may match.
    assert counts("country", chosen) == counts("country")
    assert counts("year", chosen) == [("2021", 1), ("2022", 1)]
    both = Filters(country=("Peru", "Togo"), method=("Surveys",))
    # b and d and e survey; of all labs that do, Peru has one and Togo two.
    assert counts("country", both) == [("Togo", 2), ("Peru", 1)]
    assert counts("year", both) == [("2022", 1), ("2024", 1)]
    # Of the labs of Peru and Togo: a, b, e pilot and b, d, e survey.
    assert counts("method", both) == [("Pilots", 3), ("Surveys", 3)]


def test_every_count_is_what_choosing_it_leaves() -> None:
    for chosen in (Filters(), Filters(method=("Surveys",), year=(2024,))):
        for field in FACETS:
            for value in facet(CATALOG, chosen, field):
                name = int(value.name) if field == "year" else value.name
                alone = Filters(**{field: (name,)}).merged(chosen)  # type: ignore[arg-type]
                assert len(CATALOG.select(alone)) == value.reports


def test_what_is_chosen_stays_though_nothing_is_left_of_it() -> None:
    chosen = Filters(country=("Kenya",), year=(2021,))
    assert facet(CATALOG, chosen, "country") == [Value("Peru", 1), Value("Kenya", 0, True)]
    assert facet(CATALOG, chosen, "year") == [Value("2021", 0, True), Value("2024", 1)]


def test_regions_stand_for_the_labs_that_the_collection_has() -> None:
    regions = region_facet(CATALOG, Filters(country=("Peru", "Togo"), year=(2022, 2024)))
    assert regions == [
        Region("002", ("Kenya", "Togo"), 2, chosen=1),
        Region("014", ("Kenya",), 1, part=True),
        Region("011", ("Togo",), 1, chosen=1, part=True),
        # All its labs are in South America: that part would only say it again.
        Region("419", ("Colombia", "Peru"), 2, chosen=1),
    ]


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("country", "Pérou", "Peru"),
        ("country", "Fiji", None),
        ("year", "2022", 2022),
        ("year", "2023", None),
        ("year", "²", None),
        ("year", "9" * 5000, None),
        ("sdg", "13", "13. Climate action"),
        ("theme", "elan", "Élan"),
        ("theme", "", None),
        ("theme", "e" * 5000, None),
    ],
)
def test_a_value_is_known_or_not(field: str, value: str, name: object) -> None:
    assert find_value(CATALOG, field, value) == name


def test_ranges_of_years() -> None:
    assert years_between(CATALOG, "2021", "2023") == (2021, 2022)
    assert years_between(CATALOG, "2022", "") == (2022, 2024)
    assert years_between(CATALOG, "2024", "2021") == years_between(CATALOG, "x", "2021") == ()
    # The collection has no 2023: what lies beside it is one run.
    assert year_ranges(CATALOG, (2024, 2022)) == [(2022, 2024)]
    assert year_ranges(CATALOG, (2021, 2024)) == [(2021, 2021), (2024, 2024)]
    assert year_ranges(CATALOG, (1990, 2021)) == [(1990, 1990), (2021, 2021)]
