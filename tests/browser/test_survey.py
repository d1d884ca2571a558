"""The Survey view in a real browser: from an answer to a quote, by the address, by the keyboard."""

import re

import pytest
from page_fixtures import NARROW, Visit, ask, serious
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


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
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert sent.evaluate(width)
    assert serious(page) == serious(sent) == []

    page.get_by_role("button", name="Summarise what these say").click()
    expect(page.locator("#turn-2 h3")).to_contain_text("say of “mobile money”?")
    expect(page.locator("#turn-2 footer")).to_be_visible()


def test_filters_are_the_scope_of_a_survey(sample_site: str, visit: Visit) -> None:
    page = visit(f"{sample_site}/?year=2023#/survey?topic=mobile+money")
    area = page.locator("#survey")
    expect(area.locator(".verdicts")).to_contain_text("All 11")
    page.locator("#filters").get_by_role("checkbox").and_(
        page.locator("[data-value='2023']")
    ).click()
    expect(area.locator(".verdicts")).to_contain_text("All 32")
    page.get_by_role("link", name="Explore").click()
    page.get_by_role("link", name="Survey", exact=True).click()
    expect(area.locator(".verdicts")).to_contain_text("All 32")
