"""The page as servers show it: behind a login, behind a proxy, while loading, to many at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fake_engine import QUOTE, FakeEngine, answer, passage, report
from free_port import free_port
from page_fixtures import Visit, ask
from playwright.sync_api import Browser, Page, expect
from proxy import proxied

from rag.types import Answer, Citation
from ui.server.login import make_secret
from ui.server.serve import launch, loading
from ui.web.app import build_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORDS = {"Ana": "wet sand and lids", "<b>Bo</b>": "a boat on the river"}
VISITORS = 10
SLOW = 3  # the visitor whose answers take long
VISITOR = re.compile(r"visitor-(\d+)")


def log_in(page: Page, name: str, password: str) -> None:
    fields = page.locator("input:visible, textarea:visible")
    expect(fields).to_have_count(2)
    fields.nth(0).fill(name)
    fields.nth(1).fill(password)
    page.get_by_role("button", name="Login").click()


def test_each_name_has_conversations_of_its_own_in_one_browser(browser: Browser) -> None:
    app = build_app(FakeEngine())  # type: ignore[arg-type]
    logins = {name: make_secret(password, 2**14) for name, password in PASSWORDS.items()}
    site = launch(app, "127.0.0.1", free_port(), logins)
    page = browser.new_page()
    page.goto(site)
    log_in(page, "Ana", PASSWORDS["<b>Bo</b>"])
    expect(page.get_by_text("Incorrect")).to_be_visible()
    conversations = page.locator("#history .open")
    for name, question in (("Ana", "What of Ana?"), ("<b>Bo</b>", "What of Bo?")):
        page.goto(site)
        log_in(page, name, PASSWORDS[name])
        expect(page.locator("#question textarea")).to_be_editable()
        expect(page.locator("#history .signed")).to_contain_text(f"Signed in as {name}")
        expect(conversations).to_have_count(0)
        ask(page, question)
        expect(conversations).to_have_text([question])
        page.get_by_role("link", name="Sign out").click()
        expect(page.get_by_role("button", name="Login")).to_be_visible()
    log_in(page, "Ana", PASSWORDS["Ana"])
    expect(conversations).to_have_text(["What of Ana?"])
    page.close()
    app.close(verbose=False)


def test_behind_a_proxy_a_question_is_answered_and_its_link_leads_back(visit: Visit) -> None:
    app = build_app(FakeEngine())  # type: ignore[arg-type]
    with proxied(launch(app, "127.0.0.1", free_port(), root_path="/labs"), "/labs") as address:
        page = visit(f"{address}/")
        ask(page, "What keeps fish cool?")
        assert page.url.startswith(f"{address}/")
        again = visit(f"{address}/?q=What+keeps+fish+cool")
        expect(again.locator("#thread")).to_contain_text("fish")
    app.close(verbose=False)


def test_a_page_that_is_loading_says_so_and_becomes_the_real_one(browser: Browser) -> None:
    port = free_port()
    page = browser.new_page(locale="de-DE")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with loading("127.0.0.1", port):
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.get_by_role("status")).to_contain_text("The reports are being loaded.")
        expect(page.locator("#seconds")).to_have_text("1")
        app = build_app(FakeEngine())  # type: ignore[arg-type]
    launch(app, "127.0.0.1", port)
    expect(page.locator("#question textarea")).to_be_editable()
    assert errors == []
    page.close()
    app.close(verbose=False)


def answer_to_visitor(question: str) -> Answer:
    """An answer with a source, both of which name the visitor of the question."""
    visitor = VISITOR.findall(question)[0]
    source = passage(report(int(visitor), title=f"For visitor-{visitor}"), text=f"{QUOTE}.")
    text = "slowly " * 60 * ("slow" in question) + f"Answered to visitor-{visitor} [1]."
    return answer(question, text=text, citations=(Citation(1, source, QUOTE),), hits=())


@pytest.fixture
def crowd() -> Iterator[tuple[str, FakeEngine]]:
    engine = FakeEngine(answer_to_visitor)
    engine.pause = 0.2
    app = build_app(engine)  # type: ignore[arg-type]
    yield launch(app, "127.0.0.1", free_port()), engine
    app.close(verbose=False)


def question(n: int, turn: int) -> str:
    return f"Question {turn} of visitor-{n}{', a slow one' if n == SLOW else ''}?"


def visitors_named(page: Page) -> set[str]:
    """The visitors whose text stands anywhere on a page."""
    text = page.locator("body").inner_text() + page.locator("#desk").inner_html()
    return set(VISITOR.findall(text))


def test_ten_visitors_see_their_own_and_wait_for_nobody(
    crowd: tuple[str, FakeEngine], visit: Visit
) -> None:
    site, engine = crowd
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
                text = page.locator(f"#thread #turn-{turn} .answer")
                expect(text).to_have_text(f"Answered to visitor-{n} 1.")
    # The slow one is still being written while all others have asked twice.
    slow = pages[SLOW]
    expect(slow.locator("#live .answer")).to_contain_text("slowly")
    slow.get_by_role("button", name="Stop").click()
    expect(slow.locator("#thread #turn-1 .note")).to_be_visible()

    for n, page in enumerate(pages):
        assert visitors_named(page) == {str(n)}
        expect(page.locator("#history .open")).to_have_text([question(n, 1)])
    for text, history, _ in engine.asked:
        own = set(VISITOR.findall(text))
        assert {n for turn in history for n in VISITOR.findall(turn.content)} <= own
    for page in pages:
        page.reload(wait_until="commit")
    for n, page in enumerate(pages):
        last = page.locator("#thread .exchange h3").last
        expect(last).to_have_text(question(n, 1 if n == SLOW else 2))
        assert visitors_named(page) == {str(n)}
