"""Fixtures of the tests of sync: three reports, an index for them, the model listened to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.models import BuiltinEmbedding
from rag.settings import Settings
from tests.ferries import COUNTRIES, text


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


@pytest.fixture(scope="session")
def model() -> BuiltinEmbedding:
    """The built-in model, loaded once for all tests here."""
    return BuiltinEmbedding()


@pytest.fixture
def one_model(monkeypatch: pytest.MonkeyPatch, model: BuiltinEmbedding) -> None:
    """Ingest uses that one."""
    monkeypatch.setattr("ingest.sync.make_embedding", lambda _settings: model)


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the built-in model is given, as they come."""
    seen: list[str] = []
    embed: Callable[[BuiltinEmbedding, list[str]], list[list[float]]]
    embed = BuiltinEmbedding._get_text_embeddings

    def listening(self: BuiltinEmbedding, texts: list[str]) -> list[list[float]]:
        seen.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr(BuiltinEmbedding, "_get_text_embeddings", listening)
    return seen
