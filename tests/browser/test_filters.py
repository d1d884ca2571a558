"""Choosing filters and sharing a question by its link, in a real browser."""

import pytest
from fake_engine import HOSTILE, FakeEngine, report
from page_fixtures import Visit, ask
from playwright.sync_api import Locator, Page, expect

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters

pytestmark = pytest.mark.browser

# Of Kenya alone; all other reports are of food waste and markets.
THEMES = ("Énergie", HOSTILE, *(f"Theme {n}" for n in range(10)))


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    kenya = report(12, countries=("Kenya",), iso=("KE",), thematic_areas=THEMES)
    return FakeEngine(catalog=Catalog([*(report(i) for i in range(12)), kenya]))


def facet(page: Page, field: str) -> Locator:
    return page.locator(f'#filters .facet[data-field="{field}"]')


def value(page: Page, field: str, name: str) -> Locator:
    return facet(page, field).locator("li").filter(has=page.get_by_text(name, exact=True))


def expect_scope(page: Page, text: str) -> None:
    expect(page.locator("#filters .hint")).to_have_text(text)


def test_counts_follow_the_chosen_values_and_chips_remove_them(page: Page, site: str) -> None:
    expect_scope(page, "Asking all 13 reports.")
    expect(value(page, "country", "Peru").locator(".count")).to_have_text("4")
    value(page, "country", "Togo").click()
    expect_scope(page, "Asking 4 reports of 13.")
    facet(page, "theme").locator("summary").click()
    # Its own facet keeps its counts; the others are those of Togo.
    expect(value(page, "country", "Peru").locator(".count")).to_have_text("4")
    expect(value(page, "theme", "Food waste").locator(".count")).to_have_text("3")
    value(page, "theme", "Markets").click()
    expect_scope(page, "Asking 1 report of 13.")
    expect(value(page, "country", "Kenya")).to_have_count(0)
    facet(page, "region").locator("summary").click()
    africa = facet(page, "region").get_by_role("checkbox", name="Africa", exact=False).first
    expect(africa).to_have_js_property("indeterminate", True)
    expect(page).to_have_url(f"{site}/?country=TG&theme=Markets")
    page.get_by_role("button", name="Clear all").click()
    expect_scope(page, "Asking all 13 reports.")

    facet(page, "country").locator("summary").press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect_scope(page, "Asking 8 reports of 13.")
    togo = value(page, "country", "Togo").locator("input")
    expect(togo).to_be_focused()
    assert togo.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.get_by_role("button", name="Remove Country: Peru").press("Enter")
    expect(page.get_by_role("button", name="Remove Country: Togo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_be_focused()
    expect_scope(page, "Asking all 13 reports.")


def test_a_link_asks_with_its_filters(site: str, engine: FakeEngine, visit: Visit) -> None:
    sender = visit(site)
    sender.context.grant_permissions(["clipboard-read", "clipboard-write"])
    value(sender, "country", "Togo").click()
    expect(sender.locator("#chips li:not(.all)")).to_have_count(1)
    ask(sender, "What keeps food cool & dry?")
    sender.get_by_role("button", name="Clear all").click()
    sender.get_by_role("button", name="Copy link").click()
    expect(sender.get_by_role("button", name="Link copied")).to_be_visible()
    link = sender.evaluate("navigator.clipboard.readText()")
    assert link == f"{site}/?q=What%20keeps%20food%20cool%20%26%20dry%3F&country=TG"

    page = visit(link)
    expect(page.locator("#thread #turn-1 footer")).to_be_visible()
    expect(page.locator("#turn-1 h3")).to_have_text("What keeps food cool & dry?")
    assert engine.asked[-1] == ("What keeps food cool & dry?", (), Filters(country=("Togo",)))
    expect(page.locator("#question textarea")).to_have_value("")
    # The address keeps the filters alone: reloading it asks nothing again.
    expect(page).to_have_url(f"{site}/?country=TG")
