"""The report of a run and the Quality view in a real browser: readable, reachable, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from playwright.sync_api import Browser, Page, expect
from runs import case, outcome, save

from eval.cases import Case
from eval.report.pages import write_report
from eval.run import Outcome
from rag.settings import Settings
from tests.browser.test_browser_access import serious
from tests.eval.report.test_diagnosis import answered
from tests.eval.report.test_pages import hostile

pytestmark = [pytest.mark.browser, pytest.mark.slow]
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
