"""The views beside the conversation: Explore, Quality, the way back; what axe finds in all."""

import re
from typing import Any

import pytest
from fake_engine import HOSTILE, FakeEngine, report
from page_fixtures import NARROW, Visit, ask, box, serious
from playwright.sync_api import Locator, Page, expect
from runs import case, outcome, reported

from eval.report import LATEST
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters
from rag.settings import Settings

pytestmark = pytest.mark.browser

REPORTS = 130
NUMBERS = (*range(REPORTS - 2), -2)  # of `fake_engine.report`, beside one of another lab
TOGO = sum(i % 3 == 1 for i in NUMBERS)
IN_2021 = sum(i % 4 == 0 for i in NUMBERS)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FakeEngine:
    """An engine over more reports than are drawn at once, one of them hostile, and a run."""
    run = reported(tmp_path_factory.mktemp("run") / "run", outcome(case("s"), **{"rep@10": 1.0}))
    (run / "summary.json").rename(run / LATEST)
    reports = [report(i, thematic_areas=(f"theme {i % 30:02}",)) for i in range(REPORTS - 2)]
    small = report(-1, id="small", title="Aaa first", countries=("Maldives",), iso=("MV",))
    hostile = report(-2, id=HOSTILE, title=HOSTILE, thematic_areas=(HOSTILE,), methods=(HOSTILE,))
    return FakeEngine(settings=Settings(index=run), catalog=Catalog([*reports, small, hostile]))


def explore(page: Page) -> Locator:
    page.get_by_role("link", name="Explore").click()
    area = page.locator("#explore")
    expect(area.get_by_role("heading", level=2)).to_be_visible()
    return area


def expect_reports(area: Locator, count: int) -> None:
    expect(area.locator("h2")).to_contain_text(re.compile(f"^{count} reports? of"))


def test_views_filters_and_reports_are_addresses_and_steps_back(page: Page, visit: Visit) -> None:
    current = page.locator("#views [aria-current='page']")
    expect(current).to_have_text("Ask")
    expect(page.locator("#explore")).to_be_hidden()
    ask(page, "What keeps food cool?")
    page.locator("#question textarea").fill("half a question")
    explore(page)
    expect(current).to_have_text("Explore")
    expect(page.locator("#thread")).to_be_hidden()
    page.get_by_role("link", name="Quality").click()
    quality = page.locator("#quality")
    expect(quality.get_by_role("row", name="One report")).to_contain_text("100–100%")
    expect(quality.locator(".about")).to_contain_text("not the index that is being served now")
    page.go_back()
    expect(page.locator("#explore h2")).to_be_visible()
    page.go_back()
    expect(page.locator("#turn-1 footer")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("half a question")
    page.get_by_role("link", name="Explore").click()
    page.reload()
    area = page.locator("#explore")
    expect_reports(area, REPORTS)
    expect(current).to_have_text("Explore")
    area.locator(".place[data-value='Togo']").click()
    expect_reports(area, TOGO)
    area.locator("tbody .open-report").first.click()
    dialog = page.locator("dialog.report")
    expect(dialog).to_be_visible()
    address = page.evaluate("location.href")
    page.go_back()
    expect(dialog).to_be_hidden()
    page.go_back()
    expect_reports(area, REPORTS)
    sent = visit(address)
    expect(sent.locator("dialog.report")).to_be_visible()
    sent.keyboard.press("Escape")
    expect_reports(sent.locator("#explore"), TOGO)


def test_an_address_of_explore_opens_cleanly(sample_site: str, visit: Visit, capfd: Any) -> None:
    page = visit(f"{sample_site}/?#/explore?find=money", viewport=NARROW, locale="ar-EG")
    titles = page.locator("#explore tbody .open-report")
    hint = page.locator(".find-form input")
    expect(hint).to_have_css("direction", "ltr")
    expect(page.locator(".found .open-report").first).to_be_visible()
    # Titles of one direction stand under each other on a page of the other.
    lefts = {round((title.bounding_box() or {"x": -1})["x"]) for title in titles.all()[:9]}
    assert len(lefts) == 1
    hint.fill("")
    expect(hint).to_have_css("direction", "rtl")
    assert "Traceback" not in capfd.readouterr().err


def test_all_views_are_in_sight_on_a_phone_in_each_language(site: str, visit: Visit) -> None:
    page = visit(site, viewport=NARROW)
    page.evaluate("askBrief.add({kind: 'note', text: 'x'})")
    for language in ("en", "fr", "es", "pt", "ar"):
        page.context.set_extra_http_headers({"Accept-Language": language})
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("#views .pinned")).to_have_text("1")
        for link in page.locator("#views a").all():
            expect(link).to_be_in_viewport(ratio=1)


