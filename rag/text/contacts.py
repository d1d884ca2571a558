"""Masks e-mail addresses and phone numbers in text, every character staying in its place.

An e-mail address is recognised by its form. A number is a phone number if one of these holds:

- it is written to be dialled from abroad, and is valid;
- a word for a phone number stands right before it ("Tel.: 1 234 567");
- it is valid in the report's country, and an address, the word "contact" or another phone number
  stands near.

None of these holds for figures, dates, coordinates and ids.
"""

import re
from collections.abc import Collection, Sequence

from rag.text.tokenize import LISTS

Span = tuple[int, int]
MASK = "•"
_AT = r"(?:@|&(?:amp;)*(?:#64|#x40|commat);|[\[(] ?(?:at|arroba|arobase) ?[\])])"
# Possessive quantifiers keep the time linear. A blank stands on both sides of
# the "@" or on neither; a blank only before it begins the name of an account.
_EMAIL = re.compile(
    rf"(?<![\w.%+-])([\w.%+-]++)(?:{_AT}| {_AT} )((?:[\w-]++\.)+[^\W\d_]{{2,}})", re.IGNORECASE
)
_MANY_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d){6,}")
# A number as people write it, with the signs that may stand between its digits.
_NUMBER = re.compile(
    r"(?<![\w+])(?<!\d[.,/-])[+(]{0,2}\d(?:(?:[-.()\u2010-\u2015 \t\xa0]{0,3}|/)\d){6,14}"
    r"(?!\w|[.,]\d)"
)
_FROM_ABROAD = re.compile(r"\W{0,3}(?:[+＋]|00)")
# For reports of no country: a country whose numbers to abroad begin with 00.
_ABROAD = "GB"
_PHONE, _ARABIC = ("|".join(LISTS["contacts"][name]) for name in ("phone", "phone_arabic"))
_PHONE_WORD = rf"(?:\b(?:{_PHONE})|{_ARABIC})"
_CUE = re.compile(
    rf"{_PHONE_WORD}(?: (?:numbers?|n[uú]m[eé]ro|no|nº|n°))?(?: ?\([^()\n]{{0,20}}\))?"
    r"[^\w\n]{0,4}\s{0,4}[+(]{0,2}\Z",
    re.IGNORECASE,
)
_NEAR = re.compile(r"@|\b(?:contac?t[aeo]?s?|what'?s ?app)\b|الاتصال", re.IGNORECASE)
_HINT = re.compile(rf"[+＋]|\b00\d|{_NEAR.pattern}|{_PHONE_WORD}", re.IGNORECASE)
# In characters, how far from a number words are looked for.
_REACH = 60
_BETWEEN_NUMBERS = re.compile(r"\s{0,2}(?:[;,/|&·\s]|\b(?:ou|or|o|and|et|y|e)\b|و)\s{0,2}\Z")
_DATE = re.compile(
    r"(?:19|20)\d\d\D{1,3}(?:19|20)\d\d|(?:19|20)\d\d(\D?)[01]?\d\1[0-3]?\d"
    r"|[0-3]?\d([./-])[0-3]?\d\2(?:19|20)?\d\d"
)
# "1 049 767", "11.132.456", "101.00333335".
_FIGURE = re.compile(r"\d{1,3}(?:([ .,\xa0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d+)?|\d+[.,]\d+")
_INSIDE_NUMBER = re.compile(r"(?:\w|\d[.,])\Z")
_LINK = re.compile(r"(?:://|www\.|\w\.\w{2,24}/)\S*\Z")
_PHONE_LINK = re.compile(r"(?:wa\.me/|phone=|tel:)\+?\Z", re.IGNORECASE)


def mask_contacts(text: str, regions: Sequence[str] = ()) -> str:
    """Replace the letters and digits of e-mail addresses and phone numbers with dots.

    `regions` are the ISO 3166 alpha-2 codes of the countries whose national numbers count. The
    length of the text stays the same.
    """
    spans = [match.span(part) for match in _EMAIL.finditer(text) for part in (1, 2)]
    # Most numbers are figures, and checking each closely would take longer than answering.
    numbers = _MANY_DIGITS.finditer(text)
    if any(_HINT.search(text, m.start() - _REACH, m.end() + _REACH) for m in numbers):
        spans += _phone_spans(text, regions)
    masked = list(text)
    for start, end in spans:
        masked[start:end] = (MASK if ch.isalnum() else ch for ch in text[start:end])
    return "".join(masked)


def _phone_spans(text: str, regions: Sequence[str]) -> list[Span]:
    valid = _valid_numbers(text, regions)
    spans = [m.span() for m in _NUMBER.finditer(text) if _is_announced(text, m.span(), valid)]
    ends = {end for _, end in spans}
    for (start, end), abroad in sorted(valid.items()):
        if _INSIDE_NUMBER.search(text, max(0, start - 2), start) or _in_link(text, start):
            continue
        near = _NEAR.search(text, max(0, start - _REACH), end + _REACH)
        joined = _BETWEEN_NUMBERS.search(text, max(0, start - 8), start)
        listed = joined and joined.start() in ends
        plain = _DATE.fullmatch(text, start, end) or _FIGURE.fullmatch(text, start, end)
        if abroad or ((near or listed) and not plain):
            spans.append((start, end))
            ends.add(end)
    return spans


def _valid_numbers(text: str, regions: Sequence[str]) -> dict[Span, bool]:
    """Spans of valid phone numbers -> whether they are written to be dialled from abroad."""
    # Imported here because it is slow to load.
    from phonenumbers import Leniency, PhoneNumberMatcher

    valid: dict[Span, bool] = {}
    for region in (*regions, _ABROAD):
        for match in PhoneNumberMatcher(text, region, Leniency.VALID, max_tries=len(text)):
            abroad = bool(_FROM_ABROAD.match(match.raw_string))
            if abroad or region in regions:
                valid[match.start, match.end] = abroad
    return valid


def _is_announced(text: str, span: Span, valid: Collection[Span]) -> bool:
    """Whether a word for a phone number stands right before a number that may be one."""
    start, end = span
    if not _CUE.search(text, max(0, start - _REACH), start):
        return False
    if _in_link(text, start) and not _PHONE_LINK.search(text, max(0, start - 8), start):
        return False
    if _DATE.fullmatch(text, start, end):
        return False
    return span in valid or not _FIGURE.fullmatch(text, start, end)


def _in_link(text: str, start: int) -> bool:
    return bool(_LINK.search(text, max(0, start - 200), start))
