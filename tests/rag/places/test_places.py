"""Names of countries and regions: any that people use is known, and other words are none."""

from rag.places.countries import (
    countries_of_regions_in,
    resolve_countries,
    resolve_country,
    without_regions,
)


def test_a_country_is_shown_by_one_name() -> None:
    for names, shown in (
        ("Turkey, Türkiye, Turquie, تركيا", ("TR", "Türkiye")),
        ("Ivory Coast, Costa de Marfil, Côte d’Ivoire", ("CI", "Côte d'Ivoire")),
        ("People's Republic of China, China", ("CN", "China")),
        ("Republika Srpska, Bosnia", ("BA", "Bosnia and Herzegovina")),
        ("Laos, Lao PDR, Lao People's Democratic Republic", ("LA", "Lao PDR")),
        ("DRC, DR Congo, RDC", ("CD", "Democratic Republic of the Congo")),
        ("Palestine, State of Palestine", ("PS", "Palestine")),
        ("United States of America, USA, US, U.S.", ("US", "United States")),
        ("Zambia, Lusaka", ("ZM", "Zambia")),
    ):
        for name in (*names.split(", "), shown[1]):
            assert resolve_country(name) == shown, name
    # A tag may list several.
    found = resolve_countries("Turkey and East Timor; Korea, Republic of")
    assert found == (("TR", "Türkiye"), ("TL", "Timor-Leste"), ("KR", "South Korea"))


def test_a_region_stands_for_its_countries() -> None:
    # What is named -> some countries of it, and some that are not.
    for text, (inside, outside) in {
        "What did labs in West Africa learn?": ("GH SN CV MR", "CM KE MA"),
        "les laboratoires d'Afrique de l'Ouest": ("GH TG", "CM"),
        "labs of Eastern and Southern Africa": ("KE ZM BW", "NG EG"),
        "Afrique francophone": ("SN ML", "GH HT FR"),
        "المختبرات العربية": ("IQ TN JO", "TR IR"),
        "Latin America and the Caribbean": ("PE HT MX", "US"),
        "Central Asia and the Caucasus": ("UZ GE", "TR RU"),
        "países lusófonos": ("CV MZ BR", "ES SN"),
        "island labs of the Pacific": ("FJ WS VU", "NZ AU"),
        "plastic in the Pacific": ("FJ WS VU", "NZ AU"),
        "países africanos de língua portuguesa": ("AO MZ", "BR ZA"),
        "the Western Balkans": ("RS BA", "HU"),
        "Middle East and North Africa": ("IQ MA", "ET"),
    }.items():
        countries = countries_of_regions_in(text)
        assert set(inside.split()) <= countries, text
        assert countries.isdisjoint(outside.split()), text


def test_other_names_are_no_regions() -> None:
    for text in (
        "South African farmers",
        "the Central African Republic",
        "funded by the European Union",
        "United States of America",
        "an African proverb",
        "Pacific Gas",
        "near the Pacific coast",
        "arabica coffee",
        "She came from the west.",
    ):
        assert not countries_of_regions_in(text)
    assert without_regions("What did labs in West Africa learn?") == "What did labs in   learn?"
    assert without_regions("Labs of Peru") == "Labs of Peru"
    assert without_regions("South Africa and Africa") == "South Africa and "
