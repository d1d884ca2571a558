"""Words alike: what they translate, which words count, what is saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from passages import passage

from rag.index.bm25 import KeywordIndex
from rag.index.similar_terms import ALIKE, Lexicon

ENGLISH = [
    passage("Sellers at the market ask for credit."),
    passage("Sellers keep their money at home."),
    passage("Few sellers have a licence; the waste stays."),
    passage("Waste is burnt behind the school."),
    passage("Doctors find waste in the canal in 2023."),
    passage("Doctors sleep. 2023 ab."),
    passage("Doctors ask. 2023 ab, or ab."),
]
KEYWORD = KeywordIndex.build(ENGLISH)


def words(keyword: KeywordIndex, lexicon: Lexicon) -> list[str]:
    return [keyword.term(int(n)) for n in lexicon.numbers]


@pytest.mark.quality
@pytest.mark.parametrize(
    ("word", "language", "meant"), [("vendeurs", "fr", "seller"), ("physicians", "en", "doctor")]
)
def test_a_word_is_near_to_what_means_the_same(word: str, language: str, meant: str) -> None:
    (alike,) = Lexicon.build(KEYWORD).alike(word, language, KEYWORD)
    assert alike.near[meant] >= ALIKE
    assert len(alike.near) == 1


def test_a_grown_collection_keeps_the_vectors_of_its_words(tmp_path: Path) -> None:
    lexicon = Lexicon.build(KEYWORD)
    assert {"seller", "wast", "doctor"} <= set(words(KEYWORD, lexicon))
    # Rare, short and numbered words are left out.
    assert not {"licenc", "ab", "2023"} & set(words(KEYWORD, lexicon))
    lexicon.save(tmp_path / "lexicon.npz")
    loaded = Lexicon.load(tmp_path / "lexicon.npz")
    assert words(KEYWORD, loaded) == words(KEYWORD, lexicon)
    grown = [*ENGLISH, *(passage(f"Ferries carry bicycles {i}.") for i in range(3))]
    larger = KeywordIndex.build(grown, KEYWORD, [*range(len(ENGLISH)), -1, -1, -1])
    result = Lexicon.build(larger, loaded)
    assert {"seller", "wast", "ferri", "bicycl"} <= set(words(larger, result))
    seller = loaded.vectors[words(KEYWORD, loaded).index("seller")]
    assert np.array_equal(result.vectors[words(larger, result).index("seller")], seller)
    assert Lexicon.build(larger, result) is result


def test_no_passages_and_no_words_give_nothing(tmp_path: Path) -> None:
    keyword = KeywordIndex.build([])
    Lexicon.build(keyword).save(tmp_path / "lexicon.npz")
    assert Lexicon.load(tmp_path / "lexicon.npz").alike("vendeurs", "fr", keyword) == ()
    assert Lexicon.build(KEYWORD).alike("2023 ?", "en", KEYWORD) == ()
