"""Reports that come through the page: what comes in, what is left out, and that nothing is lost."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from ferries import content, text
from filelock import FileLock
from made_up import zipped

from ingest import uploads
from ingest.sync import SyncResult, sync
from ingest.uploads import Upload, take_in
from rag.errors import IndexBusy, IndexUnusable
from rag.index.local import LOCK, UPLOADED
from rag.settings import Settings

Send = Callable[..., SyncResult]
ALL = {"fiji", "mali", "peru"}
TOGO = text("Togo").encode()


@pytest.fixture
def send(filled: Settings, tmp_path: Path) -> Send:
    def sent(files: dict[str, bytes], sender: str = "") -> SyncResult:
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        given = [Upload(name, tmp_path / name) for name in files]
        return take_in(given, filled, lambda *_: None, sender)

    return sent


def uploaded(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (settings.index / UPLOADED).glob("*.md")}


def skipped(result: SyncResult) -> dict[str, str]:
    return {item.path: item.reason for item in result.skipped}


def test_reports_come_in_and_stay(send: Send, filled: Settings, reports: Path) -> None:
    (filled.index / UPLOADED).mkdir(mode=0o755)
    archive = zipped({"a/chad.md": text("Chad").encode(), "__MACOSX/a/._chad.md": b"x"})
    result = send({"togo.md": TOGO, "more.zip": archive})
    assert (sorted(result.added), result.updated, result.skipped) == (["chad", "togo"], [], [])
    assert set(content(filled)) == ALL | {"chad", "togo"}
    assert uploaded(filled) == {"chad.md": text("Chad").encode(), "togo.md": TOGO}
    if sys.platform != "win32":
        assert stat.S_IMODE((filled.index / UPLOADED).stat().st_mode) == 0o700
        assert stat.S_IMODE((filled.index / UPLOADED / "togo.md").stat().st_mode) == 0o600
    (reports / "mali.md").unlink()
    assert sync([reports], filled, prune=True).deleted == ["mali"]
    sync([reports], filled, rebuild=True)
    assert set(content(filled)) == {"fiji", "peru", "chad", "togo"}
    # Who deletes an uploaded file prunes it.
    (filled.index / UPLOADED / "togo.md").unlink()
    assert sync([reports], filled, prune=True).deleted == ["togo"]


def test_what_is_unreadable_or_can_not_be_written_replaces_nothing(
    send: Send, filled: Settings
) -> None:
    send({"togo.md": TOGO})
    bad = TOGO + b"\n\nville inond\xe9e\n"
    line = bad[: bad.index(b"\xe9")].count(b"\n") + 1
    files = {"togo.md": bad, "plain.md": b"# Read me", "image.png": b"x", "bad.zip": b"PK"}
    reasons = skipped(send(files))
    assert set(reasons) == set(files)
    assert reasons["togo.md"].startswith(f"not UTF-8 text (line {line}, byte ")
    changed = {"togo.md": text("Togo", "A bridge.").encode(), "chad.md": text("Chad").encode()}
    with FileLock(filled.index / LOCK), pytest.raises(IndexBusy, match="Wait"):
        send(changed)
    fails = patch.object(uploads, "replace_file", side_effect=OSError("No space left on device"))
    with fails, pytest.raises(IndexUnusable, match="No space left"):
        send(changed)
    senders = filled.index / UPLOADED / uploads.SENDERS
    write = uploads.replace_file

    def full(path: Path, *given: Any) -> None:
        if path == senders:
            raise OSError("No space left on device")
        write(path, *given)

    fails = patch.object(uploads, "replace_file", full)
    with fails, pytest.raises(IndexUnusable, match="No space left"):
        send(changed)
    assert [p.name for p in (filled.index / UPLOADED).glob("*.md*")] == ["togo.md"]
    assert uploaded(filled) == {"togo.md": TOGO}
    assert set(content(filled)) == ALL | {"togo"}


def test_a_version_replaces_the_senders_own_which_is_kept(send: Send, filled: Settings) -> None:
    for sender, answer, *told in (
        ("Ana", "A bridge", ["togo"], [], [], []),
        ("Ana", "A bridge", [], [], ["togo.md"], []),
        ("Bo", "A raft", ["togo__2"], [], [], ["togo.md"]),
        ("Bo", "A boat", [], ["togo__2"], [], ["togo.md"]),
        ("Ana", "Ana", [], ["togo"], [], []),
    ):
        done = send({"togo.md": text("Togo", answer).encode()}, sender)
        assert [done.added, done.updated, done.unchanged, done.beside] == told
    latest = {"togo.md": text("Togo", "Ana"), "togo__2.md": text("Togo", "A boat")}
    assert uploaded(filled) == {name: said.encode() for name, said in latest.items()}
    (earlier,) = (filled.index / UPLOADED).glob("togo.md.*")
    assert earlier.read_text("utf-8") == text("Togo", "A bridge")


def test_names_in_an_archive_are_names_and_never_paths(send: Send, filled: Settings) -> None:
    names = ["../../out.md", "/etc/abs.md", "a\\..\\..\\win.md", "a/same.md", "b/same.md"]
    names += ["x" * 400 + ".md", ".hidden.md", 'q"<|>?.MD', "e\u0301t\u202e.md"]
    result = send({"all.zip": zipped({name: text(name).encode() for name in names})})
    assert len(result.added) == len(names)
    files = set(uploaded(filled))
    plain = {"out.md", "abs.md", "win.md", "same.md", "b__same.md", "hidden.md", "q_____.md"}
    assert plain | {"\u00e9t_.md"} <= files
    assert len(files) == len(names)
    assert not list(filled.index.parent.glob("out.md"))
    assert all(len(name.encode()) < 200 for name in files)


def test_bombs_and_too_much_at_once_are_refused_before_they_are_unpacked(
    send: Send, filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped({f"{n}.md": b"[[a:b]]" + bytes(30_000_000) for n in range(4)})
    reasons = skipped(send({"bomb.zip": bomb, "no.zip": zipped({"x.txt": b"x"})}))
    assert reasons["bomb.zip: 0.md"].startswith("larger than 5 MB")
    assert reasons["no.zip"].startswith("no .md file")
    assert uploaded(filled) == {}
    monkeypatch.setattr(uploads, "MOST_REPORTS", 2)
    result = send({f"f{n}.md": text(f"Lab{n}").encode() for n in range(3)})
    assert (len(result.added), list(skipped(result))) == (2, ["f2.md"])
    monkeypatch.setattr(uploads, "LARGEST_UPLOAD", 10)
    assert "larger" in skipped(send({"f.md": TOGO}))["f.md"]
