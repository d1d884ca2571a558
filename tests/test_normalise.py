"""Tags by their meaning: countries by code, years as numbers, spellings folded."""

from __future__ import annotations

import pytest

from ingest.normalise import tags_to_fields
from rag.countries import resolve_country
from rag.tags import canonical_sdg, fold_tag


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Ivory Coast", "CI"),
        ("Côte d’Ivoire", "CI"),
        ("East Timor", "TL"),
        ("Timor-Leste", "TL"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Cape Verde", "CV"),
        ("Cabo Verde", "CV"),
        ("DR Congo", "CD"),
        ("Republic of the Congo", "CG"),
        ("Viet Nam", "VN"),
        ("vietnam", "VN"),
        ("Pérou", "PE"),
        ("Perú", "PE"),
        ("بيرو", "PE"),
        ("Somaliland", "SO"),
        ("Guinea-Bissau", "GW"),
        ("Guinea", "GN"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("South Korea", "KR"),
        ("Lao PDR", "LA"),
        ("Bosnia and Herzegovina", "BA"),
        ("Trinidad and Tobago", "TT"),
    ],
)
def test_countries_resolve_under_any_name(name: str, code: str) -> None:
    found = resolve_country(name)
    assert found is not None
    assert found[0] == code
    assert tags_to_fields([("country", name)]).iso == (code,)


@pytest.mark.parametrize("name", ["Null Island", "Atlantis", "", "Korea", "???", "x" * 10_000])
def test_unknown_places_are_no_lab(name: str) -> None:
    assert resolve_country(name) is None
    assert tags_to_fields([("country", name)]).countries == ()


def test_two_countries_stay_in_order_and_count_once() -> None:
    names = ("Peru", "Colombia", "PERU", "Null Island", "Perú")
    fields = tags_to_fields([("country", name) for name in names])
    assert fields.iso == ("PE", "CO")
    assert fields.countries == ("Peru", "Colombia")


@pytest.mark.parametrize(
    ("value", "year"),
    [("2023", 2023), (" 2023 ", 2023), ("2023-24", 2023), ("Q3 2021", 2021), ("n/a", None)],
)
def test_years_are_numbers(value: str, year: int | None) -> None:
    assert tags_to_fields([("year", value)]).year == year


def test_repeated_tags_count_once_by_meaning() -> None:
    methods = ("In-depth interviews", "in depth interviews", "IN_DEPTH INTERVIEWS", "Ethnography")
    found = tags_to_fields([("methods", value) for value in methods]).methods
    assert sorted(found) == ["Ethnography", "In-depth interviews"]


def test_misspelt_goals_get_their_name_by_number() -> None:
    values = ("10. Reduced innequalities", "SDG 10", "ODD 10 : inégalités", "10")
    fields = tags_to_fields([("sdgs", value) for value in values])
    assert fields.sdgs == ("10. Reduced inequalities",)
    assert canonical_sdg("99. Nothing") == "99. Nothing"


def test_distinct_values_stay_distinct() -> None:
    assert fold_tag("interviews") != fold_tag("in-depth interviews")
    assert fold_tag("Éthnographie") == fold_tag("ethnographie")


def test_entities_and_spacing_in_values() -> None:
    fields = tags_to_fields([("thematic_areas", "food &amp;amp; water"), ("methods", " a\n b ")])
    assert fields.thematic_areas == ("food & water",)
    assert fields.methods == ("a b",)


@pytest.mark.parametrize(
    "name", ["focal_point", "focal-point", "focal_points", "focalpoint", "email", "e-mail_2"]
)
def test_private_tags_are_no_facts(name: str) -> None:
    assert tags_to_fields([(name, "Ana")]).facts == {}


def test_an_address_in_any_tag_is_private() -> None:
    fields = tags_to_fields([("team", "ana@lab.example"), ("methods", "mailto:b@lab.example")])
    assert (fields.facts, fields.methods) == ({}, ())


def test_the_rest_are_facts() -> None:
    fields = tags_to_fields([("control_group", "Yes"), ("total_cost", ""), ("type", "Experiment")])
    assert fields.facts == {"control_group": ("Yes",)}
    assert fields.type == "experiment"
