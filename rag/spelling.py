"""Whether two words are one word spelt in two ways: British, in the plural, or with a slip."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache

from spellchecker import SpellChecker

LANGUAGES = ("en", "es", "fr", "pt")
# A slip in a short word makes another word too easily.
SHORTEST = 6
SHORTEST_TWO = 9
LONGEST = 40
# A word shorter than this must be meant this much oftener than it is misspelt.
LONG = 7
OFTENER = 3
# Two words that are both unknown: the one must be this rare, the other this much more common.
RARE = 2
TIMES = 10

# British -> American, after some letters at least: "four" is not "for".
_AMERICAN = (
    (re.compile(r"(?<=\w{3})our"), "or"),
    (re.compile(r"(?<=\w{3}[iy])s(?=(?:e|ed|es|er|ers|ing|ation|ations)$)"), "z"),
    (re.compile(r"(?<=\w{2}[aeion])tre(s?)$"), r"ter\1"),
    (re.compile(r"(?<=\w{2}n)tred$"), "tered"),
    (re.compile(r"(?<=\w{3})gramme(s?)$"), r"gram\1"),
    (re.compile(r"(?<=\w{2})logue(s?)$"), r"log\1"),
    (re.compile(r"(?<=\w{3})ll(?=(?:ed|er|ers|ing|or|ors)$)"), "l"),
)
# Endings of plurals and of their singulars in English, French, Spanish and Portuguese.
_PLURALS = (
    ("s", ""),
    ("ies", "y"),
    ("es", ""),
    ("men", "man"),
    ("ves", "f"),
    ("x", ""),
    ("aux", "al"),
    ("ces", "z"),
    ("oes", "ao"),
    ("ais", "al"),
    ("eis", "el"),
    ("ns", "m"),
)
# Beginnings that make another word when they change by a letter or two.
_PREFIX = re.compile(
    r"(?:counter|contra|hetero|extra|hydro|hyper|infra|inter|intra|intro|macro|micro|multi|"
    r"neuro|proto|retro|socio|super|supra|trans|ultra|under|agri|agro|ante|anti|endo|equi|"
    r"homo|hypo|mega|meso|meta|mini|mono|over|peri|post|semi|tele|bio|con|des|dis|eco|epi|"
    r"exo|mid|mis|neo|non|out|per|pre|pro|sub|sur|tri|uni|ab|ad|an|be|bi|co|de|di|en|ex|"
    r"il|im|in|ir|re|un|up|a)"
)


def in_dictionary(word: str) -> bool:
    """Whether a lower-case word, or its singular, is in the dictionary of one of LANGUAGES."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    return any(form in _dictionary(language) for language in LANGUAGES for form in forms)


def usual(word: str) -> int:
    """How usual an English word in lower case is; 0 if the dictionary has it not."""
    return int(_dictionary("en")[word])


@cache
def _dictionary(language: str) -> SpellChecker:
    # Read when first needed: the four take half a second.
    return SpellChecker(language=language)


def american(word: str) -> str:
    """A word of lower-case letters in American spelling ("behavioural" -> "behavioral")."""
    for pattern, written in _AMERICAN:
        word = pattern.sub(written, word)
    return word


def singular(word: str, known: Collection[str]) -> str:
    """The singular of a word if `known` has it, else the word as it is."""
    if word.endswith(("ss", "us", "is")) and not word.endswith(("ais", "eis")):
        return word
    for plural, one in _PLURALS:
        found = word.removesuffix(plural) + one
        if word.endswith(plural) and len(found) >= 3 and found in known:
            return found
    return word


def same_word(one: str, meant: str) -> bool:
    """Whether a word stands for another, known one: in the plural, or with a slip."""
    one, meant = american(one), american(meant)
    pair = (one, meant)
    return one == meant or singular(one, pair) == singular(meant, pair) or slips(one, meant) > 0


def slips(word: str, meant: str) -> int:
    """How many slips of the pen part two words; 0 if it is more likely that they are two words.

    One slip is a letter left out, added or changed, or two neighbours swapped (Damerau 1964);
    two are two letters in a row left out of a long word. The first letter and a prefix stay as
    they are, and so do the last two letters, unless swapped: endings carry meaning ("tourism",
    "tourist").
    """
    if word == meant or len(meant) < SHORTEST or word[:1] != meant[0]:
        return 0
    if _prefix(word) != _prefix(meant):
        return 0
    start = next(
        (i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), len(meant)
    )
    one, other = word[start:], meant[start:]
    if one[:2] == other[1::-1] and one[2:] == other[2:]:
        return 1
    if word[-2:] != meant[-2:]:
        return 0
    if one[1:] == other[1:] or one[1:] == other or one == other[1:]:
        return 1
    missing = len(meant) - len(word) == 2 and len(word) >= SHORTEST_TWO
    return 2 if missing and any(meant[:i] + meant[i + 2 :] == word for i in range(len(word))) else 0


def _prefix(word: str) -> str:
    found = _PREFIX.match(word)
    return found.group() if found else ""


def corrections(counts: Mapping[str, int], known: Callable[[str], bool]) -> dict[str, str]:
    """Misspelt word -> the word of the same vocabulary that is meant.

    A word is misspelt if no dictionary has it and it is a slip away from one that a dictionary
    has; or if it is very rare and a slip away from a common one. Two known words are two words,
    however close they are. A word that may stand for two others stays.

    Args:
        counts: words in lower case without accents, with how often each is used.
        known: whether a word is in a dictionary.
    """
    found: dict[str, str] = {}
    near = _neighbours(w for w in counts if SHORTEST - 1 <= len(w) <= LONGEST and _latin(w))
    for word, others in near.items():
        options: list[tuple[int, bool, str]] = []
        for other in others:
            steps = slips(word, other)
            often = counts[other] / counts[word]
            # A short unknown word may well be a name; a slip in it is rarer than the word meant.
            if not steps or (len(word) < LONG and often < OFTENER):
                continue
            rare = counts[word] <= RARE and often >= TIMES and len(word) >= LONG
            is_known = known(other)
            if is_known or (rare and steps == 1):
                options.append((steps, not is_known, other))
        options.sort()
        alone = len(options) == 1 or (options and options[0][:2] < options[1][:2])
        if alone and not known(word):
            found[word] = options[0][2]
    return {word: found.get(meant, meant) for word, meant in found.items()}


def _latin(word: str) -> bool:
    return word.isascii() and word.isalpha()


def _neighbours(words: Iterable[str]) -> dict[str, set[str]]:
    """Each word with those that may be slips of it: equal when a letter or two are left out.

    The deletion index of SymSpell: words that share nothing are never compared.
    """
    by_rest: dict[str, list[str]] = {}
    for word in sorted(words):
        for rest in set(_rests(word)):
            by_rest.setdefault(rest, []).append(word)
    near: dict[str, set[str]] = {}
    for group in by_rest.values():
        for word in group if len(group) > 1 else ():
            near.setdefault(word, set()).update(other for other in group if other != word)
    return near


def _rests(word: str) -> Iterator[str]:
    yield word
    yield from (word[:i] + word[i + 1 :] for i in range(1, len(word)))
    if len(word) >= SHORTEST_TWO:
        yield from (word[:i] + word[i + 2 :] for i in range(1, len(word) - 1))
