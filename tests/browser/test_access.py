"""What axe finds: nothing serious, in all views, light and dark, in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_fixtures import Visit, ask, box, serious
from playwright.sync_api import Browser, expect
from runs import answered, case, hostile, outcome, save

from eval.cases import Case
from eval.report.pages import write_report
from eval.run import Outcome

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDE_DARK, NARROW_LIGHT = (1400, "dark", "rtl"), (390, "light", "ltr")


@pytest.mark.parametrize(("width", "scheme", "direction"), [WIDE_DARK, NARROW_LIGHT])
def test_every_view_is_accessible_in_the_language_of_its_visitor(
    visit: Visit, sample_site: str, width: int, scheme: str, direction: str
) -> None:
    language, button = {"rtl": ("ar", "اسأل"), "ltr": ("fr", "Demander")}[direction]
    viewport = {"width": width, "height": 900}
    page = visit(sample_site, color_scheme=scheme, locale=language, viewport=viewport)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", direction)
    expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()
    is_mirrored = box(page, "#collection")["x"] > box(page, "#talk")["x"]
    assert is_mirrored == (direction == "rtl")
    assert serious(page) == [], "before a question"
    ask(page, "What did the labs learn about ferries?")
    page.locator("#thread .cite").first.click()
    expect(page.locator("#sources .source[aria-current]")).to_be_visible()
    assert serious(page) == [], "with an answer and its sources"
    page.locator("#sources .source[aria-current] .open-report").click()
    expect(page.locator("dialog[open]")).to_be_visible()
    assert serious(page) == [], "with a report"
    page.keyboard.press("Escape")
    for view in ("explore", "quality"):
        page.locator(f'[data-view="{view}"]').first.click()
        expect(page.locator(f"#{view} h2").first).to_be_visible()
        assert serious(page) == [], view


@pytest.mark.parametrize(("width", "scheme"), [WIDE_DARK[:2], NARROW_LIGHT[:2]])
def test_the_report_of_an_evaluation_is_readable_and_loads_nothing_else(
    browser: Browser, tmp_path: Path, width: int, scheme: Any
) -> None:
    lost = {"rep@10": 0.0, "refused": 0.0, "cite_rec": 0.0, "facts": 0.0}
    bad = [Case(f"b{i}", "single", "fr", "Why so few?", ("boats",)) for i in range(20)]
    outcomes = [
        *(answered(of, ("x",), ("x",), scores=lost) for of in bad),
        outcome(case("timed"), ms=120.0, **{"rep@10": 1.0}),
        hostile(),
        Outcome(case("e"), error="ModelError: gone"),
    ]
    run = save(tmp_path / "run", *outcomes)
    save(run / "baselines" / "plain", *outcomes[6:])
    write_report(run)
    requests: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("request", lambda request: requests.append(request.url))
    page.goto((run / "report.html").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("How well are questions answered?")
    page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.hacked") is None
    assert serious(page) == []
    page.close()
    assert [url for url in requests if not url.startswith("file:")] == []
