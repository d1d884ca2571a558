"""The built-in cross-encoder: its scores, and who need not wait for them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import inf

import pytest

from rag.models.cross_encoder import CrossEncoder

QUESTION = "How many lanterns did the ferry workers of Almara borrow?"
ANSWER = "The crew of the ferry took 240 lanterns on loan."
TEXTS = ("Ferry workers rest on Sundays.", "The harbour is old.", ANSWER, "Lanterns are bright.")

pytestmark = pytest.mark.quality


def test_what_answers_scores_most_in_any_order_and_texts_may_be_of_any_length() -> None:
    encoder = CrossEncoder()
    forward = encoder.scores(QUESTION, TEXTS)
    back = encoder.scores(QUESTION, TEXTS[::-1])
    assert max(forward) == forward[TEXTS.index(ANSWER)]
    assert [round(x, 1) for x in forward] == [round(x, 1) for x in back[::-1]]
    assert encoder.relevance(max(forward)) > 0.5 > encoder.relevance(min(forward)) > 0
    long = "lantern " * 5000
    assert len(encoder.scores(long, [long, "", "short"])) == 3


def test_who_would_wait_too_long_has_no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(CrossEncoder):
        def _logits(self, _: str, texts: Sequence[str]) -> list[float]:
            entered.set()
            leave.wait(60)
            return [float(len(text)) for text in texts]

    encoder = Slow(patience=0.05)
    first: list[float] = []
    busy = threading.Thread(target=lambda: first.extend(encoder.scores(QUESTION, ["a", "bb"])))
    busy.start()
    assert entered.wait(60)
    with pytest.raises(TimeoutError, match="busy"):
        encoder.scores(QUESTION, ["a"])
    leave.set()
    busy.join(60)
    assert first == [1, 2]
    # For a while after that nobody gets any, then all do again.
    with pytest.raises(TimeoutError, match="busy"):
        encoder.scores(QUESTION, ["a"])
    monkeypatch.setattr("rag.models.cross_encoder.time.monotonic", lambda: inf)
    assert encoder.scores(QUESTION, ["a"]) == [1]
