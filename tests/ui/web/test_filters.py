"""The filters: choosing them, their data and chips, and the chips under a question."""

from __future__ import annotations

import json

import pytest
from fake_engine import HOSTILE, answer, report
from readers import Outline

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.i18n.translations import ENGLISH, translations_for
from rag.types import Coverage
from ui.web.answer import render_conversation, render_pending
from ui.web.conversation import Exchange
from ui.web.filters import changed, facet_data, render_chips, render_scope

FRENCH = translations_for("fr")
CATALOG = Catalog(
    [*(report(i) for i in range(12)), report(12, iso=("KE",), countries=("Kenya",), year=2023)]
)
LABS = ("Benin", "Ghana", "Mali", "Niger", "Togo")
PERU = Filters(country=("Peru",))
GONE = Filters(theme=("Gone",))
YEARS = Filters(year=(2021, 2023))


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        (PERU, {"field": "country", "value": "Togo"}, Filters(country=("Peru", "Togo"))),
        (PERU, {"field": "country", "value": "Peru"}, PERU),
        (PERU, {"field": "country", "value": "Peru", "on": False}, Filters()),
        (PERU, {"field": "", "value": ""}, Filters()),
        # A value that the collection has no longer can be taken away.
        (GONE, {"field": "theme", "value": "Gone", "on": False}, Filters()),
        (Filters(year=(2023,)), {"field": "year", "value": "2021"}, YEARS),
        (YEARS, {"field": "year", "value": "2022-2023"}, Filters(year=(2021, 2022, 2023))),
        (YEARS, {"field": "year", "value": "2022-2024", "on": False}, Filters(year=(2021,))),
        (YEARS, {"field": "year", "value": "2023-", "only": True}, Filters(year=(2023, 2024))),
        (YEARS, {"field": "year", "value": "-", "only": True}, Filters()),
        # A region chooses its labs.
        (PERU, {"field": "region", "value": "014"}, Filters(country=("Peru", "Kenya"))),
        # What the collection does not have changes nothing.
        (PERU, {"field": "country", "value": "Atlantis"}, PERU),
        (PERU, {"field": "country", "value": ["Peru"]}, PERU),
        (PERU, {"field": ["country"], "value": "Togo"}, PERU),
        (PERU, {"field": "region", "value": "999"}, PERU),
        (PERU, {"field": "year", "value": "x-y"}, PERU),
        (PERU, {"field": "year", "value": "9" * 9999}, PERU),
    ],
    ids=range(17),
)
def test_values_are_chosen_and_taken_away(
    before: Filters, event: dict[str, object], after: Filters
) -> None:
    assert changed(CATALOG, before, {"on": True, **event}) == after


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


def test_hostile_names_are_data_or_text() -> None:
    catalog = Catalog([report(0, thematic_areas=(HOSTILE,), type=HOSTILE)])
    chosen = Filters(theme=(HOSTILE,))
    assert "<" not in facet_data(catalog, chosen, ENGLISH)
    chips = Outline(render_chips(catalog, chosen, ENGLISH, notice=HOSTILE))
    chips.is_inert()
    assert chips.all("button")[0]["data-value"] == HOSTILE
    hostile = Filters(theme=(HOSTILE, '" autofocus onfocus="x'), country=(HOSTILE,) * 5)
    scope = Outline(render_scope(scoped(hostile, hostile, ignored=hostile), 1, ENGLISH, {}))
    scope.is_inert()
    assert scope.all("button")[1]["data-value"] == HOSTILE


def scoped(named: Filters, first: Filters = Filters(), **values: Filters) -> Exchange:
    """A question that names these filters."""
    coverage = Coverage("answer", filters=named, first=first)
    return Exchange("Q", answer=answer(coverage=coverage), **values)


def labels(html: str) -> list[str | None]:
    return [b["aria-label"] for b in Outline(html).all("button") if "data-field" in b]


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


def test_few_values_go_one_by_one_and_many_at_once_or_by_the_name_of_their_region() -> None:
    few = render_scope(scoped(Filters(country=LABS[:3])), 2, ENGLISH, {})
    assert labels(few) == [f"Ask again without Lab: {name}" for name in LABS[:3]]
    many = render_scope(scoped(Filters(country=LABS)), 2, ENGLISH, {})
    assert labels(many) == ["Ask again without Lab: all 5"]
    assert "Lab Benin, Ghana and 3 more Mali, Niger, Togo from the question" in Outline(many).text
    button = Outline(many).all("button")[0]
    assert [button[f"data-{name}"] for name in ("turn", "field", "value")] == ["2", "country", ""]
    codes = ("BJ", "GH", "ML", "NE", "TG", "KE")
    reports = {code: report(n, iso=(code,)) for n, code in enumerate(codes)}
    region = Outline(render_scope(scoped(Filters(country=LABS)), 2, FRENCH, reports)).text
    assert region.startswith("Région Afrique occidentale Bénin, Ghana, Mali, Niger, Togo")


def test_only_the_last_question_has_buttons_and_none_while_one_is_answered() -> None:
    talk = [scoped(PERU), scoped(Filters(year=(2023,)))]
    assert labels(render_conversation(talk, {}, ENGLISH)) == ["Ask again without Year: 2023"]
    assert labels(render_conversation(talk, {}, ENGLISH, is_idle=False)) == []
    pending = render_pending(Exchange("Q", ignored=PERU), "", 3, ENGLISH, {})
    assert "Lab Peru not used" in Outline(pending).text
    assert labels(pending) == []
