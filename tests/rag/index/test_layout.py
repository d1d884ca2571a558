"""The folder of an index: copies, damage, full disks; what counts is never written."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from ferries import content, counts, cut_short, disk_usage, opened, text

from ingest.sync import sync
from ingest.uploads import Upload, older_index, take_in
from rag.engine import open_engine
from rag.errors import FeedbackNotKept, IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.feedback import FILE, keep_feedback, load_feedback
from rag.index.layout import current_database
from rag.index.sentence_vectors import SentenceVectors
from rag.index.snapshot import open_snapshot
from rag.settings import Settings
from tests.rag.test_feedback import VOTE

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
ALL = {"fiji", "mali", "peru"}
QUESTION = "Who counts the boats in Peru?"


def test_neither_readers_nor_writers_change_the_vectors_that_count(
    reports: Path, settings: Settings
) -> None:
    sync([reports], settings)
    first = current_database(settings.index)
    assert first
    open_engine(settings).search("The first query prepares the search.")
    before = {path: path.read_bytes() for path in first.glob("*-*-*-*-*/*")}
    assert open_engine(settings).search("Who waits for a ferry?")
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    sync([reports], settings)
    assert current_database(settings.index) != first
    assert before == {path: path.read_bytes() for path in first.glob("*-*-*-*-*/*")} != {}


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"db-deadbeef", b"../db-x", None])
def test_a_damaged_pointer_is_named_and_loses_nothing(
    reports: Path, settings: Settings, damage: bytes | None
) -> None:
    sync([reports], settings)
    pointer = settings.index / "current"
    good = pointer.read_bytes()
    pointer.unlink()
    if damage is not None:
        pointer.write_bytes(damage)
    for use in (lambda: open_engine(settings), lambda: sync([reports], settings)):
        with pytest.raises(IndexDamaged, match="--rebuild"):
            use()
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
@pytest.mark.parametrize("name", ["chroma.sqlite3", "header.bin"])
def test_what_a_kill_has_torn_is_done_again(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    unfinished = cut_short(reports, settings, monkeypatch)
    segments = (path for path in unfinished.glob("*-*-*-*-*") if path.is_dir())
    for path in [*unfinished.rglob(name)] or [next(segments) / name]:
        path.write_bytes(path.read_bytes()[:100] if path.exists() else b"torn")
    assert counts(sync([reports], settings)) == (3, 0, 0, 0, 0)
    assert set(content(settings)) == ALL


def test_a_copy_made_while_the_page_serves_is_an_index_at_another_place(
    reports: Path, settings: Settings, tmp_path: Path
) -> None:
    sync([reports], settings)
    keep_feedback(settings.index, VOTE)
    engine = open_engine(settings)
    moved = settings.model_copy(update={"index": tmp_path / "copié vers" / "ici"})
    shutil.copytree(settings.index, moved.index)
    answer, revision = engine.ask(QUESTION).answer.text, engine.revision
    shutil.rmtree(settings.index)
    restored = open_engine(moved)
    assert restored.revision == revision
    assert restored.ask(QUESTION).answer.text == answer
    assert load_feedback(moved.index) == ([VOTE], 0)
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    assert sync([reports], moved).added == ["nepal"]


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
    assert "made with parser '0', this is " in older_index(settings)
    with pytest.raises(IndexMismatch, match=r"parser '0', this is .* --rebuild"):
        sync([reports], settings)
    sent.write_text(text("Chad"), "utf-8")
    with pytest.raises(IndexMismatch, match=r"--rebuild"):
        take_in([Upload("other.md", sent)], settings, lambda *_: None)
    assert len(sync([reports], settings, rebuild=True).added) == 4
    assert set(open_engine(settings).catalog.reports) == ALL | {"nepal"}


def test_too_little_room_is_named_before_anything_is_written(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync([reports], settings)
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    monkeypatch.setattr(shutil, "disk_usage", disk_usage(30_000))
    with pytest.raises(IndexUnusable, match=r"has 30 kB free, and this needs about .*Free space"):
        sync([reports], settings)
    assert set(content(settings)) == ALL
    # Network disks that say nothing are not taken for full.
    monkeypatch.setattr(shutil, "disk_usage", disk_usage(0, total=0))
    assert sync([reports], settings).added == ["nepal"]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """No file can grow beyond this many bytes, as if the disk were full."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    yield
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
    vectors = np.zeros((9, 512), np.float16)
    folder = store.home.parent
    with no_file_beyond(1000):
        SentenceVectors().save(folder, [str(n) for n in range(9)], vectors)
    assert not list(folder.glob("sentences-*"))
    assert f"can't be kept in {folder}:" in caplog.text
