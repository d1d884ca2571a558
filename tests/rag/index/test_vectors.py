"""Kept vectors of texts: those of the model, found where their files are good."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ferries import COUNTRIES, Encoded, opened, text
from openai_server import ScriptedServer

from ingest.sync import sync
from rag.index.vectors import VectorMemo, hashes
from rag.models import embeddings
from rag.models.embeddings import encode_cached
from rag.models.encoder import encode
from rag.settings import Settings

TEXTS = ("Women sell fish.", "أرسل المال", "Nobody counts the boats.", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the vectors of TEXTS."""
    VectorMemo(tmp_path).add(hashes(TEXTS), np.asarray(encode(TEXTS), np.float16))
    return tmp_path


def test_stored_vectors_are_the_model_s(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(embeddings, "encode", lambda texts: asked.extend(texts) or encode(texts))
    monkeypatch.setattr(embeddings, "_cache", {})
    monkeypatch.setattr(embeddings, "_stored", VectorMemo(folder).find)
    vectors = encode_cached([*TEXTS, "Something new."])
    assert asked == ["Something new."]
    assert np.allclose(vectors[:-1], encode(TEXTS), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "damage", "left"),
    [
        ("rows-512", lambda data: data[:-1], 3),
        ("hashes", lambda data: data[:-9], 2),
        ("rows-512", lambda _: b"\x01" * 4096, 0),
        ("rows-512", lambda _: b"", 0),
    ],
)
def test_what_is_damaged_is_not_found_and_made_again(
    folder: Path, name: str, damage: Callable[[bytes], bytes], left: int
) -> None:
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    found = VectorMemo(folder).find(TEXTS)
    assert list(found) == list(TEXTS[:left])
    missing = [text for text in TEXTS if text not in found]
    if left:
        VectorMemo(folder).add(hashes(missing), encode(missing))
        assert set(VectorMemo(folder).find(TEXTS)) == set(TEXTS)


def test_an_ingest_encodes_each_sentence_once_and_forgets_those_of_deleted_reports(
    reports: Path, settings: Settings, encoded: Encoded
) -> None:
    said = [
        (f"{lab} waits for a ferry.", f"Nobody in {lab} counts the boats.") for lab in COUNTRIES
    ]
    sync([reports], settings)
    assert sorted(encoded.sentences) == sorted(sum(said, ()))
    encoded.sentences.clear()
    (reports / "peru.md").write_text(text("Peru", answer="All of Lima"), "utf-8")
    sync([reports], settings)
    assert encoded.sentences == ["All of Lima waits for a ferry."]
    (reports / "peru.md").unlink()
    assert sync([reports], settings, prune=True).deleted == ["peru"]
    asked = [*sum(said, ()), *encoded.sentences]
    assert opened(settings).memo.find(asked).keys() == {*said[1], *said[2]}


def test_vectors_of_another_model_are_not_saved(reports: Path, server: ScriptedServer) -> None:
    index = reports.parent / "index"
    elsewhere = server.settings(index=index, model="extractive", embedding="openai:a")
    assert sync([reports], elsewhere).passages
    assert not opened(elsewhere).memo.find(["Peru waits for a ferry."])
