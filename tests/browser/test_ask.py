"""From a question to its sources, reports, exports and saved conversations, in a real browser."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from fake_engine import QUOTE, FakeEngine
from page_fixtures import EDITABLE, NARROW, Visit, ask, box
from playwright.sync_api import Locator, Page, expect
from readers import squeezed, text_of

from rag.feedback import load_feedback
from rag.settings import Settings
from ui.web import history
from ui.web.handlers import Update

pytestmark = pytest.mark.browser

QUESTION = "What did labs learn about mobile money?"
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


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FakeEngine:
    return FakeEngine(settings=Settings(index=tmp_path_factory.mktemp("index")))


def export(page: Page, ending: str) -> tuple[str, Path]:
    page.locator(".exports summary").click()
    with page.expect_download() as download:
        page.locator(f".exports button[data-ending='{ending}']").click()
    expect(page.locator(".exports .sheet")).to_be_hidden()
    return download.value.suggested_filename, download.value.path()


def row_button(page: Page, name: str, turn: int = 2) -> Locator:
    return page.locator(f"#thread #turn-{turn} .answer-row").get_by_role("button", name=name)


def write_slowly(page: Page) -> None:
    page.locator("#question textarea").fill("a slow one")
    page.keyboard.press("Enter")
    expect(page.locator("#live .answer")).to_contain_text("word word")


def test_a_question_leads_to_source_report_and_export(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site)
    expect(page.locator(".exports")).to_be_hidden()
    ask(page, QUESTION)
    first = page.locator("#thread .cite").first
    first.click()
    card = page.locator(f"#source-1-{first.get_attribute('data-n')}[aria-current=true]")
    quote = card.locator("mark").first
    expect(quote).to_be_in_viewport()
    button = card.get_by_role("button", name="Open report")
    button.press("Enter")
    dialog = page.locator("dialog.report")
    # Of all its quotes the one whose card it was.
    mark = dialog.locator(".here mark").first
    expect(mark).to_be_in_viewport()
    assert mark.inner_text() == quote.inner_text()
    assert dialog.get_by_text("@example.org").count() == 0
    for _ in range(4):
        page.keyboard.press("Tab")
        focused = "[document.activeElement, document.activeElement.closest('dialog')]"
        assert page.evaluate(f"{focused}.some((e) => e?.matches('body, dialog'))")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()

    name, path = export(page, "docx")
    assert name == "what-did-labs-learn-about-mobile-money.docx"
    # A quote stands in the answer, with its number before the full stop.
    text = squeezed(re.sub(r"\[\d+\]", "", text_of(path.read_bytes(), "docx")))
    for words in (QUESTION, *page.locator("#sources .source[id] mark").all_text_contents()):
        # An item of a list is quoted without its number or dash in the answer.
        assert squeezed(re.sub(r"^(\d+\.|-)\s", "", words)) in text


def test_the_mouse_and_the_keyboard_reach_the_quote_and_its_source(page: Page) -> None:
    ask(page, "What keeps food cool?")
    expect(page.locator("#uploads")).to_have_count(0)
    popover = page.locator("#popover")
    one, two = (page.locator(f"#turn-1 .cite[data-n='{n}']") for n in (1, 2))
    two.hover()
    expect(popover.locator(".who")).to_have_text("Togo, 2022")
    expect(popover.locator(".quote")).to_have_text(QUOTE)
    expect(popover.locator(".verdict")).to_have_text("≈ The quote supports the sentence in part")
    page.mouse.move(5, 5)
    expect(popover).to_be_hidden()

    two.focus()
    page.keyboard.press("Shift+Tab")
    expect(one).to_be_focused()
    expect(popover).to_be_visible()
    expect(one).to_have_attribute("aria-describedby", "popover")
    page.keyboard.press("Escape")
    expect(popover).to_be_hidden()
    page.keyboard.press("Enter")
    card = page.locator("#source-1-1")
    expect(card).to_have_attribute("aria-current", "true")
    expect(card.locator("mark")).to_have_text(QUOTE)
    expect(card.locator("summary")).to_be_focused()
    # Back at the number, Escape has closed the popover and does not open it again.
    page.keyboard.press("Escape")
    expect(one).to_be_focused()
    expect(popover).to_be_hidden()


def test_stops_and_errors_leave_the_page_usable(page: Page, engine: FakeEngine) -> None:
    write_slowly(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#turn-1 .note")).to_have_text("Stopped before the end.")
    expect(page.locator("#turn-1 .answer")).to_contain_text("word word")
    assert engine.stopped[-1].is_set()

    errors = {"please fail": "Start it, or set the model.", "please break": "Something went wrong"}
    for turn, (question, message) in enumerate(errors.items(), 2):
        ask(page, question, turn)
        expect(page.locator(f"#turn-{turn} .error")).to_contain_text(message)
        expect(page.locator("#question textarea")).to_have_value(question)
    ask(page, "What keeps food cool?", 4)
    expect(page.locator("#turn-4 .answer")).to_contain_text("Wet sand")
    with patch("ui.web.handlers.export", side_effect=RuntimeError("a defect, not for the user")):
        page.locator(".exports summary").click()
        page.locator(".exports button[data-ending=md]").click()
        expect(page.locator(".exports .state")).to_contain_text("could not be made")
    assert "a defect" not in page.locator("body").inner_text()
    assert export(page, "md")[0].endswith(".md")
    page.locator("#tools").get_by_role("button", name="New conversation").click()
    expect(page.locator("#examples button").first).to_be_visible()
    expect(page.locator("#turn-1")).to_have_count(0)
    # Who closes the page stops the model, too.
    write_slowly(page)
    page.close()
    assert engine.stopped[-1].wait(60)


def test_a_question_sent_before_the_last_event_ends_is_asked(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving = history.with_saving

    def ends_late(*given: Any) -> Iterator[Update]:
        yield from saving(*given)
        time.sleep(0.5)

    monkeypatch.setattr(history, "with_saving", ends_late)
    ask(page, "First?")
    ask(page, "Second?", 2)


def test_an_answer_is_asked_again_and_rated(page: Page, engine: FakeEngine) -> None:
    ask(page, "First?")
    ask(page, "Is it good?", 2)
    expect(row_button(page, "Ask again", 1)).to_have_count(0)
    for name in ("Ask again", "Read more reports"):
        row_button(page, name).evaluate("e => (e.dataset.old = 1)")
        row_button(page, name).press("Enter")
        expect(row_button(page, name)).not_to_have_attribute("data-old", "1")
        expect(row_button(page, name)).to_be_focused()
    assert [question for question, *_ in engine.asked[-2:]] == ["Is it good?"] * 2
    assert [given["passages"] for given in engine.more[-2:]] == [0, 40]
    expect(page.locator("#thread .exchange")).to_have_count(2)

    row_button(page, "Bad answer").click()
    expect(page.locator("#turn-2 .answer-row .result")).to_have_text("Thank you.")
    row_button(page, "Good answer").click()
    expect(row_button(page, "Good answer")).to_have_attribute("aria-pressed", "true")
    expect(row_button(page, "Bad answer")).to_have_attribute("aria-pressed", "false")
    comment = page.locator("#turn-2").get_by_label("A word on why (optional)")
    comment.fill("useful <b>")
    comment.press("Enter")
    expect(comment).to_be_hidden()
    votes = [vote for vote in load_feedback(engine.settings.index)[0] if "good" in vote.question]
    assert [(vote.vote, vote.word) for vote in votes] == [("up", "useful <b>")]
    ask(page, "Another?", 3)
    expect(row_button(page, "Good answer")).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_what_the_question_names_is_taken_out_and_back(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site)
    ask(page, "Which plans of 2023 are tagged with SDG 14?")
    rows = page.locator("#turn-1 .list tbody tr")
    before = rows.count()
    year = page.get_by_role("button", name="Ask again without Year: 2023")
    year.press("Enter")
    unused = page.locator("#thread #turn-1 .unused")
    expect(unused).to_contain_text("2023 (not used)")
    assert rows.count() > before
    back = page.get_by_role("button", name="Use again, Year: 2023")
    expect(back).to_be_focused()
    page.get_by_role("button", name="Ask again without Type: Action learning plan").click()
    expect(unused).to_have_count(2)
    expect(page.locator("#turn-2")).to_have_count(0)
    back.press("Enter")
    expect(unused).to_have_count(1)
    expect(unused).to_contain_text("Action learning plan")
    expect(year).to_be_focused()


@pytest.mark.slow
def test_on_a_phone_a_touch_opens_the_source(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site, viewport=NARROW, has_touch=True, is_mobile=True)
    ask(page, QUESTION)
    talk, sources = box(page, "#talk"), box(page, "#sources")
    assert talk["x"] == sources["x"] == 0
    assert sources["y"] >= talk["y"] + talk["height"] - 1
    expect(page.locator("#question textarea")).to_be_in_viewport(ratio=1)
    first = page.locator("#thread .cite").first
    first.tap()
    card = page.locator("#sources .source[aria-current]")
    expect(card.locator("mark").first).to_be_in_viewport()
    expect(page.locator("#popover")).to_have_count(0)
    back = card.locator(".back")
    expect(back).to_be_in_viewport(ratio=1)
    card.get_by_role("button", name="Open report").tap()
    expect(page.locator("dialog.report .here mark").first).to_be_in_viewport()
    report = box(page, "dialog.report")
    assert (report["x"], report["width"]) == (0, NARROW["width"])
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.locator("dialog.report").get_by_role("button", name="Close").tap()
    back.tap()
    expect(first).to_be_in_viewport()
    expect(page.locator("#filters")).to_be_hidden()
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("button", name="Filters", exact=True).tap()
    expect(page.locator("#filters")).to_be_visible()


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
    page.wait_for_function(EDITABLE)


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