@pytest.mark.slow
def test_the_table_the_map_and_the_bars_sort_narrow_and_ask(page: Page, engine: FakeEngine) -> None:
    area = explore(page)
    title = area.get_by_role("columnheader", name="Report")
    expect(area.locator("tbody tr")).to_have_count(100)
    title.get_by_role("button").click()
    expect(title).to_have_attribute("aria-sort", "ascending")
    titles = area.locator("tbody .open-report")
    assert titles.all_inner_texts()[:2] == [HOSTILE, "Aaa first"]
    title.get_by_role("button").click()
    expect(title).to_have_attribute("aria-sort", "descending")
    expect(titles.first).to_have_text(f"Cool boxes at the market, part {REPORTS - 3}")
    area.get_by_role("button", name="Show more").click()
    expect(area.locator("tbody tr")).to_have_count(REPORTS)
    expect(area.locator(".reports .of")).to_have_text(f"{REPORTS} of {REPORTS}")
    themes = area.locator(".bars[data-field='theme']")
    themes.get_by_role("button", name="Show all 32").click()
    expect(themes.locator("li")).to_have_count(32)
    assert page.evaluate("window.hacked") is None
    # What was sorted and unfolded stays so when filters change.
    year = area.locator(".bars[data-field='year'] .bar").first
    year.click()
    expect_reports(area, IN_2021)
    expect(title).to_have_attribute("aria-sort", "descending")
    expect(themes.get_by_role("button", name="Show fewer")).to_be_visible()
    year.click()
    expect_reports(area, REPORTS)

    expect(area.locator(".place")).to_have_count(4)
    togo = area.locator(".place[data-value='Togo']")
    togo.click()
    expect(togo).to_have_attribute("aria-pressed", "true")
    expect_reports(area, TOGO)
    togo.click()
    area.locator(".place[data-value='Maldives'] circle").click()
    expect_reports(area, 1)
    area.locator(".bars[data-field='country'] .bar[aria-pressed='true']").click()
    expect_reports(area, REPORTS)

    bar = themes.locator("li").first
    bar.hover()
    bar.locator(".ask-about").click()
    question = page.locator("#thread #turn-1 h3")
    expect(question).to_have_text("What did the labs learn about theme 00?")
    assert engine.asked[-1][2] == Filters()
    page.get_by_role("link", name="Explore").click()
    togo.click(modifiers=["Shift"])
    expect(page.locator("#thread #turn-2 h3")).to_have_text("What has been done in Togo?")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme", "direction"), [(1400, "dark", "rtl"), (390, "light", "ltr")]
)
def test_every_view_is_accessible_in_the_language_of_its_visitor(
    visit: Visit, sample_site: str, width: int, scheme: str, direction: str
) -> None:
    language, button = {"rtl": ("ar", "اسأل"), "ltr": ("fr", "Demander")}[direction]
    viewport = {"width": width, "height": 900}
    page = visit(sample_site, color_scheme=scheme, locale=language, viewport=viewport)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", direction)
    expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()
    assert (box(page, "#collection")["x"] > box(page, "#talk")["x"]) == (direction == "rtl")
    assert serious(page) == [], "before a question"
    ask(page, "What did the labs learn about ferries?")
    page.locator("#thread .cite").first.click()
    expect(page.locator("#sources .source[aria-current]")).to_be_visible()
    assert serious(page) == [], "with an answer and its sources"
    page.locator("#sources .source[aria-current] .open-report").click()
    expect(page.locator("dialog[open]")).to_be_visible()
    assert serious(page) == [], "with a report"
    page.keyboard.press("Escape")
    for view in ("explore", "quality", "brief", "survey"):
        page.locator(f'[data-view="{view}"]').first.click()
        expect(page.locator(f"#{view} h2").first).to_be_visible()
        assert serious(page) == [], view
