"""What axe finds on the page: nothing serious, in all views, light and dark, both directions."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from page_fixtures import Visit
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

QUESTION = "What did the labs learn about ferries?"


def serious(page: Page) -> list[Any]:
    """What axe calls serious or critical: rule, and the first places."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:160] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def ask(page: Page) -> None:
    page.locator("#question textarea").fill(QUESTION)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#thread .exchange footer")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "width", "scheme"),
    [("en-GB", 1400, "light"), ("ar", 1400, "dark"), ("fr-FR", 390, "light")],
)
def test_axe_finds_nothing_serious(
    visit: Visit, sample_site: str, scheme: str, locale: str, width: int
) -> None:
    page = visit(
        sample_site,
        color_scheme=scheme,
        locale=locale,
        viewport={"width": width, "height": 900},
    )
    assert serious(page) == [], "before a question"
    ask(page)
    page.locator("#thread .cite").first.click()
    expect(page.locator("#sources .source[aria-current]")).to_be_visible()
    assert serious(page) == [], "with an answer and its sources"
    page.locator("#sources .source[aria-current] .open-report").click()
    expect(page.locator("dialog[open]")).to_be_visible()
    assert serious(page) == [], "with a report"
    page.keyboard.press("Escape")
    for view in ("explore", "quality"):
        page.locator(f'[data-view="{view}"]').first.click()
        expect(page.locator(f"#{view} h2").first).to_be_visible()
        assert serious(page) == [], view


def test_the_page_has_the_language_and_direction_of_its_visitor(
    visit: Visit, sample_site: str
) -> None:
    arabic = visit(sample_site, locale="ar")
    expect(arabic.locator("html")).to_have_attribute("dir", "rtl")
    expect(arabic.locator("html")).to_have_attribute("lang", "ar")
    left = arabic.locator("#collection").bounding_box()
    middle = arabic.locator("#talk").bounding_box()
    assert left
    assert middle
    assert left["x"] > middle["x"], "the area that comes first stands on the right"
    french = visit(sample_site, locale="fr-CA")
    expect(french.locator("html")).to_have_attribute("lang", "fr")
    expect(french.locator("html")).to_have_attribute("dir", "ltr")
    expect(french.get_by_role("button", name="Demander", exact=True)).to_be_visible()
