"""Ten visitors at the same time, each in a browser of their own: nobody is mixed up or held up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from fake_engine import QUOTE, FakeEngine, answer, passage, report
from free_port import free_port
from playwright.sync_api import Page, expect

from rag.types import (
    Answer,
    Citation,
    Coverage,
    Hit,
)
from ui.server.serve import launch
from ui.web.app import build_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest_plugins = ("page_fixtures",)

Visit = Callable[..., Page]
VISITORS = 10
SLOW = 3  # the visitor whose answers take long
NAMED = re.compile(r"visitor-(\d+)")


def write(question: str) -> Answer:
    """An answer, a source and a title that tell whose question they belong to."""
    found = NAMED.search(question)
    assert found
    who = found[0]
    info = report(int(found[1]), title=f"A report for {who}", id=f"for_{who}")
    source = passage(info, text=f"Said to {who}. {QUOTE}.")
    return answer(
        question,
        text=("slowly " * 60 if "slow" in question else "") + f"Answered to {who} [1].",
        citations=(Citation(1, source, QUOTE),),
        hits=(Hit(source, 1.0),),
        coverage=Coverage("answer", (info.id,), ("Peru",), 1, 1, 1),
    )


@pytest.fixture(scope="module")
def crowded() -> Iterator[tuple[str, FakeEngine]]:
    engine = FakeEngine(write)
    engine.pause = 0.2
    served = build_app(engine)  # type: ignore[arg-type]
    yield launch(served, "127.0.0.1", free_port()), engine
    served.close(verbose=False)


def question(n: int, turn: int) -> str:
    return f"Question {turn} of visitor-{n}{', a slow one' if n == SLOW else ''}?"


def named(page: Page) -> set[str]:
    """The visitors that anything on a page speaks of."""
    return set(
        NAMED.findall(page.locator("body").inner_text() + page.locator("#desk").inner_html())
    )


def test_ten_visitors_see_their_own_and_wait_for_nobody(
    crowded: tuple[str, FakeEngine], visit: Visit
) -> None:
    site, engine = crowded
    # All at once, as in the rest: nobody waits for another's page.
    pages = [visit(site, wait=False) for _ in range(VISITORS)]
    for page in pages:
        expect(page.locator("#question textarea")).to_be_editable()
    for turn in (1, 2):
        for n, page in enumerate(pages):
            if turn == 1 or n != SLOW:
                page.locator("#question textarea").fill(question(n, turn))
                page.keyboard.press("Enter")
        for n, page in enumerate(pages):
            if n != SLOW:
                said = page.locator(f"#thread #turn-{turn} .answer")
                expect(said).to_have_text(f"Answered to visitor-{n} 1.")
    # The slow one is still being written while all others have asked twice.
    slow = pages[SLOW]
    expect(slow.locator("#live .answer")).to_contain_text("slowly")
    slow.get_by_role("button", name="Stop").click()
    expect(slow.locator("#thread #turn-1 .note")).to_be_visible()

    for n, page in enumerate(pages):
        assert named(page) == {str(n)}
        expect(page.locator("#history .open")).to_have_text([question(n, 1)])
    for asked, history, _ in engine.asked:
        whose = set(NAMED.findall(asked))
        assert {n for turn in history for n in NAMED.findall(turn.content)} <= whose

    for page in pages:
        page.reload(wait_until="commit")
    for n, page in enumerate(pages):
        last = page.locator("#thread .exchange h3").last
        expect(last).to_have_text(question(n, 1 if n == SLOW else 2))
        assert named(page) == {str(n)}
