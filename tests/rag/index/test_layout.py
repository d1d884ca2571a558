"""The folder of an index: versions, repairs, damage, full disks; what counts is never lost."""

import shutil
import sqlite3
import sys
import zlib
from collections.abc import Callable
from contextlib import closing
from itertools import product
from pathlib import Path
from unittest.mock import Mock

import chromadb
import numpy as np
import pytest
from ferries import content, counts, disk_usage, files, missing_sentences, opened, text
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.schema import QueryBundle
from machine import no_file_beyond

from ingest.sync import sync
from ingest.uploads import Upload, older_index, take_in
from rag.catalog.tag_fields import Filters
from rag.engine import open_engine
from rag.errors import FeedbackNotKept, IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.feedback import FILE, keep_feedback, load_feedback
from rag.index import store
from rag.index.local import LocalWriter, current_snapshot
from rag.models.embeddings import make_embedding
from rag.settings import Settings
from rag.text.tokenize import terms
from tests.rag.test_feedback import VOTE

SLOW = pytest.mark.slow
ALL = {"fiji", "mali", "peru"}
QUESTION = "Who counts the boats in Peru?"


def test_a_reader_writes_nothing_and_keeps_its_version_and_a_change_is_added_at_the_end(
    reports: Path, filled: Settings
) -> None:
    before = files(filled.index)
    reader = opened(filled)
    assert open_engine(filled).search("Who waits for a ferry?")
    assert files(filled.index) == before
    expected = list(reader.passages), reader.keyword.scores(["ferri", "peru"]).tolist()
    (reports / "peru.md").write_text(text("Peru", answer="Lima"), "utf-8")
    sync([reports], filled)
    reader._records.clear()
    assert (list(reader.passages), reader.keyword.scores(["ferri", "peru"]).tolist()) == expected
    assert [p.text for p in content(filled)["peru"]] != [p.text for p in expected[0]][-2:]
    # It writes no tags of others again.
    chroma, current = filled.index / "chroma", (filled.index / "current").read_bytes()
    for home, name in product((reader.home, chroma), ("tags", "texts")):
        held, data = before[reader.home / name], (home / name).read_bytes()
        assert data.startswith(held)
        assert name == "texts" or b"Ferries of Fiji" not in zlib.decompress(data[len(held) :])
    assert (chroma / "current").read_bytes() == current
    assert b"Fiji" not in zlib.decompress(current)


def test_many_changes_make_one_index(reports: Path, filled: Settings, tmp_path: Path) -> None:
    """What is of the past goes at last: files do not grow for ever, and deleted texts are gone."""
    for n in range(6):
        (reports / "peru.md").write_text(text("Peru", answer=f"Lima {n}"), "utf-8")
        (reports / f"chad_{n}.md").write_text(text("Chad", answer=f"Moundou {n}"), "utf-8")
        sync([reports], filled)
    (reports / "mali.md").unlink()
    assert sync([reports], filled, prune=True).deleted == ["mali"]
    other = Settings(index=tmp_path / "other")
    sync([reports], other)
    sync([reports], filled)
    one, two = opened(filled), opened(other)
    assert (one.revision, one.version.rows) == (two.revision, two.version.rows)
    assert list(one.passages) == list(two.passages)
    assert np.allclose(one.dense[:], two.dense[:], atol=1e-5)
    asked = terms("Who waits for a ferry in Lima?", "en")
    assert np.allclose(one.keyword.scores(asked), two.keyword.scores(asked))
    assert len(list(filled.index.glob("data-*"))) == 1
    assert missing_sentences(filled.index) == set()


def test_segments_are_few(reports: Path, filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.local.MOST_SEGMENTS", 3)
    for n, pieces in enumerate((2, 3, 1, 2)):
        (reports / f"chad_{n}.md").write_text(text("Chad", answer=f"Moundou {n}"), "utf-8")
        sync([reports], filled)
        snapshot = opened(filled)
        assert len(snapshot.segments) == pieces
        assert len(snapshot.having([["moundou"]], Filters())) == n + 1


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "spoilt": lambda data: data[:40] + b"spoilt" * 20 + data[160:],
    "empty": lambda _: zlib.compress(b"{}"),
}
FILES = [f"data-*/{name}" for name in ("texts", "dense", "static", "terms-*")]


@pytest.mark.parametrize("damage", [*DAMAGES, "gone"])
@pytest.mark.parametrize("name", ["current", *(pytest.param(f, marks=SLOW) for f in FILES)])
def test_damaged_files_are_named_and_made_again_from_chroma(
    reports: Path, filled: Settings, embedded: list[str], name: str, damage: str
) -> None:
    before = content(filled)
    (path,) = filled.index.glob(name)
    data = path.read_bytes()
    path.unlink()
    if damage in DAMAGES:
        path.write_bytes(DAMAGES[damage](data))
    with pytest.raises(IndexDamaged, match="asklabs ingest PATH"):
        open_engine(filled)
    assert counts(sync([reports], filled)) == (0, 0, 3, 0, 0)
    assert content(filled) == before
    assert not embedded


def test_an_index_of_an_unknown_kind_is_refused(reports: Path, settings: Settings) -> None:
    settings.index.mkdir()
    (settings.index / "current").write_bytes(b"db-deadbeef")
    for use in (lambda: open_engine(settings), lambda: sync([reports], settings)):
        with pytest.raises(IndexDamaged, match="--rebuild"):
            use()
    assert len(sync([reports], settings, rebuild=True).added) == 3
    told = zlib.decompress((settings.index / "current").read_bytes())
    for schema, error in ((b"6", "older kind"), (b"99", "newer asklabs")):
        other = zlib.compress(told.replace(b'"schema":7', b'"schema":' + schema))
        for folder in (settings.index, settings.index / "chroma"):
            (folder / "current").write_bytes(other)
        with pytest.raises(IndexUnusable, match=rf"{error}.*--rebuild"):
            open_engine(settings)
        with pytest.raises(IndexUnusable, match="--rebuild"):
            sync([reports], settings)
        assert len(sync([reports], settings, rebuild=True).added) == 3


