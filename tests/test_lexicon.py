"""Words alike: what they translate, what they add to keyword search, and what they must not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from passages import passage

from rag.keyword import KeywordIndex
from rag.lexicon import Lexicon, alike_scores
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


def made(passages: list[Passage]) -> tuple[KeywordIndex, Lexicon, np.ndarray]:
    keyword = KeywordIndex.build(passages)
    languages = np.array([p.language for p in passages])
    return keyword, Lexicon.build(keyword, languages), languages


def gains(question: str, language: str, passages: list[Passage]) -> list[float]:
    keyword, lexicon, languages = made(passages)
    alike = lexicon.alike(question, language, keyword)
    return alike_scores(keyword, alike, language, languages).tolist()


def test_a_word_is_searched_for_in_the_other_language() -> None:
    found = gains("Où les vendeurs cherchent-ils un prêt ?", "fr", ENGLISH)
    assert all(score > 0 for score in found[:3])
    assert not any(found[3:])


def test_accents_are_kept_for_the_model() -> None:
    assert gains("Que fait-on des déchets ?", "fr", ENGLISH)[3] > 0
    _, lexicon, _ = made([passage("Les déchets brûlent.", language="fr")] * 3)
    keyword, _, _ = made([passage("Les déchets brûlent.", language="fr")] * 3)
    assert "déchets" in {keyword.forms[int(n)] for n in lexicon.numbers}


def test_a_passage_with_the_word_itself_gains_nothing_more() -> None:
    keyword, lexicon, languages = made([*ENGLISH, *FRENCH])
    alike = lexicon.alike("les vendeurs", "fr", keyword)
    found = alike_scores(keyword, alike, "fr", languages)
    assert found[:3].min() > 0
    assert not found[len(ENGLISH) :].any()


def test_an_english_question_gains_in_english_passages_only() -> None:
    found = gains("What do physicians and sellers say?", "en", [*ENGLISH, *FRENCH])
    assert found[4] > 0
    assert not any(found[len(ENGLISH) :])


def test_a_synonym_counts_less_than_a_translation() -> None:
    synonym = max(gains("physicians", "en", ENGLISH))
    translated = max(gains("médicos", "es", ENGLISH))
    assert 0 < synonym < translated


def test_rare_short_and_numbered_words_are_left_out() -> None:
    keyword, lexicon, _ = made([passage(f"Canal 2023 ab mended {i}") for i in range(3)])
    kept = {keyword.term(int(n)) for n in lexicon.numbers}
    assert {"canal", "mend"} <= kept
    assert not kept & {"2023", "ab", "0", "1", "2"}
    keyword, lexicon, _ = made(ENGLISH)
    assert "licenc" not in {keyword.term(int(n)) for n in lexicon.numbers}


def test_a_saved_lexicon_is_the_same(tmp_path: Path) -> None:
    keyword, lexicon, _ = made([*ENGLISH, *FRENCH])
    lexicon.save(tmp_path / "lexicon.npz")
    loaded = Lexicon.load(tmp_path / "lexicon.npz")
    one, other = (x.alike("vendeurs", "fr", keyword) for x in (lexicon, loaded))
    assert [w.searched.keys() for w in one] == [w.searched.keys() for w in other]


def test_no_passages_and_no_words_give_nothing(tmp_path: Path) -> None:
    keyword, empty, _ = made([])
    empty.save(tmp_path / "lexicon.npz")
    assert Lexicon.load(tmp_path / "lexicon.npz").alike("vendeurs", "fr", keyword) == ()
    keyword, lexicon, _ = made(ENGLISH)
    assert lexicon.alike("2023 ?", "en", keyword) == ()


def test_a_grown_collection_keeps_the_vectors_of_its_words() -> None:
    keyword, lexicon, _ = made(ENGLISH)
    grown = [*ENGLISH, *(passage(f"Ferries carry bicycles {i}.") for i in range(3))]
    known = [*range(len(ENGLISH)), -1, -1, -1]
    larger = KeywordIndex.build(grown, keyword, known)
    found = Lexicon.build(larger, np.array(["en"] * len(grown)), lexicon)
    terms = [larger.term(int(n)) for n in found.numbers]
    assert {"seller", "wast", "ferri", "bicycl"} <= set(terms)
    before = lexicon.vectors[[keyword.term(int(n)) for n in lexicon.numbers].index("seller")]
    assert np.array_equal(found.vectors[terms.index("seller")], before)
    again = Lexicon.build(larger, np.array(["en"] * len(grown)), found)
    assert again is found
