"""The export menu in a real browser: all formats, one answer or all, waiting, failing, narrow."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from readers import squeezed, text_of

from rag.export.formats import FORMATS, export

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

NARROW = {"width": 390, "height": 844}

Visit = Callable[..., Page]


def ask(page: Page, question: str, turn: int = 1) -> None:
    """Type a question and wait until its answer is complete."""
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(f"#thread #turn-{turn} footer")).to_be_visible()


def saved(page: Page, ending: str, what: str = "") -> tuple[str, Path]:
    """The name and place of the file that the menu saves."""
    page.locator(".exports summary").click()
    if what:
        page.get_by_label(what).check()
    with page.expect_download() as download:
        page.locator(f".exports button[data-ending='{ending}']").click()
    expect(page.locator(".exports .sheet")).to_be_hidden()
    expect(page.locator(".exports .state")).to_be_hidden()
    return download.value.suggested_filename, download.value.path()


def test_each_format_is_saved_and_holds_the_quotes(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site)
    expect(page.locator(".exports")).to_be_hidden()
    question = "What did labs learn about mobile money?"
    ask(page, question)
    quotes = [
        squeezed(text) for text in page.locator("#sources .source[id] mark").all_text_contents()
    ]
    assert quotes
    for ending in FORMATS:
        name, path = saved(page, ending)
        assert name == f"what-did-labs-learn-about-mobile-money.{ending}"
        words = squeezed(text_of(path.read_bytes(), ending).replace("\\n", ""))
        assert squeezed(question) in words
        assert [quote for quote in quotes if quote not in words] == []


def test_the_last_answer_or_the_whole_conversation(site: str, visit: Visit) -> None:
    page = visit(site)
    ask(page, "First question?")
    page.locator(".exports summary").click()
    # Of one answer there is nothing to choose.
    expect(page.get_by_label("Last answer")).to_be_hidden()
    page.keyboard.press("Escape")
    ask(page, "Second question?", 2)
    whole = json.loads(saved(page, "json")[1].read_bytes())
    assert [one["question"] for one in whole] == ["First question?", "Second question?"]
    name, path = saved(page, "json", "Last answer")
    assert name == "second-question.json"
    assert [one["question"] for one in json.loads(path.read_bytes())] == ["Second question?"]


def test_what_takes_long_is_said_and_is_asked_for_once(
    site: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = threading.Event(), []

    def slowly(*given: Any, **more: Any) -> bytes:
        asked.append(given)
        assert gate.wait(60)
        return export(*given, **more)

    monkeypatch.setattr("ui.web.exports.export", slowly)
    page = visit(site)
    ask(page, "What keeps food cool?")
    with page.expect_download() as download:
        page.locator(".exports summary").click()
        page.locator(".exports button[data-ending=pdf]").click()
        expect(page.locator(".exports .state")).to_have_text("Making the file: PDF")
        page.locator(".exports summary").click()
        page.locator(".exports button[data-ending=md]").click()
        gate.set()
    assert download.value.suggested_filename == "what-keeps-food-cool.pdf"
    expect(page.locator(".exports .state")).to_be_hidden()
    assert len(asked) == 1


def test_a_file_that_can_t_be_made_is_said_and_the_next_one_is_made(
    site: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("a defect, not meant for the user")

    page = visit(site)
    ask(page, "What keeps food cool?")
    with monkeypatch.context() as patched:
        patched.setattr("ui.web.exports.export", broken)
        page.locator(".exports summary").click()
        page.locator(".exports button[data-ending=md]").click()
        expect(page.locator(".exports .state")).to_have_text(
            "The file could not be made. Please try again."
        )
    assert "a defect" not in page.locator("body").inner_text()
    assert saved(page, "md")[0] == "what-keeps-food-cool.md"


def test_the_keyboard_opens_and_leaves_the_menu(site: str, visit: Visit) -> None:
    page = visit(site)
    ask(page, "What keeps food cool?")
    head = page.locator(".exports summary")
    head.focus()
    assert head.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".exports .sheet")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".exports button").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".exports .sheet")).to_be_hidden()
    expect(head).to_be_focused()
    head.click()
    page.locator("#thread h3").first.click()
    expect(page.locator(".exports .sheet")).to_be_hidden()


def test_the_menu_fits_a_narrow_window_and_speaks_the_visitor_s_language(
    site: str, visit: Visit
) -> None:
    page = visit(site, viewport=NARROW, locale="fr-FR")
    ask(page, "What keeps food cool?")
    expect(page.get_by_role("button", name="Reposer la question")).to_be_visible()
    page.locator(".exports summary").click()
    expect(page.locator(".exports .sheet")).to_contain_text("Page web")
    box = page.locator(".exports .sheet").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= NARROW["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
