"""The filters: choosing them, their data and chips, and the chips under a question."""

from __future__ import annotations

import json

import pytest
from fake_engine import HOSTILE, answer, report
from readers import Outline

from rag.catalog.catalog import Catalog
from rag.catalog.facets import FACETS
from rag.catalog.fields import Filters
from rag.i18n.translations import ENGLISH, translations_for
from rag.types import Coverage
from ui.web.answer import render_conversation, render_pending
from ui.web.conversation import Exchange
from ui.web.filters import (
    changed,
    facet_data,
    render_chips,
    render_facets,
    render_scope,
    scope_sentence,
)
from ui.web.links import KEYS

FRENCH = translations_for("fr")
CATALOG = Catalog(
    [*(report(i) for i in range(12)), report(12, iso=("KE",), countries=("Kenya",), year=2023)]
)
LABS = ("Benin", "Ghana", "Mali", "Niger", "Togo")


def after(chosen: Filters, **event: object) -> Filters:
    return changed(CATALOG, chosen, event)


def test_values_are_chosen_and_taken_away() -> None:
    chosen = after(Filters(), field="country", value="Peru", on=True)
    chosen = after(chosen, field="country", value="Togo", on=True)
    chosen = after(chosen, field="country", value="Peru", on=True)
    chosen = after(chosen, field="theme", value="Markets", on=True)
    assert chosen == Filters(country=("Togo", "Peru"), theme=("Markets",))
    assert after(chosen, field="country", value="Togo").country == ("Peru",)
    assert after(chosen, field="", value="") == Filters()
    # A value that the collection has no longer can be taken away.
    assert after(Filters(theme=("Gone",)), field="theme", value="Gone") == Filters()


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


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"field": "country"},
        {"field": "country", "value": "Atlantis", "on": True},
        {"field": "country", "value": ["Peru"], "on": True},
        {"field": ["country"], "value": "Peru", "on": True},
        {"field": "as_dict", "value": "red", "on": True},
        {"field": "region", "value": "999", "on": True},
        {"field": "year", "value": "x-y", "on": True},
        {"field": "year", "value": "9" * 9999, "on": True},
        {"field": "theme", "value": HOSTILE, "on": True},
        {"field": None, "value": None, "on": None},
    ],
)
def test_what_the_collection_does_not_have_changes_nothing(event: dict[str, object]) -> None:
    chosen = Filters(country=("Togo",))
    assert changed(CATALOG, chosen, event) == chosen


def test_the_page_gets_rows_with_counts() -> None:
    chosen = Filters(country=("Togo",), year=(2021, 2022))
    data = json.loads(facet_data(CATALOG, chosen, ENGLISH, turn=7))
    assert data["rows"]["country"][0] == ["Peru", "", 2, 0, 0]
    assert ["Togo", "", 2, 1, 0] in data["rows"]["country"]
    assert ["002", "Africa", 2, 2, 0] in data["rows"]["region"]
    assert ["011", "Western Africa", 2, 1, 1] in data["rows"]["region"]
    assert (data["years"], data["chosen"], data["turn"]) == ([2021, 2022], 3, 7)
    assert data["query"] == "country=TG&year=2021-2022"
    french = json.loads(facet_data(CATALOG, Filters(), FRENCH, turn="7"))
    assert french["rows"]["language"] == [["en", "anglais", 13, 0, 0]]
    assert french["turn"] is None


def test_the_frame_has_a_place_for_each_facet() -> None:
    frame = render_facets()
    for field in (*FACETS, "region"):
        assert f'data-field="{field}"' in frame
    assert frame.count(" open>") == 3
    assert f'data-keys="{" ".join(KEYS)}"' in frame


def test_the_scope_is_a_sentence() -> None:
    peru, nothing = Filters(country=("Peru",)), Filters(country=("Peru",), year=(1990,))
    assert scope_sentence(CATALOG, Filters(), ENGLISH) == "Asking all 13 reports."
    assert scope_sentence(CATALOG, peru, ENGLISH) == "Asking 4 reports of 13."
    assert scope_sentence(CATALOG, nothing, ENGLISH) == "No report has all of these."


def test_chips_stand_for_regions_and_runs_of_years() -> None:
    chosen = Filters(country=("Togo", "Kenya", "Peru"), year=(2021, 2023, 2024))
    buttons = Outline(render_chips(CATALOG, chosen, ENGLISH)).all("button")
    assert [(b["data-field"], b["data-value"], b.get("aria-label")) for b in buttons] == [
        ("region", "002", "Remove Region: Africa"),
        ("country", "Peru", "Remove Lab: Peru"),
        ("year", "2021", "Remove Year: 2021"),
        ("year", "2023-2024", "Remove Year: 2023–2024"),
        ("", "", None),
    ]
    assert render_chips(CATALOG, Filters(), ENGLISH) == ""
    assert Outline(render_chips(CATALOG, Filters(), ENGLISH, notice="So?")).text == "So?"


