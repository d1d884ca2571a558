"""The report of a run and the Quality view in a real browser: readable, reachable, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from page_fixtures import serve
from playwright.sync_api import Browser, Page, expect
from runs import case, outcome, save

from eval.cases import Case
from eval.compare import compare
from eval.report.pages import write_comparison, write_report
from eval.run import Outcome
from rag.settings import Settings
from tests.browser.test_browser_access import serious
from tests.eval.report.test_diagnosis import answered
from tests.eval.report.test_pages import hostile

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

LOOKS = [(1400, "light"), (1400, "dark"), (390, "light")]
Open = Callable[..., Page]


def cases() -> list[Outcome]:
    """Good and bad cases, a hostile one and one that failed, more than twenty in all."""

    def asked(name: str, lang: str = "en") -> Case:
        return Case(name, "single", lang, "Why so few?", ("boats",))

    right = {"rep@10": 1.0, "cite_prec": 1.0, "refusal_ok": 1.0, "facts": 0.5}
    lost = {"rep@10": 0.0, "refused": 0.0, "cite_rec": 0.0, "facts": 0.0}
    return [
        *(answered(asked(f"g{i}"), ("boats",), ("boats",), scores=right) for i in range(12)),
        *(answered(asked(f"b{i}", "fr"), ("x",), ("x",), scores=lost) for i in range(12)),
        outcome(case("timed"), ms=120.0, **{"rep@10": 1.0}),
        hostile(),
        Outcome(case("e"), error="ModelError: gone"),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two baselines, its report written."""
    out = save(tmp_path_factory.mktemp("runs") / "run", *cases())
    for name in ("bm25", "plain"):
        save(out / "baselines" / name, *cases()[6:])
    write_report(out)
    return out


@pytest.fixture(scope="module")
def engine(run: Path) -> FakeEngine:
    engine = FakeEngine()
    engine.settings = Settings(evaluation=run)
    return engine


@pytest.fixture(scope="module")
def site(engine: FakeEngine) -> Iterator[str]:
    """The page over an engine with the run."""
    yield from serve(engine)


@pytest.fixture
def shown(browser: Browser) -> Iterator[Open]:
    """Opens a file; nothing else may be asked for."""
    contexts, requests = [], []

    def show(path: Path, place: str = "", **given: Any) -> Page:
        context = browser.new_context(**given)
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.goto(path.as_uri() + place)
        return page

    yield show
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith("file:")] == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_report_is_readable(shown: Open, run: Path, width: int, scheme: str) -> None:
    page = shown(run / "report.html", viewport={"width": width, "height": 900}, color_scheme=scheme)
    expect(page.get_by_role("heading", level=1)).to_have_text("How well are questions answered?")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.hacked") is None
    assert serious(page) == []


def test_a_link_to_a_case_unfolds_it(shown: Open, run: Path) -> None:
    for name in ("b3", "g11"):
        page = shown(run / "report.html", f"#case-{name}")
        place = page.locator(f"#case-{name}")
        expect(place).to_be_visible()
        expect(place).to_be_in_viewport()


def test_a_comparison_leads_into_both_reports(shown: Open, run: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other", *cases()[:-1], outcome(case("e"), **{"rep@10": 1.0}))
    better = [*cases()[:12], *(outcome(one.case, **{"rep@10": 1.0}) for one in cases()[12:24])]
    write_report(save(tmp_path / "better", *better))
    write_comparison(compare(run, tmp_path / "better"), tmp_path / "c.html")
    page = shown(tmp_path / "c.html", viewport={"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious(page) == []
    page.get_by_role("row", name="b0").get_by_role("link", name="A").click()
    expect(page.locator("#case-b0")).to_be_in_viewport()
    assert Path(page.url.removeprefix("file://").partition("#")[0]) == run / "report.html"
    assert compare(run, other).verdict == "no difference"


@pytest.mark.parametrize(
    ("width", "scheme", "locale"),
    [(1400, "light", "en"), (1400, "dark", "ar"), (390, "light", "fr")],
)
def test_the_quality_view_is_readable(
    visit: Open, site: str, width: int, scheme: str, locale: str
) -> None:
    page = visit(site, viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale)
    page.locator('[data-view="quality"]').first.click()
    expect(page.locator("#quality .claims li").first).to_be_visible()
    page.locator("#quality .worst summary").first.click()
    expect(page.locator("#quality .worst .inside").first).to_be_visible()
    assert page.locator("#quality svg[role=img]").count() > 6
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.hacked") is None
    assert serious(page) == []
