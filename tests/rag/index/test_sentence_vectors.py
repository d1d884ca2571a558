"""The kept vectors of sentences: the model's own, made once, and never needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ferries import Encoded, text
from openai_server import ScriptedServer
from pydantic import SecretStr

from ingest.embed import SENTENCES_STAGE
from ingest.sync import sync
from rag.answer.extractive import usable
from rag.engine import Engine, open_engine
from rag.index.layout import current_database
from rag.index.sentence_vectors import SentenceVectors
from rag.models import embeddings
from rag.models.embeddings import CachedEncoder, encode_cached, use_stored_vectors
from rag.models.encoder import encode
from rag.settings import Settings
from rag.text.contacts import MASK

pytest_plugins = ("ferry_fixtures",)

TEXTS = ("Women sell fish.", "أرسل المال", "Nobody counts the boats.", "")
QUESTION = "Who waits for a ferry in Peru?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the vectors of TEXTS."""
    SentenceVectors().save(tmp_path, TEXTS, np.asarray(encode(TEXTS), np.float16))
    (path,) = tmp_path.iterdir()
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that answers had encoded, none of them remembered from before."""
    seen: list[str] = []

    def listening(texts: Sequence[str]) -> list[list[float]]:
        seen.extend(texts)
        return encode(texts)

    monkeypatch.setattr(embeddings, "_shared", CachedEncoder(listening))
    return seen


def database(settings: Settings) -> Path:
    found = current_database(settings.index)
    assert found
    return found


def sentences_of(engine: Engine) -> set[str]:
    """All sentences that answers may ask for."""
    found = (p for report in engine.catalog.reports for p in engine.passages_of(report))
    return {p.text[a:b] for p in found for a, b in usable(p.text)}


def test_stored_vectors_are_those_of_the_model(file: Path, asked: list[str]) -> None:
    expected = encode_cached(TEXTS)
    assert asked == [*TEXTS]
    use_stored_vectors(SentenceVectors.load(file.parent).find)
    embeddings._shared._cache.clear()
    found = encode_cached([*TEXTS[::-1], "Something new.", TEXTS[0]])
    assert asked == [*TEXTS, "Something new."]
    assert np.allclose(
        found, [*expected[::-1], *encode(["Something new."]), expected[0]], atol=1e-3
    )


def _rows_swapped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8:16], data[16:24] = data[16:24], data[8:16]
    path.write_bytes(data)


DAMAGE = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "a row lost": lambda path: path.write_bytes(path.read_bytes()[:-1032]),
    "of another kind": lambda path: path.write_bytes(b"vectors of another kind" * 99),
    "a count alone": lambda path: path.write_bytes(b"\xff" * 8),
    "out of order": _rows_swapped,
    "vectors of noise": lambda path: path.write_bytes(
        path.read_bytes()[: 8 + 4 * 8] + b"\xff" * 4 * 1024
    ),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_ignored_and_made_good(file: Path, damage: str) -> None:
    DAMAGE[damage](file)
    kept = SentenceVectors.load(file.parent)
    assert kept.find(TEXTS) == {}
    kept.save(file.parent, TEXTS, np.asarray(encode(TEXTS), np.float16))
    assert set(SentenceVectors.load(file.parent).find(TEXTS)) == (
        set() if damage == "a folder" else set(TEXTS)
    )


def test_an_ingest_encodes_each_sentence_once(
    reports: Path, settings: Settings, encoded: Encoded
) -> None:
    sync([reports], settings)
    assert sorted(encoded.sentences) == sorted(sentences_of(open_engine(settings)))
    encoded.sentences.clear()
    (reports / "peru.md").write_text(text("Peru", answer="All of Lima"), "utf-8")
    sync([reports], settings)
    assert encoded.sentences == ["All of Lima waits for a ferry."]
    wanted = sentences_of(open_engine(settings))
    assert set(SentenceVectors.load(database(settings)).find([*wanted])) == wanted
    encoded.sentences.clear()
    sync([reports], settings)
    assert not encoded.sentences


def test_of_a_deleted_report_nothing_is_kept(reports: Path, settings: Settings) -> None:
    sync([reports], settings)
    before = sentences_of(open_engine(settings))
    for name, answer in (("peru", "All of Lima"), ("fiji", "All of Suva")):
        (reports / f"{name}.md").write_text(text(name.title(), answer=answer), "utf-8")
    sync([reports], settings)
    (reports / "peru.md").unlink()
    (reports / "fiji.md").write_text(text("Fiji", answer="All of Nadi"), "utf-8")
    assert sync([reports], settings, prune=True).deleted == ["peru"]
    wanted = sentences_of(open_engine(settings))
    others = before | {f"All of {place} waits for a ferry." for place in ("Lima", "Suva", "Nadi")}
    assert set(SentenceVectors.load(database(settings)).find([*others])) == wanted


@pytest.mark.parametrize("masked", [True, False])
def test_answers_find_their_sentences_with_contacts_masked_or_not(
    reports: Path, settings: Settings, asked: list[str], masked: bool
) -> None:
    said = "Peru waits for a ferry, write to the captain at boats@harbour.example about it"
    (reports / "peru.md").write_text(text("Peru", answer=said), "utf-8")
    settings = settings.model_copy(update={"mask_contacts": masked})
    sync([reports], settings)
    asked.clear()
    engine = open_engine(settings)
    answer = engine.ask(QUESTION).answer
    assert ("boats@harbour" in answer.text) != masked
    assert (MASK * 5 in answer.text) == masked
    assert not sentences_of(engine) & set(asked)
    assert QUESTION in asked


def test_of_another_model_nothing_is_kept(
    reports: Path, settings: Settings, server: ScriptedServer
) -> None:
    another = {"embedding": "openai:some-model", "openai_base_url": server.url}
    given = {**another, "openai_api_key": SecretStr("none")}
    stages: set[str] = set()
    sync(
        [reports],
        settings.model_copy(update=given),
        progress=lambda stage, *_: stages.add(stage),
    )
    assert "embedding" in stages
    assert SENTENCES_STAGE not in stages
    assert not list(settings.index.glob("db-*/sentences-*"))
