"""Tells whether a report's words are a form's words, though spelt otherwise or cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from rag.types import Span

# Chosen by the examples of `tests/test_forms.py`. Over 2,189 reports, 4 of which have a variant,
# 0.4 to 0.9, 4 to 16 words, one in 10 to 40 and 0.5 to 0.9 of the letters give the same answers.
# A variant keeps this share of the form text's words; a text of fewer words must be the same.
MIN_KEPT = 0.8
MIN_WORDS = 8
# One word in so many may be another than the form's.
WORDS_PER_OTHER = 20
# Of two spellings of a word: the share of letters that they have in common.
MIN_SPELLING = 0.75
# Shorter questions are the same only when they are spelt the same. Of the 236 that 2,189 reports
# share 4 pairs are the same with 2 or 4 words, 7 with 1 ("age", "image"), none with 8; no passage
# differs for it.
MIN_ASKED = 4
_GAP = r"(?:&#?\w{1,30};|\W)+"
_EDGE = re.compile(r"[\s*_.:;!?)\]\"”»…]*")


def is_variant(text: str, form: str) -> bool:
    """Whether a text is a form text with some words misspelt, left out or (rarely) replaced.

    Both as `scan.key` makes them. A word that is added makes the whole a lab's, since a form
    may have blanks to be filled in; so does another number.
    """
    words, known = text.split(), form.split()
    if not MIN_KEPT * len(known) <= len(words) <= len(known) or len(known) < MIN_WORDS:
        return False
    if len(set(words) & set(known)) < MIN_KEPT * len(set(known)) - 1:
        return False
    kept = others = 0
    for kind, old, new in _changes(known, words):
        if kind == "insert" or len(new) > len(old):
            return False
        if kind == "replace" and any(word.isdigit() for word in (*old, *new)):
            return False
        others += sum(not _same_word(*pair) for pair in zip(old, new, strict=False))
        kept += len(new)
    return kept >= MIN_KEPT * len(known) and others <= len(known) // WORDS_PER_OTHER


def alike(one: str, other: str) -> bool:
    """Whether two questions (as `scan.key` makes them) are one with a word spelt otherwise."""
    a, b = one.split(), other.split()
    if min(len(a), len(b)) < MIN_ASKED or len(set(a) & set(b)) < max(len(a), len(b)) - 2:
        return False
    return all(
        kind == "equal" or (len(old) == len(new) and all(map(_same_word, old, new)))
        for kind, old, new in _changes(a, b)
    )


def _changes(old: list[str], new: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield kind, old[a:b], new[c:d]


def _same_word(one: str, other: str) -> bool:
    return one == other or SequenceMatcher(None, one, other).ratio() >= MIN_SPELLING


def find_words(text: str, form: str) -> Iterator[Span]:
    """Where in a text a form text's words stand one after another, with the marks around them."""
    pattern = r"(?<!\w)" + _GAP.join(map(re.escape, form.split())) + r"(?!\w)"
    for match in re.finditer(pattern, text, re.IGNORECASE):
        start = match.start()
        while start and text[start - 1] in "*_":
            start -= 1
        yield start, _EDGE.match(text, match.end()).end()  # type: ignore[union-attr]