def test_an_ingest_that_was_cut_short_is_continued(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, embedded: list[str]
) -> None:
    with monkeypatch.context() as short:
        short.setattr(LocalWriter, "publish", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sync([reports], settings)
    with pytest.raises(IndexMissing, match="cut short"):
        open_engine(settings)
    embedded.clear()
    assert counts(sync([reports], settings)) == (3, 0, 0, 0, 0)
    assert not embedded
    assert not list(settings.index.glob("embedded-*"))


@SLOW
@pytest.mark.parametrize("name", ["chroma.sqlite3", "header.bin", "current", "texts"])
def test_a_torn_database_is_made_again_from_the_published_files(
    reports: Path, filled: Settings, embedded: list[str], name: str
) -> None:
    before = content(filled)
    chroma = filled.index / "chroma"
    if name in ("chroma.sqlite3", "header.bin"):
        (chroma / "current").unlink()  # It is told when all is written.
    segments = [path for path in chroma.glob("*-*-*-*-*") if path.is_dir()]
    for path in [*chroma.rglob(name)] or [segments[0] / name]:
        path.write_bytes(path.read_bytes()[:100] if path.exists() else b"torn")
    assert counts(sync([reports], filled)) == (0, 0, 3, 0, 0)
    assert not embedded
    shutil.rmtree(next(filled.index.glob("data-*")))
    assert counts(sync([reports], filled)) == (0, 0, 3, 0, 0)
    assert content(filled) == before


def test_where_all_is_damaged_the_index_is_made_anew(reports: Path, filled: Settings) -> None:
    shutil.rmtree(next(filled.index.glob("data-*")))
    (filled.index / "chroma" / "texts").unlink()
    with pytest.raises(IndexDamaged, match="--rebuild"):
        sync([reports], filled)
    assert counts(sync([reports], filled, rebuild=True)) == (3, 0, 0, 0, 0)
    assert set(content(filled)) == ALL


@SLOW
def test_other_programs_find_the_same_in_chroma(sample_index: Path) -> None:
    chroma = pytest.importorskip("llama_index.vector_stores.chroma")
    snapshot = current_snapshot(sample_index, {})
    embedding = make_embedding(Settings())
    client = chromadb.PersistentClient(str(sample_index / "chroma"))
    store = chroma.ChromaVectorStore(chroma_collection=client.get_collection("passages"))
    index = VectorStoreIndex.from_vector_store(store, MockEmbedding(embed_dim=1))
    position = {p.id: n for n, p in enumerate(snapshot.passages)}
    for question in ("Who sells ice?", "¿Quién paga?", "What did labs learn about mobile money?"):
        vector = embedding.get_query_embedding(question)
        ours = snapshot.dense @ np.asarray(vector, np.float32)
        query = QueryBundle(question, embedding=vector)
        found = index.as_retriever(similarity_top_k=10).retrieve(query)
        best = np.sort(ours)[::-1][:10]
        assert np.allclose([ours[position[node.node_id]] for node in found], best, atol=1e-5)


def test_a_copy_of_a_served_index_is_one(reports: Path, filled: Settings, tmp_path: Path) -> None:
    keep_feedback(filled.index, VOTE)
    engine = open_engine(filled)
    moved = filled.model_copy(update={"index": tmp_path / "copié vers" / "ici"})
    shutil.copytree(filled.index, moved.index)
    answer, revision = engine.ask(QUESTION).answer.text, engine.revision
    shutil.rmtree(filled.index)
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
    with pytest.raises(IndexMismatch, match="--rebuild"):
        take_in([Upload("other.md", sent)], settings, lambda *_: None)
    assert len(sync([reports], settings, rebuild=True).added) == 4
    assert set(open_engine(settings).catalog.reports) == ALL | {"nepal"}


def test_too_little_room_is_named_before_anything_is_written(
    reports: Path, filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    monkeypatch.setattr(shutil, "disk_usage", disk_usage(30_000))
    with pytest.raises(IndexUnusable, match=r"has 30 kB free, and this needs about .*Free space"):
        sync([reports], filled)
    assert set(content(filled)) == ALL
    # Network disks that say nothing are not taken for full.
    monkeypatch.setattr(shutil, "disk_usage", disk_usage(0, total=0))
    assert sync([reports], filled).added == ["nepal"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_a_vote_that_does_not_fit_is_not_written_by_half(tmp_path: Path) -> None:
    keep_feedback(tmp_path, VOTE)
    complete = (tmp_path / FILE).read_bytes()
    with no_file_beyond(len(complete) + 20), pytest.raises(FeedbackNotKept):
        keep_feedback(tmp_path, VOTE)
    assert (tmp_path / FILE).read_bytes() == complete


def test_a_chroma_that_keeps_no_full_text_index_is_taken_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as database:
        database.executescript("""CREATE TABLE kept (value TEXT);
            CREATE INDEX embedding_metadata_string_value ON kept (value);""")
        store._delete_indexes(tmp_path, shrink=True)
        left = database.execute("SELECT name FROM sqlite_master").fetchall()
    assert left == [("kept",)]
