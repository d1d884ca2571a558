"""Full disks, folders that may not be written, readers at work: the index stays usable."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
from ferries import content, counts, text

from ingest.sync import made_by, sync
from rag.engine import open_engine
from rag.errors import AskLabsError, IndexMissing
from rag.index.layout import current_database, remember_unfinished
from rag.index.store import create_store
from rag.settings import Settings

pytest_plugins = ("ferry_fixtures",)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs limits and users of POSIX")
NOBODY = 65534


def _attempt(
    told: SimpleQueue[str], before: Callable[[Path], None], index: Path, reports: Path
) -> None:
    before(index)
    try:
        sync([reports], Settings(index=index, threads=1))
        told.put("")
    except AskLabsError as error:
        told.put(str(error))


def elsewhere(before: Callable[[Path], None], index: Path, reports: Path) -> str:
    """The error of an ingest in another process, in which something is done before it."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.killed"])
    told: SimpleQueue[str] = context.SimpleQueue()
    process = context.Process(target=_attempt, args=(told, before, index, reports))
    process.start()
    process.join()
    assert process.exitcode == 0
    return told.get()


def _nothing(_index: Path) -> None:
    return


def _fill_the_disk(index: Path) -> None:
    """Let no file grow beyond what the database has now."""
    import resource

    database = current_database(index)
    size = (database / "chroma.sqlite3").stat().st_size if database else 100_000
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _be_nobody(index: Path) -> None:
    """Become a user who may read the index and not write it."""
    for path in (index, *index.rglob("*")):
        path.chmod(path.stat().st_mode & ~(stat.S_IWGRP | stat.S_IWOTH | stat.S_IWUSR))
    if os.getuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _large(reports: Path) -> None:
    for n in range(40):
        (reports / f"chad_{n}.md").write_text(text("Chad", f"{n} " * 400), "utf-8")


@pytest.mark.slow
@posix
@pytest.mark.parametrize("first", [True, False])
def test_a_full_disk_is_told_and_nothing_is_lost(
    reports: Path, settings: Settings, first: bool
) -> None:
    if not first:
        sync([reports], settings)
    before = {} if first else content(settings)
    _large(reports)
    assert "Free space" in elsewhere(_fill_the_disk, settings.index, reports)
    if not first:
        assert content(settings) == before
        assert open_engine(settings).search("ferries of Peru")
    assert len(sync([reports], settings).added) == (43 if first else 40)
    assert len(content(settings)) == 43


@posix
def test_an_index_that_may_not_be_written_is_told_and_left_alone(
    reports: Path, settings: Settings
) -> None:
    sync([reports], settings)
    for folder in (*settings.index.parents, settings.index):
        if os.access(folder, os.W_OK) and folder.is_relative_to(Path("/tmp")):
            folder.chmod(0o755)
    modes = {path: path.stat().st_mode for path in (settings.index, *settings.index.rglob("*"))}
    _large(reports)
    said = elsewhere(_be_nobody, settings.index, reports)
    for path, mode in modes.items():
        path.chmod(mode)
    assert str(settings.index) in said
    assert "permission" in said
    assert set(content(settings)) == {"fiji", "mali", "peru"}


@pytest.mark.slow
def test_a_running_page_sees_what_another_process_has_written(
    reports: Path, settings: Settings
) -> None:
    sync([reports], settings)
    engine = open_engine(settings)
    question = "Who counts the boats in Nepal?"
    assert "nepal" not in {hit.passage.report.id for hit in engine.search(question)}
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    assert elsewhere(_nothing, settings.index, reports) == ""
    best = engine.search(question)[0]
    assert best.passage.report.id == "nepal"
    assert best.similarity > 0.3
    assert "Nepal" in engine.report("nepal").raw


@pytest.mark.slow
def test_a_reader_keeps_its_version_while_a_report_is_replaced(
    reports: Path, settings: Settings
) -> None:
    sync([reports], settings)
    engine = open_engine(settings)
    snapshot = engine._current()[0]
    before = snapshot.report("peru")
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    (reports / "mali.md").unlink()
    assert elsewhere(_nothing, settings.index, reports) == ""
    assert snapshot.report("peru") == before
    assert {p.report.id for p in snapshot.passages} == {"fiji", "mali", "peru"}
    assert "Lima" in engine.report("peru").raw


def test_an_index_that_is_not_sealed_yet_is_no_index_for_readers(
    reports: Path, settings: Settings
) -> None:
    create_store(settings.index, {})
    with pytest.raises(IndexMissing, match="There is no index"):
        open_engine(settings)
    remember_unfinished(create_store(settings.index, made_by(settings)).home)
    with pytest.raises(IndexMissing, match="holds nothing yet"):
        open_engine(settings)
    assert counts(sync([reports], settings)) == (3, 0, 0, 0, 0)
