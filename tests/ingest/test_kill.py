"""An ingest that is killed at any moment changes nothing for readers, and is made up for."""

from __future__ import annotations

import random
import signal
import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from ferries import text
from killed import run

from ingest.embed import SENTENCES_STAGE
from ingest.sync import sync
from rag.answer.extractive import usable
from rag.index.layout import current_database
from rag.index.sentence_vectors import SentenceVectors
from rag.index.snapshot import open_snapshot
from rag.index.store import open_store, passage_row
from rag.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there"),
]

COUNTRIES = ("Peru", "Fiji", "Mali", "Togo", "Chad", "Nepal", "Kenya", "Ghana", "Benin", "Malawi")
KILLS = 20


@dataclass(frozen=True)
class Content:
    """All that readers can see of an index, but for numbers that say when it was written."""

    revision: str
    reports: dict[str, str]
    passages: dict[str, str]
    vectors: dict[str, list[float]]

    def is_like(self, other: Content) -> bool:
        """Whether two indexes hold the same; vectors may differ as sums of floats do."""
        return (
            (self.revision, self.reports, self.passages)
            == (other.revision, other.reports, other.passages)
            and self.vectors.keys() == other.vectors.keys()
            and all(np.allclose(v, other.vectors[i], atol=1e-5) for i, v in self.vectors.items())
        )


def content(index: Path) -> Content:
    if current_database(index) is None:
        return Content("", {}, {}, {})
    store = open_store(index, {})
    snapshot = open_snapshot(store)
    rows = {snapshot.reports[p.report.id].row_of(p.id): p for p in snapshot.passages}
    vectors = store.vectors(rows.keys())
    texts = snapshot.texts(snapshot.reports.keys())
    return Content(
        snapshot.revision,
        {i: f"{r.info} {texts[i]} {r.passages}" for i, r in snapshot.reports.items()},
        {p.id: f"{p.context} {p.text} {passage_row(p, 0)}" for p in snapshot.passages},
        {rows[row].id: vector for row, vector in vectors.items()},
    )


def lacking(index: Path) -> set[str]:
    """The sentences of an index whose vectors are not kept."""
    snapshot = open_snapshot(open_store(index, {}))
    asked = {p.text[a:b] for p in snapshot.passages for a, b in usable(p.text)}
    assert asked
    return asked - SentenceVectors.load(snapshot.home).find([*asked]).keys()


def write(folder: Path, countries: tuple[str, ...], answer: str = "") -> None:
    """Reports of these countries and no others, two each, with many answers."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for country in countries:
        for n in range(2):
            more = "".join(f"\n> Question {q} of {n}?\n\n{answer}{q} boats\n" for q in range(8))
            body = text(country, answer and f"{answer} {n}") + f"\n## Part {n}\n{more}"
            (folder / f"{country.lower()}_{n}.md").write_text(body, "utf-8")


def killed(index: Path, reports: Path, rng: random.Random, rebuild: bool = False) -> bool:
    """Run an ingest and kill it at some moment; False where it was done before."""
    stages = (("reading", 0.5), *[("embedding", 1.5)] * 4, (SENTENCES_STAGE, 0.3))
    stage, longest = rng.choice(stages)
    context = get_context("forkserver")
    context.set_forkserver_preload(["killed"])
    process = context.Process(
        target=run, args=(index, reports, stage, rng.random() * longest, rebuild)
    )
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def uninterrupted(index: Path, reports: Path) -> Content:
    sync([reports], Settings(index=index), prune=True)
    return content(index)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    rng = random.Random(20)
    reports, index = tmp_path / "reports", tmp_path / "index"
    versions = ((COUNTRIES[:8], ""), (COUNTRIES[2:], "Every week"))
    wanted = []
    for n, version in enumerate(versions):
        write(reports, *version)
        wanted.append(uninterrupted(tmp_path / f"index_{n}", reports))
    before, target = Content("", {}, {}, {}), 0
    kills = 0
    while kills < KILLS:
        write(reports, *versions[target])
        if killed(index, reports, rng):
            kills += 1
            seen = content(index)
            assert seen.is_like(before) or seen.is_like(wanted[target])
        else:
            assert content(index).is_like(wanted[target])
            before, target = wanted[target], 1 - target
    write(reports, *versions[target])
    assert uninterrupted(index, reports).is_like(wanted[target])
    assert lacking(index) == set()


def test_killed_while_rebuilding(tmp_path: Path) -> None:
    rng = random.Random(7)
    reports, index = tmp_path / "reports", tmp_path / "index"
    write(reports, COUNTRIES[:4])
    first = uninterrupted(index, reports)
    write(reports, COUNTRIES[2:6], answer="Every day")
    second = uninterrupted(tmp_path / "two", reports)
    for _ in range(4):
        killed(index, reports, rng, rebuild=True)
        seen = content(index)
        assert seen.is_like(first) or seen.is_like(second)
    sync([reports], Settings(index=index), rebuild=True)
    assert content(index).is_like(second)
    sync([reports], Settings(index=index))
    assert len(list(index.glob("db-*"))) == 1
