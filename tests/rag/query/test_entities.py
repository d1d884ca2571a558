"""What a question names: places, years, tags and facts."""

import pytest

from rag.engine import Engine
from rag.query.entities import countries_in, is_named, years_in

COUNTRIES = {
    "What did labs in Côte d'Ivoire try?": "CI",
    "ماذا حدث بليبيا؟": "LY",
    "ماذا تعلم مختبر مالي؟": "ML",
    "السنغال ومالي": "SN ML",
    "لا يبقى حافز مالي كاف في القطاع المالي": "",
    "Is Guinea ahead of Guinea-Bissau?": "GN GW",
    "Niger, not Nigeria": "NE NG",
    "what did peru learn about fish": "PE",
    "South African farmers": "ZA",
    "We ate turkey and rice.": "",
    "Las malas hierbas y las peras": "",
    "New Mexico's schools": "",
    "oil in the Gulf of Guinea": "",
    "What can the US teach us?": "US",
    "tell us of U.S. and UK plans": "US GB",
    "drc and uae": "CD AE",
    # Two countries have the name, and nothing tells which is meant.
    "youth in the Congo": "CD CG",
    "des jeunes congolais": "CD CG",
    "ماذا تعلم مختبر الكونغو؟": "CD CG",
    "In eastern Congo, who has a phone?": "CD",
    "traders in Congo-Brazzaville": "CG",
    "مختبر الكونغو الديمقراطية": "CD",
    "They paid US$ 4, then 30 US dollars": "",
    "Latin American women, femmes latino-américaines": "",
    "Turkish and American innovators": "TR US",
}
YEARS = {
    "What was learned in 2022?": [2022],
    "2021–22, or 2024": [2021, 2024],
    "after 2023": [2024],
    "de 2020 a 2022": [2020, 2021, 2022],
    "منذ عام 2023": [2023, 2024],
    "بين 2020 و 2021": [2020, 2021],
    "In 1999 and 2019": [],
    "120222 people": [],
}


@pytest.mark.parametrize("text", COUNTRIES)
def test_countries_are_found_and_words_like_them_are_not(text: str) -> None:
    assert countries_in(text) == COUNTRIES[text].split()


@pytest.mark.parametrize("text", YEARS)
def test_years_and_ranges_are_found(text: str) -> None:
    assert years_in(text, range(2020, 2025)) == YEARS[text]


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("community", "Both communities agreed.", True),
        ("Solutions mapping", "The solution was mapped twice.", True),
        ("behavioural insights", "Some behavioral insight helped.", True),
        ("testing", "Two tests were made.", True),
        ("Informality", "This information informed the government.", False),
        ("mobility", "They paid with mobile money.", False),
        ("Solutions mapping", "A mapping of solutions.", False),
        ("", "Nothing is named.", False),
    ],
)
def test_a_name_is_known_in_any_inflection_but_not_by_its_stem_alone(
    name: str, text: str, named: bool
) -> None:
    assert is_named(name, text) is named


def test_a_list_by_facts_is_exact_and_cited_by_its_tags(quick_engine: Engine) -> None:
    answer = quick_engine.ask(
        "How many experiments assigned people at random and cost less than 1,000 dollars?"
    ).answer
    expected = [
        info.id
        for info in quick_engine.catalog.reports.values()
        if "Random assignment" in info.facts.get("assignment_type", ())
        and "Less than 1,000 USD" in info.facts.get("total_cost", ())
    ]
    assert answer.coverage.intent == "list"
    assert sorted(answer.coverage.reports) == sorted(expected)
    assert expected
    assert all("assignment_type:Random" in c.passage.text for c in answer.citations)
