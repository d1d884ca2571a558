"""A disk without room: told before anything is written, and nothing half-made keeps it full."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ferries import content, opened, text

from ingest.sync import sync
from rag.errors import FeedbackNotKept, IndexUnusable
from rag.feedback import FILE, keep_feedback, load_feedback
from rag.index import layout as disk
from rag.index.layout import current_database
from rag.index.sentence_vectors import SentenceVectors
from rag.index.snapshot import open_snapshot
from rag.settings import Settings
from tests.ingest.test_sync_faults import _fill_the_disk, _large, elsewhere
from tests.rag.test_feedback import VOTE

pytest_plugins = ("ferry_fixtures",)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes, as if the disk were full."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _free(size: int, total: int = 10**12) -> Any:
    return lambda _: shutil._ntuple_diskusage(total, total - size, size)  # type: ignore[attr-defined]


def test_sizes_are_told_in_words() -> None:
    said = [disk.in_words(size) for size in (None, 0, 1500, 12_345_678, 4_200_000_000)]
    assert said == ["unknown", "0 bytes", "1.5 kB", "12 MB", "4.2 GB"]


def test_what_is_free_is_known_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    free = disk.free_bytes(tmp_path / "not" / "there")
    assert free is not None
    assert free > 0


def test_a_disk_that_tells_nothing_is_not_taken_for_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", _free(0, total=0))
    assert disk.free_bytes(tmp_path) is None
    assert not disk.is_scarce(tmp_path)


def test_too_little_room_is_told_before_anything_is_written(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync([reports], settings)
    before, databases = content(settings), list(settings.index.glob("db-*"))
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    monkeypatch.setattr(shutil, "disk_usage", _free(30_000))
    with pytest.raises(IndexUnusable, match=r"has 30 kB free, and this needs about .*Free space"):
        sync([reports], settings)
    assert sync([reports / "peru.md"], settings).unchanged == ["peru"]
    monkeypatch.undo()
    assert list(settings.index.glob("db-*")) == databases
    assert content(settings) == before


def _nearly_fill_the_disk(index: Path) -> None:
    _fill_the_disk(index)
    shutil.disk_usage = _free(disk.SCARCE - 1)


@pytest.mark.slow
@posix
@pytest.mark.parametrize("first", [True, False])
def test_what_an_ingest_had_begun_on_a_full_disk_is_given_up(
    reports: Path, settings: Settings, first: bool
) -> None:
    if not first:
        sync([reports], settings)
    _large(reports)
    said = elsewhere(_nearly_fill_the_disk, settings.index, reports)
    assert "64 MB free. Free space" in said
    left = {path.name for path in settings.index.glob("db-*")}
    current = current_database(settings.index)
    assert left == ({current.name} if current else set())
    assert len(sync([reports], settings).added) == (43 if first else 40)


@posix
def test_a_vote_that_did_not_fit_leaves_no_half_line(tmp_path: Path) -> None:
    keep_feedback(tmp_path, VOTE)
    whole = (tmp_path / FILE).read_bytes()
    with no_file_beyond(len(whole) + 20), pytest.raises(FeedbackNotKept):
        keep_feedback(tmp_path, VOTE)
    assert (tmp_path / FILE).read_bytes() == whole
    keep_feedback(tmp_path, VOTE)
    assert load_feedback(tmp_path) == ([VOTE], 0)


@posix
def test_a_cache_that_did_not_fit_leaves_nothing_and_answers_come(
    reports: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    sync([reports], settings)
    store = opened(settings)
    with no_file_beyond(100):
        snapshot = open_snapshot(store)
    assert set(snapshot.reports) == {"fiji", "mali", "peru"}
    assert not list(store.home.glob("cache-*"))
    assert f"can't be kept in {store.home}" in caplog.text


@posix
def test_vectors_that_did_not_fit_leave_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import numpy as np

    vectors = np.zeros((9, 512), np.float16)
    with caplog.at_level(logging.WARNING), no_file_beyond(1000):
        SentenceVectors().save(tmp_path, [str(n) for n in range(9)], vectors)
    assert list(tmp_path.iterdir()) == []
    assert f"can't be kept in {tmp_path}" in caplog.text
