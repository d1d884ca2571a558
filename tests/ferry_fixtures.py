"""Fixtures of the tests of sync: three reports, an index for them, the model listened to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.encoder import encode
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


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that an ingest has embedded, as they come."""
    seen: list[str] = []

    def listening(texts: Sequence[str]) -> list[list[float]]:
        seen.extend(texts)
        return encode(texts)

    monkeypatch.setattr("rag.models.encode", listening)
    return seen
