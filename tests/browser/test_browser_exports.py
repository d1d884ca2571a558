"""The export menu in a real browser: all formats, one answer or all, waiting, failing, narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from readers import squeezed, text_of

from rag.export.formats import FORMATS

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


def test_a_file_that_can_t_be_made_is_said_and_the_next_one_is_made(
    site: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("a defect, not meant for the user")

    page = visit(site)
    ask(page, "What keeps food cool?")
    with monkeypatch.context() as patched:
        patched.setattr("ui.web.handlers.export", broken)
        page.locator(".exports summary").click()
        page.locator(".exports button[data-ending=md]").click()
        expect(page.locator(".exports .state")).to_have_text(
            "The file could not be made. Please try again."
        )
    assert "a defect" not in page.locator("body").inner_text()
    assert saved(page, "md")[0] == "what-keeps-food-cool.md"
