"""Keyword search: what is found, in which language, and what a saved index gives back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from passages import passage, report

from rag.index.bm25 import KeywordIndex
from rag.types import Passage

PASSAGES = [
    passage("Women sell smoked fish at the market."),
    passage("Las mujeres venden pescado ahumado.", language="es"),
    passage("Solar pumps were rented by the hour.", report("n", "Namibia", "NA")),
    passage("..."),
]


@pytest.mark.parametrize(
    ("question", "language", "best"),
    [
        ("Who sells fishes?", "en", 0),
        ("¿Quién vende pescados ahumados?", "es", 1),
        ("What happened in Namibia?", "en", 2),
        ("Que s'est-il passé avec les pumps ?", "fr", 2),
        ("blockchain", "en", None),
        ("the of and", "en", None),
    ],
)
def test_words_are_met_by_their_stems_and_in_the_context_line(
    question: str, language: str, best: int | None
) -> None:
    scores = KeywordIndex.build(PASSAGES).scores(question, language)
    assert scores.shape == (len(PASSAGES),)
    assert (int(np.argmax(scores)) if scores.any() else None) == best


@pytest.mark.parametrize(
    "passages", [PASSAGES, [], [passage("...", report("b", title=""), prompt="")]]
)
def test_a_saved_index_gives_the_same_scores(tmp_path: Path, passages: list[Passage]) -> None:
    index = KeywordIndex.build(passages)
    index.save(tmp_path / "keyword")
    loaded = KeywordIndex.load(tmp_path / "keyword", len(passages))
    for question in ("smoked fish", "blockchain"):
        scores = index.scores(question, "en")
        assert len(scores) == len(passages)
        assert np.array_equal(loaded.scores(question, "en"), scores)
