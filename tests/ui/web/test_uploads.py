"""What a browser may upload, and what is said of it; tests/browser has whole uploads."""

from __future__ import annotations

from pathlib import Path

import pytest

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
