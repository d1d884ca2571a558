"""The page as it is wired: it keeps little of a visitor and asks nothing from elsewhere."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from bench import Site
from fake_engine import FakeEngine
from page_fixtures import launched, serve

from rag.engine import Engine
from ui.web import app, uploads
from ui.web.layout import STATIC


def wait_until(is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_visit_keeps_no_copies_and_is_forgotten(quick_engine: Engine, monkeypatch: Any) -> None:
    monkeypatch.setattr(app, "KEPT", 0.2)
    with launched(quick_engine) as (page, address):
        site, visits = Site(address), page.state_holder.session_data
        with httpx.stream("GET", f"{address}/gradio_api/heartbeat/visitor"):
            for question in ("What did labs learn about mobile money?", "And women?", "Why?"):
                site.ask(question, "visitor")
            assert not any(visits["visitor"].config_values.values())
            held = visits["visitor"].blocks_config.blocks.values()
            drawn = [part for part in held if isinstance(part, gr.HTML)]
            parts = page.default_config.blocks.values()
            assert len(drawn) == len([part for part in parts if isinstance(part, gr.HTML)])
        wait_until(lambda: "visitor" not in visits)


def test_no_sheet_leaves_a_rule_open_which_would_swallow_the_sheets_after_it() -> None:
    for path in STATIC.glob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert text.count("{") == text.count("}"), path.name


def test_a_browser_names_only_what_it_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, secret = tmp_path / "up", tmp_path / "secret.md"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    folder.mkdir()
    for file in (secret, folder / "good.md"):
        file.write_text("x")
    (folder / "link.md").symlink_to(secret)
    paths = [str(folder / name) for name in ("link.md", "../secret.md", "good.md")]
    paths += ["/etc/passwd", "http://127.0.0.1:9/x.md", "\x00"]
    sent = [{"name": "a\x1b.md", "path": path} for path in paths]
    found = uploads.uploads_of([*sent, {"name": 3, "path": 4}, {}, None])
    assert [(upload.name, upload.path.name) for upload in found] == [("a_.md", "good.md")]
    assert uploads.uploads_of("x") == uploads.uploads_of(None) == []


def test_a_file_that_nobody_takes_in_is_deleted(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(app, "UPLOAD_CACHE", (1, 1))
    with serve(FakeEngine(), page_ingest=True) as address:
        sent = httpx.post(f"{address}/gradio_api/upload", files={"files": ("x.md", b"# x")})
        (path,) = map(Path, sent.raise_for_status().json())
        assert path.is_relative_to(tmp_path)
        wait_until(lambda: not path.exists())
