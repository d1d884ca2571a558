"""Keyword search and the lexicon: what is found, in which language, and what is saved."""

from pathlib import Path

import numpy as np
import pytest
from passages import passage, report

from rag.index.bm25 import ALIKE, KeywordIndex, Lexicon
from rag.types import Passage

PASSAGES = [
    passage("Women sell smoked fish at the market."),
    passage("Las mujeres venden pescado ahumado.", language="es"),
    passage("Solar pumps were rented by the hour.", report("n", "Namibia", "NA")),
    passage("..."),
]
SELLERS = [
    passage("Sellers at the market ask for credit."),
    passage("Sellers keep their money at home."),
    passage("Few sellers have a licence; the waste stays."),
    passage("Waste is burnt behind the school."),
    passage("Doctors find waste in the canal in 2023."),
    passage("Doctors sleep. 2023 ab."),
    passage("Doctors ask. 2023 ab, or ab."),
]
KEYWORD = KeywordIndex.build(SELLERS)


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
    index.save(tmp_path)
    loaded = KeywordIndex.load(tmp_path)
    for question in ("smoked fish", "blockchain"):
        assert np.array_equal(loaded.scores(question, "en"), index.scores(question, "en"))
    Lexicon.build(index).save(tmp_path / "lexicon.npz")
    assert Lexicon.load(tmp_path / "lexicon.npz").alike("2023 ?", "fr", index) == ()


@pytest.mark.quality
@pytest.mark.parametrize(
    ("word", "language", "meant"), [("vendeurs", "fr", "seller"), ("physicians", "en", "doctor")]
)
def test_a_word_is_near_to_what_means_the_same(word: str, language: str, meant: str) -> None:
    (alike,) = Lexicon.build(KEYWORD).alike(word, language, KEYWORD)
    assert alike.near[meant] >= ALIKE
    assert len(alike.near) == 1
