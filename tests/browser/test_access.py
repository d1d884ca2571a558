"""What axe finds: nothing serious, in all views, light and dark, in both directions."""

import pytest
from page_fixtures import Visit, ask, box, serious
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


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
