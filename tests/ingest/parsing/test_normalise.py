"""Tags by their meaning: countries by code, years as numbers, spellings folded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsing.scan import NOT_SHOWN, tags_to_fields
from rag.catalog.normalize import canonical_sdg, canonical_sdgs, fold_tag
from rag.places.countries import resolve_countries, resolve_country


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
        ("Democratic Republic of the Congo", "CD"),
        ("The Philippines", "PH"),
        ("Gambia, The", "GM"),
        ("Republic of Korea", "KR"),
        ("Tanzania, United Republic of", "TZ"),
        ("United Republic of Tanzania", "TZ"),
        ("St Kitts & Nevis", "KN"),
        ("Kosovo", "XK"),
        ("Georgia", "GE"),
    ],
)
def test_countries_resolve_under_any_name(name: str, code: str) -> None:
    found = resolve_country(name)
    assert found is not None
    assert found[0] == code
    assert tags_to_fields([("country", name)]).iso == (code,)


@pytest.mark.parametrize(
    "name",
    [
        *("Null Island", "Atlantis", "", "Korea", "???", "x" * 10_000, "Sahel", "South", "and"),
        *("N/A", "Peru " * 1_000, "Null Island and Atlantis", ", " * 5_000),
    ],
)
def test_unknown_places_are_no_lab(name: str) -> None:
    assert resolve_country(name) is None
    assert tags_to_fields([("country", name)]).countries == ()


def test_two_countries_stay_in_order_and_count_once() -> None:
    names = ("Peru", "Colombia", "PERU", "Null Island", "Perú")
    fields = tags_to_fields([("country", name) for name in names])
    assert fields.iso == ("PE", "CO")
    assert fields.countries == ("Peru", "Colombia")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Peru and Colombia", "PE CO"),
        ("Peru, Colombia", "PE CO"),
        ("Peru; Colombia", "PE CO"),
        ("Peru/Colombia", "PE CO"),
        ("Perú y Colombia", "PE CO"),
        ("Angola e Moçambique", "AO MZ"),
        ("Bénin et Togo", "BJ TG"),
        ("Guinea-Bissau - Guinea", "GW GN"),
        ("Peru and Trinidad and Tobago", "PE TT"),
        ("Trinidad & Tobago & Barbados", "TT BB"),
        ("Antigua and Barbuda; Sao Tome and Principe", "AG ST"),
        ("Bosnia and Herzegovina, Serbia", "BA RS"),
        ("Peru, Korea, Republic of", "PE KR"),
        ("Tanzania, United Republic of and Kenya", "TZ KE"),
        ("Null Island and Peru", "PE"),
        ("Niger, Nigeria", "NE NG"),
    ],
)
def test_one_tag_may_list_several_countries(text: str, codes: str) -> None:
    assert [code for code, _ in resolve_countries(text)] == codes.split()
    assert tags_to_fields([("country", text)]).iso == tuple(codes.split())


@pytest.mark.parametrize("name", ["Canary Islands", "Îles Canaries", "Canarias"])
def test_a_region_shows_its_country(name: str) -> None:
    assert resolve_country(name) == ("ES", "Spain")
    assert tags_to_fields([("country", "England"), ("country", name)]).countries == (
        "United Kingdom",
        "Spain",
    )


@pytest.mark.parametrize(
    ("value", "year"),
    [
        *(("2023", 2023), (" 2023 ", 2023), ("2023-24", 2023), ("Q3 2021", 2021), ("n/a", None)),
        *(("FY2023", 2023), ("٢٠٢٣", 2023), ("12023", None), ("1999", 1999), ("²", None)),
    ],
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


@pytest.mark.parametrize(
    "value",
    [
        *("14", "14.", "#14", "SDG 14", "sdg14", "ODS14", "ODD 14", "Goal 14", "SDG-14: water"),
        *("Goal No. 14", "Objetivo 14", "Objectif n° 14", "Target 14.2", "Below water (SDG 14)"),
        *("Life Below Water", "life_below_water", "Life below waters"),
    ],
)
def test_goals_by_number_or_name(value: str) -> None:
    assert canonical_sdg(value) == "14. Life below water"


@pytest.mark.parametrize("value", ["2030", "3D printing", "0", "18", "Life on sand", "goals", ""])
def test_what_is_no_goal_stays_as_given(value: str) -> None:
    assert canonical_sdg(value) == value


def test_goals_with_slips_in_their_name() -> None:
    assert canonical_sdg("Reduced innequalities") == "10. Reduced inequalities"
    assert canonical_sdg("Reduced inequality") == "10. Reduced inequalities"
    assert canonical_sdg("Industry, inovation & infrastructure").startswith("9. ")


def test_one_tag_may_list_several_goals() -> None:
    assert [goal.split(".")[0] for goal in canonical_sdgs("SDG 5, SDG 10 and 14")] == [
        "5",
        "10",
        "14",
    ]
    peace = "Peace, justice and strong institutions"
    assert canonical_sdgs(peace) == (f"16. {peace}",)


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


def test_the_place_on_the_map_is_a_fact_that_is_not_shown() -> None:
    places = ("-13.4,27.7", "13.4,27.7")
    fields = tags_to_fields([("latlng", place) for place in (*places, places[0])])
    assert fields.facts == {"latlng": places}
    assert set(fields.facts) <= NOT_SHOWN


def test_stray_signs_are_no_part_of_a_tag() -> None:
    fields = tags_to_fields([("methods", "-"), ("methods", "???"), ("thematic_areas", "nets,\\")])
    assert (fields.methods, fields.thematic_areas) == ((), ("nets",))


NAMES = st.sampled_from(
    [
        *("focal_point", "focal-point", "focal_points_2", "email", "lab_e-mail", "contact"),
        *("lab_contact", "phone_no", "lab_telephone", "country", "year", "type", "methods"),
        *("datasources", "sdgs", "thematic_areas", "latlng", "team", "notes"),
    ]
)
ADDRESSES = st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}@[a-z]{2,9}\.(?:org|example)", fullmatch=True)


@given(
    st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=8),
    NAMES,
    ADDRESSES,
    st.text(max_size=5),
)
def test_no_address_and_no_person_comes_out(
    given_tags: list[tuple[str, str]], name: str, address: str, around: str
) -> None:
    private = ("focal", "email", "e-mail", "contact", "phone")
    secret = [("focal_point", "Zyxomma Quillfeather"), (name, f"{around} {address} {around}")]
    fields = tags_to_fields([*given_tags, *secret])
    assert not any(word in key for key in fields.facts for word in private)
    assert address not in repr(fields)
    assert "Zyxomma" not in repr(fields)
