"""Explore, Quality, Survey and My brief, the way back from them, and what axe finds in all."""

import json
import re
from typing import Any

import pytest
from fake_engine import HOSTILE, FakeEngine, report
from page_fixtures import NARROW, WIDE, Visit, ask, box, serious
from playwright.sync_api import FilePayload, Locator, Page, expect
from readers import text_of
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


def expect_reports(area: Locator, count: int) -> None:
    expect(area.locator("h2")).to_contain_text(re.compile(f"^{count} reports? of"))


def test_views_filters_and_reports_are_addresses_and_steps_back(page: Page, visit: Visit) -> None:
    current, area = page.locator("#views [aria-current='page']"), page.locator("#explore")
    expect(current).to_have_text("Ask")
    expect(area).to_be_hidden()
    ask(page, "What keeps food cool?")
    page.locator("#question textarea").fill("half a question")
    page.get_by_role("link", name="Explore").click()
    expect_reports(area, REPORTS)
    expect(current).to_have_text("Explore")
    expect(page.locator("#thread")).to_be_hidden()
    page.get_by_role("link", name="Quality").click()
    quality = page.locator("#quality")
    expect(quality.get_by_role("row", name="One report")).to_contain_text("100–100%")
    expect(quality.locator(".about")).to_contain_text("not the index that is being served now")
    page.go_back()
    expect(area).to_be_visible()
    page.go_back()
    expect(page.locator("#turn-1 footer")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("half a question")
    page.get_by_role("link", name="Explore").click()
    page.reload()
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
    page.get_by_role("link", name="Explore").click()
    area = page.locator("#explore")
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
    expect(titles).to_have_count(REPORTS)
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


def test_a_survey_is_made_checked_and_found_again(sample_site: str, visit: Visit) -> None:
    page = visit(sample_site)
    ask(page, "What did labs learn about mobile money?")
    page.locator("#turn-1").get_by_role("link", name="Survey all 32 reports").click()
    area = page.locator("#survey")
    sentence = area.locator(".headline")
    expect(sentence).to_contain_text("speak of “mobile money” (between")
    area.locator(".open-report").first.click()
    expect(page.locator("dialog.report mark").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("report="))

    year = area.get_by_role("link", name="Year")
    year.press("Enter")
    expect(area.locator("[aria-sort=ascending]")).to_contain_text("Year")
    expect(year).to_be_focused()
    address = page.url
    area.get_by_role("link", name="Check ten silent reports").click()
    area.get_by_label("None of them does").check()
    expect(area.locator(".check .headline")).to_contain_text("0 speak of it")
    page.go_back()
    expect(area.locator(".check")).to_have_count(0)
    assert page.url == address
    area.get_by_label("A topic").fill("seaweed")
    page.keyboard.press("Enter")
    expect(sentence).to_contain_text("“seaweed”")
    page.go_back()
    expect(sentence).to_contain_text("“mobile money”")

    sent = visit(address, viewport=NARROW, locale="ar-EG")
    expect(sent.locator("#survey .headline")).to_contain_text("mobile money")
    expect(sent.locator("#survey [aria-sort=ascending]")).to_have_count(1)
    assert sent.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert serious(page) == serious(sent) == []

    page.get_by_role("button", name="Summarise what these say").click()
    expect(page.locator("#turn-2 h3")).to_contain_text("say of “mobile money”?")
    expect(page.locator("#turn-2 footer")).to_be_visible()
    # Filters are its scope.
    page.goto(f"{sample_site}/?year=2023#/survey?topic=mobile+money")
    expect(area.locator(".verdicts")).to_contain_text("All 11")
    page.locator("#filters input[data-value='2023']").click()
    expect(area.locator(".verdicts")).to_contain_text("All 32")
    page.get_by_role("link", name="Explore").click()
    page.get_by_role("link", name="Survey", exact=True).click()
    expect(area.locator(".verdicts")).to_contain_text("All 32")


def test_pins_survive_a_reload_and_become_a_brief_by_keyboard(page: Page, site: str) -> None:
    page.get_by_role("link", name="My brief").click()
    expect(page.locator("#brief .empty")).to_be_visible()
    expect(page.locator("#brief [data-ending=docx]")).to_be_hidden()
    page.get_by_role("link", name="Ask", exact=True).click()
    ask(page, "What did labs learn about mobile money?")
    page.locator("#thread .answer-row .pin").press("Enter")
    page.locator("#thread .cite").first.press("Enter")
    page.locator("#sources .source[open] .pin").first.press("Enter")
    expect(page.locator("#views .pinned")).to_have_text("2")
    page.goto(f"{site}/#/brief")
    page.reload()
    rows = page.locator("#brief .pins > li")
    expect(rows).to_have_count(2)
    page.locator("#brief [data-add=heading]").press("Enter")
    page.keyboard.type("Start here")
    for _ in range(2):
        heading = rows.locator("input").locator("xpath=ancestor::li")
        heading.locator("[data-move='-1']").press("Enter")
    expect(rows.first.locator("input")).to_have_value("Start here")
    page.locator("#brief [name=title]").fill("Money")
    assert serious(page) == []
    with page.expect_download() as made:
        page.locator("#brief [data-ending=docx]").press("Enter")
    assert made.value.suggested_filename == "money.docx"
    words = text_of(made.value.path().read_bytes(), "docx")
    assert words.index("Start here") < words.index("Annex")
    with page.expect_download() as saved:
        page.locator("#brief [data-do=save]").click()
    assert json.loads(saved.value.path().read_text())["title"] == "Money"
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#brief [data-do=clear]").click()
    expect(rows).to_have_count(0)
    page.locator("#brief input[type=file]").set_input_files(saved.value.path())
    expect(rows).to_have_count(3)
    note = "{kind: 'note', text: n + 'x'.repeat(9999)}"
    page.evaluate(f"for (let n = 0; n < 20; n++) askBrief.add({note})")
    with page.expect_download() as large:
        page.locator("#brief [data-do=save]").click()
    assert len(large.value.path().read_text()) > 200_000
    damaged = b'{"format": 1, "items": [{"kind": "quote"}]}'
    given: FilePayload = {"name": "brief.json", "mimeType": "application/json", "buffer": damaged}
    page.locator("#brief input[type=file]").set_input_files(given)
    expect(page.locator("#brief .state")).to_contain_text("damaged")
    page.reload()
    expect(rows).to_have_count(23)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["ar", "fr"])
def test_every_view_is_accessible(visit: Visit, sample_site: str, language: str) -> None:
    is_rtl = language == "ar"
    looks = {"color_scheme": "dark", "viewport": WIDE} if is_rtl else {"viewport": NARROW}
    page = visit(sample_site, locale=language, **looks)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if is_rtl else "ltr")
    button = "اسأل" if is_rtl else "Demander"
    expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()
    assert (box(page, "#collection")["x"] > box(page, "#talk")["x"]) == is_rtl
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
