"""The Explore view: counts, the map, what a click may choose or ask, and hostile names."""

from __future__ import annotations

import html
import json
import re

import pytest
from fake_engine import HOSTILE, report
from readers import Outline

from rag.catalog.catalog import Catalog
from rag.catalog.facets import facet
from rag.catalog.fields import Filters
from rag.i18n.translations import ENGLISH
from ui.web.explore import BARS, FIELDS, ROWS, question, render_explore, steps, world

CATALOG = Catalog(report(i) for i in range(12))


def data(drawn: str) -> dict[str, object]:
    found = re.search(r'<div class="data" hidden>(.*?)</div>', drawn, re.DOTALL)
    assert found
    parsed: dict[str, object] = json.loads(html.unescape(found[1]))
    return parsed


def test_bars_tell_what_each_value_leaves_with_the_other_filters() -> None:
    drawn = render_explore(CATALOG, Filters(country=("Peru",), year=(2021,)), ENGLISH)
    assert "1 report of 1 lab" in drawn
    labs, years = (drawn[drawn.index(f'data-field="{field}"') :] for field in ("country", "year"))
    assert 'aria-pressed="true" aria-label="Peru: 1 report"' in labs
    togo = len(CATALOG.ids(Filters(country=("Togo",), year=(2021,))))
    assert f'aria-label="Togo: {togo} report"' in labs
    bars = re.findall(r'data-value="(2\d+)" aria-pressed="(\w+)"', years)
    assert bars == [("2021", "true"), ("2022", "false"), ("2023", "false"), ("2024", "false")]


def test_a_chosen_value_stays_where_no_report_is_left_of_it() -> None:
    chosen = Filters(theme=("Markets",), year=(1999,))
    drawn = render_explore(CATALOG, chosen, ENGLISH)
    assert 'data-value="Markets" aria-pressed="true"' in drawn
    assert "0 reports of 0 labs" in drawn
    assert "No report has all of these." in drawn


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"field": "theme", "value": "Gold"},
        {"field": "__class__", "value": "x"},
        {"field": ["theme"], "value": {"$ne": ""}},
        {"field": "year", "value": "2021; drop"},
        {"report": HOSTILE},
    ],
)
def test_what_the_collection_does_not_have_is_not_asked_about(
    choice: dict[str, object],
) -> None:
    assert question(CATALOG, choice, ENGLISH) == ""


def test_questions_about_values_and_reports() -> None:
    catalog = Catalog([report(0, sdgs=("13. Climate action",), methods=("Human Labs",))])
    questions = {
        field: question(
            catalog,
            {"field": field, "value": facet(catalog, Filters(), field)[0].name},
            ENGLISH,
        )
        for field in FIELDS
    }
    assert questions == {
        "country": "What did the lab of Peru find out?",
        "year": "What did the labs learn in 2021?",
        "method": "What did the labs learn by using Human Labs?",
        "sdg": "What did the labs learn about climate action?",
        "theme": "What did the labs learn about markets?",
    }
    of_report = question(catalog, {"report": "report_0"}, ENGLISH)
    assert of_report == ("What did the lab of Peru find out in “Cool boxes at the market, part 0”?")


def test_shades_begin_at_round_numbers_and_one_big_lab_does_not_pale_the_others() -> None:
    assert steps([]) == (1,)
    assert steps([1, 1, 2]) == (1, 2)
    assert steps([*range(1, 60), 374]) == (1, 10, 20, 50)
    assert len(steps([2**i for i in range(14)])) == 5


def test_every_country_has_a_place_on_the_map() -> None:
    atlas = world()
    for code in ("PE", "FJ", "MV", "XK", "PS", "SG", "CV"):
        assert code in atlas.shapes or code in atlas.points, code
    assert all(0 <= x <= atlas.width and 0 <= y <= atlas.height for x, y in atlas.points.values())
    assert re.fullmatch(r"[Mlz0-9 .-]+", "".join(atlas.shapes.values()))


def test_the_map_draws_labs_as_buttons_with_their_numbers() -> None:
    catalog = Catalog(
        [
            *(report(i, countries=("Peru",), iso=("PE",)) for i in range(4)),
            report(5, countries=("Maldives",), iso=("MV",)),
            report(6, countries=(HOSTILE,), iso=()),
        ]
    )
    view = render_explore(catalog, Filters(country=("Peru",)), ENGLISH)
    drawn = view[view.index("<svg") : view.index("</svg>") + 6]
    Outline(drawn).is_inert()
    peru, maldives = (
        next(g for g in Outline(drawn).all("g") if g["data-value"] == name)
        for name in ("Peru", "Maldives")
    )
    assert len(Outline(drawn).all("g")) == 2
    assert (peru["data-shade"], peru["aria-pressed"]) == ("2", "true")
    assert peru["aria-label"] == "Peru: 4 reports"
    assert maldives["data-shade"] == "1"
    assert drawn.count("<circle") == 1
    assert world().shapes["PE"] not in drawn[: drawn.index("<g ")]


def test_long_lists_are_drawn_in_part_and_the_rest_travels_as_data() -> None:
    reports = [report(i, thematic_areas=(f"Theme {i:03}",)) for i in range(150)]
    drawn = render_explore(Catalog(reports), Filters(theme=("Theme 140",)), ENGLISH)
    themes = drawn[drawn.index('data-field="theme"') :]
    themes = themes[: themes.index("</section>")]
    assert themes.count("<li") == BARS + 1
    assert 'data-value="Theme 140" aria-pressed="true"' in themes
    assert "Show all 150" in themes
    rest = data(drawn)["rest"]
    assert isinstance(rest, dict)
    assert len(rest["theme"]) == 150 - BARS - 1
    whole = render_explore(Catalog(reports), Filters(), ENGLISH)
    assert whole.count("<tr><td") == ROWS
    rows = data(whole)["rows"]
    assert isinstance(rows, list)
    assert len(rows) == 150
    assert rows[0][1:] == [
        "Peru",
        "2021",
        "Plan",
        "Cool boxes at the market, part 0",
        "Prototyping",
    ]


def test_hostile_names_stay_text() -> None:
    info = report(
        0, id=HOSTILE, title=HOSTILE, methods=(HOSTILE,), sdgs=(HOSTILE,), kind=HOSTILE,
        thematic_areas=(HOSTILE, "</div>${alert(1)}`{{x}}"),
    )  # fmt: skip
    drawn = render_explore(Catalog([info]), Filters(), ENGLISH)
    outline = Outline(drawn)
    outline.is_inert()
    assert not outline.values("href")
    rows = data(drawn)["rows"]
    assert isinstance(rows, list)
    assert rows[0][0] == rows[0][4] == HOSTILE


def test_an_empty_collection_can_be_explored() -> None:
    assert "0 reports of 0 labs" in render_explore(Catalog([]), Filters(), ENGLISH)
