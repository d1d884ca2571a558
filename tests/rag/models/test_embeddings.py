"""Embedding models: made by name, built in and cached, or asked for over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from openai_server import KEY, SOON, Reply, ScriptedServer, vector

from rag.errors import ModelError, SettingsError
from rag.models.embeddings import CachedEncoder, embedding_name, make_embedding
from rag.settings import Settings


class Lengths:
    """Encodes texts as their lengths, and remembers which."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.texts += texts
        return [[float(len(text))] for text in texts]


def test_the_latest_texts_are_encoded_once_and_stored_ones_never() -> None:
    encode = Lengths()
    encoder = CachedEncoder(encode, size=2)
    assert encoder.encode(["a", "bb", "a"]) == [[1.0], [2.0], [1.0]]
    assert encoder.encode(["a"]) == [[1.0]]
    assert encoder.encode(["ccc"]) == [[3.0]]
    assert encoder.encode(["a", "bb"]) == [[1.0], [2.0]]
    assert encoder.encode([]) == []
    assert encode.texts == ["a", "bb", "ccc", "bb"]
    assert encoder.encode(["x" * n for n in range(6, 9)]) == [[6.0], [7.0], [8.0]]
    encoder.stored = lambda texts: {t: np.ones(1, np.float32) for t in texts[:1]}
    assert encoder.encode(["dddd", "eeeee"]) == [[1.0], [5.0]]
    assert encode.texts[-1] == "eeeee"


def test_threads_get_their_own_vectors() -> None:
    encoder = CachedEncoder(Lengths(), size=20)

    def right(n: int) -> bool:
        texts = ["x" * ((n * k) % 40 + 1) for k in range(30)]
        return encoder.encode(texts) == [[float(len(text))] for text in texts]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(right, range(200)))


@pytest.mark.quality
def test_the_built_in_model_finds_meaning_across_languages() -> None:
    vectors = make_embedding(Settings()).get_text_embedding_batch(
        ["women sell fish", "las mujeres venden pescado", "the server is down"]
    )
    near, also, far = np.array(vectors)
    assert near.shape == (512,)
    assert near @ near == pytest.approx(1.0, abs=1e-3)
    assert near @ also > near @ far + 0.2


def test_unknown_names_and_missing_keys_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"'bert' is unknown\. Use builtin or openai:MODEL"):
        make_embedding(Settings(embedding="bert"))
    with pytest.raises(SettingsError, match="Set OPENAI_API_KEY"):
        make_embedding(Settings(embedding="openai:text-embedding-3-small"))


def served(server: ScriptedServer) -> Settings:
    embedding = "openai:test-embedding"
    return Settings(embedding=embedding, openai_api_key=KEY, openai_base_url=server.url)


def test_embeddings_come_from_the_server_in_order(server: ScriptedServer) -> None:
    server.say("Yes.")
    model = make_embedding(served(server))
    texts = [f"text\n{n}" for n in range(120)]
    assert model.get_text_embedding_batch(texts) == [pytest.approx(vector(t)) for t in texts]
    assert model.get_query_embedding("text 7") == pytest.approx(vector("text 7"))
    assert {request.body["model"] for request in server.requests} == {"test-embedding"}
    assert "text 0" in server.requests[0].body["input"]
    assert embedding_name(served(server)) == "openai:test-embedding"


FAULTS = {
    "OPENAI_API_KEY": Reply(status=401),
    "over its limit": Reply(status=429, headers=SOON),
    "can't be read": Reply(body='{"data": [{"index": 0}]}'),
    "left texts out": Reply(body='{"data": [{"embedding": [1]}, {"embedding": [1]}]}'),
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_failing_server_has_its_sentence(server: ScriptedServer, words: str) -> None:
    server.say("Yes.")
    server.embeddings_fail = FAULTS[words]
    model = make_embedding(served(server))
    for embed in (model.get_query_embedding, model.get_text_embedding):
        with pytest.raises(ModelError, match=f"embedding model.*{words}") as caught:
            embed("hello")
        assert KEY not in str(caught.value)
