"""Tests in a real browser of what the check of an answer changes: struck, corrected, told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_engine import WHY
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

Visit = Callable[..., Page]


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    "viewport", [{"width": 1400, "height": 900}, {"width": 390, "height": 844}]
)
def test_a_struck_sentence_is_seen_while_it_is_written_and_then_only_as_struck(
    site: str, visit: Visit, viewport: dict[str, int]
) -> None:
    page = visit(site, viewport=viewport)
    ask(page, "A slowly checked one?")
    growing = page.locator("#live .answer")
    expect(growing).to_contain_text("In Lima alone 43 boxes were sold")
    expect(page.locator(".left-out")).to_have_count(0)

    block = page.locator("#thread #turn-1 .left-out")
    expect(block).to_be_visible()
    expect(growing).to_have_count(0)
    expect(page.locator("#turn-1 .answer")).to_contain_text("Wet sand")
    expect(page.locator("#turn-1 .answer")).not_to_contain_text("Lima")
    expect(block.locator("del").first).to_be_hidden()
    block.locator("summary").focus()
    page.keyboard.press("Enter")
    struck = block.locator("del").first
    expect(struck).to_have_text("In Lima alone 43 boxes were sold within a week.")
    assert "line-through" in struck.evaluate("e => getComputedStyle(e).textDecorationLine")
    expect(block.locator(".why").first).to_have_text(f"Reason: {WHY}")
    expect(block.locator("li").first).to_contain_text("Struck: In Lima")
    expect(page.locator("#turn-1 .checked")).to_contain_text("2 left out; 1 citation corrected")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
