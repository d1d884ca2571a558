"""Tests of the filters in a real browser: counts, search, chips, links, keyboard, narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fake_engine import HOSTILE, FakeEngine, report
from page_fixtures import serve
from playwright.sync_api import Locator, Page, expect

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

NARROW = {"width": 390, "height": 844}
# Twelve themes, of Kenya alone; all other reports are of food waste and markets.
THEMES = ("Énergie", HOSTILE, *(f"Theme {n}" for n in range(10)))

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def wide_engine() -> FakeEngine:
    engine = FakeEngine()
    more = report(12, countries=("Kenya",), iso=("KE",), thematic_areas=THEMES)
    engine.catalog = Catalog([*(report(i) for i in range(12)), more])
    return engine


@pytest.fixture(scope="module")
def wide_site(wide_engine: FakeEngine) -> Iterator[str]:
    """The page over a collection with a long facet."""
    yield from serve(wide_engine)


def place(page: Page, field: str) -> Locator:
    return page.locator(f'#filters .facet[data-field="{field}"]')


def row(page: Page, field: str, name: str) -> Locator:
    return place(page, field).locator("li").filter(has=page.get_by_text(name, exact=True))


def scope(page: Page) -> Locator:
    return page.locator("#filters .hint")


def chips(page: Page) -> Locator:
    return page.locator("#chips li:not(.all)")


def test_counts_follow_each_other(wide_site: str, visit: Visit) -> None:
    page = visit(wide_site)
    expect(scope(page)).to_have_text("Asking all 13 reports.")
    expect(row(page, "country", "Peru").locator(".count")).to_have_text("4")
    row(page, "country", "Togo").click()
    expect(scope(page)).to_have_text("Asking 4 reports of 13.")
    # Its own facet keeps its counts; the others are those of Togo.
    expect(row(page, "country", "Peru").locator(".count")).to_have_text("4")
    expect(row(page, "theme", "Food waste").locator(".count")).to_have_text("3")
    expect(place(page, "theme").locator("li")).to_have_count(2)
    row(page, "theme", "Markets").click()
    expect(scope(page)).to_have_text("Asking 1 report of 13.")
    expect(row(page, "country", "Kenya")).to_have_count(0)
    row(page, "country", "Peru").click()
    expect(scope(page)).to_have_text("Asking 2 reports of 13.")
    place(page, "region").locator("summary").click()
    africa = place(page, "region").get_by_role("checkbox", name="Africa", exact=False).first
    expect(africa).to_have_js_property("indeterminate", True)
    expect(page).to_have_url(f"{wide_site}/?country=TG,PE&theme=Markets")


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#thread #turn-1 footer")).to_be_visible()


def test_a_link_asks_with_its_filters_for_a_fresh_visitor(
    wide_site: str, wide_engine: FakeEngine, visit: Visit
) -> None:
    sender = visit(wide_site)
    sender.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row(sender, "country", "Togo").click()
    expect(chips(sender)).to_have_count(1)
    ask(sender, "What keeps food cool & dry?")
    sender.get_by_role("button", name="Clear all").click()
    sender.get_by_role("button", name="Copy link").click()
    expect(sender.get_by_role("button", name="Link copied")).to_be_visible()
    link = sender.evaluate("navigator.clipboard.readText()")
    assert link == f"{wide_site}/?q=What%20keeps%20food%20cool%20%26%20dry%3F&country=TG"

    page = visit(link)
    expect(page.locator("#thread #turn-1 footer")).to_be_visible()
    expect(page.locator("#turn-1 h3")).to_have_text("What keeps food cool & dry?")
    question, history, filters = wide_engine.asked[-1]
    assert (question, history) == ("What keeps food cool & dry?", ())
    assert filters == Filters(country=("Togo",))
    expect(page.locator("#question textarea")).to_have_value("")
    # The address keeps the filters alone: reloading it asks nothing again.
    expect(page).to_have_url(f"{wide_site}/?country=TG")


def test_the_keyboard_alone_chooses_and_removes(wide_site: str, visit: Visit) -> None:
    page = visit(wide_site)
    expect(scope(page)).to_have_text("Asking all 13 reports.")
    place(page, "country").locator("summary").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(scope(page)).to_have_text("Asking 8 reports of 13.")
    togo = row(page, "country", "Togo").locator("input")
    expect(togo).to_be_focused()
    assert togo.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    place(page, "type").locator("summary").focus()
    page.keyboard.press("Enter")
    expect(place(page, "type").locator("li")).to_be_visible()

    page.get_by_role("button", name="Remove Lab: Peru").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove Lab: Togo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_be_focused()
    expect(scope(page)).to_have_text("Asking all 13 reports.")
