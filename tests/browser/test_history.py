"""Saved conversations in a real browser: reload, search, tabs, failing writes."""

import pytest
from fake_engine import FakeEngine
from page_fixtures import ask
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

# What a browser does whose disk is full, and how its disk is emptied again.
FULL = """() => { window.put ??= IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = () => { throw new DOMException("", "QuotaExceededError"); }; }"""
EMPTIED = "() => { IDBObjectStore.prototype.put = window.put; }"
# Whether so many questions are saved, the last with a text.
SAVED = """([count, text]) => new Promise((done) => {
  indexedDB.open("asklabs").onsuccess = ({ target: { result: db } }) => {
    const all = db.transaction("turns").objectStore("turns").getAll();
    all.onsuccess = () => {
      db.close();
      done(all.result.length === count && all.result.at(-1).data.includes(text));
    };
  }; })"""


def conversations(page: Page) -> Locator:
    return page.locator("#history .open")


def current(page: Page) -> Locator:
    return page.locator("#history .open[aria-current]")


def wait_until_saved(page: Page, count: int, text: str) -> None:
    for _ in range(600):
        if page.evaluate(SAVED, [count, text]):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{count} questions, the last with {text!r}, were not saved")


def reload(page: Page) -> None:
    page.reload()
    expect(page.locator("#question textarea")).to_be_editable()


def start_new(page: Page) -> None:
    page.locator("#history .new").click()
    expect(page.locator("#thread .exchange")).to_have_count(0)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_reload_shows_what_was_open(page: Page, engine: FakeEngine) -> None:
    expect(page.locator("#history .conversations")).to_be_hidden()
    ask(page, "What keeps food cool?")
    ask(page, "please fail", 2)
    expect(current(page)).to_have_text("What keeps food cool?")
    wait_until_saved(page, 2, "Start it")
    reload(page)
    expect(page.locator("#turn-1 .answer")).to_contain_text("Wet sand")
    expect(page.locator("#turn-2 .error")).to_contain_text("Start it, or set the model.")
    page.locator("#turn-1 .cite").first.click()
    expect(page.locator("#source-1-1")).to_have_attribute("aria-current", "true")
    expect(current(page)).to_have_text("What keeps food cool?")
    ask(page, "And in the rain?", 3)
    assert engine.asked[-1][1][0].content == "What keeps food cool?"
    start_new(page)
    reload(page)
    expect(page.locator("#welcome")).to_be_visible()
    page.get_by_role("link", name="Quality").click()
    conversations(page).click()
    expect(page.locator("#thread .exchange")).to_have_count(3)
    expect(page.locator("#turn-1")).to_be_visible()


@pytest.mark.slow
def test_conversations_are_searched_renamed_and_deleted(page: Page) -> None:
    for n in range(6):
        if n:
            start_new(page)
        ask(page, f"Question {n} about {'açaí' if n == 2 else 'boats'}?")
    expect(conversations(page).first).to_have_text("Question 5 about boats?")
    page.get_by_label("Search conversations").fill("ACAI sand")
    expect(conversations(page)).to_have_text(["Question 2 about açaí?"])
    press(page, "Escape")
    expect(conversations(page)).to_have_count(5)
    page.get_by_role("button", name="Show all").click()
    expect(conversations(page)).to_have_count(6)

    page.get_by_role("button", name="Rename “Question 2 about açaí?”").press("Enter")
    expect(page.locator("#history form input")).to_be_focused()
    page.keyboard.type("Berries")
    press(page, "Enter")
    expect(page.get_by_role("button", name="Rename “Berries”")).to_be_focused()
    press(page, "Enter")
    page.keyboard.type("not this")
    press(page, "Escape", "Shift+Tab", "Enter")
    expect(page.locator("#turn-1 h3")).to_have_text("Question 2 about açaí?")
    expect(current(page)).to_have_text("Berries")

    delete = page.get_by_role("button", name="Delete “Berries”")
    delete.press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    press(page, "Escape")
    expect(delete).to_be_focused()
    press(page, "Enter", "Shift+Tab", "Enter")
    expect(conversations(page)).to_have_count(5)
    expect(page.locator("#welcome")).to_be_visible()
    reload(page)
    expect(conversations(page)).to_have_count(5)
    expect(page.get_by_role("button", name="Berries")).to_have_count(0)


@pytest.mark.slow
def test_a_write_that_fails_or_another_tab_loses_nothing(page: Page, site: str) -> None:
    trouble = page.locator("#history .trouble")
    ask(page, "What keeps food cool?")
    expect(conversations(page)).to_have_count(1)
    page.evaluate(FULL)
    ask(page, "And in the rain?", 2)
    expect(trouble).to_contain_text("its space for this page is full")
    expect(page.locator("#turn-2 .answer")).to_contain_text("Wet sand")
    page.evaluate(EMPTIED)
    page.get_by_role("button", name="Try again").click()
    expect(trouble).to_be_hidden()
    page.evaluate(FULL)
    ask(page, "Not saved?", 3)
    expect(trouble).to_be_visible()
    page.evaluate(EMPTIED)
    ask(page, "Saved with the one before?", 4)
    expect(trouble).to_be_hidden()
    wait_until_saved(page, 4, "Wet sand")
    reload(page)
    expect(page.locator("#thread .exchange")).to_have_count(4)

    other = page.context.new_page()
    other.goto(site)
    conversations(other).click()
    expect(other.locator("#thread .exchange")).to_have_count(4)
    ask(page, "Here?", 5)
    ask(other, "There?", 5)
    expect(other.locator("#history .trouble")).to_contain_text("saved here as a copy")
    expect(conversations(page)).to_have_count(2)
    for tab, question in ((page, "Here?"), (other, "There?")):
        reload(tab)
        expect(tab.locator("#turn-5 h3")).to_have_text(question)
