"""Words alike: what they translate, which words count, what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from passages import passage

from rag.index.bm25 import KeywordIndex
from rag.index.similar_terms import ALIKE, Lexicon
from rag.types import Passage

ENGLISH = [
    passage("Sellers at the market ask for credit."),
    passage("Sellers keep their money at home."),
    passage("Few sellers have a licence; the waste stays."),
    passage("Waste is burnt behind the school."),
    passage("Doctors find waste in the canal, few doctors."),
    passage("Doctors sleep."),
    passage("Doctors ask."),
]
FRENCH = [passage(f"Les vendeurs parlent du prêt {i}.", language="fr") for i in range(3)]


def made(passages: list[Passage]) -> tuple[KeywordIndex, Lexicon]:
    keyword = KeywordIndex.build(passages)
    return keyword, Lexicon.build(keyword)


def kept(passages: list[Passage]) -> set[str]:
    keyword, lexicon = made(passages)
    return {keyword.term(int(n)) for n in lexicon.numbers}


@pytest.mark.quality
@pytest.mark.parametrize(
    ("word", "language", "meant"),
    [
        ("vendeurs", "fr", "seller"),
        ("déchets", "fr", "wast"),
        ("médicos", "es", "doctor"),
        ("physicians", "en", "doctor"),
    ],
)
def test_a_word_is_near_to_what_means_the_same(word: str, language: str, meant: str) -> None:
    keyword, lexicon = made(ENGLISH)
    (alike,) = lexicon.alike(word, language, keyword)
    assert alike.near[meant] >= ALIKE
    assert len(alike.near) == 1


def test_rare_short_and_numbered_words_are_left_out() -> None:
    found = kept([passage(f"Canal 2023 ab mended {i}") for i in range(3)])
    assert {"canal", "mend"} <= found
    assert not found & {"2023", "ab", "0", "1", "2"}
    assert "licenc" not in kept(ENGLISH)


def test_a_saved_lexicon_is_the_same(tmp_path: Path) -> None:
    keyword, lexicon = made([*ENGLISH, *FRENCH])
    lexicon.save(tmp_path / "lexicon.npz")
    loaded = Lexicon.load(tmp_path / "lexicon.npz")
    one, other = (x.alike("vendeurs", "fr", keyword) for x in (lexicon, loaded))
    assert [w.near.keys() for w in one] == [w.near.keys() for w in other]


def test_no_passages_and_no_words_give_nothing(tmp_path: Path) -> None:
    keyword, empty = made([])
    empty.save(tmp_path / "lexicon.npz")
    assert Lexicon.load(tmp_path / "lexicon.npz").alike("vendeurs", "fr", keyword) == ()
    keyword, lexicon = made(ENGLISH)
    assert lexicon.alike("2023 ?", "en", keyword) == ()


def test_a_grown_collection_keeps_the_vectors_of_its_words() -> None:
    keyword, lexicon = made(ENGLISH)
    grown = [*ENGLISH, *(passage(f"Ferries carry bicycles {i}.") for i in range(3))]
    known = [*range(len(ENGLISH)), -1, -1, -1]
    larger = KeywordIndex.build(grown, keyword, known)
    found = Lexicon.build(larger, lexicon)
    terms = [larger.term(int(n)) for n in found.numbers]
    assert {"seller", "wast", "ferri", "bicycl"} <= set(terms)
    before = lexicon.vectors[[keyword.term(int(n)) for n in lexicon.numbers].index("seller")]
    assert np.array_equal(found.vectors[terms.index("seller")], before)
    assert Lexicon.build(larger, found) is found
