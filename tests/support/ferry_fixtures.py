"""Fixtures of the tests of sync: three reports, an index for them, the model listened to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ferries import COUNTRIES, Encoded, text

from rag.models.encoder import encode
from rag.settings import Settings


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
