"""What a reader typed, as it was meant: without the capitals of a whole sentence, without slips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from rag.catalog.normalize import (
    UNKNOWN_RATIO,
    american,
    english_frequency,
    in_dictionary,
)
from rag.index.bm25 import KeywordIndex
from rag.places.countries import adjective_to_iso, names_to_iso
from rag.text.language import LANGUAGES
from rag.text.tokenize import stop_words, strip_accents, terms

# A shorter word is a slip away from too many others.
SHORTEST = 5
# Words that fewer passages have may be slips in the reports themselves, if they are this long.
FEW = 2
LONG = 7
# A longer question is a text, in which a slip matters little and looking for it takes long.
MOST = 400
# Fewer words in capitals are names.
_SHOUTED = 4
_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def as_meant(question: str, language: str, keyword: KeywordIndex) -> str:
    """A question in the words of the collection or of a dictionary that its own words stand for.

    A word that neither has, or that two passages have and no dictionary, gives way to the most
    usual one that is a slip away (a letter left out, added or changed, or two swapped). In other
    languages than English only names of countries do: the dictionaries lack too many of their
    inflected words.
    """
    calm = _calm(question)
    if len(calm) > MOST:
        return calm
    # Where a text uses capitals, a word without one is no country's name with a slip in it.
    capitals = calm != calm.lower()

    def meant(match: re.Match[str]) -> str:
        word = match.group()
        return _meant(word, language, keyword, places=not capitals or word[0].isupper())

    return _WORD.sub(meant, calm)


def _calm(question: str) -> str:
    shouted = question == question.upper() and question != question.lower()
    return question.lower() if shouted and len(question.split()) >= _SHOUTED else question


def _meant(word: str, language: str, keyword: KeywordIndex, *, places: bool) -> str:
    plain = strip_accents(word)
    if len(plain) < SHORTEST or not plain.isascii():
        return word
    # A word of another language has the stem that its own language gives it.
    here = max(
        _passages_with(plain, code, keyword) for code in dict.fromkeys((language, *LANGUAGES))
    )
    sure = here > FEW or (here and len(plain) < LONG) or plain in stop_words(language)
    if sure or _is_name(plain) or in_dictionary(plain) or in_dictionary(american(plain)):
        return word
    near = set(_one_slip_away(plain))
    found = {other: (len(other), 0) for other in near & _country_words() if places}
    if not found and language == "en":
        counted = {
            other: (english_frequency(other), _passages_with(other, language, keyword))
            for other in near
        }
        found = {other: n for other, n in counted.items() if n[0] or n[1] > FEW}
    best = max(found, key=lambda other: (found[other], other), default="")
    if not best or (here and found[best][1] < UNKNOWN_RATIO * here):
        return word
    return best.capitalize() if word[0].isupper() else best


def _passages_with(word: str, language: str, keyword: KeywordIndex) -> int:
    stems = {*terms(word, language), *terms(word, "en")}
    return max((len(keyword.column(stem)[0]) for stem in stems), default=0)


def _is_name(word: str) -> bool:
    return word in _country_words() or adjective_to_iso(word) is not None


@cache
def _country_words() -> frozenset[str]:
    return frozenset(word for name in names_to_iso() for word in name.split())


def _one_slip_away(word: str) -> Iterator[str]:
    """The words from which one slip (Damerau 1964) leads to a word; the first letter stays."""
    for i in range(1, len(word) + 1):
        before, rest = word[:i], word[i:]
        for letter in _LETTERS:
            yield before + letter + rest
            if rest and letter != rest[0]:
                yield before + letter + rest[1:]
        if rest:
            yield before + rest[1:]
        if len(rest) > 1 and rest[0] != rest[1]:
            yield before + rest[1] + rest[0] + rest[2:]
