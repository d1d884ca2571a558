"""Kills, full disks, folders that may not be written: the index stays usable."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ferries import content, disk_usage, missing_sentences, text
from machine import disk, no_file_beyond

from ingest import embed
from ingest.sync import sync
from rag.engine import open_engine
from rag.errors import IndexBusy, IndexMissing, IndexUnusable
from rag.files import size_of
from rag.index.local import CHROMA, POINTER, current_snapshot
from rag.index.store import STAGE
from rag.models.encoder import Vectors
from rag.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs limits and signals of POSIX"),
]
Content = tuple[Any, Vectors]
Versions = list[tuple[tuple[tuple[str, ...], str], Content]]
NOTHING: Content = (None, np.zeros(0))
COUNTRIES = ("Peru", "Fiji", "Mali", "Togo", "Chad", "Nepal", "Kenya", "Ghana")


def _add_many(reports: Path) -> None:
    for n in range(40):
        (reports / f"chad_{n}.md").write_text(text("Chad", f"{n} " * 400), "utf-8")


@pytest.mark.parametrize("first", [True, False])
def test_a_full_disk_is_named_without_loss(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    before = {}
    if not first:
        sync([reports], settings)
        before = content(settings)
    _add_many(reports)
    # No file grows beyond what the vectors have now.
    dense = settings.index.glob("data-*/dense")
    size = max((path.stat().st_size for path in dense), default=100_000)
    with monkeypatch.context() as full, no_file_beyond(size):
        full.setattr(shutil, "disk_usage", disk_usage(64_000_000))
        with pytest.raises(IndexUnusable, match=r"64 MB free\. Free space"):
            sync([reports], settings)
    assert len(list(settings.index.glob("data-*"))) == (0 if first else 1)
    assert not list(settings.index.glob("embedded-*"))
    assert first or content(settings) == before
    assert len(sync([reports], settings).added) == (43 if first else 40)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "disk") as folder:
        yield folder


@pytest.mark.parametrize("share", [0.02, 0.2, 0.45, 0.7, 0.95])
def test_a_small_disk_that_fills_up_keeps_the_old_or_the_new(
    reports: Path, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr("ingest.sync.A_PASSAGE", 0)  # Else it is told before anything is written.
    settings = Settings(index=small_disk / "index")
    sync([reports], settings)
    before, small = visible(settings.index), size_of(settings.index)
    _add_many(reports)
    after = uninterrupted(tmp_path / "other", reports)
    grown = size_of(tmp_path / "other") - small
    filler = small_disk / "filler"
    filler.write_bytes(b" " * (shutil.disk_usage(small_disk).free - int(share * grown)))
    with pytest.raises(IndexUnusable, match=r"can't be written.*Free space"):
        sync([reports], settings)
    seen = visible(settings.index)
    assert alike(seen, before) or alike(seen, after)
    filler.unlink()
    sync([reports], settings)
    assert alike(visible(settings.index), after)


def test_a_read_only_disk_is_read_and_named(reports: Path, small_disk: Path) -> None:
    settings = Settings(index=small_disk / "index")
    sync([reports], settings)
    before = visible(settings.index)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert open_engine(settings).search("Who waits for a ferry?")
    (reports / "peru.md").write_text(text("Peru", "Lima"), "utf-8")
    with pytest.raises(IndexUnusable, match=r"can't be written.*still there"):
        sync([reports], settings)
    assert alike(visible(settings.index), before)


def test_while_one_ingest_works_another_waits(reports: Path, filled: Settings) -> None:
    before, early = visible(filled.index), current_snapshot(filled.index, {})
    _add_many(reports)
    seen: dict[str, int] = {}

    def progress(stage: str, _done: int, _total: int) -> None:
        seen[stage] = seen.get(stage, 0) + 1
        if seen[stage] > 1:
            return
        assert len(early.passages) == len(list(early.passages)) == len(before[1])
        # What Chroma gets has been published already.
        assert alike(visible(filled.index), before) or stage == STAGE
        with ThreadPoolExecutor(1) as pool, pytest.raises(IndexBusy, match="Wait"):
            pool.submit(sync, [reports], filled).result()

    assert len(sync([reports], filled, progress=progress).added) == 40
    assert len(seen) > 4
    assert len(early.passages) < len(current_snapshot(filled.index, {}).passages)


def visible(index: Path) -> Content:
    """All that readers can see of an index: its rows, and the vectors of its passages."""
    try:
        snapshot = current_snapshot(index, {})
    except IndexMissing:
        return NOTHING
    snapshot.version.checked(snapshot.home, snapshot.version.files)
    reports = [(r.info, r.raw, r.passages) for r in map(snapshot.report, snapshot.heads)]
    return (snapshot.revision, reports, list(snapshot.passages)), snapshot.dense[:]


def alike(one: Content, other: Content) -> bool:
    """Whether two indexes hold the same; vectors may differ as sums of floats do."""
    return one[0] == other[0] and np.allclose(one[1], other[1], atol=1e-5)


def write(folder: Path, countries: tuple[str, ...], answer: str = "") -> None:
    """Reports of these countries and no others, with many answers."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    more = "".join(f"\n> Question {n}?\n\n{answer}{n} boats\n" for n in range(8))
    for country in countries:
        (folder / f"{country.lower()}.md").write_text(f"{text(country, answer)}{more}", "utf-8")


