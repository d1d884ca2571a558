"""The built-in cross-encoder: what it puts first, what it leaves alone, and who need not wait."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from math import inf

import pytest
from passages import hits

from rag.engine import Engine
from rag.models.cross_encoder import DEPTH, CrossEncoder
from rag.types import Hit, Plan

QUESTION = "How many lanterns did the ferry workers of Almara borrow?"
ANSWER = "The crew of the ferry took 240 lanterns on loan."
TEXTS = ("Ferry workers rest on Sundays.", "The harbour is old.", ANSWER, "Lanterns are bright.")
PLAN = Plan(QUESTION, QUESTION, language="en")


def texts(found: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in found]


def in_language(hit: Hit, language: str) -> Hit:
    return replace(hit, passage=replace(hit.passage, language=language))


@pytest.mark.quality
def test_what_answers_comes_first_and_places_keep_their_scores() -> None:
    given = hits(*TEXTS)
    found = CrossEncoder().judged(given, PLAN)
    assert texts(found)[0] == ANSWER
    assert sorted(texts(found)) == sorted(TEXTS)
    assert [hit.score for hit in found] == [hit.score for hit in given]
    relevance = [hit.relevance or 0.0 for hit in found]
    assert relevance == sorted(relevance, reverse=True)
    assert relevance[0] > 0.5 > relevance[-1] > 0


def test_the_order_of_the_texts_changes_no_score() -> None:
    encoder = CrossEncoder()
    forward = encoder.scores(QUESTION, TEXTS)
    back = encoder.scores(QUESTION, TEXTS[::-1])
    assert [round(x, 1) for x in forward] == [round(x, 1) for x in back[::-1]]


def test_other_languages_keep_their_places() -> None:
    given = hits(*TEXTS)
    given[1] = in_language(given[1], "fr")
    found = CrossEncoder().judged(given, PLAN)
    assert found[1] == given[1]
    assert found[1].relevance is None
    assert texts(found)[0] == ANSWER
    spanish = replace(PLAN, language="es")
    assert CrossEncoder().judged(given, spanish) == given


def test_only_the_first_are_judged_and_none_need_be_there() -> None:
    given = hits(*(f"The ferry number {n} waits." for n in range(DEPTH)), ANSWER)
    found = CrossEncoder().judged(given, PLAN)
    assert found[DEPTH:] == given[DEPTH:]
    assert CrossEncoder().judged([], PLAN) == []


def test_a_text_or_question_of_any_length_is_judged() -> None:
    long = "lantern " * 5000
    assert len(CrossEncoder().scores(long, [long, "", "short"])) == 3


def test_who_would_wait_too_long_goes_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(CrossEncoder):
        def scores(self, question: str, texts: Sequence[str]) -> list[float]:
            entered.set()
            leave.wait(60)
            return super().scores(question, texts)

    encoder = Slow(patience=0.05)
    given = hits(*TEXTS)
    first: list[Hit] = []
    busy = threading.Thread(target=lambda: first.extend(encoder.judged(given, PLAN)))
    busy.start()
    assert entered.wait(60)
    assert encoder.judged(given, PLAN) == given
    leave.set()
    busy.join(60)
    assert texts(first)[0] == ANSWER
    # For a while after that nobody is judged, then all are again.
    assert encoder.judged(given, PLAN) == given
    monkeypatch.setattr("rag.models.cross_encoder.time.monotonic", lambda: inf)
    assert texts(encoder.judged(given, PLAN))[0] == ANSWER


def test_an_engine_judges_what_it_reads_but_no_list(sample_engine: Engine) -> None:
    said = sample_engine.ask("What did women in Nampula say about their PIN?").answer
    assert any(hit.relevance is not None for hit in said.hits)
    listed = sample_engine.ask("Which labs used interviews?").answer
    assert listed.coverage.intent == "list"
    assert all(hit.relevance is None for hit in listed.hits)
