"""What is saved beside the rows: used when good, built anew when not, never needed."""

import shutil
from collections.abc import Callable
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from ferries import Encoded, text
from openai_server import ScriptedServer
from pydantic import SecretStr

from ingest.sync import sync
from rag.citation.quotable import usable
from rag.engine import Engine, open_engine
from rag.errors import IndexMismatch
from rag.index.layout import current_database
from rag.index.sentence_vectors import SentenceVectors
from rag.index.snapshot import Snapshot, current_snapshot, open_snapshot
from rag.index.store import Store, open_store
from rag.models import embeddings
from rag.models.embeddings import CachedEncoder, encode_cached, use_stored_vectors
from rag.models.encoder import encode
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


TEXTS = ("Women sell fish.", "أرسل المال", "Nobody counts the boats.", "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the vectors of TEXTS."""
    SentenceVectors().save(tmp_path, TEXTS, np.asarray(encode(TEXTS), np.float16))
    return next(tmp_path.iterdir())


def sentences_of(engine: Engine) -> set[str]:
    """All sentences that answers may ask for."""
    passages = (p for report in engine.catalog.reports for p in engine.passages_of(report))
    return {s.text for p in passages for s in usable(p)}


def test_stored_vectors_are_those_of_the_model(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    empty = CachedEncoder(lambda texts: asked.extend(texts) or encode(texts))
    monkeypatch.setattr(embeddings, "_shared", empty)
    use_stored_vectors(SentenceVectors.load(file.parent).find)
    vectors = encode_cached([*TEXTS, "Something new."])
    assert asked == ["Something new."]
    assert np.allclose(vectors[:-1], encode(TEXTS), atol=1e-3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:-1032],
        lambda _: b"vectors of another kind" * 99,
        lambda _: b"\xff" * 8,
        lambda data: data[:8] + data[16:24] + data[8:16] + data[24:],
        lambda data: data[: 8 + 4 * 8] + b"\xff" * 4 * 1024,
    ],
    ids=["cut", "row lost", "other kind", "count alone", "out of order", "noise"],
)
def test_damaged_files_are_ignored(file: Path, damage: Callable[[bytes], bytes]) -> None:
    file.write_bytes(damage(file.read_bytes()))
    assert SentenceVectors.load(file.parent).find(TEXTS) == {}


def test_an_ingest_encodes_each_sentence_once_and_forgets_those_of_deleted_reports(
    reports: Path, settings: Settings, encoded: Encoded
) -> None:
    sync([reports], settings)
    before = sentences_of(open_engine(settings))
    assert sorted(encoded.sentences) == sorted(before)
    encoded.sentences.clear()
    (reports / "peru.md").write_text(text("Peru", answer="All of Lima"), "utf-8")
    sync([reports], settings)
    assert encoded.sentences == ["All of Lima waits for a ferry."]
    (reports / "peru.md").unlink()
    assert sync([reports], settings, prune=True).deleted == ["peru"]
    now = sentences_of(open_engine(settings))
    database = current_database(settings.index)
    assert database
    assert now < before
    assert set(SentenceVectors.load(database).find([*before, *encoded.sentences])) == now


def test_vectors_of_another_model_are_not_saved(
    reports: Path, settings: Settings, server: ScriptedServer
) -> None:
    key = SecretStr("none")
    another = {"embedding": "openai:a", "openai_base_url": server.url, "openai_api_key": key}
    assert sync([reports], settings.model_copy(update=another)).passages
    assert not list(settings.index.glob("db-*/sentences-*"))
