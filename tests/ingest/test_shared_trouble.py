"""The Chroma server that isn't there, or isn't one; tokens; the command line of a shared index."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from chroma_server import chroma_server
from ferries import text
from free_port import free_port
from pydantic import SecretStr

from ingest.shared import fetch_at_start, watch
from ingest.sync import sync
from ingest.uploads import Upload, take_in
from rag.diagnostics import diagnostics
from rag.engine import open_engine
from rag.errors import ServerUnusable, SettingsError
from rag.index.shared import shared_server
from rag.settings import Settings, load_settings

pytest_plugins = ("command_line", "ferry_fixtures")


@pytest.fixture
def nobody(settings: Settings) -> Settings:
    """Settings with an address at which nothing listens."""
    return settings.model_copy(update={"chroma": f"http://127.0.0.1:{free_port()}"})


class _Other(BaseHTTPRequestHandler):
    """A server that is no Chroma, and keeps what it was told."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>Welcome</h1>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def other() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that is no Chroma, and the tokens that it was sent."""
    seen: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Other", (_Other,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_an_ingest_succeeds_without_the_server_and_says_what_is_left_to_do(
    nobody: Settings, reports: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = sync([reports], nobody)
    assert len(done.added) == 3
    assert nobody.chroma in done.unpublished
    assert "ASKLABS_CHROMA" in done.unpublished
    assert open_engine(nobody).revision == done.revision
    sent = tmp_path / "sent.md"
    sent.write_text(text("Nepal"), "utf-8")
    assert take_in([Upload("nepal.md", sent)], nobody, lambda *_: None).added == ["nepal"]
    assert "not published" in caplog.text
    assert sync([reports], nobody, dry_run=True).unpublished == ""


def test_a_page_serves_what_it_has_or_says_what_is_missing(
    nobody: Settings, reports: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServerUnusable, match=r"can't be used \(.*refused.*ASKLABS_CHROMA"):
        fetch_at_start(nobody)
    sync([reports], nobody.model_copy(update={"chroma": ""}))
    fetch_at_start(nobody)
    assert f"the index in {nobody.index} serves as it is" in caplog.text
    assert open_engine(nobody).catalog.reports


def test_a_page_that_serves_warns_once(nobody: Settings, caplog: pytest.LogCaptureFixture) -> None:
    looks = threading.Semaphore(0)

    class Looked(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            looks.release()

    logger = logging.getLogger("ingest.shared")
    logger.addHandler(handler := Looked())
    try:
        stop = watch(nobody, lambda: "", every=0.02)
        assert looks.acquire(timeout=20)
        assert not looks.acquire(timeout=0.5)
        stop.set()
    finally:
        logger.removeHandler(handler)
    assert caplog.text.count(nobody.chroma) == 1


def test_something_else_at_the_address_is_told_and_the_token_is_not(
    settings: Settings, other: tuple[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    address, seen = other
    ours = settings.model_copy(update={"chroma": address, "chroma_token": SecretStr("s3cret")})
    with pytest.raises(ServerUnusable, match="no Chroma server") as raised:
        fetch_at_start(ours)
    assert seen == ["Bearer s3cret"]
    told = diagnostics(ours)
    assert told["keys"]["ASKLABS_CHROMA_TOKEN"]
    assert "s3cret" not in f"{raised.value}{caplog.text}{told}"


@pytest.mark.parametrize(
    "wrong", ["chroma:8000", "http://me:pw@chroma:8000", "http://chroma/path", "http://a:99999"]
)
def test_wrong_addresses_are_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match="ASKLABS_CHROMA") as raised:
        load_settings({"ASKLABS_CHROMA": wrong})
    assert "pw" not in str(raised.value)
    assert load_settings({"ASKLABS_CHROMA": " https://c.example/ "}).chroma == "https://c.example"


def test_the_command_line_publishes_fetches_and_sends_its_token(
    run: Any, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKLABS_CHROMA_TOKEN", "s3cret")
    with chroma_server(tmp_path / "chroma") as server:
        monkeypatch.setenv("ASKLABS_CHROMA", server.address)
        missing = run("ask", "Who counts the boats?", "--index", "mine")
        assert (missing.code, "There is no index in mine" in missing.err) == (2, True)
        done = run("ingest", reports, "--index", "ours", "--json")
        assert (done.code, done.json["unpublished"]) == (0, "")
        assert "publishing" in done.err
        asked = run("ask", "Who counts the boats in Peru?", "--index", "mine", "--json")
        assert asked.json["index"] == done.json["index"]
        assert run("info", "--index", "mine", "--json").json["fingerprint"] == done.json["index"]
        with shared_server(load_settings()) as sent:
            headers = sent.client._server.get_request_headers()
        assert headers["authorization"] == "Bearer s3cret"
    same = run("ingest", reports, "--index", "ours")
    assert (same.code, "3 unchanged" in same.out) == (1, True)
    assert "nobody can tell whether it is published" in same.err
    (reports / "peru.md").write_text(text("Peru", "Ana counts the boats."), "utf-8")
    failed = run("ingest", reports, "--index", "ours")
    assert (failed.code, "1 updated" in failed.out) == (1, True)
    assert "it is not published" in failed.err
    assert "s3cret" not in failed.err
    assert run("search", "boats", "--index", "mine").code == 0
