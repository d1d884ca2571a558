"""The folder of an index: what counts is never written, and what is damaged is never swept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ferries import content, counts, cut_short, text

from ingest.sync import sync
from rag.engine import open_engine
from rag.errors import IndexDamaged, IndexMissing, IndexUnusable
from rag.index.layout import current_database
from rag.settings import Settings

pytest_plugins = ("ferry_fixtures",)


def files(database: Path) -> dict[str, str]:
    """The hash of each file of a database's vectors, which Chroma reads without checks."""
    return {
        str(path.relative_to(database)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in database.glob("*-*-*-*-*/*")
    }


def test_neither_readers_nor_writers_change_the_vectors_that_count(
    reports: Path, settings: Settings
) -> None:
    sync([reports], settings)
    first = current_database(settings.index)
    assert first
    open_engine(settings).search("The first who asks prepares the search.")
    before = files(first)
    assert before
    engine = open_engine(settings)
    assert engine.search("Who waits for a ferry?")
    assert engine.report("peru").raw
    assert files(first) == before
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    sync([reports], settings)
    assert current_database(settings.index) != first
    assert files(first) == before


@pytest.mark.parametrize("damage", [b"", b"db-", b"\xff\xfe", b"db-deadbeef", b"../db-x", None])
def test_a_damaged_pointer_is_named_and_loses_nothing(
    reports: Path, settings: Settings, damage: bytes | None
) -> None:
    sync([reports], settings)
    pointer = settings.index / "current"
    good = pointer.read_bytes()
    if damage is None:
        pointer.unlink()
    else:
        pointer.write_bytes(damage)
    with pytest.raises(IndexDamaged, match="--rebuild"):
        open_engine(settings)
    with pytest.raises(IndexDamaged, match="--rebuild"):
        sync([reports / "peru.md"], settings)
    pointer.write_bytes(good)
    assert set(content(settings)) == {"fiji", "mali", "peru"}
    pointer.write_bytes(b"lost")
    assert sync([reports], settings, rebuild=True).added == ["fiji", "mali", "peru"]
    assert set(content(settings)) == {"fiji", "mali", "peru"}


def test_an_ingest_that_was_cut_short_is_gone_on_with(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, embedded: list[str]
) -> None:
    unfinished = cut_short(reports, settings, monkeypatch)
    with pytest.raises(IndexMissing, match="cut short"):
        open_engine(settings)
    embedded.clear()
    assert counts(sync([reports], settings)) == (3, 0, 0, 0, 0)
    assert not embedded
    assert current_database(settings.index) == unfinished


@pytest.mark.slow
@pytest.mark.parametrize("name", ["index_metadata.pickle", "chroma.sqlite3", "header.bin"])
def test_what_a_kill_has_torn_is_done_again(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    unfinished = cut_short(reports, settings, monkeypatch)
    segments = (path for path in unfinished.glob("*-*-*-*-*") if path.is_dir())
    torn = [*unfinished.rglob(name)] or [next(segments) / name]
    for path in torn:
        path.write_bytes(path.read_bytes()[:100] if path.exists() else b"torn")
    assert counts(sync([reports], settings)) == (3, 0, 0, 0, 0)
    assert set(content(settings)) == {"fiji", "mali", "peru"}


def test_a_copy_under_another_name_stays_out_in_any_order(
    reports: Path, settings: Settings, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a_copy.md").write_text(text("Peru"), "utf-8")
    sync([reports], settings)
    (skipped,) = sync([other], settings).skipped
    assert "the same text as" in skipped.reason
    assert set(content(settings)) == {"fiji", "mali", "peru"}


def test_a_file_in_the_place_of_an_index_is_named(tmp_path: Path) -> None:
    file = tmp_path / "index"
    file.write_text("no index", encoding="utf-8")
    with pytest.raises(IndexUnusable, match=r"index is a file\. Name a folder with --index"):
        current_database(file)
    with pytest.raises(IndexUnusable, match=r"index is a file\. Name a folder with --index"):
        sync([tmp_path], Settings(index=file))
    assert file.read_text(encoding="utf-8") == "no index"


def test_an_index_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    with pytest.raises(IndexUnusable, match=r"can't be read \(.*\)\. See to its permissions"):
        current_database(tmp_path)
