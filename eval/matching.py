"""Compares texts: folded, by words, by facts.

The rules are this module's own: the yardstick must not share a fault with the product that it
measures. Facts are compared literally, and with their numbers read as values: "1,200", "1 200",
"1.200" and "1200" are one number, "1.2 million" and "1 200 000" another, "38,6 %" and "38.6 per
cent" a third, as English, French, Spanish, Portuguese and Arabic write them.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
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


# The value of a number, and whether it is a share of a hundred.
Value = tuple[Decimal, bool]
# Groups of three digits after the same separator, or digits; then perhaps decimals.
_NUMBER = re.compile(
    r"(?<!\d)(?P<integer>\d{1,3}(?P<sep>[ .,'])\d{3}(?:(?P=sep)\d{3})*(?!\d)|\d+)"
    r"(?:[.,](?P<decimals>\d+))?"
)


def _latin(folded: str) -> str:
    """Folded text without accents, its digits and separators those of English."""
    plain = (c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))
    digits = (str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    return unicodedata.normalize("NFC", "".join(digits)).replace("٬", ",").replace("٫", ".")


# "M" alone may be metres.
_SCALE = {
    word: power
    for power, names in (
        (3, "k thousand mil mille ألف ألفا آلاف"),
        (6, "million millions mn millón millones milhão milhões مليون مليونا ملايين"),
        (9, "billion billions bn milliard milliards bilhão bilhões مليار مليارات"),
    )
    for word in _latin(names).split()
}
# "mil millones", "mil milhões": the first word multiplies the second.
_SCALE_WORDS = re.compile(rf"\s?(?P<first>{'|'.join(_SCALE)})\b(?: (?P<second>mill?\w+|milh\w+))?")
_PERCENT = re.compile(
    r"\s?(?:[%٪]|(?:per ?cent|pour ?cent|por ?ciento|por ?cento)\b|"
    + _latin(r"(?:في |ب)ال(?:مئة|مائة))")
)
# One is left out: in four of the languages it is the article. "Once" is no eleven in English.
_SPELLED = {
    word: Decimal(number)
    for number, names in enumerate(
        (
            "two deux dos dois duas اثنان",
            "three trois tres três ثلاثة ثلاث",
            "four quatre cuatro quatro أربعة أربع",
            "five cinq cinco خمسة خمس",
            "six seis ستة ست",
            "seven sept siete sete سبعة سبع",
            "eight huit ocho oito ثمانية ثماني",
            "nine neuf nueve nove تسعة تسع",
            "ten dix diez dez عشرة عشر",
            "eleven onze",
            "twelve douze doce doze",
        ),
        start=2,
    )
    for word in _latin(names).split()
}


def has_fact_by_value(text: str, fact: str) -> bool:
    """Whether the text has each number of the fact by value, and its words of three letters up.

    A number with a percent sign needs one; a small number may be written out on either side. Words
    have to be the same, accents aside. Of alternatives ("a|b") one is enough.
    """
    if "|" in fact:
        return any(has_fact_by_value(text, part) for part in fact.split("|") if part.strip())
    fact_numbers, fact_rest = _read(fact)
    text_numbers, text_rest = _read(text)
    text_words = _letter_words(text_rest)
    values = {value for number in text_numbers for value in number}
    values |= {(_SPELLED[word], False) for word in text_words if word in _SPELLED}
    plain = {value for value, _ in values}
    fact_words = {word for word in _letter_words(fact_rest) if len(word) > 2}
    if not fact_numbers and not fact_words:
        return fold(fact) in fold(text)
    # The first reading of a fact's number is the one it means.
    has_numbers = all(n[0] in values if n[0][1] else n[0][0] in plain for n in fact_numbers)
    return has_numbers and all(
        word in text_words or _SPELLED.get(word) in plain for word in fact_words
    )


@lru_cache(maxsize=512)
def _read(text: str) -> tuple[list[tuple[Value, ...]], str]:
    """The numbers of a text, each with all its readings, and the text without them."""
    plain = _latin(fold(text))
    numbers, rest, last = [], [], 0
    for match in _NUMBER.finditer(plain):
        if match.start() < last:
            continue
        power, end = _scale(plain, match.end())
        percent = _PERCENT.match(plain, end)
        readings = [(value.scaleb(power), bool(percent)) for value in _values(match)]
        numbers.append(tuple(readings))
        rest.append(plain[last : match.start()])
        last = percent.end() if percent else end
    return numbers, " ".join([*rest, plain[last:]])


def _values(match: re.Match[str]) -> Iterator[Decimal]:
    integer, separator, decimals = match["integer"], match["sep"], match["decimals"]
    if separator and separator in ".," and integer.startswith("0"):
        yield Decimal(integer.replace(separator, "."))  # "0.125" is no group of three
        return
    digits = re.sub(r"\D", "", integer)
    yield Decimal(f"{digits}.{decimals}" if decimals else digits)
    # "in phase 2 300 people" may be two numbers that a space parts.
    if separator == " ":
        yield from map(Decimal, integer.split(" "))


def _scale(text: str, end: int) -> tuple[int, int]:
    """The power of ten that the words after a number say, and where they end."""
    match = _SCALE_WORDS.match(text, end)
    if not match:
        return 0, end
    second = match["second"]
    if second in _SCALE:
        return _SCALE[match["first"]] + _SCALE[second], match.end()
    return _SCALE[match["first"]], match.end("first")


def _letter_words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", text))
