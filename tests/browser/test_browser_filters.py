"""Tests of the filters in a real browser: counts, search, chips, links, keyboard, narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fake_engine import HOSTILE, FakeEngine, report
from page_fixtures import serve
from playwright.sync_api import Locator, Page, expect

from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

NARROW = {"width": 390, "height": 844}
# Twelve themes, of Kenya alone; all other reports are of food waste and markets.
THEMES = ("Énergie", HOSTILE, *(f"Theme {n}" for n in range(10)))

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def wide_engine() -> FakeEngine:
    engine = FakeEngine()
    more = report(12, countries=("Kenya",), iso=("KE",), thematic_areas=THEMES)
    engine.catalog = Catalog([*(report(i) for i in range(12)), more])
    return engine


@pytest.fixture(scope="module")
def wide_site(wide_engine: FakeEngine) -> Iterator[str]:
    """The page over a collection with a long facet."""
    yield from serve(wide_engine)


def place(page: Page, field: str) -> Locator:
    return page.locator(f'#filters .facet[data-field="{field}"]')


def row(page: Page, field: str, name: str) -> Locator:
    return place(page, field).locator("li").filter(has=page.get_by_text(name, exact=True))


def scope(page: Page) -> Locator:
    return page.locator("#filters .hint")


def chips(page: Page) -> Locator:
    return page.locator("#picked li:not(.all)")


def test_counts_follow_each_other(wide_site: str, visit: Visit) -> None:
    page = visit(wide_site)
    expect(scope(page)).to_have_text("Asking all 13 reports.")
    expect(row(page, "country", "Peru").locator(".count")).to_have_text("4")
    row(page, "country", "Togo").click()
    expect(scope(page)).to_have_text("Asking 4 reports of 13.")
    # Its own facet keeps its counts; the others are those of Togo.
    expect(row(page, "country", "Peru").locator(".count")).to_have_text("4")
    expect(row(page, "theme", "Food waste").locator(".count")).to_have_text("3")
    expect(place(page, "theme").locator("li")).to_have_count(2)
    row(page, "theme", "Markets").click()
    expect(scope(page)).to_have_text("Asking 1 report of 13.")
    expect(row(page, "country", "Kenya")).to_have_count(0)
    row(page, "country", "Peru").click()
    expect(scope(page)).to_have_text("Asking 2 reports of 13.")
    place(page, "region").locator("summary").click()
    africa = place(page, "region").get_by_role("checkbox", name="Africa", exact=False).first
    expect(africa).to_have_js_property("indeterminate", True)
    expect(page).to_have_url(f"{wide_site}/?country=TG,PE&theme=Markets")


def test_years_are_chosen_as_a_range(wide_site: str, wide_engine: FakeEngine, visit: Visit) -> None:
    page = visit(wide_site)
    first, last = (page.get_by_role("combobox", name=name) for name in ("From", "To"))
    first.select_option("2023")
    expect(last).to_have_value("2024")
    expect(chips(page)).to_have_text(["Year 2023–2024×"])
    last.select_option("2021")
    expect(chips(page)).to_have_text(["Year 2021×"])
    expect(row(page, "year", "2021").locator("input")).to_be_checked()
    ask(page, "Narrowed?")
    assert wide_engine.asked[-1][2] == Filters(year=(2021,))
    expect(page.locator("#turn-1 .scope")).to_contain_text("Year 2021 your filter")


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#thread #turn-1 footer")).to_be_visible()


def test_a_long_facet_is_searched_whatever_the_accents(wide_site: str, visit: Visit) -> None:
    page = visit(wide_site)
    themes = place(page, "theme")
    expect(themes.locator("li")).to_have_count(8)
    find = page.get_by_label("Find in Theme")
    find.fill("ENER")
    expect(themes.locator("li .label")).to_have_text(["Énergie"])
    find.fill("img src")
    expect(themes.locator("li .label")).to_have_text([HOSTILE])
    row(page, "theme", HOSTILE).click()
    expect(chips(page)).to_contain_text([HOSTILE])
    find.fill("theme 9")
    row(page, "theme", "Theme 9").click()
    expect(chips(page)).to_have_count(2)
    find.fill("zzz")
    expect(themes.locator("li")).to_have_text(["Nothing here is called so."])
    find.fill("")
    expect(themes.locator("li")).to_have_count(9)
    themes.get_by_role("button", name="Show all 14").click()
    expect(themes.locator("li")).to_have_count(14)
    assert page.evaluate("window.hacked === undefined")
    expect(page.get_by_label("Find in Lab")).to_be_hidden()


def test_chips_are_removed_one_by_one_and_all(wide_site: str, visit: Visit) -> None:
    page = visit(f"{wide_site}/?country=PE,TG&year=2021-2022&theme=Markets")
    expect(chips(page)).to_have_count(4)
    page.get_by_role("button", name="Remove Lab: Peru").click()
    expect(chips(page)).to_have_text(["Lab Togo×", "Year 2021–2022×", "Theme Markets×"])
    expect(row(page, "country", "Peru").locator("input")).not_to_be_checked()
    page.get_by_role("button", name="Remove Year: 2021–2022").click()
    expect(page).to_have_url(f"{wide_site}/?country=TG&theme=Markets")
    page.get_by_role("button", name="Clear all").click()
    expect(chips(page)).to_have_count(0)
    expect(scope(page)).to_have_text("Asking all 13 reports.")
    expect(page.locator("#filters input:checked")).to_have_count(0)
    expect(page).to_have_url(f"{wide_site}/")


def test_a_link_asks_with_its_filters_for_a_fresh_visitor(
    wide_site: str, wide_engine: FakeEngine, visit: Visit
) -> None:
    sender = visit(wide_site)
    sender.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row(sender, "country", "Togo").click()
    expect(chips(sender)).to_have_count(1)
    ask(sender, "What keeps food cool & dry?")
    sender.get_by_role("button", name="Clear all").click()
    sender.get_by_role("button", name="Copy link").click()
    expect(sender.get_by_role("button", name="Link copied")).to_be_visible()
    link = sender.evaluate("navigator.clipboard.readText()")
    assert link == f"{wide_site}/?q=What%20keeps%20food%20cool%20%26%20dry%3F&country=TG"

    page = visit(link)
    expect(page.locator("#thread #turn-1 footer")).to_be_visible()
    expect(page.locator("#turn-1 h3")).to_have_text("What keeps food cool & dry?")
    question, history, filters = wide_engine.asked[-1]
    assert (question, history) == ("What keeps food cool & dry?", ())
    assert filters == Filters(country=("Togo",))
    expect(page.locator("#question textarea")).to_have_value("")
    # The address keeps the filters alone: reloading it asks nothing again.
    expect(page).to_have_url(f"{wide_site}/?country=TG")


def test_a_link_carries_what_was_taken_back(sample_site: str, visit: Visit) -> None:
    sender = visit(sample_site)
    sender.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(sender, "Which plans of 2023 are tagged with SDG 14?")
    sender.get_by_role("button", name="Ask again without Year: 2023").click()
    gone = "#thread #turn-1 .unused"
    expect(sender.locator(gone)).to_contain_text("Year 2023 not used")
    listed = sender.locator("#turn-1 .list tbody tr").count()
    sender.get_by_role("button", name="Copy link").click()
    expect(sender.get_by_role("button", name="Link copied")).to_be_visible()
    link = sender.evaluate("navigator.clipboard.readText()")
    assert link.endswith("&without-year=2023")

    page = visit(link)
    expect(page.locator(gone)).to_contain_text("Year 2023 not used")
    assert page.locator("#turn-1 .list tbody tr").count() == listed
    expect(page.get_by_role("button", name="Use again, Year: 2023")).to_be_visible()
    expect(page).to_have_url(f"{sample_site}/")


def test_what_a_link_names_in_vain_is_told(wide_site: str, visit: Visit) -> None:
    page = visit(f"{wide_site}/?country=Atlantis,PE&theme=%3Cb%3Enil&tracked=1")
    expect(page.locator("#picked .told")).to_have_text(
        "The link also names what no report here has, left out: Lab “Atlantis”, Theme “<b>nil”."
    )
    expect(chips(page)).to_have_text(["Lab Peru×"])
    expect(page).to_have_url(f"{wide_site}/?tracked=1&country=PE")
    expect(page.locator("#welcome")).to_be_visible()
    page.get_by_role("button", name="Remove Lab: Peru").click()
    expect(page.locator("#picked .told")).to_have_count(0)


def test_reloading_keeps_the_filters(wide_site: str, visit: Visit) -> None:
    page = visit(wide_site)
    row(page, "theme", "Markets").click()
    row(page, "country", "Peru").click()
    expect(page).to_have_url(f"{wide_site}/?country=PE&theme=Markets")
    page.reload()
    expect(chips(page)).to_have_text(["Lab Peru×", "Theme Markets×"])
    expect(row(page, "country", "Peru").locator("input")).to_be_checked()
    expect(scope(page)).to_have_text("Asking 1 report of 13.")


def test_an_empty_question_leaves_the_page_as_it_is(wide_site: str, visit: Visit) -> None:
    page = visit(wide_site)
    expect(scope(page)).to_have_text("Asking all 13 reports.")
    page.locator("#go").click()
    expect(page.locator("#go")).to_have_text("Ask")
    expect(page.locator("#sources h2")).to_be_visible()


def test_the_keyboard_alone_chooses_and_removes(wide_site: str, visit: Visit) -> None:
    page = visit(wide_site)
    expect(scope(page)).to_have_text("Asking all 13 reports.")
    place(page, "country").locator("summary").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(scope(page)).to_have_text("Asking 8 reports of 13.")
    togo = row(page, "country", "Togo").locator("input")
    expect(togo).to_be_focused()
    assert togo.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    place(page, "type").locator("summary").focus()
    page.keyboard.press("Enter")
    expect(place(page, "type").locator("li")).to_be_visible()

    page.get_by_role("button", name="Remove Lab: Peru").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove Lab: Togo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_be_focused()
    expect(scope(page)).to_have_text("Asking all 13 reports.")


def test_the_left_area_folds_to_a_strip(wide_site: str, visit: Visit) -> None:
    page = visit(f"{wide_site}/?country=PE")
    button = page.get_by_role("button", name="Filters")
    expect(button).to_have_attribute("aria-expanded", "true")
    button.click()
    expect(page.locator("#filters")).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
    box = page.locator("#collection").bounding_box()
    assert box
    assert box["width"] < 60
    button.click()
    expect(row(page, "country", "Peru")).to_be_visible()


def test_a_narrow_page_has_the_filters_behind_a_button(wide_site: str, visit: Visit) -> None:
    page = visit(f"{wide_site}/?country=PE&year=2021-2022", viewport=NARROW)
    button = page.get_by_role("button", name="Filters")
    expect(button).to_have_attribute("data-chosen", "3")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#filters")).to_be_hidden()
    expect(chips(page)).to_have_count(2)
    button.click()
    row(page, "country", "Togo").click()
    expect(button).to_have_attribute("data-chosen", "4")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    for remove in page.locator("#picked button").all():
        box = remove.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24


def test_visitors_choose_for_themselves(wide_site: str, visit: Visit) -> None:
    one, other = visit(wide_site), visit(wide_site)
    row(one, "country", "Peru").click()
    expect(chips(one)).to_have_count(1)
    expect(scope(other)).to_have_text("Asking all 13 reports.")
    row(other, "country", "Togo").click()
    expect(chips(other)).to_have_text(["Lab Togo×"])
    expect(chips(one)).to_have_text(["Lab Peru×"])
