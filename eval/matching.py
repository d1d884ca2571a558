"""Compares texts: folded, by words, by facts.

The rules are this module's own: the yardstick must not share a fault with the product that it
measures.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from functools import lru_cache

_FOLD = str.maketrans("‘’“”«»–—\u2011", '\'\'""""---', "\u200b\ufeff")


def holds(text: str, quote: str) -> bool:
    """Whether the text has the quote verbatim (folded) or nine tenths of its words.

    The looser rule is for passages, not whole reports: a text over 12 times as long as the
    quote (720 characters for short ones) has most words of anything.
    """
    folded, wanted = fold(text), fold(quote)
    if wanted in folded:
        return True
    return len(folded) < 12 * max(len(wanted), 60) and overlap(quote, text)[0] >= 0.9


def has_fact(text: str, fact: str) -> bool:
    """Whether the text has the fact, or all its numbers and words of three letters up.

    Of alternatives ("a|b") one is enough.
    """
    if "|" in fact:
        return any(has_fact(text, part) for part in fact.split("|") if part.strip())
    wanted, folded = _plain_numbers(fact), _plain_numbers(text)
    if wanted in folded:
        return True
    words = [w for w in re.findall(r"\w+", wanted) if len(w) > 2 or w.isdigit()]
    return bool(words) and set(words) <= set(re.findall(r"\w+", folded))


def tells(text: str, value: str | int) -> bool:
    """Whether the text has the value; a number as a whole number."""
    if isinstance(value, int):
        return bool(re.search(rf"(?<![\d.,]){value}(?!\d|[.,]\d)", _plain_numbers(text)))
    return fold(value) in fold(text)


def overlap(a: str, b: str) -> tuple[float, float]:
    """The words two texts share (as multisets), as a share of the first and of the second."""
    words_a, words_b = _words(a), _words(b)
    shared = (words_a & words_b).total()
    return shared / max(1, words_a.total()), shared / max(1, words_b.total())


@lru_cache(maxsize=512)
def fold(text: str) -> str:
    """The text with entities, typographic marks, white space and case made alike."""
    plain = unicodedata.normalize("NFKC", html.unescape(html.unescape(text)))
    return re.sub(r"\s+", " ", plain.translate(_FOLD)).strip().casefold()


def single_line(text: str, length: int = 0) -> str:
    """The text on one line, printable, cut to `length` characters (0: not cut)."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if not length or len(line) <= length else line[: length - 3] + "..."


@lru_cache(maxsize=512)
def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", fold(text)))


def _plain_numbers(text: str) -> str:
    grouped = re.sub(r"(?<=\d)[\s.,'](?=\d{3}\b)", "", fold(text))
    return grouped.replace(",", ".")
