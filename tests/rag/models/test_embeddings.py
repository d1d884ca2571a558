"""Embedding models: made by name, built in (cached, in processes), or asked for over HTTP."""

import signal

import numpy as np
import pytest
from openai_server import KEY, SOON, Reply, ScriptedServer, vector

from rag.errors import ModelError, SettingsError
from rag.models import encoder
from rag.models.embeddings import embedding_name, make_embedding
from rag.models.encoder import EncodingThreads, encode, encode_apart
from rag.settings import Settings

TEXTS = ["Women sell fish.", "\u0000 \n a", "", "x" * 9000]


def test_unknown_names_and_missing_keys_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"'bert' is unknown\. Use builtin or openai:MODEL"):
        make_embedding(Settings(embedding="bert"))
    with pytest.raises(SettingsError, match="Set OPENAI_API_KEY"):
        make_embedding(Settings(embedding="openai:text-embedding-3-small"))


def served(server: ScriptedServer) -> Settings:
    return server.settings(model="extractive", embedding="openai:test-embedding")


def test_a_server_gives_embeddings_in_order_or_its_failure(server: ScriptedServer) -> None:
    server.say("Yes.")
    model = make_embedding(served(server))
    texts = [f"text\n{n}" for n in range(120)]
    assert model.get_text_embedding_batch(texts) == [pytest.approx(vector(t)) for t in texts]
    assert model.get_query_embedding("text 7") == pytest.approx(vector("text 7"))
    assert {request.body["model"] for request in server.requests} == {"test-embedding"}
    assert "text 0" in server.requests[0].body["input"]
    assert embedding_name(served(server)) == "openai:test-embedding"
    for words, fault in {
        "OPENAI_API_KEY": Reply(status=401),
        "over its limit": Reply(status=429, headers=SOON),
        "can't be read": Reply(body='{"data": [{"index": 0}]}'),
        "left texts out": Reply(body='{"data": [{"embedding": [1]}, {"embedding": [1]}]}'),
    }.items():
        server.embeddings_fail = fault
        with pytest.raises(ModelError, match=f"embedding model.*{words}") as caught:
            make_embedding(served(server)).get_query_embedding("hello")
        assert KEY not in str(caught.value)


def test_processes_give_the_same_vectors_in_order_and_one_that_was_killed_is_told() -> None:
    with EncodingThreads(2) as pool:
        for vectors in pool.map(encode_apart, [TEXTS] * 8):
            assert np.allclose(vectors, encode(TEXTS), atol=1e-5)
        assert len(pool.submit(encode_apart, []).result()) == 0
    assert {process.returncode for process in pool._begun} == {-signal.SIGKILL}
    with EncodingThreads(1) as pool:
        pool.submit(encode_apart, ["ready"]).result()
        pool.submit(lambda: encoder._own.process.kill())
        with pytest.raises(ModelError, match="Ingest again"):
            pool.submit(encode_apart, ["gone"]).result()
