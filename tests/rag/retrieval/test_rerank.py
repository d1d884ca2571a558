"""The cross-encoder: what becomes of its scores, and what happens without them."""

from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import Mock

import pytest
from passages import hits

from rag.retrieval.rerank import CrossEncoder, rerank_first
from rag.types import Hit, Plan

LANTERNS = "How many lanterns did the ferry workers of Almara borrow?"
ANSWER = "The crew of the ferry took 240 lanterns on loan."
TEXTS = ("Ferry workers rest on Sundays.", "The harbour is old.", ANSWER, "Lanterns are bright.")


def texts(ranked: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in ranked]


def own_text(read: str) -> str:
    return read.rpartition("\n")[2]


def test_a_cross_encoder_moves_the_first_hits_in_any_language_and_reads_whose_one_report_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reranker, plan = CrossEncoder(), Plan("Why?", "Why?", "en")
    reranker.depth = 3
    by_length = Mock(side_effect=lambda _, texts: [float(len(own_text(text))) for text in texts])
    monkeypatch.setattr(CrossEncoder, "scores", by_length)
    a, b, c, d = hits("a", "les eaux", "ccc", "dddd")
    french = replace(b, passage=replace(b.passage, language="fr"))
    moved = rerank_first([a, french, c, d], plan, reranker)
    assert [*map(own_text, by_length.call_args.args[1])] == ["a", "the water", "ccc"]
    assert texts(moved) == ["les eaux", "ccc", "a", "dddd"]
    assert [hit.score for hit in moved] == [a.score, b.score, c.score, d.score]
    assert [hit.relevance is None for hit in moved] == [False, False, False, True]
    assert rerank_first([a, c], replace(plan, language="fr"), reranker) == [a, c]
    monkeypatch.setattr(CrossEncoder, "scores", Mock(side_effect=TimeoutError))
    assert rerank_first([a, c], plan, reranker) == [a, c]
    # A question to one report is read after where that is from.
    same = Mock(side_effect=lambda _, texts: [6.0] * len(texts))
    monkeypatch.setattr(CrossEncoder, "scores", same)
    rerank_first([a], replace(plan, alone=True), reranker)
    rerank_first([a, b], plan, reranker)
    origin = a.passage.context.partition(" | ")[0]
    assert [call.args[0] for call in same.call_args_list] == [f"{origin}: Why?", "Why?"]


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
