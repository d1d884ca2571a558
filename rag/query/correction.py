"""Corrects slips of the keyboard in questions, and writes out what is typed short."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from rag.catalog.normalize import american, frequency, in_dictionary
from rag.index.interface import Index
from rag.places.countries import adjective_to_iso, names_to_iso
from rag.query.wordings import written_out
from rag.text.tokenize import LANGUAGES, stop_words, strip_accents, terms

SHORTEST = 5  # letters: a shorter word is a slip away from too many others
# A word that no more passages than FEW have may be a slip in a report: one of LONG letters and more
# of any word, a shorter one of a word that everybody uses.
FEW = 2
LONG = 7
_UNKNOWN_RATIO = 10  # how many times as many passages have a word that another is a slip of
_COMMON = 100_000  # how frequent a dictionary has a word that a shorter one may be a slip of
MOST = 400  # characters: in a longer text a slip matters little and looking for it takes long
# Fewer words in capitals are names, not a sentence.
_SHOUTED = 4
# "Amina's" is a name.
_WORD = re.compile(r"[^\W\d_]+\b(?!(?<=[a-z])['’]s\b)")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def without_capitals(question: str) -> str:
    """A question in lower case if all of it is in capitals and it has more words than a name."""
    shouted = question == question.upper() and question != question.lower()
    return question.lower() if shouted and len(question.split()) >= _SHOUTED else question


def correct(question: str, language: str, index: Index) -> str:
    """A question written out, its slips replaced by words of the collection or of a dictionary.

    A word that neither has, or that two passages have and no dictionary, is replaced by the most
    usual one that is a slip away (a letter left out, added or changed, or two swapped). In other
    languages than English only names of countries are: the dictionaries lack too many of their
    inflected words.
    """
    if len(question) > MOST:
        return question
    question = written_out(question, language)
    # Where a text uses capitals, a word without one is no country's name with a slip in it.
    capitals = question != question.lower()
    plain = {word: strip_accents(word) for word in _WORD.findall(question)}
    unknown = {word: p for word, p in plain.items() if not _is_known(p, language)}
    # A word of another language has the stem that its own language gives it.
    counts = _passages_with(unknown.values(), {language, *LANGUAGES}, index)
    had_by = dict(zip(unknown, counts, strict=True))

    def replacement(match: re.Match[str]) -> str:
        word = match.group()
        if word not in had_by or had_by[word] > FEW:
            return word
        places = not capitals or word[0].isupper()
        best = _slip_of(unknown[word], had_by[word], language, index, places=places)
        if not best:
            return word
        return best.capitalize() if word[0].isupper() else best

    return _WORD.sub(replacement, question)


def _is_known(word: str, language: str) -> bool:
    """Whether a word is too short for a slip, a dictionary's or that of a country's name."""
    if len(word) < SHORTEST or not word.isascii() or word in stop_words(language):
        return True
    is_name = word in _country_words() or adjective_to_iso(word) is not None
    return is_name or in_dictionary(word) or in_dictionary(american(word))


def _slip_of(word: str, count: int, language: str, index: Index, *, places: bool) -> str:
    """What a word that so many passages have is a slip of; "" for none."""
    near = set(one_slip_away(word))
    # Each candidate with how usual it is, and how many passages have it.
    candidates = {other: (len(other), 0) for other in near & _country_words() if places}
    if not candidates and language == "en":
        passages_of = zip(near, _passages_with(near, [language], index), strict=True)
        usage = {other: (frequency(other), passages) for other, passages in passages_of}
        # What only has the stem of another word ("driverness") is none that anybody wrote.
        written = {o for o in near for stem in terms(o, language) if index.spellings.get(stem) == o}
        candidates = {
            other: use
            for other, use in usage.items()
            if use[0] or (use[1] > FEW and other in written)
        }
    best = max(candidates, key=lambda other: (candidates[other], other), default="")
    use, passages = candidates.get(best, (0, 0))
    is_rarer = passages < _UNKNOWN_RATIO * count and best not in stop_words(language)
    is_rare = count and len(word) < LONG and use < _COMMON
    return "" if is_rarer or is_rare else best


def _passages_with(words: Iterable[str], languages: Iterable[str], index: Index) -> list[int]:
    """How many passages have each word, by its most usual stem in these languages and English."""
    codes = {*languages, "en"}
    stems = [{stem for code in codes for stem in terms(word, code)} for word in words]
    every = list(set().union(*stems))
    counts = dict(zip(every, index.frequencies(every), strict=True)) if every else {}
    return [max((counts[stem] for stem in own), default=0) for own in stems]


@cache
def _country_words() -> frozenset[str]:
    return frozenset(word for name in names_to_iso() for word in name.split())


def one_slip_away(word: str) -> Iterator[str]:
    """Every word that is a slip away, as Damerau (1964) has them; the first letter stays."""
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
