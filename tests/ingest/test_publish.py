"""An index shared through a Chroma server: published whole, fetched whole, else as before."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ferries import missing_sentences, text
from servers import chroma_server, free_port

from ingest.publish import fetch_at_start, fetch_index, watch
from ingest.sync import sync
from ingest.uploads import Upload, take_in
from rag.engine import open_engine
from rag.errors import IndexUnusable, ServerUnusable
from rag.index.chroma_server import PUBLISHING, Published, Server, shared_server
from rag.index.layout import UNPUBLISHED, current_database
from rag.settings import Settings, load_settings

ANSWER = "Ana counts the boats."


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for all tests; each finds it empty."""
    with chroma_server(tmp_path_factory.mktemp("chroma")) as server:
        yield server.address


@pytest.fixture
def shared(address: str, settings: Settings) -> Settings:
    """Settings of the machine that ingests, with an empty server."""
    with shared_server(settings.model_copy(update={"chroma": address})) as server:
        for collection in server.client.list_collections():
            server.client.delete_collection(collection.name)
    return settings.model_copy(update={"chroma": address})


@pytest.fixture
def reader(shared: Settings, tmp_path: Path) -> Settings:
    """Settings of another machine."""
    return shared.model_copy(update={"index": tmp_path / "reader"})


def change(reports: Path) -> None:
    (reports / "peru.md").write_text(text("Peru", ANSWER), "utf-8")


def upload(settings: Settings, country: str) -> list[str]:
    """Send a report through the page; returns what is new."""
    path = settings.index.with_name("sent.md")
    path.write_text(text(country), "utf-8")
    return take_in([Upload(f"{country.lower()}.md", path)], settings, lambda *_: None).added


def collections(settings: Settings) -> set[str]:
    with shared_server(settings) as server:
        return {collection.name for collection in server.client.list_collections()}


def published(server: Server) -> Published:
    what = server.published()
    assert what is not None
    return what


def published_revision(settings: Settings) -> str:
    with shared_server(settings) as server:
        assert server.is_complete(published(server))
        return published(server).state.revision


@pytest.mark.slow
def test_what_is_published_is_fetched_and_taken_in_place(
    shared: Settings, reader: Settings, reports: Path
) -> None:
    seen: list[tuple[str, int, int]] = []
    assert sync([reports], shared, progress=lambda *at: seen.append(at)).unpublished == ""
    assert next(at for at in reversed(seen) if at[0] == PUBLISHING)[1:] == (9, 9)
    assert fetch_index(reader)
    assert not fetch_index(reader)
    ours, engine = open_engine(shared), open_engine(reader)
    assert (engine.revision, engine.passages) == (ours.revision, ours.passages)
    assert engine.ask("Who waits?").answer.text == ours.ask("Who waits?").answer.text
    assert engine.report("peru").raw == ours.report("peru").raw
    first = collections(shared)
    change(reports)
    sync([reports], shared)
    (reports / "mali.md").write_text(text("Mali", "All boats are counted."), "utf-8")
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
    assert missing_sentences(reader.index) == set()
    assert "All boats are counted." in engine.report("mali").raw


@pytest.mark.slow
def test_a_server_that_is_killed_halfway_has_what_it_had(
    settings: Settings, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.chroma_server.PAGE", 1)
    with chroma_server(tmp_path / "chroma") as server:
        ours = settings.model_copy(update={"chroma": server.address})
        before = sync([reports], ours).revision
        change(reports)

        def killing(stage: str, done: int, _total: int) -> None:
            if (stage, done) == (PUBLISHING, 2):
                server.kill()

        result = sync([reports], ours, progress=killing)
        assert f"not published: The Chroma server at {server.address}" in result.unpublished
        assert "Run the same asklabs ingest" in result.unpublished
        server.start()
        assert published_revision(ours) == before
        # What is here counts for more than what is there.
        with pytest.raises(IndexUnusable, match="not published"):
            fetch_index(ours)
        assert open_engine(ours).revision == result.revision
        again = sync([reports], ours)
        assert (again.updated, again.unpublished) == ([], "")
        assert published_revision(ours) == result.revision != before
        # The pointer, what counts, what did before; and nothing of the first attempt.
        assert len(collections(ours)) == 5
        assert not (ours.index / UNPUBLISHED).exists()


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_what_is_not_what_was_published_is_not_taken(
    shared: Settings, reader: Settings, reports: Path, harm: str
) -> None:
    before = sync([reports], shared).revision
    fetch_index(reader)
    change(reports)
    revision = sync([reports], shared).revision
    with shared_server(shared) as server:
        passages, reports_name = published(server).counts
        if harm == "changed":
            rows = server.open(reports_name)
            ids = rows.get(limit=1)["ids"]
            rows.update(ids=ids, documents=["Somebody else's words"], embeddings=[[0.0]])
        else:
            server.client.delete_collection(passages)
    with pytest.raises(ServerUnusable, match=r"isn't what was published|does not exist"):
        fetch_index(reader)
    assert open_engine(reader).revision == before
    database = current_database(reader.index)
    assert [path for path in reader.index.glob("db-*") if path != database] == []
    if harm == "gone":
        assert sync([reports], shared).unpublished == ""
        assert published_revision(shared) == revision


def test_an_ingest_succeeds_without_the_server_and_says_what_is_left_to_do(
    settings: Settings, reports: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unreachable = settings.model_copy(update={"chroma": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(ServerUnusable, match=r"can't be used \(.*refused.*ASKLABS_CHROMA"):
        fetch_at_start(unreachable)
    done = sync([reports], unreachable)
    assert len(done.added) == 3
    assert unreachable.chroma in done.unpublished
    assert open_engine(unreachable).revision == done.revision
    assert upload(unreachable, "Nepal") == ["nepal"]
    assert "not published" in caplog.text
    assert sync([reports], unreachable, dry_run=True).unpublished == ""
    fetch_at_start(unreachable)
    assert f"the index in {unreachable.index} serves as it is" in caplog.text


@pytest.mark.slow
def test_the_command_line_publishes_fetches_and_sends_its_token(
    run: Any, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKLABS_CHROMA_TOKEN", "s3cret")
    with chroma_server(tmp_path / "chroma") as server:
        monkeypatch.setenv("ASKLABS_CHROMA", server.address)
        missing = run("ask", "Who counts the boats?", "--index", "mine")
        assert (missing.code, "There is no index in mine" in missing.err) == (2, True)
        done = run("ingest", reports, "--index", "ours", "--json")
        assert (done.code, done.json["unpublished"]) == (0, "")
        answer = run("ask", "Who counts the boats in Peru?", "--index", "mine", "--json")
        assert answer.json["index"] == done.json["index"]
        with shared_server(load_settings()) as sent:
            headers = sent.client._server.get_request_headers()
        assert headers["authorization"] == "Bearer s3cret"
    change(reports)
    failed = run("ingest", reports, "--index", "ours")
    assert (failed.code, "1 updated" in failed.out) == (1, True)
    assert "it is not published" in failed.err
    assert "s3cret" not in failed.err
