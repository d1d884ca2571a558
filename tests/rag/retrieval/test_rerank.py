"""A reranker's order: what it is asked, what becomes of its scores, and what there is without."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer, running
from passages import hits, passage, report
from reranking import Scores, by_length

from rag.errors import ModelError, SettingsError
from rag.i18n.notices import notice_words
from rag.models.cross_encoder import CrossEncoder
from rag.retrieval.postprocess import fold_duplicates
from rag.retrieval.rerank import (
    BATCH,
    DEPTH,
    EndpointReranker,
    make_reranker,
    reordered,
)
from rag.settings import Settings
from rag.types import Hit, Why
from ui.cli.output import print_hits

KEY = "sk-secret-4711"


def texts(found: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in found]


def order(given: Sequence[Hit], reranker: Any, **more: Any) -> tuple[list[Hit], str]:
    (found,), notices = reordered([given], "Why?", reranker, **({"masked": True} | more))
    return found, notice_words(notices)


def test_the_first_hits_are_in_the_order_of_the_scores_and_the_rest_follows() -> None:
    given = hits(*(f"{n}" for n in range(DEPTH + 3)))
    reranker = Scores(lambda text: float(text.rpartition("\n")[2]))
    moved, notice = order(given, reranker)
    numbers = [*range(DEPTH - 1, -1, -1), *range(DEPTH, DEPTH + 3)]
    assert texts(moved) == [f"{n}" for n in numbers]
    assert [hit.score for hit in moved] == [hit.score for hit in given]
    assert notice == ""
    ((question, asked),) = reranker.asked
    assert question == "Why?"
    assert asked == [f"{hit.passage.context}\n{hit.passage.text}" for hit in given[:DEPTH]]


def test_equal_scores_keep_the_order_and_nothing_is_not_asked_about() -> None:
    given = hits("a", "b", "c", "d")
    moved, _ = order(given, Scores(lambda text: 1.0 if text.endswith("c") else 0.5))
    assert texts(moved) == ["c", "a", "b", "d"]
    reranker = Scores(lambda _: 1.0)
    assert reordered([[], []], "Why?", reranker, masked=True) == ([[], []], ())
    assert not reranker.asked


def test_what_says_the_same_moves_together_and_is_asked_about_once() -> None:
    same = "The committee of the market met on Tuesday and counted all crates"
    given = hits("a", same, "b", same.upper(), "c")
    reranker = Scores(lambda text: {"a": 0.1, "b": 0.9, "c": 0.8}.get(text[-1], 0.5))
    moved, _ = order(given, reranker)
    assert texts(moved) == ["b", "c", same, same.upper(), "a"]
    assert len(reranker.asked[0][1]) == 4
    assert [h.score for h in moved] == sorted((h.score for h in given), reverse=True)
    folded = fold_duplicates(sorted(moved, key=lambda hit: -hit.score))
    assert texts(folded) == ["b", "c", same, "a", same.upper()]


def test_why_adds_up_and_names_the_reranker() -> None:
    given = [replace(h, why=Why((), {}, h.score)) for h in hits("a", "b")]
    moved, _ = order(given, Scores(lambda text: 0.7 if text.endswith("b") else 0.2))
    for rank, hit in enumerate(moved, start=1):
        assert hit.why
        assert hit.why.reranker
        vote = hit.why.reranker
        assert (vote.ranking, vote.rank, vote.score) == ("reranker", rank, (0.7, 0.2)[rank - 1])
        assert hit.score == pytest.approx(hit.why.company + vote.points)


def test_why_is_printed_with_the_reranker(capsys: pytest.CaptureFixture[str]) -> None:
    given = [replace(h, why=Why((), {}, h.score)) for h in hits("a", "b")]
    print_hits(order(given, Scores(lambda text: 0.7 if text.endswith("b") else 0.2))[0])
    said = capsys.readouterr().out
    assert "   + 0.5000  reranker: rank 1 (of 0.700)\n" in said
    assert "   - 0.5000  reranker: rank 2 (of 0.200)\n" in said


@pytest.mark.parametrize("masked", [True, False])
def test_contacts_are_masked_before(masked: bool) -> None:
    text = "Ask the committee for crates on +51 912 345 678 or at a@b.example any day."
    reranker = Scores(lambda _: 1.0)
    given = [Hit(passage(text, report("r", title="Crates")), 1.0)]
    reordered([given], "Who is a@b.example?", reranker, masked=masked)
    ((question, (asked,)),) = reranker.asked
    assert asked.startswith("Peru 2023 plan | Crates | What did you learn?\n")
    for contact in ("912 345 678", "a@b"):
        assert (contact in f"{question}{asked}") is not masked


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


def endpoint(server: ScriptedServer, **more: Any) -> EndpointReranker:
    return EndpointReranker(f"{server.url}/rerank", **more)


def by_length_of_texts(body: Any) -> Reply:
    """Scores as Text Embeddings Inference gives them."""
    if "texts" not in body or len(body["texts"]) > BATCH:
        return Reply(status=422)
    rows = [{"index": i, "score": len(t) / 1000} for i, t in enumerate(body["texts"])]
    return Reply(body=json.dumps(rows[::-1]), headers={})


def test_an_endpoint_gives_scores_by_document(server: ScriptedServer) -> None:
    server.script(Reply())
    server.reranks = by_length
    reranker = endpoint(server, model="a-reranker", key=KEY)
    assert reranker.scores("Why?", ["aa", "a", "aaa"]) == [0.002, 0.001, 0.003]
    (request,) = server.requests
    assert request.body == {
        "model": "a-reranker",
        "query": "Why?",
        "documents": ["aa", "a", "aaa"],
        "top_n": 3,
    }
    assert request.headers["authorization"] == f"Bearer {KEY}"
    endpoint(server).scores("Why?", ["a"])
    assert "model" not in server.requests[-1].body
    assert "Authorization" not in server.requests[-1].headers


def test_an_endpoint_that_takes_texts_is_known_and_asked_in_parts(server: ScriptedServer) -> None:
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


ODD = {
    "refused": (Reply(status=401, body=f"bad {KEY}"), "HTTP 401"),
    "server error": (Reply(status=500), "HTTP 500"),
    "bad request": (Reply(status=400), "HTTP 400"),
    "redirect": (Reply(status=307, headers={"location": "/elsewhere"}), "HTTP 307"),
    "no JSON": (Reply(body="<html>"), "can't be read"),
    "a number": (Reply(body="3"), "can't be read"),
    "null": (Reply(body='{"results": null}'), "can't be read"),
    "other keys": (Reply(body='{"data": []}'), "can't be read"),
    "no scores": (Reply(body='{"results": [{"index": 0}, {"index": 1}]}'), "can't be read"),
    "text for a score": (Reply(body=rows((0, "high"), (1, "low"))), "can't be read"),
    "too big": (Reply(body=rows((0, 10**400), (1, 1))), "can't be read"),
    "too few": (Reply(body=rows((0, 0.5))), "not for the texts"),
    "too many": (Reply(body=rows((0, 0.5), (1, 0.5), (2, 0.5))), "not for the texts"),
    "out of range": (Reply(body=rows((0, 0.5), (2, 0.5))), "not for the texts"),
    "negative": (Reply(body=rows((-1, 0.5), (0, 0.5))), "not for the texts"),
    "twice": (Reply(body=rows((0, 0.5), (0, 0.5))), "not for the texts"),
    "no index": (Reply(body=rows((None, 0.5), ("1", 0.5))), "not for the texts"),
}


@pytest.mark.parametrize("odd", ODD)
def test_each_fault_of_an_endpoint_has_its_sentence(server: ScriptedServer, odd: str) -> None:
    reply, words = ODD[odd]
    server.reranks = lambda _: reply
    with pytest.raises(ModelError, match=words) as caught:
        endpoint(server, key=KEY).scores("Why?", ["a", "b"])
    assert str(caught.value).startswith("The reranker's ")
    assert KEY not in str(caught.value)


def test_nan_is_no_score(server: ScriptedServer) -> None:
    server.reranks = lambda _: Reply(body=rows((0, nan), (1, 0.5)))
    moved, notice = order(hits("a", "b"), endpoint(server))
    assert texts(moved) == ["a", "b"]
    assert "no score" in notice


def test_an_endpoint_that_is_slow_or_gone_is_given_up(server: ScriptedServer) -> None:
    def wait(body: Any) -> Reply:
        threading.Event().wait(3)
        return by_length(body)

    server.reranks = wait
    started = time.monotonic()
    with pytest.raises(ModelError, match="too long"):
        endpoint(server, seconds=0.2).scores("Why?", ["a"])
    assert time.monotonic() - started < 2
    with running() as gone:
        url = gone.url
    with pytest.raises(ModelError, match="can't be reached"):
        EndpointReranker(f"{url}/rerank").scores("Why?", ["a"])


def test_the_key_is_in_no_log(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.reranks = by_length
    reranker = endpoint(server, key=KEY)
    reranker.scores("Why?", ["a"])
    assert caplog.text
    assert KEY not in f"{caplog.text}{reranker!r}{Settings(reranker_key=KEY)!r}"


def test_a_reranker_is_made_as_the_settings_say(server: ScriptedServer) -> None:
    assert isinstance(make_reranker(Settings()), CrossEncoder)
    assert make_reranker(Settings(reranker="none")) is make_reranker(Settings(reranker="")) is None
    for address in ("cohere", "ftp://a.example/rerank", "http://", "http://a:b"):
        with pytest.raises(SettingsError, match=r"no address.*ASKLABS_RERANKER"):
            make_reranker(Settings(reranker=address))
    server.script(Reply())
    server.reranks = by_length
    given = Settings(reranker=f"{server.url}/rerank", reranker_model="m", reranker_key=KEY)
    made = make_reranker(given)
    assert made
    assert made.scores("Why?", ["aa"]) == [0.002]
    assert server.requests[-1].body["model"] == "m"
