"""Choosing filters on the page, and what the page shows of them; a browser may send anything."""

from __future__ import annotations

import json

import pytest
from fake_engine import HOSTILE, FakeEngine, answer, report

from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.i18n.translations import ENGLISH, Translations
from ui.web import filters as facets
from ui.web.conversation import Exchange
from ui.web.filtering import link_of
from ui.web.filters import changed, picked
from ui.web.links import KEYS

CATALOG = Catalog(
    [*(report(i) for i in range(12)), report(12, iso=("KE",), countries=("Kenya",), year=2023)]
)


class French(Translations):
    """The words of a French reader, for names that the product need not translate."""

    def info(self) -> dict[str, str]:
        return {"language": "fr"}


def after(chosen: Filters, **event: object) -> Filters:
    return changed(CATALOG, chosen, event)


def test_values_are_chosen_and_taken_away() -> None:
    chosen = after(Filters(), field="country", value="Peru", on=True)
    chosen = after(chosen, field="country", value="Togo", on=True)
    chosen = after(chosen, field="country", value="Peru", on=True)
    assert chosen == Filters(country=("Togo", "Peru"))
    chosen = after(chosen, field="theme", value="Markets", on=True)
    assert chosen == Filters(country=("Togo", "Peru"), theme=("Markets",))
    assert after(chosen, field="country", value="Togo").country == ("Peru",)
    assert after(chosen, field="", value="") == Filters()


def test_years_are_chosen_one_by_one_or_as_a_range() -> None:
    chosen = after(Filters(), field="year", value="2023", on=True)
    chosen = after(chosen, field="year", value="2021", on=True)
    assert chosen.year == (2021, 2023)
    assert after(chosen, field="year", value="2022-", on=True, only=True).year == (2022, 2023, 2024)
    assert after(chosen, field="year", value="-", on=True, only=True).year == ()
    assert after(chosen, field="year", value="2022-2023", on=True).year == (2021, 2022, 2023)
    assert after(chosen, field="year", value="2022-2024").year == (2021,)


def test_a_region_chooses_its_labs() -> None:
    chosen = after(Filters(country=("Peru",)), field="region", value="002", on=True)
    assert chosen.country == ("Peru", "Kenya", "Togo")
    assert after(chosen, field="region", value="014").country == ("Peru", "Togo")
    assert after(chosen, field="region", value="002").country == ("Peru",)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"field": "country"},
        {"field": "country", "value": "Atlantis", "on": True},
        {"field": "country", "value": ["Peru"], "on": True},
        {"field": ["country"], "value": "Peru", "on": True},
        {"field": "colour", "value": "red", "on": True},
        {"field": "as_dict", "value": "red", "on": True},
        {"field": "region", "value": "999", "on": True},
        {"field": "region", "value": "145", "on": True},
        {"field": "year", "value": "1990", "on": True},
        {"field": "year", "value": "x-y", "on": True},
        {"field": "year", "value": "9" * 9999, "on": True},
        {"field": "theme", "value": HOSTILE, "on": True},
        {"field": None, "value": None, "on": None},
    ],
)
def test_what_the_collection_does_not_have_changes_nothing(event: dict[str, object]) -> None:
    chosen = Filters(country=("Togo",))
    assert changed(CATALOG, chosen, event) == chosen


def test_what_went_from_the_collection_can_be_taken_away() -> None:
    assert after(Filters(theme=("Gone",)), field="theme", value="Gone") == Filters()


def test_the_page_gets_rows_with_counts() -> None:
    shown = json.loads(
        facets.data(CATALOG, Filters(country=("Togo",), year=(2021, 2022)), turn=7, t=ENGLISH)
    )
    assert shown["rows"]["country"][0] == ["Peru", "", 2, 0, 0]
    assert ["Togo", "", 2, 1, 0] in shown["rows"]["country"]
    assert ["002", "Africa", 2, 2, 0] in shown["rows"]["region"]
    assert ["011", "Western Africa", 2, 1, 1] in shown["rows"]["region"]
    assert (shown["years"], shown["chosen"], shown["turn"]) == ([2021, 2022], 3, 7)
    assert shown["query"] == "country=TG&year=2021-2022"
    french = json.loads(facets.data(CATALOG, Filters(), French(), turn="7"))
    assert french["rows"]["language"] == [["en", "anglais", 13, 0, 0]]
    assert ["002", "Afrique", 5, 0, 0] in french["rows"]["region"]
    assert french["turn"] is None


def test_hostile_names_are_data_not_markup() -> None:
    catalog = Catalog([report(0, thematic_areas=(HOSTILE,), type=HOSTILE)])
    chosen = Filters(theme=(HOSTILE,))
    assert "<" not in facets.data(catalog, chosen, ENGLISH)
    chips = picked(catalog, chosen, told=HOSTILE, t=ENGLISH)
    assert "<img" not in chips
    assert "<script" not in chips
    assert 'onerror="' not in chips


def test_the_frame_has_a_place_for_each_facet() -> None:
    frame = facets.frame()
    for field in (*facets.FACETS, "region"):
        assert f'data-field="{field}"' in frame
    assert frame.count(" open>") == 3
    assert f'data-keys="{" ".join(KEYS)}"' in frame


def test_the_scope_is_a_sentence() -> None:
    assert facets.in_scope(CATALOG, Filters(), ENGLISH) == "Asking all 13 reports."
    assert (
        facets.in_scope(CATALOG, Filters(country=("Peru",)), ENGLISH) == "Asking 4 reports of 13."
    )
    nothing = Filters(country=("Peru",), year=(1990,))
    assert facets.in_scope(CATALOG, nothing, ENGLISH) == "No report has all of these."


def test_chips_stand_for_regions_and_runs_of_years() -> None:
    chosen = Filters(country=("Togo", "Kenya", "Peru"), year=(2021, 2023, 2024))
    chips = picked(CATALOG, chosen, ENGLISH)
    assert chips.count("<li>") == 4
    assert 'data-field="region" data-value="002" aria-label="Remove Region: Africa"' in chips
    assert 'data-field="country" data-value="Peru" aria-label="Remove Lab: Peru"' in chips
    assert 'data-field="year" data-value="2021" ' in chips
    assert 'data-value="2023-2024" aria-label="Remove Year: 2023–2024"' in chips
    assert 'data-field="" data-value="">Clear all</button>' in chips
    assert picked(CATALOG, Filters(), ENGLISH) == ""
    assert picked(CATALOG, Filters(), told="So?", t=ENGLISH).startswith(
        '<p class="told" role="status"'
    )


def test_a_link_is_of_the_last_question_and_its_filters() -> None:
    talk = (
        Exchange("First?", answer=answer("First?")),
        Exchange("Second?", Filters(country=("Peru",)), error="No."),
    )
    engine = FakeEngine()
    assert json.loads(link_of(engine, talk, ENGLISH)) == {  # type: ignore[arg-type]
        "query": "q=Second%3F&country=PE",
        "done": "Link copied",
        "byHand": "Copy this link:",
    }
    assert json.loads(link_of(engine, (), ENGLISH))["query"] == ""  # type: ignore[arg-type]
