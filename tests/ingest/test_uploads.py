"""Reports that come through the page: what comes in, what is left out, and that nothing is lost."""

from __future__ import annotations

import io
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ferries import content, text
from filelock import FileLock

from ingest import uploads
from ingest.sync import SyncResult, sync
from ingest.uploads import Upload, take_in
from rag.errors import IndexBusy, IndexUnusable
from rag.index.layout import LOCK, UPLOADED
from rag.settings import Settings

pytest_plugins = ("ferry_fixtures",)

Send = Callable[..., SyncResult]
ALL = {"fiji", "mali", "peru"}


@pytest.fixture
def filled(reports: Path, settings: Settings) -> Settings:
    """An index with the reports of three labs, and the folder they came from."""
    sync([reports], settings)
    return settings


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


@pytest.fixture
def send(filled: Settings, tmp_path: Path) -> Send:
    """Takes files in as if they had been sent."""

    def sent(**files: bytes) -> SyncResult:
        given = []
        for n, (name, data) in enumerate(files.items()):
            stem, _, ending = name.rpartition("_")
            path = tmp_path / "sent" / str(n) / f"{stem}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            given.append(Upload(path.name, path))
        return take_in(given, filled, lambda *_: None)

    return sent


def held(settings: Settings) -> dict[str, str]:
    """The uploaded reports that the index's folder holds."""
    folder = settings.index / UPLOADED
    return {p.name: p.read_text("utf-8") for p in folder.glob("*.md")} if folder.is_dir() else {}


def skipped(taken: SyncResult) -> dict[str, str]:
    return {one.path: one.reason for one in taken.skipped}


def test_reports_and_archives_come_in_and_stay_through_prune_and_rebuild(
    send: Send, filled: Settings, reports: Path
) -> None:
    archive = zipped({"a/chad.md": text("Chad").encode(), "__MACOSX/a/._chad.md": b"x"})
    taken = send(togo_md=text("Togo").encode(), more_zip=archive)
    assert (sorted(taken.added), taken.updated, taken.skipped) == (["chad", "togo"], [], [])
    assert taken.passages == 4
    assert set(content(filled)) == ALL | {"chad", "togo"}
    assert held(filled) == {"chad.md": text("Chad"), "togo.md": text("Togo")}
    if sys.platform != "win32":
        folder = filled.index / UPLOADED
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (reports / "mali.md").unlink()
    assert sync([reports], filled, prune=True).deleted == ["mali"]
    assert set(content(filled)) == {"fiji", "peru", "chad", "togo"}
    sync([reports], filled, rebuild=True)
    assert set(content(filled)) == {"fiji", "peru", "chad", "togo"}
    # Who deletes an uploaded file prunes it.
    (filled.index / UPLOADED / "togo.md").unlink()
    assert sync([reports], filled, prune=True).deleted == ["togo"]


def test_what_cannot_be_read_is_told_with_its_line_and_loses_nothing(
    send: Send, filled: Settings
) -> None:
    send(togo_md=text("Togo").encode())
    bad = text("Togo").encode() + b"\n\nville inond\xe9e\n"
    line = bad[: bad.index(b"\xe9")].count(b"\n") + 1
    taken = send(togo_md=bad, blank_md=b" ", plain_md=b"# Read me", image_png=b"x", bad_zip=b"PK")
    told = skipped(taken)
    assert told["togo.md"].startswith(f"not UTF-8 text (line {line}, byte ")
    assert told["blank.md"] == "empty"
    assert told["plain.md"].startswith("no [[key:value]] tag")
    assert told["image.png"].startswith("no report")
    assert told["bad.zip"].endswith("pack it again")
    assert (taken.added, taken.updated) == ([], [])
    assert held(filled) == {"togo.md": text("Togo")}
    assert set(content(filled)) == ALL | {"togo"}


def test_a_new_version_takes_the_place_and_the_earlier_file_is_kept(
    send: Send, filled: Settings
) -> None:
    send(togo_md=text("Togo").encode())
    assert send(togo_md=text("Togo").encode()).unchanged == ["togo.md"]
    changed = text("Togo", "Togo has a bridge now.")
    assert send(togo_md=changed.encode()).updated == ["togo"]
    assert held(filled) == {"togo.md": changed}
    earlier = [p for p in (filled.index / UPLOADED).iterdir() if p.name != "togo.md"]
    assert [p.read_text("utf-8") for p in earlier] == [text("Togo")]
    assert all(p.suffix != ".md" for p in earlier)


def test_names_in_an_archive_are_names_and_never_paths(send: Send, filled: Settings) -> None:
    names = ["../../out.md", "/etc/abs.md", "a\\..\\..\\win.md", "a/same.md", "b/same.md"]
    names += ["x" * 400 + ".md", ".hidden.md", 'q"<|>?.MD', "e\u0301t\u202e.md"]
    members = {name: text(f"Lab{n}").encode() for n, name in enumerate(names)}
    taken = send(all_zip=zipped(members))
    assert len(taken.added) == len(names)
    kept = set(held(filled))
    assert {"out.md", "abs.md", "win.md", "same.md", "b__same.md", "hidden.md"} <= kept
    assert {"q_____.md", "\u00e9t_.md"} <= kept
    assert len(kept) == len(names)
    assert not list(filled.index.parent.glob("out.md"))
    assert all(len(name.encode()) < 200 for name in kept)


def test_bombs_and_too_much_at_once_are_refused_before_they_are_unpacked(
    send: Send, filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped({f"{n}.md": b"[[a:b]]" + bytes(30_000_000) for n in range(4)})
    assert len(bomb) < 200_000
    one = zipped({"one.md": b"[[a:b]] " + b"boat " * 2_000_000, "no.txt": b"x"})
    taken = send(bomb_zip=bomb, one_zip=one, none_zip=zipped({"x.txt": b"x"}))
    told = skipped(taken)
    assert "at once" in told["bomb.zip"]
    assert told["one.zip: one.md"].startswith("larger than 5 MB")
    assert told["none.zip"].startswith("no .md file")
    assert held(filled) == {}
    monkeypatch.setattr(uploads, "MOST_REPORTS", 2)
    three = {f"f{n}_md": text(f"Lab{n}").encode() for n in range(3)}
    taken = send(**three)
    assert (len(taken.added), list(skipped(taken))) == (2, ["f2.md"])
    monkeypatch.setattr(uploads, "LARGEST_UPLOAD", 10)
    assert "larger" in skipped(send(f_md=text("Togo").encode()))["f.md"]


def test_while_another_ingest_writes_all_stays_as_it_was(send: Send, filled: Settings) -> None:
    send(togo_md=text("Togo").encode())
    with FileLock(filled.index / LOCK), pytest.raises(IndexBusy):
        send(togo_md=text("Togo", "A bridge.").encode(), chad_md=text("Chad").encode())
    assert [p.name for p in (filled.index / UPLOADED).iterdir()] == ["togo.md"]
    assert held(filled) == {"togo.md": text("Togo")}


def test_a_folder_that_cannot_be_written_is_told(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full, raising=True)
    (filled.index / UPLOADED).mkdir()
    data = zipped({"togo.md": text("Togo").encode()})
    archive = filled.index.parent / "z.zip"
    with archive.open("wb") as file:
        file.write(data)
    with pytest.raises(IndexUnusable, match="No space left"):
        take_in([Upload("z.zip", archive)], filled, lambda *_: None)
    assert held(filled) == {}
    assert set(content(filled)) == ALL
