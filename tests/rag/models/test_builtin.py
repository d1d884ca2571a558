"""Tests of the built-in embedding as it is asked with: what it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rag.models import embeddings
from rag.models.embeddings import CachedEncoder, make_embedding
from rag.models.encoder import encode
from rag.settings import Settings


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were really encoded, in place of which their lengths are."""
    texts: list[str] = []

    def listening(some: Sequence[str]) -> list[list[float]]:
        texts.extend(some)
        return [[float(len(one)), 1.0] for one in some]

    monkeypatch.setattr(embeddings, "encode", listening)
    return texts


def test_a_text_is_encoded_once_and_comes_in_its_place(encoded: list[str]) -> None:
    one = CachedEncoder()
    assert one.encode(["a", "bb", "a"]) == [[1.0, 1.0], [2.0, 1.0], [1.0, 1.0]]
    assert one.encode(["ccc", "bb"]) == [[3.0, 1.0], [2.0, 1.0]]
    assert one.encode([]) == []
    assert encoded == ["a", "bb", "ccc"]


def test_what_was_not_wanted_longest_is_forgotten_first(encoded: list[str]) -> None:
    one = CachedEncoder(size=2)
    one.encode(["a", "bb"])
    one.encode(["a"])
    one.encode(["ccc"])
    one.encode(["a", "bb"])
    assert encoded == ["a", "bb", "ccc", "bb"]


def test_more_texts_than_are_remembered_are_all_encoded(encoded: list[str]) -> None:
    assert [v[0] for v in CachedEncoder(size=1).encode(["a", "bb", "ccc"])] == [1.0, 2.0, 3.0]
    assert len(encoded) == 3


@pytest.mark.usefixtures("encoded")
def test_threads_get_their_own_vectors() -> None:
    one = CachedEncoder(size=20)

    def wanted(n: int) -> bool:
        texts = ["x" * ((n * k) % 40 + 1) for k in range(30)]
        return [vector[0] for vector in one.encode(texts)] == [float(len(text)) for text in texts]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(wanted, range(200)))


def test_the_vectors_are_those_of_the_model() -> None:
    texts = ["Wet sand keeps food cool.", "أرسل المال", "Wet sand keeps food cool."]
    for _ in range(2):
        vectors = make_embedding(Settings()).get_text_embedding_batch(texts)
        assert np.allclose(vectors, encode(texts), atol=1e-6)
