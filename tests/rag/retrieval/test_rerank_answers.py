"""Answers with a reranker: what they read, and what there is where it fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer
from reranking import Scores, by_length

from ingest.sync import sync
from rag.engine import Engine, open_engine
from rag.export.answer_json import answer_to_dict
from rag.i18n.notices import notice_words
from rag.retrieval.rerank import DEPTH
from rag.settings import Settings
from rag.types import Hit

KEY = "sk-secret-4711"
QUESTION = "What did the labs learn about mobile money?"
ONE_LAB = "What did women in Nampula say about their PIN?"
COMPARED = "How do the plans of Fiji and Tanzania differ?"
LISTED = "Which labs named ethnography among the methods of action plans dated 2022?"


def found(given: Sequence[Hit]) -> list[tuple[str, float]]:
    return [(hit.passage.id, hit.score) for hit in given]


def opened(index: Path, reranker: Any) -> Engine:
    return open_engine(Settings(index=index), reranker=reranker)


@pytest.fixture(scope="module")
def own_engine(sample_index: Path) -> Engine:
    """An engine without a reranker, opened as those with one are: from the snapshot's file."""
    open_engine(Settings(index=sample_index, reranker="none"))
    return open_engine(Settings(index=sample_index, reranker="none"))


@pytest.mark.parametrize("question", [QUESTION, ONE_LAB, COMPARED])
def test_a_reranker_that_agrees_changes_no_answer(
    sample_index: Path, own_engine: Engine, question: str
) -> None:
    reranker = Scores(lambda _: 0.5)
    answer = opened(sample_index, reranker).ask(question).answer
    own = own_engine.ask(question).answer
    assert (answer.text, found(answer.hits), answer.notices) == (own.text, found(own.hits), ())
    assert len(reranker.asked) == 1
    assert 1 < len(reranker.asked[0][1]) <= DEPTH


def test_an_answer_reads_what_the_reranker_puts_first(
    sample_index: Path, own_engine: Engine
) -> None:
    for question in (ONE_LAB, QUESTION):
        # Another report than the one that comes first by itself.
        other = own_engine.ask(question).answer.hits[4].passage
        reranker = Scores(lambda text, other=other: float(other.text in text))
        engine = opened(sample_index, reranker)
        assert not reranker.asked
        answer = engine.ask(question).answer
        assert answer.hits[0].passage.id == other.id
        best = engine.search(question, k=5, explain=True)
        assert best[0].passage.id == other.id
        assert best[0].why
        assert best[0].why.reranker
        for hit in best:
            assert hit.why
            points = sum(vote.points for vote in hit.why.votes) * prod(hit.why.factors.values())
            moved = hit.why.reranker.points if hit.why.reranker else 0.0
            assert hit.score == pytest.approx(points + hit.why.company + moved)


def test_sides_keep_their_turns_and_a_list_is_not_asked_about(sample_index: Path) -> None:
    reranker = Scores(lambda text: float("Tanzania" in text.partition("\n")[0]))
    engine = opened(sample_index, reranker)
    labs = [hit.passage.report.lab for hit in engine.ask(COMPARED).answer.hits[:4]]
    assert labs == ["Fiji", "Tanzania", "Fiji", "Tanzania"]
    reranker.asked.clear()
    assert engine.ask(LISTED).answer.coverage.intent == "list"
    assert not reranker.asked


def test_a_failing_endpoint_leaves_the_own_order_and_a_notice(
    sample_index: Path,
    own_engine: Engine,
    server: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.reranks = lambda _: Reply(status=500, body=KEY)
    address = f"{server.url}/rerank"
    engine = open_engine(Settings(index=sample_index, reranker=address, reranker_key=KEY))
    answer = engine.ask(QUESTION).answer
    own = own_engine.ask(QUESTION).answer
    assert (answer.text, found(answer.hits)) == (own.text, found(own.hits))
    failed = "The reranker's server failed (HTTP 500). Its order was not used."
    assert notice_words(answer.notices) == failed
    assert KEY not in json.dumps(answer_to_dict(answer))
    assert found(engine.search(QUESTION)) == found(own_engine.search(QUESTION))
    assert "Its order was not used." in caplog.text


def test_an_endpoint_sees_no_contact(tmp_path: Path, server: ScriptedServer) -> None:
    file = tmp_path / "quince.md"
    file.write_text(
        "# Quince\n\n[[country:Peru]]\n[[year:2025]]\n[[type:experiment]]\n\n## Learnings\n\n"
        "> What did you learn?\n\nTwelve families keep quince, ask for them on +51 912 345 678.\n",
        encoding="utf-8",
    )
    settings = Settings(index=tmp_path / "index", reranker=f"{server.url}/rerank")
    sync([file], settings)
    server.script(Reply())
    server.reranks = by_length
    for masked in (True, False):
        open_engine(settings.model_copy(update={"mask_contacts": masked})).search("Who has quince?")
        (sent,) = server.requests[-1].body["documents"]
        assert ("912 345 678" in sent) is not masked
