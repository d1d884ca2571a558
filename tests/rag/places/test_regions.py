"""Regions in five languages: which countries they stand for, and which words are none."""

from __future__ import annotations

import pytest

from rag.places.regions import countries_of_regions_in, without_regions

# What is named -> some countries of it, and some that are not.
REGIONS = {
    "What did labs in West Africa learn?": ("GH SN CV MR", "CM KE MA"),
    "les laboratoires d'Afrique de l'Ouest": ("GH TG", "CM"),
    "os laboratórios da África Ocidental": ("GH TG", "CM"),
    "مختبرات غرب أفريقيا": ("GH TG", "CM"),
    "labs of Eastern and Southern Africa": ("KE ZM BW", "NG EG"),
    "Afrique francophone": ("SN ML", "GH HT FR"),
    "les laboratoires arabes": ("IQ TN JO", "TR IR IL"),
    "المختبرات العربية": ("IQ TN JO", "TR IR"),
    "Latin America and the Caribbean": ("PE HT MX", "US"),
    "América Latina": ("PE MX", "US ES"),
    "laboratorios caribeños": ("HT BB", "PE"),
    "South-East Asia": ("VN TL", "IN CN"),
    "Central Asia and the Caucasus": ("UZ GE", "TR RU"),
    "países lusófonos": ("CV MZ BR", "ES SN"),
    "island labs of the Pacific": ("FJ WS VU", "NZ AU"),
    "the Western Balkans": ("RS BA", "HU"),
    "African labs and waste": ("GH EG", "IN"),
    "Middle East and North Africa": ("IQ MA", "ET"),
}
OTHER_NAMES = (
    "South African farmers",
    "the Central African Republic",
    "funded by the European Union",
    "the African Development Bank",
    "United States of America",
    "an African proverb",
    "Pacific Gas",
    "arabica coffee",
    "a gulf between generations",
    "She came from the west.",
    "150 fishers in 142 villages",
)


@pytest.mark.parametrize("text", REGIONS)
def test_a_region_stands_for_its_countries(text: str) -> None:
    inside, outside = (set(codes.split()) for codes in REGIONS[text])
    countries = countries_of_regions_in(text)
    assert inside <= countries
    assert not outside & countries


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("What did labs in West Africa learn?", "What did labs in   learn?"),
        ("les pêcheurs d'Afrique de l'Ouest", "les pêcheurs d'  '"),
        ("Labs of Peru", "Labs of Peru"),
    ],
)
def test_the_names_of_regions_are_removed(text: str, left: str) -> None:
    assert without_regions(text) == left


@pytest.mark.parametrize("text", OTHER_NAMES)
def test_other_names_are_no_regions(text: str) -> None:
    assert not countries_of_regions_in(text)
