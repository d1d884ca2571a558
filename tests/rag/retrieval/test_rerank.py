"""Rerankers: what they are sent, what becomes of their scores, and what happens without them."""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from openai_server import Reply, ScriptedServer, running
from passages import hits, passage, report

from rag.engine import Engine, open_engine
from rag.errors import ModelError, SettingsError
from rag.i18n.notices import notice_words
from rag.retrieval.rerank import (
    BATCH,
    DEPTH,
    CrossEncoder,
    EndpointReranker,
    make_reranker,
    rerank,
    rerank_first,
)
from rag.settings import Settings
from rag.types import Hit, Plan

KEY = "sk-secret-4711"
ONE_LAB = "What did women in Nampula say about their PIN?"
LANTERNS = "How many lanterns did the ferry workers of Almara borrow?"
ANSWER = "The crew of the ferry took 240 lanterns on loan."
TEXTS = ("Ferry workers rest on Sundays.", "The harbour is old.", ANSWER, "Lanterns are bright.")


class Scores:
    """A reranker that scores by a function of the text, and remembers what it was asked."""

    def __init__(self, score: Callable[[str], float]) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self._score = score

    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        self.asked.append((question, list(texts)))
        return [self._score(text) for text in texts]


def by_length(body: Any) -> Reply:
    """Scores as Cohere's endpoint gives them: the best first."""
    if "documents" not in body:
        return Reply(status=422)
    texts = enumerate(body["documents"])
    rows = [{"index": i, "relevance_score": len(text) / 1000} for i, text in texts]
    rows.sort(key=lambda row: -row["relevance_score"])
    return Reply(body=json.dumps({"results": rows[: body["top_n"]]}), headers={})


def texts(ranked: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in ranked]


def order(ranked: Sequence[Hit], reranker: Any) -> tuple[list[Hit], str]:
    (moved,), notices = rerank([ranked], "Why?", reranker, masked=True)
    return moved, notice_words(notices)


def test_the_first_hits_are_in_the_order_of_the_scores_and_the_rest_follows() -> None:
    ranked = hits(*(f"{n}" for n in range(DEPTH + 3)))
    reranker = Scores(lambda text: float(text.rpartition("\n")[2]))
    moved, notice = order(ranked, reranker)
    numbers = [*range(DEPTH - 1, -1, -1), *range(DEPTH, DEPTH + 3)]
    assert texts(moved) == [f"{n}" for n in numbers]
    assert [hit.score for hit in moved] == [hit.score for hit in ranked]
    assert notice == ""
    sent = [f"{hit.passage.context}\n{hit.passage.text}" for hit in ranked[:DEPTH]]
    assert reranker.asked == [("Why?", sent)]
    assert rerank([[], []], "Why?", reranker, masked=True) == ([[], []], ())
    assert len(reranker.asked) == 1


@pytest.mark.parametrize("masked", [True, False])
def test_contacts_are_masked_before(masked: bool) -> None:
    text = "Ask the committee for crates on +51 912 345 678 or at a@b.example any day."
    reranker = Scores(lambda _: 1.0)
    ranked = [Hit(passage(text, report("r", title="Crates")), 1.0)]
    rerank([ranked], "Who is a@b.example?", reranker, masked=masked)
    ((question, (sent,)),) = reranker.asked
    for contact in ("912 345 678", "a@b"):
        assert (contact in f"{question}{sent}") is not masked


def fail(_: str) -> float:
    raise RuntimeError(f"no such key: {KEY}")


@pytest.mark.parametrize("reranker", [Scores(fail), Scores(lambda _: nan), object()])
def test_a_reranker_that_fails_changes_nothing(reranker: Any) -> None:
    ranked = hits("a", "b")
    moved, notice = order(ranked, reranker)
    assert moved == ranked
    assert notice.endswith(". Its order was not used.")
    assert KEY not in notice


def test_a_cross_encoder_moves_the_first_hits_of_its_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reranker, plan = CrossEncoder(), Plan("Why?", "Why?", "en")
    reranker.depth = 3
    monkeypatch.setattr(CrossEncoder, "scores", lambda _, __, texts: [*map(len, texts)])
    a, b, c, d = hits("a", "bb", "ccc", "dddd")
    french = replace(b, passage=replace(b.passage, language="fr"))
    moved = rerank_first([a, french, c, d], plan, reranker)
    assert texts(moved) == ["ccc", "bb", "a", "dddd"]
    assert [hit.score for hit in moved] == [a.score, b.score, c.score, d.score]
    assert [hit.relevance is None for hit in moved] == [False, True, False, True]
    assert rerank_first([a, c], replace(plan, language="fr"), reranker) == [a, c]
    monkeypatch.setattr(CrossEncoder, "scores", Mock(side_effect=TimeoutError))
    assert rerank_first([a, c], plan, reranker) == [a, c]


