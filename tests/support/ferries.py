"""Reports of three made-up labs, an index for them, and ways to look into it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from made_up import read_back, report

from ingest.sync import SyncResult, made_by, sync
from rag.citation.quotable import usable
from rag.engine import Engine, open_engine
from rag.index.interface import StoredReport
from rag.index.local import Snapshot, current_snapshot
from rag.models.encoder import Vectors, encode
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


def engine_of(folder: Path, texts: Mapping[str, str], given: Settings | None = None) -> Engine:
    settings = (given or Settings()).model_copy(update={"index": folder / "index"})
    (folder / "reports").mkdir()
    for name, said in texts.items():
        (folder / "reports" / f"{name}.md").write_text(said, "utf-8")
    sync([folder / "reports"], settings)
    return open_engine(settings)


def opened(settings: Settings) -> Snapshot:
    return current_snapshot(settings.index, made_by(settings))


def stored_reports(settings: Settings) -> dict[str, StoredReport]:
    snapshot = opened(settings)
    return {name: snapshot.report(name) for name in snapshot.heads}


def content(settings: Settings) -> dict[str, list[Passage]]:
    """The passages of each report as the index has them, checked against its verbatim text."""
    found, snapshot = dict[str, list[Passage]](), opened(settings)
    for name in snapshot.heads:
        stored, found[name] = snapshot.report(name), list(snapshot.passages_of(name))
        assert len(found[name]) == stored.passages
        assert all(read_back(stored.raw, p) == p.text for p in found[name])
    return found


def files(folder: Path) -> dict[Path, bytes]:
    found = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found
    return found


def counts(result: SyncResult) -> tuple[int, ...]:
    """How many reports were added, updated, unchanged, deleted and skipped."""
    lists = (result.added, result.updated, result.unchanged, result.deleted, result.skipped)
    return tuple(map(len, lists))


def missing_sentences(index: Path) -> set[str]:
    """The sentences of an index whose vectors are not kept."""
    snapshot = current_snapshot(index, {})
    wanted = {s.text for p in snapshot.passages for s in usable(p)}
    assert wanted
    return wanted - snapshot.memo.find([*wanted]).keys()


def disk_usage(free: int, total: int = 10**12) -> Any:
    """Stands in for `shutil.disk_usage`: any disk has this many bytes free."""
    return lambda _: SimpleNamespace(total=total, used=total - free, free=free)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    for country in COUNTRIES:
        (folder / f"{country.lower()}.md").write_text(text(country), "utf-8")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(index=tmp_path / "index")


@pytest.fixture
def filled(reports: Path, settings: Settings) -> Settings:
    sync([reports], settings)
    return settings


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Encoded:
    seen = Encoded([], [])

    def listening(texts: Sequence[str]) -> Vectors:
        # A sentence is of one line and no word.
        seen.passages.extend(text for text in texts if "\n" in text)
        seen.sentences.extend(text for text in texts if "\n" not in text and " " in text)
        return encode(texts)

    monkeypatch.setattr("rag.models.encoder.encode", listening)
    monkeypatch.setattr("ingest.embed.is_loaded", lambda: True)
    return seen


@pytest.fixture
def embedded(encoded: Encoded) -> list[str]:
    """The passages that an ingest has embedded, as they come."""
    return encoded.passages
