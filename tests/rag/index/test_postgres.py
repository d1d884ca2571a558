"""The index in PostgreSQL: the same answers, several machines, a server that goes away."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from ferries import counts, text
from postgres import Postgres, running, using

from eval.cases import Case
from ingest.sync import sync
from rag.catalog.tag_fields import Filters
from rag.engine import Engine, open_engine
from rag.errors import IndexBusy, IndexMissing, IndexUnusable
from rag.index import local
from rag.index.interface import Head
from rag.index.postgres import STAGE, Connection, Database, _heads, state
from rag.models.embeddings import use_stored_vectors
from rag.retrieval.related import line_of_work, similar
from rag.settings import Settings
from ui.cli.verify import answers_stand

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ASKED = "Who waits for a ferry in Peru?"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server
    use_stored_vectors(lambda _: {})  # those of a server that is gone


@pytest.fixture
def stored(postgres: Postgres, settings: Settings, reports: Path) -> Settings:
    """Settings with a database that holds three reports."""
    stored = using(settings, postgres.new())
    sync([reports], stored)
    return stored


@pytest.fixture
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.postgres.WAIT", 1.0)
    monkeypatch.setattr("rag.index.postgres.MOST_WAIT", 0.5)


def reader(stored: Settings, tmp_path: Path) -> Engine:
    """A page on another machine."""
    return open_engine(stored.model_copy(update={"index": tmp_path / "nothing"}))


def url_of(stored: Settings) -> str:
    return str(stored.database and stored.database.get_secret_value())


def name_of(stored: Settings) -> str:
    return url_of(stored).split("/")[3].split("?")[0]


def answer_of(engine: Engine) -> str:
    return engine.ask(ASKED).answer.text


def test_it_finds_lists_and_surveys_as_files_do(
    postgres: Postgres, sample_engine: Engine, sample_cases: tuple[Case, ...], tmp_path: Path
) -> None:
    index = Path(shutil.copytree(sample_engine.settings.index, tmp_path / "index"))
    stored = using(Settings(index=index), postgres.new())
    sync([], stored)
    engine = reader(stored, tmp_path)
    both = (engine, sample_engine)
    assert engine.revision == sample_engine.revision
    shares = []
    for case in sample_cases:
        found = (one.search(case.question, k=10) for one in both)
        ours, theirs = ({hit.passage.id for hit in hits} for hits in found)
        shares.append(len(ours & theirs) / max(1, len(theirs)))
        if case.question.startswith(("Which labs", "How many")):
            answers = (one.ask(case.question).answer.coverage for one in both)
            assert len({(told.intent, told.reports) for told in answers}) == 1
    assert np.mean(shares) > 0.97
    assert list(engine.passages) == list(sample_engine.passages)
    for_fiji = engine.search("fish", filters=Filters(country=("Fiji",), language=("en",)))
    assert {hit.passage.report.lab for hit in for_fiji} == {"Fiji"}
    # A survey reads everything, and copies it here.
    surveys = (one.survey("mobile money").survey for one in both)
    ours, theirs = ({row.report.id: row.verdict for row in one.rows} for one in surveys)
    assert ours == theirs
    assert engine.report_measure() is engine.report_measure()
    # The vectors of words and sentences, too: by them it knows near words.
    ours, theirs = (one.report_measure().snapshot.memo for one in both)
    assert ours.hashes.tolist() == theirs.hashes.tolist()
    assert np.allclose(ours[:], theirs[:], atol=1e-6)
    # So are the reports that go with one, and what is checked without a folder.
    ours, theirs = engine.index, sample_engine.index
    for name in list(theirs.heads)[::9]:
        info = theirs.heads[name].report.info
        assert line_of_work(ours, info) == line_of_work(theirs, info)
        assert similar(ours, info) == similar(theirs, info)
    answers = [sample_engine.ask(case.question).answer for case in sample_cases[:3]]
    assert answers_stand(answers, engine.settings, json=False)


def test_machines_take_turns_and_readers_see_each_change(
    stored: Settings, reports: Path, tmp_path: Path, embedded: list[str]
) -> None:
    page = reader(stored, tmp_path)
    assert "Peru waits for a ferry" in answer_of(page)
    embedded.clear()
    # Another machine, with no folder yet, goes on from what the database has.
    other = stored.model_copy(update={"index": tmp_path / "other"})
    assert counts(sync([reports], other, dry_run=True)) == (0, 0, 3, 0, 0)
    assert not other.index.exists()
    (reports / "peru.md").write_text(text("Peru", "Peru sails"), "utf-8")
    (reports / "mali.md").unlink()
    (reports / "chad.md").write_text(text("Chad"), "utf-8")
    assert counts(sync([reports], other, prune=True)) == (1, 1, 1, 1, 0)
    assert len(embedded) == 3
    assert "Peru sails waits for a ferry" in answer_of(page)
    assert {info.id for info in page.catalog.reports.values()} == {"peru", "fiji", "chad"}
    assert page.index.frequencies(["ferri"]) == [6]
    # The first machine takes that over, and finds nothing to do.
    assert counts(sync([reports], stored, prune=True)) == (0, 0, 3, 0, 0)
    assert len(embedded) == 3
    with closing(Database(url_of(stored), writes=True)) as writer:
        writer.run(state)
        with pytest.raises(IndexBusy, match="Another ingest"):
            sync([reports], other)
    assert sync([reports], other, rebuild=True).revision == page.revision


@pytest.mark.parametrize("most", [1, 9])
def test_words_are_found_as_in_files_after_each_change(
    stored: Settings, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    page = reader(stored, tmp_path)
    peru, fiji = reports / "peru.md", reports / "fiji.md"
    monkeypatch.setattr(local, "MOST_SEGMENTS", most)
    for change in (
        lambda: peru.write_text(text("Peru", "Peru swims"), "utf-8"),
        lambda: (reports / "chad.md").write_text(text("Chad"), "utf-8"),
        fiji.unlink,
    ):
        change()
        sync([reports], stored, prune=True)
        ours, theirs = page.index, local.current_snapshot(stored.index, {})
        for words in ([["ferri"]], [["swim", "chad"]], [["ferri"], ["peru"]], [["fiji"]]):
            assert ours.having(words, Filters()) == theirs.having(words, Filters())
        assert ours.having([["ferri"]], Filters())


def test_an_index_is_read_as_it_is_at_one_moment(
    postgres: Postgres, stored: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(connection: Connection) -> dict[str, Head]:
        postgres.sql(name_of(stored), "DELETE FROM asklabs.report WHERE id = 'peru'")
        return heads(connection)

    heads = _heads
    monkeypatch.setattr("rag.index.postgres._heads", later)
    assert set(reader(stored, tmp_path).index.heads) == {"peru", "fiji", "mali"}


@pytest.mark.usefixtures("_short_waits")
def test_a_lost_connection_is_made_again_and_a_server_that_hangs_or_is_lost_is_told(
    postgres: Postgres, stored: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = reader(stored, tmp_path)
    before = answer_of(page)
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    postgres.sql("postgres", f"SELECT pg_terminate_backend(pid) {others}")
    assert answer_of(page) == before
    with postgres.hung(), pytest.raises(IndexUnusable, match="can't be reached"):
        answer_of(page)
    assert answer_of(page) == before
    postgres.stop()
    try:
        for work in (lambda: answer_of(page), lambda: sync([], stored)):
            with pytest.raises(IndexUnusable, match=r"can't be reached.*ASKLABS_DATABASE"):
                work()
    finally:
        postgres.start()
    assert answer_of(page) == before
    # Each failure is told once, by who was asked.
    assert not caplog.records


def test_a_full_disk_is_told_as_such_and_what_refuses_a_login_is_asked_once(
    postgres: Postgres, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = b"DO $$BEGIN RAISE EXCEPTION 'No space left' USING ERRCODE = 'disk_full'; END$$"
    told = pytest.raises(IndexUnusable, match=r"refused what was asked \(No space left")
    with closing(Database(postgres.new())) as database, told:
        database.run(lambda connection: connection.execute(full))
    monkeypatch.setattr("rag.index.postgres.ConnectionPool", None)
    refused = using(settings, postgres.new().replace("asklabs@", "nobody:wrong@"))
    for work in (lambda: open_engine(refused), lambda: sync([], refused)):
        with pytest.raises(IndexUnusable, match=r"can't be reached.*nobody.*ASKLABS_DATABASE"):
            work()


@pytest.mark.usefixtures("_short_waits")
@pytest.mark.parametrize("for_good", [False, True])
def test_a_server_that_goes_away_during_an_ingest(
    postgres: Postgres, stored: Settings, reports: Path, embedded: list[str], for_good: bool
) -> None:
    page = reader(stored, reports.parent)
    for country in ("Peru", "Fiji", "Mali"):
        (reports / f"{country.lower()}.md").write_text(text(country, f"{country} swims"), "utf-8")

    def progress(stage: str, done: int, _total: int) -> None:
        nonlocal gone
        if stage == STAGE and done == 1 and not gone:
            gone = True
            postgres.stop()
            if not for_good:
                postgres.start()

    gone = False
    if for_good:
        with pytest.raises(IndexUnusable, match="can't be reached"):
            sync([reports], stored, progress=progress)
        postgres.start()
        # One report is new, whole; the others are as they were.
        assert sum("swims" in p.text for p in page.passages) <= 1
        embedded.clear()
    sync([reports], stored, progress=progress)
    assert gone
    assert not for_good or not embedded
    assert "Peru swims waits for a ferry" in answer_of(page)
    assert len({p.text for p in page.passages if "swims" in p.text}) == 3


def test_versions_and_empty_databases_are_told(
    postgres: Postgres, stored: Settings, reports: Path, tmp_path: Path, embedded: list[str]
) -> None:
    empty = using(Settings(index=tmp_path / "none"), postgres.new())
    with pytest.raises(IndexMissing, match="asklabs ingest PATH"):
        open_engine(empty)
    name = name_of(stored)
    told = {99: r"newer than this asklabs.*Update", 4: r"version 4, too old.*ingest PATH"}
    for number, words in told.items():
        postgres.sql(name, f"UPDATE asklabs.version SET number = {number}")
        for work in (lambda: open_engine(stored), lambda: sync([reports], stored)):
            with pytest.raises(IndexUnusable, match=words):
                work()
    embedded.clear()
    postgres.sql(name, "DROP SCHEMA asklabs CASCADE")
    assert counts(sync([reports], stored)) == (0, 0, 3, 0, 0)
    assert not embedded
    assert "Peru waits" in answer_of(reader(stored, tmp_path))
