"""Kills, full disks, folders that may not be written: the index stays usable."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ferries import content, disk_usage, missing_sentences, text
from machine import disk, no_file_beyond

from ingest import embed
from ingest.embed import SENTENCES_STAGE
from ingest.sync import sync
from rag.engine import open_engine
from rag.errors import IndexBusy, IndexMissing, IndexUnusable
from rag.files import size_of
from rag.index.local import current_snapshot
from rag.index.store import STAGE
from rag.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs limits and signals of POSIX"),
]
KILLS = 20
Content = tuple[Any, dict[str, Any]]
NOTHING: Content = (None, {})
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
    rows = snapshot.revision, reports, list(snapshot.passages)
    ids = [passage.id for passage in snapshot.passages]
    return rows, dict(zip(ids, snapshot.dense[:], strict=True))


def alike(one: Content, other: Content) -> bool:
    """Whether two indexes hold the same; vectors may differ as sums of floats do."""
    same = one[0] == other[0] and one[1].keys() == other[1].keys()
    return same and all(np.allclose(v, other[1][i], atol=1e-5) for i, v in one[1].items())


def write(folder: Path, countries: tuple[str, ...], answer: str = "") -> None:
    """Reports of these countries and no others, two each, with many answers."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for country in countries:
        for n in range(2):
            more = "".join(f"\n> Question {q} of {n}?\n\n{answer}{q} boats\n" for q in range(8))
            body = text(country, answer and f"{answer} {n}") + f"\n## Part {n}\n{more}"
            (folder / f"{country.lower()}_{n}.md").write_text(body, "utf-8")


def _ingest(index: Path, reports: Path, stage: str, delay: float, rebuild: bool) -> None:
    """Ingest with `prune`; `delay` seconds after a stage has begun the process is killed."""
    embed.BATCH = 16  # small, so that there are many moments between two writes
    killer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL))

    def progress(now: str, _done: int, _total: int) -> None:
        if now == stage and killer.ident is None:
            killer.start()

    settings = Settings(index=index)
    sync([reports], settings, prune=True, rebuild=rebuild, progress=progress)
    # The timer must not outlive the work: what comes after it is no moment of an ingest.
    os._exit(0)


def killed(index: Path, reports: Path, rng: random.Random, rebuild: bool = False) -> bool:
    """Run an ingest and kill it at some moment; False where it was done before."""
    often = ("preparing search", STAGE)
    stage = rng.choice(("reading", "embedding", "indexing", SENTENCES_STAGE, *often, *often))
    longest = 0.5 if stage in ("reading", "embedding") else 0.3
    context = get_context("forkserver")
    context.set_forkserver_preload(["chromadb", "ingest.sync"])
    arguments = (index, reports, stage, rng.random() * longest, rebuild)
    process = context.Process(target=_ingest, args=arguments)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def uninterrupted(index: Path, reports: Path) -> Content:
    sync([reports], Settings(index=index), prune=True)
    return visible(index)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    rng = random.Random(20)
    reports, index = tmp_path / "reports", tmp_path / "index"
    versions = ((COUNTRIES[:6], ""), (COUNTRIES[2:], "Every week"))
    expected = []
    for n, version in enumerate(versions):
        write(reports, *version)
        expected.append(uninterrupted(tmp_path / f"index_{n}", reports))
    before, target, kills = NOTHING, 0, 0
    while kills < KILLS:
        write(reports, *versions[target])
        if killed(index, reports, rng):
            kills += 1
            seen = visible(index)
            assert alike(seen, before) or alike(seen, expected[target])
        else:
            assert alike(visible(index), expected[target])
            before, target = expected[target], 1 - target
    write(reports, *versions[target])
    assert alike(uninterrupted(index, reports), expected[target])
    assert missing_sentences(index) == set()
    # So too where the index is made anew.
    for _ in range(3):
        killed(index, reports, rng, rebuild=True)
        assert alike(visible(index), expected[target])
    write(reports, *versions[1 - target])
    sync([reports], Settings(index=index), rebuild=True)
    assert alike(visible(index), expected[1 - target])
    sync([reports], Settings(index=index))
    (data,) = index.glob("data-*")
    assert not list(index.glob("embedded-*"))
    shutil.rmtree(data)
    sync([reports], Settings(index=index))
    assert alike(visible(index), expected[1 - target])
