"""Tests of the page in a real browser: citations, exports, narrow, dark, visitors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_engine import QUOTE, FakeEngine
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

SCREENSHOT = Path(__file__).parents[2] / "docs" / "page.png"
NARROW = {"width": 390, "height": 844}

Visit = Callable[..., Page]


def ask(page: Page, question: str, turn: int = 1) -> None:
    """Type a question and wait until its answer is complete."""
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    done = page.locator(f"#thread #turn-{turn}").locator("footer, .error")
    expect(done).to_be_visible()


def saved(page: Page, ending: str) -> str:
    """The text of the file that the export menu saves."""
    page.locator(".exports summary").click()
    with page.expect_download() as download:
        page.locator(f".exports button[data-ending='{ending}']").click()
    return download.value.path().read_text(encoding="utf-8")


def test_from_a_question_over_its_source_to_the_export(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site)
    question = "What did labs learn about mobile money?"
    ask(page, question)
    cite = page.locator("#thread .cite").first
    number = cite.get_attribute("data-n")
    cite.click()

    card = page.locator(f"#source-1-{number}")
    expect(card).to_have_attribute("aria-current", "true")
    expect(card.locator("mark").first).to_be_in_viewport()
    quote = card.locator("mark").first.inner_text()
    assert len(quote.split()) >= 3
    assert quote in card.locator("blockquote").inner_text()
    if os.environ.get("PAGE_SCREENSHOT"):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.wait_for_timeout(1000)
        SCREENSHOT.parent.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOT)
        assert SCREENSHOT.stat().st_size < 300 * 1024

    markdown = saved(page, "md")
    assert question in markdown.replace("\\", "")
    answers = json.loads(saved(page, "json"))
    assert question in json.dumps(answers)
    words = " ".join(quote.split()[:3])
    assert words in " ".join(json.dumps(answers, ensure_ascii=False).split())
    assert words in " ".join(markdown.replace("\\", "").split())


def test_on_a_narrow_window_the_sources_follow_the_answer(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site, viewport=NARROW)
    ask(page, "What did labs learn about mobile money?")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    talk, sources = (page.locator(where).bounding_box() for where in ("#talk", "#sources"))
    assert talk
    assert sources
    assert talk["x"] == sources["x"] == 0
    assert sources["y"] >= talk["y"] + talk["height"] - 1
    expect(page.locator("#question textarea")).to_be_in_viewport(ratio=1)
    cite = page.locator("#thread .cite").first
    cite.click()
    card = page.locator("#sources .source[aria-current]")
    expect(card.locator("mark").first).to_be_in_viewport()
    expect(page.locator("#question textarea")).to_be_in_viewport(ratio=1)
    card.locator(".back").click()
    expect(cite).to_be_in_viewport()
    expect(page.locator("#filters")).to_be_hidden()
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("button", name="Filters", exact=True).click()
    expect(page.locator("#filters")).to_be_visible()


def test_the_keyboard_alone_suffices(site: str, visit: Visit) -> None:
    page = visit(site)
    ask(page, "What keeps food cool?")
    page.locator("#thread .cite[data-n='2']").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    card = page.locator("#source-1-1")
    expect(card).to_have_attribute("aria-current", "true")
    expect(card.locator("mark")).to_have_text(QUOTE)
    expect(card.locator("summary")).to_be_focused()
    page.keyboard.press("Escape")
    cite = page.locator("#thread .cite[data-n='1']")
    expect(cite).to_be_focused()
    outline = cite.evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"


def test_stop_stops_and_keeps_what_was_written(site: str, engine: FakeEngine, visit: Visit) -> None:
    page = visit(site)
    page.locator("#question textarea").fill("a slow one")
    page.keyboard.press("Enter")
    expect(page.locator("#live .answer")).to_contain_text("word word")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#turn-1 .note")).to_have_text("Stopped before the end.")
    expect(page.locator("#turn-1 .answer")).to_contain_text("word word")
    assert engine.streams[-1].closed
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    page.locator("#tools").get_by_role("button", name="New conversation").click()
    expect(page.locator("#examples button").first).to_be_visible()
    expect(page.locator("#turn-1")).to_have_count(0)


@pytest.mark.parametrize(
    ("question", "words"),
    [("please fail", "Start it, or set the model."), ("please break", "Something went wrong")],
)
def test_an_error_is_a_sentence_and_the_question_stays(
    site: str, visit: Visit, question: str, words: str
) -> None:
    page = visit(site)
    ask(page, question)
    expect(page.locator("#turn-1 .error")).to_contain_text(words)
    expect(page.locator("#question textarea")).to_have_value(question)
    assert "RuntimeError" not in page.locator("body").inner_text()
    ask(page, "What keeps food cool?", 2)
    expect(page.locator("#turn-2 .answer")).to_contain_text("Wet sand")


def test_what_the_question_names_is_taken_out_and_taken_back(
    sample_site: str, visit: Visit
) -> None:
    page = visit(sample_site)
    ask(page, "What did labs in West Africa learn about mobile money?")
    ask(page, "Which plans of 2023 are tagged with SDG 14?", 2)
    assert page.locator("#turn-1 .scope li").count() == 1
    assert page.locator("#turn-1 .scope button").count() == 0
    rows = page.locator("#turn-2 .list tbody tr")
    narrow = rows.count()

    year = page.get_by_role("button", name="Ask again without Year: 2023")
    year.focus()
    assert year.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    gone = page.locator("#thread #turn-2 .unused")
    expect(gone).to_contain_text("Year 2023 not used")
    assert rows.count() > narrow
    back = page.get_by_role("button", name="Use again, Year: 2023")
    expect(back).to_be_focused()
    page.get_by_role("button", name="Ask again without Type: Action learning plan").click()
    expect(gone).to_have_count(2)
    expect(page.locator("#turn-3")).to_have_count(0)

    back.focus()
    page.keyboard.press("Enter")
    expect(gone).to_have_count(1)
    expect(gone).to_contain_text("Action learning plan")
    expect(year).to_be_focused()


def test_a_visitor_who_closes_the_page_stops_the_model(
    site: str, engine: FakeEngine, visit: Visit
) -> None:
    page, other = visit(site), visit(site)
    page.locator("#question textarea").fill("a slow one")
    page.keyboard.press("Enter")
    expect(page.locator("#live .answer")).to_contain_text("word")
    stream = engine.streams[-1]
    page.close()
    for _ in range(600):
        other.wait_for_timeout(100)
        if stream.closed:
            break
    assert stream.closed
    assert len(stream.answer.text.split()) < 200
