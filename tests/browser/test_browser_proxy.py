"""The page behind a reverse proxy, under a path of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_engine import FakeEngine
from free_port import free_port
from page_fixtures import Visit
from playwright.sync_api import expect
from proxy import proxied

from ui.server.serve import launch
from ui.web.app import build_app

pytest_plugins = ("page_fixtures",)
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shown() -> Iterator[str]:
    """Where the proxy shows the page."""
    page = build_app(FakeEngine())  # type: ignore[arg-type]
    with proxied(launch(page, "127.0.0.1", free_port(), root_path="/labs"), "/labs") as address:
        yield address
    page.close(verbose=False)


def test_a_question_is_answered_and_its_link_leads_back(shown: str, visit: Visit) -> None:
    page = visit(f"{shown}/")
    page.locator("#question textarea").fill("What keeps fish cool?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#thread")).to_contain_text("fish")
    assert page.url.startswith(f"{shown}/")
    again = visit(f"{shown}/?q=What+keeps+fish+cool")
    expect(again.locator("#thread")).to_contain_text("fish")
