"""The page as servers show it: behind a login, to many at once."""

import re
from collections.abc import Callable

import pytest
from fake_engine import QUOTE, FakeEngine, answer, passage, report
from page_fixtures import Visit, ask, serve
from playwright.sync_api import Browser, Page, Request, expect

from rag.types import Answer, Citation
from ui.server.login import make_secret

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORDS = {"Ana": "wet sand and lids", "<b>Bo</b>": "a boat on the river"}
VISITOR = re.compile(r"visitor-(\d+)")


def log_in(page: Page, name: str, password: str) -> None:
    fields = page.locator("input:visible, textarea:visible")
    expect(fields).to_have_count(2)
    fields.nth(0).fill(name)
    fields.nth(1).fill(password)
    page.get_by_role("button", name="Sign in").click()


def resting(page: Page) -> Callable[[], None]:
    """What waits until no event of the page has been under way for half a second.

    Gradio reloads a page whose connection breaks while an event is.
    """
    under_way = set[Request]()
    page.on("request", lambda one: under_way.add(one) if "/queue/" in one.url else None)
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda one: under_way.discard(one))

    def rest() -> None:
        quiet = 0
        while quiet < 10:
            page.wait_for_timeout(50)
            quiet = 0 if under_way else quiet + 1

    return rest


def test_each_name_has_conversations_of_its_own_in_one_browser(browser: Browser) -> None:
    logins = {name: make_secret(password, 2**14) for name, password in PASSWORDS.items()}
    page = browser.new_page()
    rest = resting(page)
    with serve(FakeEngine(), logins=logins) as site:
        page.goto(site)
        log_in(page, "Ana", PASSWORDS["<b>Bo</b>"])
        expect(page.get_by_role("alert")).to_contain_text("is wrong")
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
            expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        log_in(page, "Ana", PASSWORDS["Ana"])
        expect(conversations).to_have_text(["What of Ana?"])
        rest()
        page.context.clear_cookies()  # like a session that ends with its password
        page.locator("#question textarea").fill("What is kept?")
        page.keyboard.press("Enter")
        expect(page.locator("#history .trouble")).to_contain_text("You are signed out.")
        expect(page.locator("#question textarea")).to_have_value("What is kept?")
        page.reload()
        for _ in range(6):
            log_in(page, "Ana", "a guess")
            expect(page.get_by_role("alert")).to_have_text(re.compile("."))
        expect(page.get_by_role("alert")).to_contain_text("Too many wrong passwords.")
        page.close()


def answer_to_visitor(question: str) -> Answer:
    """An answer with a source, both of which name the visitor of the question."""
    visitor = VISITOR.findall(question)[0]
    source = passage(report(int(visitor), title=f"For visitor-{visitor}"), text=f"{QUOTE}.")
    text = "slowly " * 60 * ("slow" in question) + f"Answered to visitor-{visitor} [1]."
    return answer(question, text=text, citations=(Citation(1, source, QUOTE),), hits=())


def test_visitors_see_their_own_and_wait_for_nobody(visit: Visit) -> None:
    engine = FakeEngine(answer_to_visitor, pause=0.2)
    with serve(engine) as site:
        slow, *others = (visit(site) for _ in range(3))
        slow.locator("#question textarea").fill("A slow one of visitor-0?")
        slow.keyboard.press("Enter")
        for turn in (1, 2):
            for n, page in enumerate(others, 1):
                ask(page, f"Question {turn} of visitor-{n}?", turn)
        # The slow one is still being written while all others have asked twice.
        expect(slow.locator("#live .answer")).to_contain_text("slowly")
        slow.get_by_role("button", name="Stop").click()
        expect(slow.locator("#thread #turn-1 .note")).to_be_visible()
        for n, page in enumerate((slow, *others)):
            page.reload()
            expect(page.locator("#thread .exchange")).to_have_count(2 if n else 1)
            expect(page.locator("#history .open")).to_have_count(1)
            text = page.locator("body").inner_text() + page.locator("#desk").inner_html()
            assert set(VISITOR.findall(text)) == {str(n)}
    for text, history, _ in engine.asked:
        before = {n for turn in history for n in VISITOR.findall(turn.content)}
        assert before <= set(VISITOR.findall(text))
