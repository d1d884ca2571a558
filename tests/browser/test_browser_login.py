"""Tests of logging in, and of a page that is still loading, in a real browser."""

from __future__ import annotations

import pytest
from fake_engine import FakeEngine
from free_port import free_port
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_browser import ask
from ui.server.login import make_secret
from ui.server.serve import launch
from ui.server.start import loading
from ui.web.app import build_app

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

PASSWORDS = {"Ana": "wet sand and lids", "<b>Bo</b>": "a boat on the river"}
LOGINS = {name: make_secret(password, 2**14) for name, password in PASSWORDS.items()}


def log_in(page: Page, name: str, password: str) -> None:
    fields = page.locator("input:visible, textarea:visible")
    expect(fields).to_have_count(2)
    fields.nth(0).fill(name)
    fields.nth(1).fill(password)
    page.get_by_role("button", name="Login").click()


def test_each_name_has_conversations_of_its_own_in_one_browser(browser: Browser) -> None:
    served = build_app(FakeEngine())  # type: ignore[arg-type]
    site = launch(served, "127.0.0.1", free_port(), LOGINS)
    page = browser.new_page()
    page.goto(site)
    log_in(page, "Ana", PASSWORDS["<b>Bo</b>"])
    expect(page.get_by_text("Incorrect")).to_be_visible()
    assert page.locator("#desk").count() == 0
    for name, question in (("Ana", "What of Ana?"), ("<b>Bo</b>", "What of Bo?")):
        page.goto(site)
        log_in(page, name, PASSWORDS[name])
        expect(page.locator("#question textarea")).to_be_editable()
        expect(page.locator("#history .signed")).to_contain_text(f"Signed in as {name}")
        expect(page.locator("#history .open")).to_have_count(0)
        ask(page, question)
        expect(page.locator("#history .open")).to_have_text([question])
        page.get_by_role("link", name="Sign out").click()
        expect(page.get_by_role("button", name="Login")).to_be_visible()
    log_in(page, "Ana", PASSWORDS["Ana"])
    expect(page.locator("#history .open")).to_have_text(["What of Ana?"])
    page.close()
    served.close(verbose=False)


@pytest.mark.slow
def test_a_page_that_is_loading_says_so_and_becomes_the_real_one(browser: Browser) -> None:
    port = free_port()
    page = browser.new_page(locale="de-DE")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with loading("127.0.0.1", port):
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.get_by_role("status")).to_contain_text("The reports are being loaded.")
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.locator("#seconds")).to_have_text("1", timeout=10_000)
        served = build_app(FakeEngine())  # type: ignore[arg-type]
    launch(served, "127.0.0.1", port)
    expect(page.locator("#question textarea")).to_be_editable()
    assert errors == []
    page.close()
    served.close(verbose=False)
