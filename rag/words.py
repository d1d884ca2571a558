"""Sentences, words and languages of text in the five languages of the reports."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from itertools import pairwise
from typing import Any

from bm25s import stopwords
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from Stemmer import Stemmer

# Those of the reports, by their English names, in small letters also those of stemmers.
LANGUAGES = {"en": "English", "fr": "French", "es": "Spanish", "pt": "Portuguese", "ar": "Arabic"}
_WORD = re.compile(r"\w+(?:['’]\w+)?")
# Only the first of a run of marks may begin a match: else a line of dots takes quadratic time.
_END = re.compile(r"(?<![.!?؟。…])[.!?؟。…]+[\"'”’»)\]]*(?=\s)|\n+")
_NUMBER = re.compile(r"\s*\(?\w{1,2}\.")
# A number before a full stop, and the word before it; after these it belongs to the sentence.
_LAST_NUMBER = re.compile(r"(?P<before>\w+)[;:,)]?\s+(?P<number>\d{1,2})\.$")
_COUNTS = (
    "phase stage step level type version part goal figure table day week year month number no sdg "
    "to of in by from and or at only than about over under is are was were the a "
    "étape niveau partie objectif tableau jour semaine année mois de à en et par sur "
    "fase etapa nivel parte objetivo figura tabla día semana año mes y o por con nível "
    "tabela dia ano mês e com"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.?g|i\.?e|etc|approx|ca|cf|vs|no|nos|nro|núm|mr|mrs|ms|dr|dra|sr|sra|st|inc|ltd"
    r"|co|fig|p|pp|art|al|ex|p\.ej|av|govt|u\.s|u\.n))\.$",
    re.IGNORECASE,
)
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


def sentences(text: str) -> list[tuple[int, int]]:
    """The (start, end) of each sentence or line of a text, white space at the ends left out."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        end = match.end()
        if match.group()[0] == "." and _goes_on(text, start, end):
            continue
        if match.group() == "." and (item := _next_item(text, start, end)):
            end = item
        _add_trimmed(spans, text, start, end)
        start = end
    _add_trimmed(spans, text, start, len(text))
    return spans


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether the full stop before `end` is part of an abbreviation or an item's number."""
    if _NUMBER.fullmatch(text, start, end):
        return True
    abbreviation = _ABBREVIATION.search(text, max(start, end - 8), end)
    if abbreviation and abbreviation.group().casefold() == "etc.":
        return not text[end : end + 2].strip()[:1].isupper()
    return bool(abbreviation)


def _next_item(text: str, start: int, end: int) -> int:
    """Where the number of the next item begins that a full stop ends; 0 where it ends none.

    "... dries the fish 2. Racks ..." is two items; "... in phase 2. Racks ..." two sentences.
    """
    found = _LAST_NUMBER.search(text, max(start, end - 40), end)
    if not found or found["before"].casefold() in _COUNTS.split() or found["before"][:1].isupper():
        return 0
    number = int(found["number"])
    beside = rf"(?<![\w.,])(?:{number - 1 or number + 1}|{number + 1})\.(?=\s*[^\W\d])"
    around = text[:start] + text[start : found.start("number")] + text[end:]
    return found.start("number") if re.search(beside, around) else 0


def _add_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


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


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def language_of(text: str, default: str = "en", min_letters: int = 20) -> str:
    """The language of a text among the five, or `default` where it is too short to tell."""
    if sum(ch.isalpha() for ch in text[:200]) < min_letters:
        return default
    language, probability = _identifier().classify(text[:600])
    return str(language) if probability >= 0.7 else default


def language_chances(text: str) -> dict[str, float]:
    """How probable each of the five languages is by the letters of a text, 0 to 1."""
    return {str(code): float(chance) for code, chance in _identifier().rank(text[:600])}


def share(wanted: Collection[str], have: Collection[str]) -> float:
    """The share of some words or terms that others have, 0 to 1; of none it is 0."""
    return sum(term in have for term in wanted) / len(wanted) if wanted else 0.0
