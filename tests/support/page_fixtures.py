"""A browser, the page over two engines, and visitors whose every request is recorded."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from fake_engine import FakeEngine
from machine import free_port
from playwright.sync_api import Browser, BrowserContext, FloatRect, Page, expect, sync_playwright

from ui.server.room import Room
from ui.server.serve import launch, stop
from ui.web.app import build_app

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDE = {"width": 1400, "height": 900}
NARROW = {"width": 390, "height": 844}
# Milliseconds: what is expected comes at once, unless the machine is busy with something else.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)

# Waited for by each frame that is drawn: `expect` looks again only after up to a second.
EDITABLE = "document.querySelector('#question textarea:not([disabled], [readonly])')"
Visit = Callable[..., Page]


def ask(page: Page, question: str, turn: int = 1) -> None:
    """Type a question and wait until its answer or its error is there."""
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    page.locator(f"#thread #turn-{turn}").locator("footer, .error").wait_for()


def box(page: Page, place: str) -> FloatRect:
    found = page.locator(place).bounding_box()
    assert found
    return found


def serious(page: Page) -> list[Any]:
    """What axe calls serious or critical: the rule, and the first places."""
    return [
        (violation["id"], [node["html"][:160] for node in violation["nodes"]][:3])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's chromium, or another of its family; in CI its absence is a failure."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"no browser: none of {', '.join(NAMES)} is installed")
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@contextmanager
def launched(engine: Any, logins: Any = None, keys: Any = None, **given: Any) -> Iterator[Any]:
    engine.settings = engine.settings.model_copy(update={"port": free_port()} | given)
    room = Room(engine)
    page = build_app(engine, room)
    yield page, launch(page, engine, room, logins or {}, keys or {})
    stop(page)


@contextmanager
def serve(engine: Any, logins: Any = None, keys: Any = None, **given: Any) -> Iterator[str]:
    with launched(engine, logins, keys, **given) as (_, address):
        yield address


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def site(engine: FakeEngine) -> Iterator[str]:
    with serve(engine) as address:
        yield address


@pytest.fixture(scope="module")
def sample_site(sample_engine: Any) -> Iterator[str]:
    with serve(sample_engine) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens the page for a new visitor; afterwards, all that it requested came from its origin."""
    contexts: list[BrowserContext] = []
    requests: list[str] = []
    errors: list[str] = []
    origins = ["data:", "blob:"]

    def open_page(address: str, **options: Any) -> Page:
        context = browser.new_context(**({"viewport": WIDE} | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        origins.append(address.partition("/?")[0].rstrip("/") + "/")
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.on("websocket", lambda socket: requests.append(socket.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_function(EDITABLE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith(tuple(origins))] == []
    assert len(requests) > 10
    assert errors == []


@pytest.fixture
def page(site: str, visit: Visit) -> Page:
    return visit(site)