def endpoint(server: ScriptedServer, **more: Any) -> EndpointReranker:
    return EndpointReranker(f"{server.url}/rerank", **more)


def test_an_endpoint_gives_scores_by_document_and_logs_no_key(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(Reply())
    server.reranks = by_length
    reranker = endpoint(server, model="a-reranker", key=KEY)
    documents = ["aa", "a", "aaa"]
    assert reranker.scores("Why?", documents) == [0.002, 0.001, 0.003]
    (request,) = server.requests
    body = {"model": "a-reranker", "query": "Why?", "documents": documents, "top_n": 3}
    assert request.body == body
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert caplog.text
    assert KEY not in f"{caplog.text}{reranker!r}{Settings(reranker_key=KEY)!r}"


def test_an_endpoint_that_takes_texts_is_known_and_gets_them_in_batches(
    server: ScriptedServer,
) -> None:
    def by_length_of_texts(body: Any) -> Reply:
        """Scores as Text Embeddings Inference gives them."""
        if "texts" not in body or len(body["texts"]) > BATCH:
            return Reply(status=422)
        rows = [{"index": i, "score": len(t) / 1000} for i, t in enumerate(body["texts"])]
        return Reply(body=json.dumps(rows[::-1]), headers={})

    server.script(Reply())
    server.reranks = by_length_of_texts
    reranker = endpoint(server)
    for _ in range(2):
        scores = reranker.scores("Why?", ["a" * n for n in range(1, DEPTH + 1)])
        assert scores == [n / 1000 for n in range(1, DEPTH + 1)]
    assert ["documents" in request.body for request in server.requests] == [True, *[False] * 4]


def rows(*scores: tuple[int, float]) -> str:
    return json.dumps({"results": [{"index": i, "relevance_score": s} for i, s in scores]})


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=401, body=f"bad {KEY}"), "HTTP 401"),
        (Reply(body="<html>"), "can't be read"),
        (Reply(body='{"results": [{"index": 0}, {"index": 1}]}'), "can't be read"),
        (Reply(body=rows((0, 10**400), (1, 1))), "can't be read"),
        (Reply(body=rows((0, 0.5))), "not for the texts"),
        (Reply(body=rows((0, 0.5), (0, 0.5))), "not for the texts"),
    ],
)
def test_each_fault_of_an_endpoint_has_its_sentence(
    server: ScriptedServer, reply: Reply, words: str
) -> None:
    server.reranks = lambda _: reply
    with pytest.raises(ModelError, match=words) as caught:
        endpoint(server, key=KEY).scores("Why?", ["a", "b"])
    assert KEY not in str(caught.value)


def test_an_endpoint_that_is_slow_or_gone_is_given_up(server: ScriptedServer) -> None:
    finished = threading.Event()

    def wait(body: Any) -> Reply:
        finished.wait(3)
        return by_length(body)

    server.reranks = wait
    with pytest.raises(ModelError, match="too long"):
        endpoint(server, seconds=0.2).scores("Why?", ["a"])
    finished.set()
    with running() as gone:
        pass
    with pytest.raises(ModelError, match="can't be reached"):
        endpoint(gone).scores("Why?", ["a"])


def test_a_reranker_is_made_as_the_settings_say() -> None:
    assert isinstance(make_reranker(Settings()), CrossEncoder)
    assert make_reranker(Settings(reranker="none")) is make_reranker(Settings(reranker="")) is None
    for address in ("cohere", "ftp://a.example/rerank", "http://a:b"):
        with pytest.raises(SettingsError, match=r"no address.*ASKLABS_RERANKER"):
            make_reranker(Settings(reranker=address))


def test_an_answer_reads_what_the_reranker_puts_first(
    sample_index: Path, quick_engine: Engine
) -> None:
    other = quick_engine.ask(ONE_LAB).answer.hits[4].passage
    reranker = Scores(lambda text: float(other.text in text))
    engine = open_engine(Settings(index=sample_index), reranker=reranker)
    assert engine.ask(ONE_LAB).answer.hits[0].passage.id == other.id


@pytest.mark.quality
def test_what_answers_scores_most_in_any_order_and_texts_may_be_of_any_length() -> None:
    encoder = CrossEncoder()
    forward = encoder.scores(LANTERNS, TEXTS)
    back = encoder.scores(LANTERNS, TEXTS[::-1])
    assert max(forward) == forward[TEXTS.index(ANSWER)]
    assert [round(x, 1) for x in forward] == [round(x, 1) for x in back[::-1]]
    assert encoder.relevance(max(forward)) > 0.5 > encoder.relevance(min(forward)) > 0
    long = "lantern " * 5000
    assert len(encoder.scores(long, [long, "", "short"])) == 3
