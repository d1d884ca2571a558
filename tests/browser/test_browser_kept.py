"""Tests of kept conversations in a real browser: reload, restart, tabs, failing writes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_engine import FakeEngine
from playwright.sync_api import Page, expect

from tests.browser.test_browser import ask

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

Visit = Callable[..., Page]
# What a browser does whose disk is full.
FULL = """() => { window.put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = () => { throw new DOMException("", "QuotaExceededError"); }; }"""

KEPT = """() => new Promise((done) => {
  indexedDB.open("asklabs").onsuccess = (event) => {
    const db = event.target.result;
    const turns = db.transaction("turns").objectStore("turns");
    turns.count().onsuccess = (e) => { db.close(); done(e.target.result); };
  }; })"""


def kept(page: Page, turns: int) -> bool:
    """Whether so many questions come to be kept, of all conversations."""
    for _ in range(600):
        if page.evaluate(KEPT) == turns:
            return True
        page.wait_for_timeout(100)
    return False


def again(page: Page) -> None:
    """Load the page anew, and wait until it is usable."""
    page.reload()
    expect(page.locator("#question textarea")).to_be_editable()


def fresh(page: Page) -> None:
    page.locator("#history .new").click()
    expect(page.locator("#thread .exchange")).to_have_count(0)


def test_a_reload_shows_what_was_open_and_goes_on(
    site: str, engine: FakeEngine, visit: Visit
) -> None:
    page = visit(site)
    expect(page.locator("#history .conversations")).to_be_hidden()
    ask(page, "What keeps food cool?")
    ask(page, "please fail", 2)
    expect(page.locator("#history .open[aria-current]")).to_have_text("What keeps food cool?")
    again(page)
    expect(page.locator("#turn-1 .answer")).to_contain_text("Wet sand")
    expect(page.locator("#turn-2 .error")).to_contain_text("Start it, or set the model.")
    expect(page.locator("#source-1-1")).to_be_visible()
    page.locator("#turn-1 .cite").first.click()
    expect(page.locator("#source-1-1")).to_have_attribute("aria-current", "true")
    expect(page.locator("#history .open[aria-current]")).to_have_text("What keeps food cool?")
    ask(page, "And in the rain?", 3)
    assert engine.asked[-1][1][0].content == "What keeps food cool?"
    fresh(page)
    again(page)
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#history .open")).to_have_text(["What keeps food cool?"])
    page.get_by_role("link", name="Quality").click()
    page.locator("#history .open").click()
    expect(page.locator("#thread .exchange")).to_have_count(3)
    expect(page.locator("#turn-1")).to_be_visible()


def test_conversations_are_found_renamed_and_deleted_with_the_keyboard(
    site: str, visit: Visit
) -> None:
    page = visit(site)
    for n in range(6):
        if n:
            fresh(page)
        ask(page, f"Question {n} about {'açaí' if n == 2 else 'boats'}?")
    expect(page.locator("#history .open").first).to_have_text("Question 5 about boats?")
    page.get_by_label("Search conversations").fill("ACAI sand")
    expect(page.locator("#history .open")).to_have_text(["Question 2 about açaí?"])
    page.keyboard.press("Escape")
    expect(page.locator("#history .open")).to_have_count(5)
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#history .open")).to_have_count(6)

    page.get_by_role("button", name="Rename “Question 2 about açaí?”").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#history form input")).to_be_focused()
    page.keyboard.type("Berries")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Rename “Berries”")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("not this")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#turn-1 h3")).to_have_text("Question 2 about açaí?")
    expect(page.locator("#history .open[aria-current]")).to_have_text("Berries")

    page.get_by_role("button", name="Delete “Berries”").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#history li .confirming")).to_contain_text("Delete “Berries”?")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete “Berries”")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#history .open")).to_have_count(5)
    expect(page.locator("#welcome")).to_be_visible()
    again(page)
    expect(page.locator("#history .open")).to_have_count(5)
    expect(page.get_by_role("button", name="Berries")).to_have_count(0)


@pytest.mark.slow
def test_a_write_that_fails_loses_neither_the_answer_nor_what_was_kept(
    site: str, visit: Visit
) -> None:
    page = visit(site)
    ask(page, "What keeps food cool?")
    expect(page.locator("#history .open")).to_have_count(1)
    page.evaluate(FULL)
    ask(page, "And in the rain?", 2)
    expect(page.locator("#history .trouble")).to_contain_text("its space for this page is used up")
    expect(page.locator("#turn-2 .answer")).to_contain_text("Wet sand")
    expect(page.locator("#history .open")).to_have_count(1)
    page.evaluate("() => { IDBObjectStore.prototype.put = window.put; }")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#history .trouble")).to_be_hidden()
    page.evaluate(FULL)
    ask(page, "Unkept?", 3)
    expect(page.locator("#history .trouble")).to_be_visible()
    page.evaluate("() => { IDBObjectStore.prototype.put = window.put; }")
    ask(page, "Kept with the one before?", 4)
    expect(page.locator("#history .trouble")).to_be_hidden()
    assert kept(page, 4)
    again(page)
    expect(page.locator("#thread .exchange")).to_have_count(4)


def test_two_tabs_with_one_conversation_lose_nothing_of_each_other(site: str, visit: Visit) -> None:
    page = visit(site)
    ask(page, "First?")
    other = page.context.new_page()
    other.goto(site)
    other.locator("#history .open").click()
    expect(other.locator("#thread .exchange")).to_have_count(1)
    ask(page, "Here?", 2)
    ask(other, "There?", 2)
    expect(other.locator("#history .trouble")).to_contain_text("kept here as a new one")
    expect(page.locator("#history .open")).to_have_count(2)
    again(page)
    again(other)
    expect(page.locator("#turn-2 h3")).to_have_text("Here?")
    expect(other.locator("#turn-2 h3")).to_have_text("There?")
