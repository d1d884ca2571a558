"""Questions of other languages word by word in English."""

import pytest

from rag.query.gloss import in_english
from rag.text.tokenize import terms
from rag.types import Alike


@pytest.mark.parametrize(
    ("language", "question", "english"),
    [
        ("en", "Who paid?", "Who paid?"),
        ("es", "¿Cuántas familias usan estufas?", "how many families use stoves"),
        ("fr", "Quels déchets en Côte d'Ivoire ?", "what waste in Côte d'Ivoire"),
        ("pt", "Quanto lixo as famílias queimam?", "how much rubbish the families burning"),
        ("ar", "كم عدد النساء في القرى؟", "how many number women in villages"),
    ],
)
def test_each_word_is_told_in_english(language: str, question: str, english: str) -> None:
    glossed = in_english(question, language, (), {}).split()
    # Which of several English words stands for one may change with the table.
    wanted = english.split()
    assert len(set(glossed) & set(wanted)) >= 0.7 * len(wanted), " ".join(glossed)


def test_words_that_are_in_no_table_come_from_the_collection_or_stay() -> None:
    near = [Alike(frozenset(terms("rabidantes", "pt")), {"trader": 0.9, "échang": 0.95})]
    glossed = in_english("Onde vendem as rabidantes em Assomada?", "pt", near, FORMS)
    assert {"traders", "assomada"} <= set(glossed.split())
    assert "échange" not in glossed


FORMS = {"trader": "traders", "échang": "échange"}


def test_a_question_of_unknown_words_is_not_told_in_english() -> None:
    assert in_english("Zxqw vbnm qwzx?", "es", (), {}) == ""
    assert in_english("Wo wird Müll verbrannt?", "de", (), {}) == ""
