"""An index shared through a real Chroma server: published whole, fetched whole, else as before."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from chroma_server import chroma_server
from ferries import text

from ingest.shared import fetch_index, watch
from ingest.sync import sync
from ingest.uploads import Upload, take_in
from rag.engine import open_engine
from rag.errors import IndexMismatch, IndexUnusable, ServerUnusable
from rag.index.layout import (
    LOCK,
    UNPUBLISHED,
    UPLOADED,
    current_database,
)
from rag.index.shared import PUBLISHING, Row, Server, shared_server
from rag.settings import Settings
from tests.conftest import SAMPLE
from tests.ingest.test_kill import lacking
from ui.cli.evaluate import _build

pytest_plugins = ("ferry_fixtures",)
ANSWER = "Ana counts the boats."


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for all tests; each finds it empty."""
    with chroma_server(tmp_path_factory.mktemp("chroma")) as started:
        yield started.address


@pytest.fixture
def shared(address: str, settings: Settings) -> Settings:
    """Settings of who ingests, with an empty server."""
    with shared_server(settings.model_copy(update={"chroma": address})) as server:
        for one in server.client.list_collections():
            server.client.delete_collection(one.name)
    return settings.model_copy(update={"chroma": address})


@pytest.fixture
def reader(shared: Settings, tmp_path: Path) -> Settings:
    """Settings of another machine."""
    return shared.model_copy(update={"index": tmp_path / "reader"})


def collections(settings: Settings) -> set[str]:
    with shared_server(settings) as server:
        return {one.name for one in server.client.list_collections()}


def published_revision(settings: Settings) -> str:
    with shared_server(settings) as server:
        found = server.published()
        assert found is not None
        assert server.is_complete(found)
        return found.revision


def test_another_machine_answers_as_the_one_that_ingested(
    shared: Settings, reader: Settings, sample_index: Path
) -> None:
    shutil.copytree(sample_index, shared.index)
    seen: list[tuple[str, int, int]] = []
    done = sync([SAMPLE], shared, progress=lambda *at: seen.append(at))
    assert done.unchanged
    assert done.unpublished == ""
    assert next(at for at in reversed(seen) if at[0] == PUBLISHING)[1:] == (seen[-1][2],) * 2
    assert fetch_index(reader)
    assert not fetch_index(reader)
    ours, theirs = open_engine(shared), open_engine(reader)
    assert theirs.revision == ours.revision
    assert theirs.passages == ours.passages
    for question in ("What did labs learn about mobile money?", "Which labs did experiments?"):
        one, other = ours.ask(question).answer, theirs.ask(question).answer
        assert (one.text, one.citations) == (other.text, other.citations)
    name = next(iter(ours.catalog.reports))
    assert theirs.report(name).raw == ours.report(name).raw


def test_what_changes_is_published_fetched_and_taken_in_place(
    shared: Settings, reader: Settings, reports: Path
) -> None:
    sync([reports], shared)
    fetch_index(reader)
    engine = open_engine(reader)
    assert lacking(reader.index) == set()
    first = collections(shared)
    for answer in ("Ana counts the boats.", "Nobody sails any more.", "All boats are counted."):
        (reports / "peru.md").write_text(text("Peru", answer), "utf-8")
        done = sync([reports], shared)
        assert published_revision(shared) == done.revision
    # The pointer, what counts, and what did before.
    assert len(collections(shared)) == 5
    assert not first & collections(shared) - {"asklabs"}
    begun = time.monotonic()
    stop = watch(reader, lambda: engine.revision, every=0.05)
    while engine.revision != done.revision:
        assert time.monotonic() < begun + 60
        time.sleep(0.05)
    stop.set()
    assert lacking(reader.index) == set()
    assert "All boats are counted." in engine.report("peru").raw


def test_what_is_fetched_can_be_ingested_to(
    shared: Settings, reader: Settings, reports: Path
) -> None:
    sync([reports], shared)
    fetch_index(reader)
    (reports / "nepal.md").write_text(text("Nepal"), "utf-8")
    done = sync([reports], reader)
    assert (done.added, len(done.unchanged)) == (["nepal"], 3)
    assert published_revision(shared) == done.revision
    assert fetch_index(shared)
    assert "nepal" in open_engine(shared).catalog.reports


def test_neither_files_of_readers_nor_their_votes_leave_the_folder(
    shared: Settings, reader: Settings, tmp_path: Path
) -> None:
    sent = tmp_path / "sent.md"
    sent.write_text(text("Nepal"), "utf-8")
    assert take_in([Upload("nepal.md", sent)], shared, lambda *_: None).added == ["nepal"]
    (shared.index / "feedback.jsonl").write_text("{}\n", "utf-8")
    assert (shared.index / UPLOADED).is_dir()
    assert fetch_index(reader)
    assert {path.name for path in reader.index.iterdir() if not path.name.startswith("db-")} <= {
        "current",
        LOCK,
    }
    with shared_server(shared) as server:
        found = server.published()
        assert found is not None
        (row,) = server.read(server.open(found.reports), 0, 10)
    assert "Ferries of Nepal" in row.text
    assert "ana@" not in f"{row.text}{row.meta}"


