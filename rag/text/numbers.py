"""Reads numbers in texts, however they are written, so that equal ones are equal strings."""

import re
import unicodedata
from itertools import combinations

from rag.text.tokenize import LISTS, NUMERALS, strip_accents, words

# Thousands in groups ("1 049 767", "11.132"), or plain; then decimals.
_NUMBER = re.compile(r"\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?")
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.](\d\d))?\s*([ap])\.?\s?m\b\.?")
_FULL_HOUR = re.compile(r"\b(\d{1,2})[:h]00\b")
_SCALE = {word: int(n) for n, listed in LISTS["scales"].items() for word in listed.split()}
_NEXT_WORD = re.compile(r"\s*([^\W\d]+)")
_SPELLED = NUMERALS | {
    word: str(n)
    for n, listed in enumerate(LISTS["numbers"]["ordinal"], start=1)
    for word in listed.split()
}
# More addends are not tried for a sum.
_MOST_ADDENDS = 6


def numbers_in(text: str) -> set[str]:
    """The numbers of a text in digits: "1 049", "1,049" and "1.049" are "1049", "2 PM" is "14"."""
    # Arabic reports write Arabic digits.
    latin = re.sub(r"\d", lambda m: str(unicodedata.decimal(m.group())), strip_accents(text))
    latin = _FULL_HOUR.sub(r"\1", _CLOCK.sub(_on_24_hours, latin))
    return {_value(match.group(), latin[match.end() :]) for match in _NUMBER.finditer(latin)}


def spelled_in(text: str) -> set[str]:
    """The numbers that a text has as words, cardinal or ordinal, in the form of `numbers_in`."""
    return {_SPELLED[word] for word in words(text) if word in _SPELLED}


def is_sum(number: str, others: set[str]) -> bool:
    """Whether a number is the sum of two or more of the others."""
    values = sorted(map(float, others))[:_MOST_ADDENDS]
    sizes = range(2, len(values) + 1)
    return any(abs(sum(c) - float(number)) < 1e-9 for n in sizes for c in combinations(values, n))


def _on_24_hours(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[3] == "p" else 0)
    return f"{hour}:{match[2] or '00'}"


def _value(written: str, after: str) -> str:
    grouped = re.sub(r"[.,' \u00a0\u202f](?=\d{3}(?!\d))", "", written).replace(",", ".")
    number = float(grouped)
    if (word := _NEXT_WORD.match(after)) and (scale := _SCALE.get(word[1])):
        number *= scale
    return f"{number:.6f}".rstrip("0").rstrip(".")
