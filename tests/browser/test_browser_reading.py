"""Reading an answer in a real browser: quotes at the numbers, the row of buttons, whole reports."""

from __future__ import annotations

import pytest
from fake_engine import QUOTE, FakeEngine
from playwright.sync_api import Locator, Page, expect

from rag.feedback import load_feedback
from rag.settings import Settings
from tests.browser.test_browser import NARROW, Visit, ask

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FakeEngine:
    """The small engine, with a folder of its own for votes."""
    engine = FakeEngine()
    engine.settings = Settings(index=tmp_path_factory.mktemp("index"))
    return engine


def number(page: Page, n: int, turn: int = 1) -> Locator:
    return page.locator(f"#turn-{turn} .cite[data-n='{n}']")


def in_row(page: Page, name: str, turn: int = 1) -> Locator:
    return page.locator(f"#thread #turn-{turn} .answer-row").get_by_role("button", name=name)


def test_the_mouse_and_the_keyboard_show_the_quote(site: str, visit: Visit) -> None:
    page = visit(site)
    ask(page, "What keeps food cool?")
    peek = page.locator("#popover")
    number(page, 2).hover()
    expect(peek).to_be_visible()
    expect(peek.locator(".who")).to_have_text("Togo, 2022")
    expect(peek.locator(".quote")).to_have_text(QUOTE)
    expect(peek.locator(".verdict")).to_have_text("≈ The quote supports the sentence in part")
    peek.hover()
    expect(peek).to_be_visible()
    page.mouse.move(5, 5)
    expect(peek).to_be_hidden()

    number(page, 2).focus()
    page.keyboard.press("Shift+Tab")
    expect(number(page, 1)).to_be_focused()
    expect(peek).to_be_visible()
    expect(number(page, 1)).to_have_attribute("aria-describedby", "popover")
    page.keyboard.press("Escape")
    expect(peek).to_be_hidden()
    expect(number(page, 1)).to_be_focused()
    assert number(page, 1).get_attribute("aria-describedby") is None
    page.keyboard.press("Enter")
    expect(page.locator("#source-1-1")).to_have_attribute("aria-current", "true")
    expect(peek).to_be_hidden()
    # Back at the number, what Escape has left is not opened by it again.
    page.keyboard.press("Escape")
    expect(number(page, 1)).to_be_focused()
    expect(peek).to_be_hidden()


def test_the_last_answer_is_asked_again_and_read_more_widely(
    site: str, engine: FakeEngine, visit: Visit
) -> None:
    page = visit(site)
    ask(page, "First?")
    ask(page, "Second?", 2)
    expect(in_row(page, "Ask again", 1)).to_have_count(0)
    expect(in_row(page, "Read more widely", 1)).to_have_count(0)
    asked = len(engine.asked)
    in_row(page, "Ask again", 2).focus()
    page.keyboard.press("Enter")
    expect(in_row(page, "Ask again", 2)).to_be_focused()
    assert len(engine.asked) == asked + 1
    assert engine.passages[-1] == 0
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(in_row(page, "Read more widely", 2)).to_be_focused()
    assert engine.asked[-1][0] == "Second?"
    assert engine.passages[-1] == 40
    expect(page.locator("#thread .exchange")).to_have_count(2)


def test_a_vote_and_its_word_are_kept(site: str, engine: FakeEngine, visit: Visit) -> None:
    page = visit(site)
    ask(page, "What keeps food cool, and is it good?")
    in_row(page, "Bad answer").click()
    expect(in_row(page, "Bad answer")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#turn-1 .result")).to_have_text("Thank you.")
    in_row(page, "Good answer").click()
    expect(in_row(page, "Good answer")).to_have_attribute("aria-pressed", "true")
    expect(in_row(page, "Bad answer")).to_have_attribute("aria-pressed", "false")
    page.get_by_label("A word on why (optional)").fill("useful <b>")
    page.keyboard.press("Enter")
    expect(page.get_by_label("A word on why (optional)")).to_be_hidden()
    found = [one for one in load_feedback(engine.settings.index)[0] if "good" in one.question]
    assert [(one.vote, one.word) for one in found] == [("up", "useful <b>")]
    ask(page, "Another?", 2)
    expect(in_row(page, "Good answer", 1)).to_have_attribute("aria-pressed", "true")
    other = visit(site)
    ask(other, "What keeps food cool, and is it good?")
    expect(in_row(other, "Good answer")).to_have_attribute("aria-pressed", "false")


def test_a_report_opens_at_the_quoted_words(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site)
    ask(page, "What did labs learn about mobile money?")
    page.locator("#thread .cite").first.click()
    card = page.locator("#sources .source[aria-current]")
    quote = card.locator("mark").first.inner_text()
    button = card.get_by_role("button", name="Open report")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog.report")
    expect(dialog).to_be_visible()
    expect(dialog.locator("mark").first).to_be_in_viewport()
    assert dialog.locator("mark").first.inner_text() == quote
    assert dialog.locator("section").count() > 2
    assert dialog.get_by_text("@example.org").count() == 0
    for _ in range(4):
        page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
        assert page.evaluate(inside)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    expect(card).to_have_attribute("aria-current", "true")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    expect(dialog.locator("mark").first).to_be_in_viewport()
    dialog.get_by_role("button", name="Close").click()
    expect(button).to_be_focused()


def test_on_a_phone_a_touch_opens_the_source_and_there_is_a_way_back(
    sample_site: str, visit: Visit
) -> None:
    page = visit(sample_site, viewport=NARROW, has_touch=True, is_mobile=True)
    ask(page, "What did labs learn about mobile money?")
    cite = page.locator("#thread .cite").first
    cite.tap()
    card = page.locator("#sources .source[aria-current]")
    expect(card.locator("mark").first).to_be_in_viewport()
    expect(page.locator("#popover")).to_have_count(0)
    back = card.locator(".back")
    expect(back).to_be_in_viewport(ratio=1)
    card.get_by_role("button", name="Open report").tap()
    dialog = page.locator("dialog.report")
    expect(dialog.locator("mark").first).to_be_in_viewport()
    box = dialog.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, NARROW["width"])
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    dialog.get_by_role("button", name="Close").tap()
    expect(dialog).to_be_hidden()
    back.tap()
    expect(cite).to_be_in_viewport()
    for button in page.locator("#turn-1 .answer-row button:visible").all():
        size = button.bounding_box()
        assert size
        assert min(size["width"], size["height"]) >= 24
