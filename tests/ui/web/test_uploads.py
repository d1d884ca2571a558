"""What a browser may upload, and what is said of it; tests/browser has whole uploads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_engine import FakeEngine

from ingest.sync import SyncResult
from rag.i18n.translations import ENGLISH
from ui.web import uploads


def test_a_browser_can_name_no_file_but_those_that_were_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "up"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    folder.mkdir()
    secret = tmp_path / "secret.md"
    secret.write_text("x")
    (folder / "link.md").symlink_to(secret)
    (folder / "good.md").write_text("x")
    paths = [str(folder / name) for name in ("link.md", "../secret.md", "good.md")]
    paths += ["/etc/passwd", "http://127.0.0.1:9/x.md", "\x00"]
    sent = [{"name": "a\x1b.md", "path": path} for path in paths]
    found = uploads.uploads_of([*sent, {"name": 3, "path": 4}, {}, None])
    assert [(upload.name, upload.path.name) for upload in found] == [("a_.md", "good.md")]
    assert uploads.uploads_of("x") == uploads.uploads_of(None) == []


def test_a_result_names_the_first_reports_and_counts_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "SHOWN", 2)
    result = SyncResult(added=[f"report_{n}" for n in range(5)])
    html = uploads.render_result(result, FakeEngine().catalog.reports, ENGLISH)
    assert html.count("open-report") == 2
    assert re.search("5 reports added.*and 3 more", html)
