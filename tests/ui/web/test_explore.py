"""The Explore view: counts, the map, what a click may ask; tests/browser has sorting and lists."""

import re

import pytest
from fake_engine import HOSTILE, report
from readers import Outline

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.i18n.translations import ENGLISH
from ui.web.explore import question, render_explore

CATALOG = Catalog(report(i) for i in range(12))
TITLE, SDG = "Cool boxes at the market, part 0", "13. Climate action"


def test_bars_tell_what_each_value_leaves_with_the_other_filters() -> None:
    drawn = render_explore(CATALOG, Filters(country=("Peru",), year=(2021,)), ENGLISH)
    assert "1 report of 1 lab" in drawn
    labs, years = (drawn[drawn.index(f'data-field="{field}"') :] for field in ("country", "year"))
    assert 'aria-pressed="true" aria-label="Peru: 1 report"' in labs
    assert 'aria-label="Togo: 1 report"' in labs
    bars = re.findall(r'data-value="(2\d+)" aria-pressed="(\w+)"', years)
    assert bars == [("2021", "true"), ("2022", "false"), ("2023", "false"), ("2024", "false")]
    # A chosen value stays, to be taken away, also where no report has it.
    none = render_explore(Catalog([]), Filters(theme=("Markets",)), ENGLISH)
    assert 'data-value="Markets" aria-pressed="true"' in none


@pytest.mark.parametrize(
    ("choice", "asked"),
    [
        ({"field": "country", "value": "Peru"}, "What has been done in Peru?"),
        ({"field": "sdg", "value": SDG}, "What did the labs learn about climate action?"),
        ({"report": "report_0"}, f"What is “{TITLE}” about?"),
        # What the collection does not have.
        ({"field": "theme", "value": "Gold"}, ""),
        ({"field": ["theme"], "value": {"$ne": ""}}, ""),
        ({"field": "year", "value": "2021; drop"}, ""),
        ({"report": HOSTILE}, ""),
    ],
)
def test_a_value_or_a_report_is_asked_about(choice: dict[str, object], asked: str) -> None:
    assert question(Catalog([report(0, sdgs=(SDG,))]), choice, ENGLISH) == asked


def test_hostile_names_stay_text() -> None:
    names = dict.fromkeys(("methods", "sdgs", "countries"), (HOSTILE,))
    themes = (HOSTILE, "</div>${alert(1)}`{{x}}")
    info = report(0, id=HOSTILE, title=HOSTILE, kind=HOSTILE, thematic_areas=themes, **names)
    outline = Outline(render_explore(Catalog([info]), Filters(), ENGLISH))
    outline.is_inert()
    assert not outline.values("href")
    assert HOSTILE in outline.text
