"""Rerankers: what they are sent, what becomes of their scores, and what happens without them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer, running
from passages import hits, passage, report
from reranking import Scores, by_length

from rag.engine import Engine, open_engine
from rag.errors import ModelError, SettingsError
from rag.export.answer_json import answer_to_dict
from rag.i18n.notices import notice_words
from rag.retrieval.postprocess import fold_duplicates
from rag.retrieval.rerank import (
    BATCH,
    DEPTH,
    EmbeddedReranker,
    EndpointReranker,
    make_reranker,
    rerank,
    rerank_first,
)
from rag.settings import Settings
from rag.types import Hit, Plan, Why
from ui.cli.output import print_hits

KEY = "sk-secret-4711"
QUESTION = "What did the labs learn about mobile money?"
ONE_LAB = "What did women in Nampula say about their PIN?"
COMPARED = "How do the plans of Fiji and Tanzania differ?"
LISTED = "Which labs named ethnography among the methods of action plans dated 2022?"


def texts(found: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in found]


def order(given: Sequence[Hit], reranker: Any, **more: Any) -> tuple[list[Hit], str]:
    (moved,), notices = rerank([given], "Why?", reranker, **({"masked": True} | more))
    return moved, notice_words(notices)


def test_the_first_hits_are_in_the_order_of_the_scores_and_the_rest_follows() -> None:
    given = hits(*(f"{n}" for n in range(DEPTH + 3)))
    reranker = Scores(lambda text: float(text.rpartition("\n")[2]))
    moved, notice = order(given, reranker)
    numbers = [*range(DEPTH - 1, -1, -1), *range(DEPTH, DEPTH + 3)]
    assert texts(moved) == [f"{n}" for n in numbers]
    assert [hit.score for hit in moved] == [hit.score for hit in given]
    assert notice == ""
    ((question, sent),) = reranker.asked
    assert question == "Why?"
    assert sent == [f"{hit.passage.context}\n{hit.passage.text}" for hit in given[:DEPTH]]


def test_equal_scores_keep_the_order_and_without_hits_there_is_no_call() -> None:
    moved, _ = order(hits("a", "b", "c"), Scores(lambda text: 1.0 if text[-1] == "c" else 0.5))
    assert texts(moved) == ["c", "a", "b"]
    reranker = Scores(lambda _: 1.0)
    assert rerank([[], []], "Why?", reranker, masked=True) == ([[], []], ())
    assert not reranker.asked


def test_duplicates_move_together_and_are_scored_once() -> None:
    same = "The committee of the market met on Tuesday and counted all crates"
    given = hits("a", same, "b", same.upper(), "c")
    reranker = Scores(lambda text: {"a": 0.1, "b": 0.9, "c": 0.8}.get(text[-1], 0.5))
    moved, _ = order(given, reranker)
    assert texts(moved) == ["b", "c", same, same.upper(), "a"]
    assert len(reranker.asked[0][1]) == 4
    assert texts(fold_duplicates(moved)) == ["b", "c", same, "a", same.upper()]


def test_why_adds_up_and_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    given = [replace(h, why=Why((), {}, h.score)) for h in hits("a", "b")]
    moved, _ = order(given, Scores(lambda text: 0.7 if text.endswith("b") else 0.2))
    for hit in moved:
        assert hit.why
        assert hit.why.reranker
        assert hit.score == pytest.approx(hit.why.company + hit.why.reranker.points)
    print_hits(moved)
    printed = capsys.readouterr().out
    assert "   + 0.5000  reranker: rank 1 (of 0.700)\n" in printed
    assert "   - 0.5000  reranker: rank 2 (of 0.200)\n" in printed


@pytest.mark.parametrize("masked", [True, False])
def test_contacts_are_masked_before(masked: bool) -> None:
    text = "Ask the committee for crates on +51 912 345 678 or at a@b.example any day."
    reranker = Scores(lambda _: 1.0)
    given = [Hit(passage(text, report("r", title="Crates")), 1.0)]
    rerank([given], "Who is a@b.example?", reranker, masked=masked)
    ((question, (sent,)),) = reranker.asked
    assert sent.startswith("Peru 2023 plan | Crates | What did you learn?\n")
    for contact in ("912 345 678", "a@b"):
        assert (contact in f"{question}{sent}") is not masked


def fail(_: str) -> float:
    raise RuntimeError(f"no such key: {KEY}")


@pytest.mark.parametrize(
    "reranker",
    [Scores(fail), Scores(lambda _: nan), Scores(lambda _: inf), Scores(str), object()],  # type: ignore[arg-type]
)
def test_a_reranker_that_fails_changes_nothing(reranker: Any) -> None:
    given = hits("a", "b")
    moved, notice = order(given, reranker)
    assert moved == given
    assert notice.startswith("The reranker ")
    assert notice.endswith(". Its order was not used.")
    assert KEY not in notice


class Embedded(Scores):
    """An embedded reranker whose scores are the lengths of the texts."""

    name, language, depth, busy = "lengths", "en", 3, False

    def __init__(self) -> None:
        super().__init__(len)

    def relevance(self, score: float) -> float:
        return score / 1000

    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        if self.busy:
            raise TimeoutError
        return super().scores(question, texts)


def test_an_embedded_reranker_moves_the_first_hits_of_its_language() -> None:
    reranker, plan = Embedded(), Plan("Why?", "Why?", "en")
    assert isinstance(reranker, EmbeddedReranker)
    a, b, c, d = hits("a", "bb", "ccc", "dddd")
    french = replace(b, passage=replace(b.passage, language="fr"))
    moved = rerank_first([a, french, c, d], plan, reranker)
    assert texts(moved) == ["ccc", "bb", "a", "dddd"]
    assert [hit.score for hit in moved] == [a.score, b.score, c.score, d.score]
    first, second = (hit.relevance for hit in (moved[0], moved[2]))
    assert first
    assert second
    assert 1 > first > second > 0
    assert moved[1] == french
    assert moved[3] == d
    assert rerank_first([a, c], replace(plan, language="fr"), reranker) == [a, c]
    assert rerank_first([], plan, reranker) == []
    reranker.busy = True
    assert rerank_first([a, c], plan, reranker) == [a, c]


def test_an_engine_scores_what_it_reads_but_no_list(sample_index: Path) -> None:
    engine = open_engine(Settings(index=sample_index), reranker=Embedded())
    assert any(hit.relevance is not None for hit in engine.ask(ONE_LAB).answer.hits)
    listed = engine.ask(LISTED).answer
    assert listed.coverage.intent == "list"
    assert all(hit.relevance is None for hit in listed.hits)


def endpoint(server: ScriptedServer, **more: Any) -> EndpointReranker:
    return EndpointReranker(f"{server.url}/rerank", **more)


def test_an_endpoint_gives_scores_by_document_and_logs_no_key(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(Reply())
    server.reranks = by_length
    reranker = endpoint(server, model="a-reranker", key=KEY)
    assert reranker.scores("Why?", ["aa", "a", "aaa"]) == [0.002, 0.001, 0.003]
    (request,) = server.requests
    documents = ["aa", "a", "aaa"]
    body = {"model": "a-reranker", "query": "Why?", "documents": documents, "top_n": 3}
    assert request.body == body
    assert request.headers["authorization"] == f"Bearer {KEY}"
    endpoint(server).scores("Why?", ["a"])
    assert "model" not in server.requests[-1].body
    assert "authorization" not in server.requests[-1].headers
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
    given = ["a" * n for n in range(1, DEPTH + 1)]
    for _ in range(2):
        assert reranker.scores("Why?", given) == [n / 1000 for n in range(1, DEPTH + 1)]
    assert ["documents" in request.body for request in server.requests] == [True, *[False] * 4]
    assert set(server.requests[-1].body) == {"query", "texts", "truncate"}


def rows(*given: Any) -> str:
    return json.dumps({"results": [{"index": i, "relevance_score": s} for i, s in given]})


FAULTS = {
    "refused": (Reply(status=401, body=f"bad {KEY}"), "HTTP 401"),
    "redirect": (Reply(status=307, headers={"location": "/elsewhere"}), "HTTP 307"),
    "no JSON": (Reply(body="<html>"), "can't be read"),
    "null": (Reply(body='{"results": null}'), "can't be read"),
    "other keys": (Reply(body='{"data": []}'), "can't be read"),
    "no scores": (Reply(body='{"results": [{"index": 0}, {"index": 1}]}'), "can't be read"),
    "text for a score": (Reply(body=rows((0, "high"), (1, "low"))), "can't be read"),
    "too big": (Reply(body=rows((0, 10**400), (1, 1))), "can't be read"),
    "too few": (Reply(body=rows((0, 0.5))), "not for the texts"),
    "too many": (Reply(body=rows((0, 0.5), (1, 0.5), (2, 0.5))), "not for the texts"),
    "out of range": (Reply(body=rows((0, 0.5), (2, 0.5))), "not for the texts"),
    "twice": (Reply(body=rows((0, 0.5), (0, 0.5))), "not for the texts"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_an_endpoint_has_its_sentence(server: ScriptedServer, fault: str) -> None:
    reply, words = FAULTS[fault]
    server.reranks = lambda _: reply
    with pytest.raises(ModelError, match=words) as caught:
        endpoint(server, key=KEY).scores("Why?", ["a", "b"])
    assert str(caught.value).startswith("The reranker's ")
    assert KEY not in str(caught.value)


def test_an_endpoint_that_is_slow_or_gone_is_given_up(server: ScriptedServer) -> None:
    finished = threading.Event()

    def wait(body: Any) -> Reply:
        finished.wait(3)
        return by_length(body)

    server.reranks = wait
    with pytest.raises(ModelError, match="too long"):
        endpoint(server, seconds=0.2).scores("Why?", ["a"])
    assert not finished.is_set()
    finished.set()
    with running() as gone:
        url = gone.url
    with pytest.raises(ModelError, match="can't be reached"):
        EndpointReranker(f"{url}/rerank").scores("Why?", ["a"])


def test_a_reranker_is_made_as_the_settings_say(server: ScriptedServer) -> None:
    assert isinstance(make_reranker(Settings()), EmbeddedReranker)
    assert make_reranker(Settings(reranker="none")) is make_reranker(Settings(reranker="")) is None
    for address in ("cohere", "ftp://a.example/rerank", "http://", "http://a:b"):
        with pytest.raises(SettingsError, match=r"no address.*ASKLABS_RERANKER"):
            make_reranker(Settings(reranker=address))
    server.reranks = by_length
    made = make_reranker(Settings(reranker=f"{server.url}/rerank", reranker_model="m"))
    assert made
    assert made.scores("Why?", ["aa"]) == [0.002]
    assert server.requests[-1].body["model"] == "m"


def ranks(given: Sequence[Hit]) -> list[tuple[str, float]]:
    return [(hit.passage.id, hit.score) for hit in given]


def test_a_reranker_that_agrees_changes_no_answer(sample_index: Path, quick_engine: Engine) -> None:
    reranker = Scores(lambda _: 0.5)
    engine = open_engine(Settings(index=sample_index), reranker=reranker)
    for question in (QUESTION, ONE_LAB, COMPARED):
        answer, own = engine.ask(question).answer, quick_engine.ask(question).answer
        assert (answer.text, ranks(answer.hits), answer.notices) == (own.text, ranks(own.hits), ())
        (_, sent), reranker.asked = reranker.asked[0], reranker.asked[1:]
        assert 1 < len(sent) <= DEPTH
    assert engine.ask(LISTED).answer.coverage.intent == "list"
    assert not reranker.asked


def test_an_answer_reads_what_the_reranker_puts_first(
    sample_index: Path, quick_engine: Engine
) -> None:
    other = quick_engine.ask(ONE_LAB).answer.hits[4].passage
    engine = open_engine(
        Settings(index=sample_index), reranker=Scores(lambda text: float(other.text in text))
    )
    assert engine.ask(ONE_LAB).answer.hits[0].passage.id == other.id
    by_lab = Scores(lambda text: float("Tanzania" in text.partition("\n")[0]))
    engine = open_engine(Settings(index=sample_index), reranker=by_lab)
    labs = [hit.passage.report.lab for hit in engine.ask(COMPARED).answer.hits[:4]]
    assert labs == ["Fiji", "Tanzania", "Fiji", "Tanzania"]


def test_a_failing_endpoint_leaves_the_order_and_a_notice(
    sample_index: Path,
    quick_engine: Engine,
    server: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.reranks = lambda _: Reply(status=500, body=KEY)
    address = f"{server.url}/rerank"
    engine = open_engine(Settings(index=sample_index, reranker=address, reranker_key=KEY))
    answer, own = engine.ask(QUESTION).answer, quick_engine.ask(QUESTION).answer
    assert (answer.text, ranks(answer.hits)) == (own.text, ranks(own.hits))
    failed = "The reranker's server failed (HTTP 500). Its order was not used."
    assert notice_words(answer.notices) == failed
    assert KEY not in json.dumps(answer_to_dict(answer))
    assert ranks(engine.search(QUESTION)) == ranks(quick_engine.search(QUESTION))
    assert "Its order was not used." in caplog.text