def uninterrupted(index: Path, reports: Path) -> Content:
    sync([reports], Settings(index=index), prune=True)
    return visible(index)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """What reports are of in turn, each with what an index of them holds."""
    given = ((COUNTRIES[:6], ""), (COUNTRIES[2:], "Every week"))
    held = []
    for n, version in enumerate(given):
        write(tmp_path / "given", *version)
        held.append(uninterrupted(tmp_path / f"held_{n}", tmp_path / "given"))
    return list(zip(given, held, strict=True))


_LOOKS: list[Callable[[str], None]] = []


def _tell(event: str, arguments: tuple[Any, ...]) -> None:
    """Tell those who look of what Python is about to write, but not of what they do themselves."""
    changes = event in ("os.rename", "os.remove", "os.truncate", "shutil.rmtree")
    if _LOOKS and (changes or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))):
        look = _LOOKS.pop()
        try:
            look(f"{event} {Path(os.fsdecode(arguments[0])).name}")
        finally:
            _LOOKS.append(look)


@contextmanager
def watched(index: Path, *states: Content, copies: Path | None = None) -> Iterator[None]:
    """A kill before any write leaves one of these; what one before each kind leaves is copied."""

    def look(write: str) -> None:
        seen = visible(index)
        assert any(alike(seen, state) for state in states), write
        if copies and not (copies / write).exists():
            shutil.copytree(index, copies / write)

    _LOOKS.append(look)
    try:
        yield
    finally:
        _LOOKS.clear()


def test_a_kill_before_any_write_leaves_the_old_or_the_new(
    tmp_path: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "BATCH", 16)  # many writes
    sys.addaudithook(_tell)
    reports, index, before = tmp_path / "reports", tmp_path / "index", NOTHING
    tried: set[str] = set()
    for n, (version, after) in enumerate([*versions, versions[0]]):
        write(reports, *version)
        copies = tmp_path / f"copies_{n}"
        with watched(index, before, after, copies=copies):
            sync([reports], Settings(index=index), prune=True, rebuild=n == 2)
        # The next ingest goes on from there; each kind of write is tried once.
        for copy in (path for path in copies.iterdir() if path.name not in tried):
            tried.add(copy.name)
            with watched(copy, before, after):
                assert alike(uninterrupted(copy, reports), after)
            assert missing_sentences(copy) == set()
        before = after


def _ingest(index: Path, reports: Path, delay: float, rebuild: bool) -> None:
    """Ingest, and be killed so many seconds after what is written to Chroma has begun."""

    def progress(stage: str, _done: int, _total: int) -> None:
        if stage == STAGE:
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    sync([reports], Settings(index=index), prune=True, rebuild=rebuild, progress=progress)
    time.sleep(5)  # A kill may come after the last write.


def stages_of(index: Path, reports: Path) -> set[str]:
    """What an ingest tells that it does."""
    told: set[str] = set()
    sync([reports], Settings(index=index), progress=lambda stage, *_: told.add(stage))
    return told


def test_what_a_kill_tears_in_chroma_is_made_again(tmp_path: Path, versions: Versions) -> None:
    context = get_context("forkserver")
    context.set_forkserver_preload(["chromadb", "ingest.sync"])
    reports, index = tmp_path / "reports", tmp_path / "index"
    write(reports, *versions[0][0])
    sync([reports], Settings(index=index))
    torn = 0
    for n, delay in enumerate((0.01, 0.04, 0.02, 0.03), start=1):
        version, after = versions[n % 2]
        write(reports, *version)
        process = context.Process(target=_ingest, args=(index, reports, delay, n == 4))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert alike(visible(index), after)
        torn += not (index / CHROMA / POINTER).exists()
        # The next ingest mends what was torn: all is made again from it, and nothing embedded.
        copy = tmp_path / f"copy_{n}"
        shutil.copytree(index, copy)
        for _ in range(2):  # The old data goes an ingest later.
            sync([reports], Settings(index=copy))
        assert not list(copy.glob("embedded-*"))
        (data,) = copy.glob("data-*")
        shutil.rmtree(data)
        stages = stages_of(copy, reports)
        assert "copying" in stages
        assert "embedding" not in stages
        assert alike(visible(copy), after)
    assert torn
