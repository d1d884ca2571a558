"""Sentences, words and languages of text in the five languages of the reports."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from itertools import pairwise
from typing import Any

from bm25s import stopwords
from Stemmer import Stemmer

from rag.text.language import LANGUAGES

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_ARABIC_STOP = (
    "هي هو هم في من على الى إلى عن مع هذا هذه التي الذي ما هل أن ان كان كيف و او أو لم لا ثم قد"
)
_QUESTION_STOP = {
    "en": "did does do what which who how many much lab labs report reports say tell us about "
    "learn learned learnt",
    "fr": "quel quelle quels quelles combien comment pourquoi laboratoire laboratoires rapport "
    "rapports est-ce lab labs labo labos ont fait appris "
    "qu'est qu’est qu'ont qu’ont qu'a qu’a c'est c’est",
    "es": "cuál cuáles qué quién quiénes cuánto cuántos cuántas cómo laboratorio laboratorios "
    "informe informes lab labs aprendieron aprendio",
    "pt": "qual quais quem quanto quantos quantas como laboratório laboratórios relatório "
    "relatórios lab labs aprenderam aprendeu",
    "ar": "ماذا كيف متى أين كم مختبر مختبرات المختبر المختبرات تقرير تقارير",
}


def strip_accents(text: str) -> str:
    """Text without combining marks, in lower case."""
    text = text.casefold()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text)
    for mark in {ch for ch in set(text) if unicodedata.combining(ch)}:
        text = text.replace(mark, "")
    return text


def words(text: str) -> list[str]:
    """The words of a text in lower case and without accents, stop words included."""
    # A word with a curly apostrophe ("l’eau", "lab’s") is the one with a straight one.
    return _WORD.findall(strip_accents(text).replace("’", "'"))


def content_words(text: str, language: str) -> list[str]:
    """The words of a text without its language's stop words: those that `terms` stems."""
    stop = stop_words(language)
    return [w for w in words(text) if w not in stop and (len(w) > 1 or w.isdigit())]


def content_forms(text: str, language: str) -> list[str]:
    """The content words of a text as they are written, each once, numbers aside."""
    written = written_words(text)
    found = dict.fromkeys(written.get(w, w) for w in content_words(text, language))
    return [word for word in found if len(word) > 2 and word.isalpha()]


def written_words(text: str) -> dict[str, str]:
    """Each word of a text as it is written, in lower case, by itself without accents."""
    written = _WORD.findall(unicodedata.normalize("NFC", text).casefold().replace("’", "'"))
    return {strip_accents(word): word for word in written}


def terms(text: str, language: str) -> list[str]:
    """The stemmed content words of a text: what keyword search counts."""
    kept = content_words(text, language)
    stemmer = _stemmer(language)
    return kept if stemmer is None else list(stemmer.stemWords(kept))


def terms_and_pairs(text: str, language: str) -> list[str]:
    """The terms of a text and each two that follow each other ("mobil money")."""
    found = terms(text, language)
    return [*found, *(f"{first} {second}" for first, second in pairwise(found))]


def focus(text: str, language: str) -> str:
    """A question without its stop words: what it is about. The text itself if nothing is left."""
    stop = stop_words(language)
    kept = [word for word in _WORD.findall(text) if strip_accents(word) not in stop]
    return " ".join(kept) or text


@cache
def stop_words(language: str) -> frozenset[str]:
    """Words of a language that say nothing about a topic, those of questions among them."""
    lists: dict[str, Any] = {
        "en": stopwords.STOPWORDS_EN_PLUS,
        "fr": stopwords.STOPWORDS_FRENCH,
        "es": stopwords.STOPWORDS_SPANISH,
        "pt": stopwords.STOPWORDS_PORTUGUESE,
        "ar": _ARABIC_STOP.split(),
    }
    given = (*lists.get(language, ()), *_QUESTION_STOP.get(language, "").split())
    return frozenset(strip_accents(word) for word in given)


def _stemmer(language: str) -> Any:
    name = LANGUAGES.get(language, "").lower()
    # A stemmer keeps state and is not safe to share between threads; making one is cheap.
    return Stemmer(name) if name else None


def share(wanted: Collection[str], have: Collection[str]) -> float:
    """The share of some words or terms that others have, 0 to 1; of none it is 0."""
    return sum(term in have for term in wanted) / len(wanted) if wanted else 0.0
