"""What is pinned is kept in the browser, put in order, exported, saved and opened again."""

import json

import pytest
from page_fixtures import ask, serious
from playwright.sync_api import Page, expect
from readers import text_of

pytestmark = pytest.mark.browser


def test_pins_survive_a_reload_and_become_a_brief_by_keyboard(page: Page, site: str) -> None:
    page.get_by_role("link", name="My brief").click()
    expect(page.locator("#brief .empty")).to_be_visible()
    expect(page.locator("#brief [data-ending=docx]")).to_be_hidden()
    page.get_by_role("link", name="Ask", exact=True).click()
    ask(page, "What did labs learn about mobile money?")
    page.locator("#thread .answer-row .pin").press("Enter")
    expect(page.locator("#views .pinned")).to_have_text("1")
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
    page.locator("#brief input[type=file]").set_input_files(
        {"name": "brief.json", "mimeType": "application/json", "buffer": damaged}
    )
    expect(page.locator("#brief .state")).to_contain_text("damaged")
    page.reload()
    expect(rows).to_have_count(23)
