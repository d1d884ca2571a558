"""Texts compared: folded, by words, by facts; by rules of this module and not of the product.

The yardstick must not share a fault with what it measures.
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
    """Whether the text has the fact, or all its numbers and words of three letters up."""
    wanted, folded = _plain_numbers(fact), _plain_numbers(text)
    if wanted in folded:
        return True
    words = [w for w in re.findall(r"\w+", wanted) if len(w) > 2 or w.isdigit()]
    return bool(words) and set(words) <= set(re.findall(r"\w+", folded))


def overlap(a: str, b: str) -> tuple[float, float]:
    """The words two texts share (as multisets), as a share of the first and of the second."""
    ours, theirs = _words(a), _words(b)
    shared = (ours & theirs).total()
    return shared / max(1, ours.total()), shared / max(1, theirs.total())


@lru_cache(maxsize=512)
def fold(text: str) -> str:
    """The text with entities, typographic marks, white space and case made alike."""
    plain = unicodedata.normalize("NFKC", html.unescape(html.unescape(text)))
    return re.sub(r"\s+", " ", plain.translate(_FOLD)).strip().casefold()


@lru_cache(maxsize=512)
def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", fold(text)))


def _plain_numbers(text: str) -> str:
    grouped = re.sub(r"(?<=\d)[\s.,'](?=\d{3}\b)", "", fold(text))
    return grouped.replace(",", ".")
