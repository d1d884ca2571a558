"""Adding reports from the page, in a real browser: sent, taken in, answered from at once."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator

import pytest
from fake_engine import FakeEngine
from ferries import COUNTRIES, text
from free_port import free_port
from playwright.sync_api import Page, expect

from ingest import uploads
from ingest.sync import sync
from rag.engine import Engine, open_engine
from rag.index.layout import UPLOADED
from rag.settings import Settings
from tests.browser.test_browser import ask
from tests.browser.test_browser_access import serious
from ui.server.login import make_secret
from ui.server.serve import launch
from ui.web.app import build_app

pytestmark = pytest.mark.browser
pytest_plugins = ("page_fixtures",)

Visit = Callable[..., Page]
HOSTILE = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Engine]]:
    """A page to which reports may be added, over an index of three."""
    folder = tmp_path_factory.mktemp("adding")
    reports = folder / "given"
    reports.mkdir()
    for country in COUNTRIES:
        (reports / f"{country.lower()}.md").write_text(text(country), "utf-8")
    settings = Settings(index=folder / "index", page_ingest=True)
    sync([reports], settings)
    engine = open_engine(settings)
    served = build_app(engine)
    yield launch(served, "127.0.0.1", free_port(), uploads=True), engine
    served.close(verbose=False)


def file(name: str, data: str | bytes) -> dict[str, object]:
    raw = data.encode() if isinstance(data, str) else data
    return {"name": name, "mimeType": "text/markdown", "buffer": raw}


def zipped(**members: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"a/{name}.md", data)
    return made.getvalue()


def unfold(page: Page) -> None:
    page.locator("#uploads summary").click()
    expect(page.locator("#uploads .choose")).to_be_visible()


def send(page: Page, *files: dict[str, object]) -> None:
    page.locator("#uploads input[type=file]").set_input_files(list(files))


def test_what_is_sent_comes_in_and_is_answered_from(
    open_site: tuple[str, Engine], visit: Visit
) -> None:
    site, engine = open_site
    page = visit(site)
    expect(page.locator("#desk .facts")).to_contain_text("3")
    unfold(page)
    chad = text("Chad", "Chad waits for a ferry with solar lamps over Fianga lake.")
    bad = file(f"{HOSTILE}.md", b"[[a:b]]\n\nFianga, la ville inond\xe9e\n")
    send(page, file("more.zip", zipped(chad=chad, togo=text("Togo"))), bad, file("no.md", "x"))
    said = page.locator("#upload-result .result")
    expect(said).to_contain_text("2 reports added.")
    expect(said).to_contain_text("2 files were left out:")
    expect(said).to_contain_text(f"{HOSTILE}.md: not UTF-8 text (line 3, byte 31); save it")
    expect(page.locator("#desk .facts dd").first).to_have_text("5")
    facet = page.locator('.facet[data-field="country"]')
    expect(facet.locator("label", has_text="Chad")).to_be_visible()
    assert serious(page) == []
    assert {p.name for p in (engine.settings.index / UPLOADED).iterdir()} == {"chad.md", "togo.md"}
    said.get_by_role("button", name="Ferries of Chad").click()
    expect(page.locator("dialog.report")).to_contain_text("solar lamps over Fianga")
    page.keyboard.press("Escape")
    ask(page, "Which solar lamps does the ferry of Chad have?")
    expect(page.locator("#turn-1 .answer")).to_contain_text("Fianga")
    assert page.evaluate("window.hacked === undefined")
    # The same once more is there already.
    send(page, file("chad.md", chad))
    expect(said).to_contain_text("1 report there already.")


@pytest.mark.slow
def test_a_failure_is_a_sentence_and_leaves_what_was_there(
    open_site: tuple[str, Engine], visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, engine = open_site
    before = engine.revision

    def broken(*_: object, **__: object) -> None:
        raise OSError("No space left on device: /secret/place")

    page = visit(site)
    unfold(page)
    monkeypatch.setattr(uploads, "sync", broken)
    send(page, file("kenya.md", text("Kenya")))
    alert = page.locator("#upload-result [role=alert]")
    expect(alert).to_contain_text("could not be added")
    assert "secret" not in page.content()
    assert not (engine.settings.index / UPLOADED / "kenya.md").exists()
    assert engine.revision == before
    large = f"kenya.md is larger than {uploads.LARGEST_UPLOAD // 1_000_000} MB."
    page.evaluate("document.querySelector('.upload-form').dataset.largest = 10")
    send(page, file("kenya.md", text("Kenya")))
    expect(page.locator("#uploads .sending")).to_contain_text(large[:24])


def test_without_the_setting_nothing_can_be_sent(site: str, visit: Visit) -> None:
    page = visit(site)
    assert page.locator("#uploads").count() == 0
    assert status(f"{site}/gradio_api/upload") == 413


@pytest.mark.slow
def test_behind_a_login_only_who_is_in_can_send() -> None:
    engine = FakeEngine()
    engine.settings = Settings(page_ingest=True)
    served = build_app(engine)  # type: ignore[arg-type]
    logins = {"Ana": make_secret("wet sand and lids", 2**14)}
    site = launch(served, "127.0.0.1", free_port(), logins, uploads=True)
    assert status(f"{site}/gradio_api/upload") == 401
    served.close(verbose=False)


def status(address: str) -> int:
    """What the server says to a file of some kilobytes."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.md"\r\n\r\n'
        + b"x" * 5000
        + b"\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    request = urllib.request.Request(address, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
