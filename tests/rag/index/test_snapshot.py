"""The cache beside the store: used when good, built anew when not, never needed."""

from __future__ import annotations

import os
import shutil
from copy import copy
from pathlib import Path

import pytest

from rag.catalog.fields import Filters
from rag.engine import open_engine
from rag.errors import IndexMismatch
from rag.index.snapshot import Snapshot
from rag.index.snapshot_cache import cached_snapshot, open_snapshot
from rag.index.store import Store, open_store
from rag.settings import Settings


@pytest.fixture(scope="module")
def store(sample_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    mine = tmp_path_factory.mktemp("snapshot") / "index"
    shutil.copytree(sample_index, mine)
    return open_store(mine, {})


def opened(store: Store, folder: Path) -> Snapshot:
    """The store's snapshot, cached in another folder than the store's own."""
    elsewhere = copy(store)
    elsewhere.home = folder
    return open_snapshot(elsewhere)


@pytest.fixture(scope="module")
def whole(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return opened(store, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> Path:
    opened(store, tmp_path)
    assert len(list(tmp_path.glob("cache-*"))) == 1
    return tmp_path


def same(one: Snapshot, other: Snapshot) -> bool:
    question = "mobile money of women"
    return (
        one.revision == other.revision
        and list(one.passages) == list(other.passages)
        and dict(one.catalog.reports) == dict(other.catalog.reports)
        and (one.keyword.scores(question, "en") == other.keyword.scores(question, "en")).all()
    )


def test_a_good_cache_is_used_as_it_is(folder: Path, store: Store, whole: Snapshot) -> None:
    (cache,) = folder.glob("cache-*")
    before = (cache / "passages.json").stat().st_mtime_ns
    assert same(opened(store, folder), whole)
    assert (cache / "passages.json").stat().st_mtime_ns == before


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "passages cut": lambda cache: _cut(cache / "passages.json"),
    "passages empty": lambda cache: (cache / "passages.json").write_bytes(b""),
    "passages of another kind": lambda cache: (cache / "passages.json").write_bytes(b'{"a": 1}'),
    "no passages": lambda cache: (cache / "passages.json").write_bytes(b"[]"),
    "rows too short": lambda cache: (cache / "passages.json").write_bytes(b'[["a", "b"]]'),
    "reports cut": lambda cache: _cut(cache / "reports.jsonl"),
    "reports of another kind": lambda cache: (cache / "reports.jsonl").write_bytes(b"[1]\n3"),
    "a report missing": lambda cache: (cache / "reports.jsonl").write_bytes(
        b"\n".join((cache / "reports.jsonl").read_bytes().splitlines()[1:])
    ),
    "no keywords": lambda cache: shutil.rmtree(cache / "keyword"),
    "keywords cut": lambda cache: [_cut(p) for p in (cache / "keyword").iterdir()],
    "a keyword file gone": lambda cache: (cache / "keyword" / "words.npy").unlink(),
    "vocabulary of another kind": lambda cache: (cache / "keyword" / "vocabulary").write_bytes(
        b"[]"
    ),
    "no seal": lambda cache: (cache / "sealed").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_built_anew(
    folder: Path, store: Store, whole: Snapshot, damage: str
) -> None:
    (cache,) = folder.glob("cache-*")
    DAMAGE[damage](cache)
    assert same(opened(store, folder), whole)
    assert same(opened(store, folder), whole)
    assert (cache / "passages.json").stat().st_size > 1000
    assert [p.name for p in folder.glob("cache-*")] == [cache.name]


def test_the_cache_of_another_revision_is_replaced(
    tmp_path: Path, store: Store, whole: Snapshot
) -> None:
    for name in ("cache-1-0123456789abcdef", "cache-0-old", "cache-new-left-behind"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine.txt").write_text("keep me", encoding="utf-8")
    assert same(opened(store, tmp_path), whole)
    left = {p.name for p in tmp_path.glob("cache-*")}
    assert len(left) == 1
    assert (tmp_path / "mine.txt").exists()
    assert any(name.endswith(store.state.revision) for name in left)


def test_a_folder_that_can_not_be_written_still_works(
    tmp_path: Path, store: Store, whole: Snapshot
) -> None:
    # Root may write anywhere, so a folder that is a file stands for a read-only one too.
    place = tmp_path / "file"
    place.write_text("", encoding="utf-8")
    assert same(opened(store, place), whole)
    locked = tmp_path / "locked"
    locked.mkdir()
    os.chmod(locked, 0o500)
    try:
        assert same(opened(store, locked), whole)
    finally:
        os.chmod(locked, 0o700)


def test_scope_and_position(whole: Snapshot) -> None:
    rows = [whole.reports[p.report.id].row_of(p.id) for p in whole.passages]
    assert [whole.position[row] for row in rows] == list(range(len(rows)))
    inside = whole.allowed(Filters(country=("Fiji",)))
    assert inside.tolist() == ["FJ" in p.report.iso for p in whole.passages]
    assert whole.allowed(Filters()).all()
    spoken = whole.allowed(Filters(language=("FR", "es"), year=(2023,)))
    wanted = [p.language in ("fr", "es") and p.report.year == 2023 for p in whole.passages]
    assert spoken.tolist() == wanted
    assert spoken.any()


def test_a_good_cache_is_enough_to_answer(
    sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "index"
    shutil.copytree(sample_index, mine)
    settings = Settings(index=mine)
    expected = [hit.passage for hit in open_engine(settings).search("mobile money", k=5)]

    def closed(*_: object) -> None:
        pytest.fail("the database was opened")

    monkeypatch.setattr("rag.index.snapshot_cache.open_store", closed)
    found = open_engine(settings).search("mobile money", k=5)
    assert [hit.passage for hit in found] == expected
    with pytest.raises(IndexMismatch, match="embedding"):
        cached_snapshot(open_engine(settings)._current()[0].home, {"embedding": "another"})
