"""Keyword search: what is found, in which language, and what a saved index gives back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from passages import passage, report

from rag.index.bm25 import KeywordIndex

PASSAGES = [
    passage("Women sell smoked fish at the market."),
    passage("Las mujeres venden pescado ahumado.", language="es"),
    passage("Solar pumps were rented by the hour.", report("n", "Namibia", "NA")),
    passage("..."),
]


def best(question: str, language: str = "en") -> int:
    scores = KeywordIndex.build(PASSAGES).scores(question, language)
    assert scores.shape == (len(PASSAGES),)
    return int(np.argmax(scores)) if scores.any() else -1


def test_inflected_words_meet() -> None:
    assert best("Who sells fishes?") == 0
    assert best("renting a pump") == 2


def test_each_language_has_its_stems() -> None:
    assert best("¿Quién vende pescados ahumados?", "es") == 1


def test_the_context_line_is_searched() -> None:
    assert best("What happened in Namibia?") == 2


def test_a_name_is_found_by_a_question_in_another_language() -> None:
    assert best("Que s'est-il passé avec les pumps ?", "fr") == 2


def test_unknown_words_find_nothing() -> None:
    assert best("blockchain") == -1
    assert best("the of and") == -1
    assert best("") == -1


def test_no_passages_give_no_scores(tmp_path: Path) -> None:
    empty = KeywordIndex.build([])
    assert empty.scores("fish", "en").size == 0
    empty.save(tmp_path / "empty")
    assert KeywordIndex.load(tmp_path / "empty", 0).scores("fish", "en").size == 0


def test_passages_without_a_word_can_be_indexed() -> None:
    bare = report("b", title="")
    index = KeywordIndex.build([passage("...", bare, prompt="")])
    assert index.scores("fish", "en").tolist() == [0.0]


def test_a_saved_index_gives_the_same_scores(tmp_path: Path) -> None:
    index = KeywordIndex.build(PASSAGES)
    index.save(tmp_path / "keyword")
    loaded = KeywordIndex.load(tmp_path / "keyword", len(PASSAGES))
    for question in ("smoked fish", "pump", "blockchain"):
        assert np.array_equal(loaded.scores(question, "en"), index.scores(question, "en"))