def test_hostile_names_are_data_or_text() -> None:
    catalog = Catalog([report(0, thematic_areas=(HOSTILE,), type=HOSTILE)])
    chosen = Filters(theme=(HOSTILE,))
    assert "<" not in facet_data(catalog, chosen, ENGLISH)
    chips = Outline(render_chips(catalog, chosen, ENGLISH, notice=HOSTILE))
    chips.is_inert()
    assert chips.all("button")[0]["data-value"] == HOSTILE


def scoped(named: Filters, first: Filters = Filters(), **values: Filters) -> Exchange:
    """A question that names these filters."""
    coverage = Coverage("answer", filters=named, first=first)
    return Exchange("Q", answer=answer(coverage=coverage), **values)


def labels(html: str) -> list[str | None]:
    chips = [b for b in Outline(html).all("button") if "data-field" in b]
    return [chip["aria-label"] for chip in chips]


def test_each_chip_of_a_question_says_where_it_comes_from() -> None:
    used, first = Filters(country=("Peru",), year=(2023,)), Filters(kind=("closing",))
    ignored = Filters(sdg=("1. No poverty",))
    exchange = scoped(used, first, filters=Filters(year=(2023,)), ignored=ignored)
    html = render_scope(exchange, 1, ENGLISH, {})
    assert Outline(html).text == (
        "Year 2023 your filterLab Peru from the question×"
        "Kind closing from the question, comes first×SDG 1. No poverty not usedUse again"
    )
    assert labels(html) == [
        "Ask again without Lab: Peru",
        "Ask again without Kind: closing",
        "Use again, SDG: 1. No poverty",
    ]
    assert [button["data-back"] for button in Outline(html).all("button")] == ["", "", "1"]
    assert render_scope(Exchange("Q"), 0, ENGLISH, {}) == ""


def test_few_values_go_one_by_one_and_many_at_once() -> None:
    few = render_scope(scoped(Filters(country=LABS[:3])), 2, ENGLISH, {})
    assert labels(few) == [f"Ask again without Lab: {name}" for name in LABS[:3]]
    many = render_scope(scoped(Filters(country=LABS)), 2, ENGLISH, {})
    assert labels(many) == ["Ask again without Lab: all 5"]
    assert "Lab Benin, Ghana and 3 more Mali, Niger, Togo from the question" in Outline(many).text
    button = Outline(many).all("button")[0]
    assert [button[f"data-{name}"] for name in ("turn", "field", "value")] == ["2", "country", ""]


def test_only_the_last_question_has_buttons_and_none_while_one_is_answered() -> None:
    talk = [scoped(Filters(country=("Peru",))), scoped(Filters(year=(2023,)))]
    assert labels(render_conversation(talk, {}, ENGLISH)) == ["Ask again without Year: 2023"]
    assert labels(render_conversation(talk, {}, ENGLISH, is_idle=False)) == []
    waiting = render_pending(Exchange("Q", ignored=Filters(country=("Peru",))), "", 3, ENGLISH, {})
    assert "Lab Peru not used" in Outline(waiting).text
    assert labels(waiting) == []


def test_hostile_values_of_a_question_stay_text() -> None:
    hostile = Filters(theme=(HOSTILE, '" autofocus onfocus="x'), country=(HOSTILE,) * 5)
    html = Outline(render_scope(scoped(hostile, hostile, ignored=hostile), 1, ENGLISH, {}))
    html.is_inert()
    assert html.open == []
    assert html.all("button")[1]["data-value"] == HOSTILE


def test_all_labs_of_a_region_go_by_its_name() -> None:
    codes = ("BJ", "GH", "ML", "NE", "TG", "KE")
    reports = {code: report(n, iso=(code,)) for n, code in enumerate(codes)}
    region = Outline(render_scope(scoped(Filters(country=LABS)), 2, FRENCH, reports)).text
    assert region.startswith("Région Afrique occidentale Bénin, Ghana, Mali, Niger, Togo")
    fewer = render_scope(scoped(Filters(country=LABS[:4])), 2, ENGLISH, reports)
    assert "Lab Benin, Ghana and 2 more" in Outline(fewer).text