def test_a_publishing_that_fails_halfway_changes_nothing_and_is_made_up_for(
    shared: Settings, reader: Settings, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sync([reports], shared).revision
    (reports / "peru.md").write_text(text("Peru", ANSWER), "utf-8")
    add, sent = Server.add, []

    def cut(self: Server, collection: Any, rows: Sequence[Row]) -> None:
        if sent:
            raise ServerUnusable("The line was cut.")
        sent.append(rows)
        add(self, collection, rows)

    with monkeypatch.context() as during:
        during.setattr("rag.index.shared.PAGE", 1)
        during.setattr(Server, "add", cut)
        done = sync([reports], shared)
    assert "not published: The line was cut. Run the same asklabs ingest" in done.unpublished
    assert published_revision(shared) == before
    fetch_index(reader)
    assert open_engine(reader).revision == before
    # What is here counts for more than what is there.
    with pytest.raises(IndexUnusable, match="not published"):
        fetch_index(shared)
    assert open_engine(shared).revision == done.revision
    left = collections(shared)
    again = sync([reports], shared)
    assert (again.updated, again.unpublished) == ([], "")
    assert published_revision(shared) == done.revision != before
    # The pointer, what counts, what did before; and nothing of the first attempt.
    assert (len(left), len(collections(shared)), len(left & collections(shared))) == (5, 5, 3)
    assert not (shared.index / UNPUBLISHED).exists()
    assert fetch_index(reader)


def test_a_server_that_is_killed_halfway_has_what_it_had(
    settings: Settings, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.shared.PAGE", 1)
    with chroma_server(tmp_path / "chroma") as server:
        ours = settings.model_copy(update={"chroma": server.address})
        before = sync([reports], ours).revision
        (reports / "peru.md").write_text(text("Peru", ANSWER), "utf-8")

        def killing(stage: str, done: int, _total: int) -> None:
            if (stage, done) == (PUBLISHING, 2):
                server.kill()

        done = sync([reports], ours, progress=killing)
        assert f"not published: The Chroma server at {server.address}" in done.unpublished
        assert open_engine(ours).revision == done.revision
        server.start()
        assert published_revision(ours) == before
        assert sync([reports], ours).unpublished == ""
        assert published_revision(ours) == done.revision


def test_of_two_who_publish_at_once_the_last_counts_whole(
    shared: Settings, reader: Settings, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.shared.PAGE", 1)
    other = sync([reports], reader).revision
    (reports / "peru.md").write_text(text("Peru", ANSWER), "utf-8")
    quicker: list[str] = []

    def meanwhile(stage: str, done: int, _total: int) -> None:
        if (stage, done) == (PUBLISHING, 2):
            sync([reports / "fiji.md"], reader, prune=True)
            quicker.append(published_revision(reader))

    last = sync([reports], shared, progress=meanwhile)
    assert last.unpublished == ""
    assert len({other, last.revision, *quicker}) == 3
    assert published_revision(shared) == last.revision
    assert fetch_index(reader)
    assert set(open_engine(reader).catalog.reports) == {"fiji", "mali", "peru"}


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_what_is_not_what_was_published_is_not_taken(
    shared: Settings, reader: Settings, reports: Path, harm: str
) -> None:
    before = sync([reports], shared).revision
    fetch_index(reader)
    (reports / "peru.md").write_text(text("Peru", ANSWER), "utf-8")
    sync([reports], shared)
    with shared_server(shared) as server:
        found = server.published()
        assert found is not None
        if harm == "changed":
            rows = server.open(found.reports)
            names = rows.get(limit=1)["ids"]
            rows.update(ids=names, documents=["Somebody else's words"], embeddings=[[0.0]])
        else:
            server.client.delete_collection(found.passages)
    with pytest.raises(ServerUnusable, match=r"isn't what was published|does not exist"):
        fetch_index(reader)
    assert open_engine(reader).revision == before
    database = current_database(reader.index)
    assert [path for path in reader.index.glob("db-*") if path != database] == []


def test_an_ingest_heals_what_somebody_deleted(shared: Settings, reports: Path) -> None:
    revision = sync([reports], shared).revision
    with shared_server(shared) as server:
        found = server.published()
        assert found is not None
        server.client.delete_collection(found.reports)
    assert sync([reports], shared).unpublished == ""
    assert published_revision(shared) == revision


def test_what_was_made_otherwise_is_refused(
    shared: Settings, reader: Settings, reports: Path
) -> None:
    sync([reports], shared)
    with pytest.raises(IndexMismatch, match=r"made with embedding .* this is 'openai:other'"):
        fetch_index(reader.model_copy(update={"embedding": "openai:other"}))
    assert not list(reader.index.glob("db-*"))


def test_indexes_of_a_stress_test_are_nobodys_business(
    shared: Settings, reports: Path, tmp_path: Path
) -> None:
    _build(shared, lambda *_: None, tmp_path / "planted", [[reports]])
    assert collections(shared) == set()
