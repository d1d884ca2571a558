"""Reports of three made-up labs, an index for them, and ways to look into it."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from made_up import read_back, report

from ingest.sync import SyncResult, made_by, sync
from rag.citation.quotable import usable
from rag.index.layout import unfinished_database
from rag.index.sentence_vectors import SentenceVectors
from rag.index.snapshot import open_snapshot
from rag.index.store import Store, StoredReport, Writer, open_store
from rag.models.encoder import encode
from rag.settings import Settings
from rag.types import Passage

COUNTRIES = ("Peru", "Fiji", "Mali")
NOTE = "Please note that we ask you to name one challenge only."


class Encoded(NamedTuple):
    """What an ingest has encoded, as it comes: passages with their context lines, and sentences."""

    passages: list[str]
    sentences: list[str]


def text(country: str, answer: str = "", more: str = "") -> str:
    given = f"[[focal_point:ana@{country.lower()}.example]]\n[[year:2023]]\n[[country:{country}]]\n"
    body = (
        f"## Challenge\n> Challenge: what is it?\n\n{NOTE}\n\n"
        f"{answer or country} waits for a ferry.\n\n"
        f"> Background?\n\nNobody in {country} counts the boats.\n"
    )
    return report(body, title=f"Ferries of {country}", given=given + more)


def opened(settings: Settings) -> Store:
    return open_store(settings.index, made_by(settings))


def stored_reports(settings: Settings) -> dict[str, StoredReport]:
    store = opened(settings)
    return store.reports(store.state.generation)


def content(settings: Settings) -> dict[str, list[Passage]]:
    """The passages of each report as the store has them, checked against its verbatim text."""
    store = opened(settings)
    stored = stored_reports(settings)
    texts = store.texts(stored.values())
    found: dict[str, list[Passage]] = {report_id: [] for report_id in stored}
    for passage in store.passages(stored):
        assert read_back(texts[passage.report.id], passage) == passage.text
        found[passage.report.id].append(passage)
    assert {i: len(ps) for i, ps in found.items()} == {i: r.passages for i, r in stored.items()}
    return found


def counts(result: SyncResult) -> tuple[int, ...]:
    """How many reports were added, updated, unchanged, deleted and skipped."""
    lists = (result.added, result.updated, result.unchanged, result.deleted, result.skipped)
    return tuple(map(len, lists))


def cut_short(reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ingest that writes all and ends before readers may see it; returns its database."""

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as short:
        short.setattr(Writer, "seal", cut)
        with pytest.raises(KeyboardInterrupt):
            sync([reports], settings)
    unfinished = unfinished_database(settings.index)
    assert unfinished
    return unfinished


def missing_sentences(index: Path) -> set[str]:
    """The sentences of an index whose vectors are not kept."""
    snapshot = open_snapshot(open_store(index, {}))
    wanted = {s.text for p in snapshot.passages for s in usable(p)}
    assert wanted
    return wanted - SentenceVectors.load(snapshot.home).find([*wanted]).keys()


def disk_usage(free: int, total: int = 10**12) -> Any:
    """Stands in for `shutil.disk_usage`: any disk has this many bytes free."""
    return lambda _: SimpleNamespace(total=total, used=total - free, free=free)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder with a report of each of three labs."""
    folder = tmp_path / "reports"
    folder.mkdir()
    for country in COUNTRIES:
        (folder / f"{country.lower()}.md").write_text(text(country), "utf-8")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with an index that is not there yet."""
    return Settings(index=tmp_path / "index")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Encoded:
    """What an ingest has encoded."""
    seen = Encoded([], [])

    def listening(texts: Sequence[str]) -> list[list[float]]:
        # A sentence is of one line.
        seen.passages.extend(text for text in texts if "\n" in text)
        seen.sentences.extend(text for text in texts if "\n" not in text)
        return encode(texts)

    monkeypatch.setattr("rag.models.embeddings.encode", listening)
    return seen


@pytest.fixture
def embedded(encoded: Encoded) -> list[str]:
    """The passages that an ingest has embedded, as they come."""
    return encoded.passages
