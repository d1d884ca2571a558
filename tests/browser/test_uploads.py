"""Adding reports from the page, in a real browser: sent, taken in, answered from at once."""

from unittest.mock import patch

import pytest
from ferries import COUNTRIES, engine_of, text
from made_up import zipped
from page_fixtures import Visit, ask, serious
from playwright.sync_api import FilePayload, expect

from ingest import uploads
from rag.engine import Engine
from rag.index.local import UPLOADED
from rag.settings import Settings

pytestmark = pytest.mark.browser


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/markdown", "buffer": data}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    texts = {country.lower(): text(country) for country in COUNTRIES}
    return engine_of(tmp_path_factory.mktemp("uploads"), texts, Settings(page_ingest=True))


def test_what_is_sent_is_added_and_quoted(engine: Engine, site: str, visit: Visit) -> None:
    page, asking, looking = (visit(site) for _ in range(3))
    page.locator("#uploads summary").click()
    chooser = page.locator("#uploads input[type=file]")
    chad = text("Chad", "Chad waits for a ferry with solar lamps over Fianga lake.")
    name = "<img src=x onerror=window.hacked=1>.md"
    bad = file(name, b"[[a:b]]\n\nFianga, la ville inond\xe9e\n")
    both = {"a/chad.md": chad.encode(), "a/togo.md": text("Togo").encode()}
    chooser.set_input_files([file("more.zip", zipped(both)), bad, file("no.md", b"x")])
    result = page.locator("#upload-result .result")
    expect(result).to_contain_text("2 reports added.")
    expect(result).to_contain_text("2 files were left out:")
    expect(result).to_contain_text(f"{name}: not UTF-8 text (line 3, byte 31); save it")
    expect(page.locator("#desk .facts dd").first).to_have_text("5")
    expect(page.locator("#welcome")).to_contain_text("Ask 5 reports of 5 labs")
    countries = page.locator('.facet[data-field="country"]')
    expect(countries.locator("label", has_text="Chad")).to_be_visible()
    assert serious(page) == []
    # Pages that were open before follow, when somebody asks there or comes back to them.
    ask(asking, "Which ferries have solar lamps?")
    looking.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    for other in (asking, looking):
        expect(other.locator("#desk .facts dd").first).to_have_text("5")
        expect(other.locator("#filters .hint").first).to_contain_text("5")
    expect(looking.locator("#welcome")).to_contain_text("Ask 5 reports of 5 labs")
    kept = {path.name for path in (engine.settings.index / UPLOADED).glob("*.md")}
    assert kept == {"chad.md", "togo.md"}
    result.get_by_role("button", name="Ferries of Chad").click()
    expect(page.locator("dialog.report")).to_contain_text("solar lamps over Fianga")
    page.keyboard.press("Escape")
    ask(page, "Which solar lamps does the ferry of Chad have?")
    expect(page.locator("#turn-1 .answer")).to_contain_text("Fianga")
    assert page.evaluate("window.hacked === undefined")
    chooser.set_input_files(file("chad.md", chad.encode()))
    expect(result).to_contain_text("1 report unchanged.")
    # A failure is a sentence, and leaves what was there.
    before = engine.revision
    kenya = file("kenya.md", text("Kenya").encode())
    broken = OSError("No space left on device: /secret/place")
    with patch.object(uploads, "sync", side_effect=broken):
        chooser.set_input_files(kenya)
        expect(page.locator("#upload-result [role=alert]")).to_contain_text("could not be added")
    assert "secret" not in page.content()
    assert not (engine.settings.index / UPLOADED / "kenya.md").exists()
    assert engine.revision == before
    page.evaluate("document.querySelector('.upload-form').dataset.largest = 10")
    chooser.set_input_files(kenya)
    expect(page.locator("#uploads .sending")).to_contain_text("kenya.md is larger than")
