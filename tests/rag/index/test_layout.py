"""The folder of an index: copies, damage, full disks; what counts is never written."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import pytest
from ferries import content, counts, cut_short, disk_usage, opened, text

from ingest.sync import PARSER_VERSION, sync
from ingest.uploads import Upload, take_in
from rag.engine import open_engine
from rag.errors import FeedbackNotKept, IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.feedback import FILE, keep_feedback, load_feedback
from rag.index.layout import current_database, free_bytes, in_words, is_scarce
from rag.index.sentence_vectors import SentenceVectors
from rag.index.snapshot import open_snapshot
from rag.settings import Settings
from tests.rag.test_feedback import VOTE

pytest_plugins = ("ferry_fixtures",)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
ALL = {"fiji", "mali", "peru"}
QUESTION = "Who counts the boats in Peru?"


def vector_files(database: Path) -> dict[str, str]:
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
    open_engine(settings).search("The first query prepares the search.")
    before = vector_files(first)
    assert before
    engine = open_engine(settings)
    assert engine.search("Who waits for a ferry?")
    assert engine.report("peru").raw
    assert vector_files(first) == before
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    sync([reports], settings)
    assert current_database(settings.index) != first
    assert vector_files(first) == before


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"db-deadbeef", b"../db-x", None])
def test_a_damaged_pointer_is_named_and_loses_nothing(
    reports: Path, settings: Settings, damage: bytes | None
) -> None:
    sync([reports], settings)
    pointer = settings.index / "current"
    good = pointer.read_bytes()
    pointer.unlink()
    if damage is not None:
        pointer.write_bytes(damage)
    with pytest.raises(IndexDamaged, match="--rebuild"):
        open_engine(settings)
    with pytest.raises(IndexDamaged, match="--rebuild"):
        sync([reports / "peru.md"], settings)
    pointer.write_bytes(good)
    assert set(content(settings)) == ALL
    pointer.write_bytes(b"lost")
    assert sync([reports], settings, rebuild=True).added == ["fiji", "mali", "peru"]


def test_an_ingest_that_was_cut_short_is_continued(
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
    for path in [*unfinished.rglob(name)] or [next(segments) / name]:
        path.write_bytes(path.read_bytes()[:100] if path.exists() else b"torn")
    assert counts(sync([reports], settings)) == (3, 0, 0, 0, 0)
    assert set(content(settings)) == ALL


def test_a_folder_that_is_no_index_is_named(tmp_path: Path) -> None:
    file = tmp_path / "index"
    file.write_text("no index", encoding="utf-8")
    with pytest.raises(IndexUnusable, match=r"index is a file\. Name a folder with --index"):
        current_database(file)
    with pytest.raises(IndexUnusable, match=r"index is a file\. Name a folder with --index"):
        sync([tmp_path], Settings(index=file))
    assert file.read_text(encoding="utf-8") == "no index"
    (tmp_path / "current").mkdir()
    with pytest.raises(IndexUnusable, match=r"can't be read \(.*\)\. See to its permissions"):
        current_database(tmp_path)


def test_a_copy_made_while_the_page_serves_is_an_index_at_another_place(
    reports: Path, settings: Settings, tmp_path: Path
) -> None:
    sync([reports], settings)
    keep_feedback(settings.index, VOTE)
    engine = open_engine(settings)
    copy = tmp_path / "copié vers" / "ici"
    shutil.copytree(settings.index, copy)
    link = tmp_path / "link"
    link.symlink_to(copy)
    answer, revision = engine.ask(QUESTION).answer.text, engine.revision
    shutil.rmtree(settings.index)
    moved = settings.model_copy(update={"index": link})
    restored = open_engine(moved)
    assert restored.revision == revision
    assert restored.ask(QUESTION).answer.text == answer
    assert load_feedback(link) == ([VOTE], 0)
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    assert sync([reports], moved).added == ["nepal"]
    files = (path.read_text("utf-8", "replace") for path in copy.rglob("*.json"))
    assert str(settings.index) not in "".join(files)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_an_index_on_a_read_only_disk_can_be_asked(reports: Path, settings: Settings) -> None:
    sync([reports], settings)
    open_engine(settings)
    paths = (settings.index, *settings.index.rglob("*"))
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert open_engine(settings).ask(QUESTION).answer.text
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_an_index_of_an_older_version_answers_refuses_reports_and_is_made_anew(
    reports: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = tmp_path / "sent.md"
    sent.write_text(text("Nepal"), "utf-8")
    with monkeypatch.context() as older:
        older.setattr("ingest.sync.PARSER_VERSION", "0")
        sync([reports], settings)
        take_in([Upload("nepal.md", sent)], settings, lambda *_: None)
    assert open_engine(settings).ask(QUESTION).answer.text
    with pytest.raises(IndexMismatch, match=r"parser '0', this is .* --rebuild"):
        sync([reports], settings)
    sent.write_text(text("Chad"), "utf-8")
    with pytest.raises(IndexMismatch, match=r"--rebuild"):
        take_in([Upload("other.md", sent)], settings, lambda *_: None)
    assert len(sync([reports], settings, rebuild=True).added) == 4
    assert set(open_engine(settings).catalog.reports) == ALL | {"nepal"}
    database = current_database(settings.index)
    assert database is not None
    (made,) = database.glob("cache-*/of.json")
    assert orjson.loads(made.read_bytes())["made_by"]["parser"] == PARSER_VERSION


def test_sizes_in_words() -> None:
    sizes = (None, 0, 1500, 12_345_678, 4_200_000_000)
    assert [*map(in_words, sizes)] == ["unknown", "0 bytes", "1.5 kB", "12 MB", "4.2 GB"]


def test_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_bytes(tmp_path / "not" / "there")
    assert free is not None
    assert free > 0
    # Network disks that say nothing are not taken for full.
    monkeypatch.setattr(shutil, "disk_usage", disk_usage(0, total=0))
    assert free_bytes(tmp_path) is None
    assert not is_scarce(tmp_path)


def test_too_little_room_is_named_before_anything_is_written(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync([reports], settings)
    before, databases = content(settings), list(settings.index.glob("db-*"))
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    monkeypatch.setattr(shutil, "disk_usage", disk_usage(30_000))
    with pytest.raises(IndexUnusable, match=r"has 30 kB free, and this needs about .*Free space"):
        sync([reports], settings)
    assert sync([reports / "peru.md"], settings).unchanged == ["peru"]
    monkeypatch.undo()
    assert list(settings.index.glob("db-*")) == databases
    assert content(settings) == before


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """No file can grow beyond this many bytes, as if the disk were full."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@posix
def test_files_that_do_not_fit_leave_nothing_half_written(
    reports: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep_feedback(tmp_path, VOTE)
    complete = (tmp_path / FILE).read_bytes()
    with no_file_beyond(len(complete) + 20), pytest.raises(FeedbackNotKept):
        keep_feedback(tmp_path, VOTE)
    assert (tmp_path / FILE).read_bytes() == complete
    sync([reports], settings)
    store = opened(settings)
    with no_file_beyond(100):
        snapshot = open_snapshot(store)
    assert set(snapshot.reports) == ALL
    assert not list(store.home.glob("cache-*"))
    assert f"can't be kept in {store.home}" in caplog.text
    folder = tmp_path / "vectors"
    folder.mkdir()
    vectors = np.zeros((9, 512), np.float16)
    with caplog.at_level(logging.WARNING), no_file_beyond(1000):
        SentenceVectors().save(folder, [str(n) for n in range(9)], vectors)
    assert list(folder.iterdir()) == []
    assert f"can't be kept in {folder}" in caplog.text
