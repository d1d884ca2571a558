"""What words of questions mean: in English, word by word, and among the words of a collection."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from rag.index.vectors import VectorMemo, hashes
from rag.models.embeddings import encode_cached
from rag.query import gloss
from rag.query.gloss import ALIKE, english_phrase, english_word, in_english
from rag.text.tokenize import terms
from rag.types import Alike

FORMS = {"trader": "traders", "échang": "échange"}
WORDS = {"seller": "Sellers", "doctor": "Doctors", "wast": "waste"}


class Words:
    """An index of these words alone."""

    def __init__(self, folder: Path, words: dict[str, str]) -> None:
        self.frequent_words, self.vectors = words, VectorMemo(folder).find
        self.passages = range(99)

    def frequencies(self, terms: Collection[str]) -> list[int]:
        return [9 * (term in self.frequent_words) for term in terms]


def alike(folder: Path, words: dict[str, str], text: str, language: str) -> Any:
    if words:
        VectorMemo(folder).add(hashes(words.values()), encode_cached(list(words.values())))
    index: Any = Words(folder, words)
    return gloss.alike_words(index, text, language)


def test_what_french_puts_before_a_word_is_no_part_of_it(tmp_path: Path) -> None:
    assert alike(tmp_path, {}, "Who sells?", "en") == alike(tmp_path, WORDS, "2023 ?", "fr") == ()
    text = "Qu'est-ce qui n'a pas aidé pour l’énergie et l'eau, aujourd'hui ?"
    found = [word.terms for word in alike(tmp_path, WORDS, text, "fr")]
    assert [min(stems) for stems in found] == ["aid", "energ", "eau"]


@pytest.mark.quality
def test_a_word_is_near_to_what_means_the_same(tmp_path: Path) -> None:
    for meant, word, language in (("seller", "vendeurs", "fr"), ("doctor", "physicians", "en")):
        (found,) = alike(tmp_path, WORDS, word, language)
        assert found.near.keys() == {meant}
        assert found.near[meant] >= ALIKE


def test_rare_words_weigh_most_and_words_that_only_ask_nothing(tmp_path: Path) -> None:
    text = "¿Cuánto cuestan los residuos de las ballenas sellers?"
    asking, waste, whales, sellers = alike(tmp_path, WORDS, text, "es")
    assert asking.rarity == 0 < sellers.rarity < whales.rarity
    # What is rare in a language is as frequent as its English.
    (in_english,) = alike(tmp_path, WORDS, "waste", "en")
    assert waste.english == {"wast"}
    assert waste.rarity == in_english.rarity


def test_each_word_is_told_in_english_and_a_phrase_as_one() -> None:
    for language, question, english in (
        ("en", "Who paid?", "Who paid?"),
        ("es", "¿Cuántas familias usan estufas?", "how many families use stoves"),
        ("fr", "Quels déchets en Côte d'Ivoire ?", "what waste in Côte d'Ivoire"),
        ("pt", "Quanto lixo as famílias queimam?", "how much rubbish the families burning"),
        ("ar", "كم عدد النساء في القرى؟", "how many number women in villages"),
    ):
        glossed, wanted = in_english(question, language, (), {}).split(), english.split()
        # Which of several English words stands for one may change with the table.
        assert len(set(glossed) & set(wanted)) >= 0.7 * len(wanted), " ".join(glossed)
    asked = in_english("Accès à l'eau potable : qu'est-ce qui a marché ?", "fr", (), {})
    assert "drinking water" in asked
    assert asked.endswith("worked")
    assert "market" in in_english("les vendeuses du marché", "fr", (), {})


def test_words_that_are_in_no_table_come_from_the_collection_or_stay() -> None:
    near = [Alike(frozenset(terms("rabidantes", "pt")), {"trader": 0.9, "échang": 0.95})]
    glossed = in_english("Onde vendem as rabidantes em Assomada?", "pt", near, FORMS)
    assert {"traders", "assomada"} <= set(glossed.split())
    assert "échange" not in glossed
    # A question of unknown words is not told in English.
    assert in_english("Zxqw vbnm qwzx?", "es", (), {}) == ""
    assert in_english("Wo wird Müll verbrannt?", "de", (), {}) == ""


def test_words_that_only_bind_are_left_out_and_words_are_known_in_other_forms() -> None:
    assert in_english("¿Qué se vende?", "es", (), {}) == in_english("¿Qué vende?", "es", (), {})
    assert english_word("والمدارس", "ar") == english_word("مدارس", "ar") != ""
    assert english_word("inundações", "pt") == english_word("inundação", "pt") != ""
    # A phrase has a name as a whole.
    assert english_phrase("Las personas mayores", "es") == "older people"
    assert english_phrase("télétravail", "fr") == "remote work"
    assert english_phrase("mayores", "es") == english_phrase("road safety", "en") == ""
    # What Arabic joins with "and" is apart.
    assert gloss.with_and_apart("الزراعة والحدائق وأسواق") == "الزراعة و الحدائق و أسواق"
    assert gloss.with_and_apart("وزارة الصحة") == "وزارة الصحة"
