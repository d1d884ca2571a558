"""The snapshot and its cache: used when good, built anew when not, never needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import copy
from pathlib import Path

import pytest
from ferries import text

from ingest.sync import sync
from rag.engine import open_engine
from rag.errors import IndexMismatch
from rag.index.snapshot import Snapshot, current_snapshot, open_snapshot
from rag.index.store import Store, open_store
from rag.settings import Settings


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshot")
    (folder / "fiji.md").write_text(text("Fiji"), "utf-8")
    french = "Personne ne compte les bateaux qui arrivent au port de Lomé."
    togo = text("Togo").replace("Nobody in Togo counts the boats.", french)
    (folder / "togo.md").write_text(togo, "utf-8")
    sync([folder], Settings(index=folder / "index"))
    return folder / "index"


@pytest.fixture(scope="module")
def store(index: Path) -> Store:
    return open_store(index, {})


def opened(store: Store, folder: Path) -> Snapshot:
    """The store's snapshot, cached in another folder than the store's own."""
    elsewhere = copy(store)
    elsewhere.home = folder
    return open_snapshot(elsewhere)


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "damage",
    [
        lambda cache: shorten(cache / "passages.json"),
        lambda cache: (cache / "reports.jsonl").write_bytes(b"[1]\n3"),
        lambda cache: shutil.rmtree(cache / "keyword"),
        lambda cache: (cache / "sealed").unlink(),
    ],
)
def test_a_damaged_cache_is_built_anew(
    tmp_path: Path, store: Store, damage: Callable[[Path], object]
) -> None:
    expected = opened(store, tmp_path)
    (cache,) = tmp_path.glob("cache-*")
    damage(cache)
    again = opened(store, tmp_path)
    assert (again.revision, again.reports) == (expected.revision, expected.reports)
    assert list(again.passages) == list(expected.passages)
    assert (again.dense == expected.dense).all()
    assert [path.name for path in tmp_path.glob("cache-*")] == [cache.name]


def test_a_good_cache_is_enough_to_answer(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(index=tmp_path / "index", reranker="none")
    shutil.copytree(index, settings.index)
    expected = [hit.passage for hit in open_engine(settings).search("ferry", k=5)]

    def closed(*_: object) -> None:
        pytest.fail("the database was opened")

    monkeypatch.setattr("rag.index.snapshot.open_store", closed)
    assert [hit.passage for hit in open_engine(settings).search("ferry", k=5)] == expected
    with pytest.raises(IndexMismatch, match="embedding"):
        current_snapshot(settings.index, {"embedding": "another"})
