"""Masks e-mail addresses and phone numbers in text, every character staying in its place.

An e-mail address is recognised by its form. A number is a phone number if one of these holds:

- it is written to be dialled from abroad, and is valid;
- a word for a phone number stands right before it ("Tel.: 1 234 567");
- it is valid in the report's country, and an address or such a word stands near.

None of these holds for figures, dates, coordinates and ids.
"""

import re
from collections.abc import Iterator, Sequence

from rag.text.tokenize import LISTS

MASK = "•"
# Possessive quantifiers keep the time linear. A blank stands on both sides of
# the "@" or on neither; a blank only before it begins the name of an account.
_EMAIL = re.compile(r"(?<![\w.%+-])([\w.%+-]++)(?:@| @ )((?:[\w-]++\.)+[^\W\d_]{2,})")
_MANY_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d){6,}")
_FROM_ABROAD = re.compile(r"\W{0,3}(?:[+＋]|00)")
# For reports of no country: a country whose numbers to abroad begin with 00.
_ABROAD = "GB"
_PHONE, _ARABIC = ("|".join(LISTS["contacts"][name]) for name in ("phone", "phone_arabic"))
_PHONE_WORD = rf"(?:\b(?:{_PHONE})|{_ARABIC})"
# A word for a phone number, and a number as people write it, with the signs between its digits.
_ANNOUNCED = re.compile(
    rf"{_PHONE_WORD}(?: (?:numbers?|n[uú]m[eé]ro|no|nº|n°))?(?: ?\([^()\n]{{0,20}}\))?"
    r"[^\w\n/]{0,4}\s{0,4}([+(]{0,2}\d(?:(?:[-.()\u2010-\u2015 \t\xa0]{0,3}|/)\d){6,14})"
    r"(?!\w|[.,]\d)",
    re.IGNORECASE,
)
_NEAR = re.compile(rf"@|الاتصال|{_PHONE_WORD}\b", re.IGNORECASE)
_HINT = re.compile(rf"[+＋]|\b00\d|{_NEAR.pattern}", re.IGNORECASE)
# In characters, how far from a number words are looked for.
_REACH = 60
# Years, dates, and numbers in groups: "1 049 767", "11.132.456", "101.00333335".
_FIGURE = re.compile(
    r"(?:19|20)\d\d\D{1,3}(?:19|20)\d\d|(?:19|20)\d\d(\D?)[01]?\d\1[0-3]?\d"
    r"|\d{1,3}(?:([ .,\xa0\u202f])\d{3})(?:\2\d{3})*(?:[.,]\d+)?|\d+[.,]\d+"
)
# What stands before a part of a longer number, or of a link.
_INSIDE = re.compile(r"(?:[\w/=]|\d[.,])\Z")


def mask_contacts(text: str, regions: Sequence[str] = ()) -> str:
    """Replace the letters and digits of e-mail addresses and phone numbers with dots.

    `regions` are the ISO 3166 alpha-2 codes of the countries whose national numbers count. The
    length of the text stays the same.
    """
    spans = [match.span(part) for match in _EMAIL.finditer(text) for part in (1, 2)]
    # Most numbers are figures, and checking each closely would take longer than answering.
    numbers = _MANY_DIGITS.finditer(text)
    if any(_HINT.search(text, m.start() - _REACH, m.end() + _REACH) for m in numbers):
        announced = (match.span(1) for match in _ANNOUNCED.finditer(text))
        spans += (span for span in announced if not _FIGURE.fullmatch(text, *span))
        spans += _valid_numbers(text, regions)
    masked = list(text)
    for start, end in spans:
        masked[start:end] = (MASK if ch.isalnum() else ch for ch in text[start:end])
    return "".join(masked)


def _valid_numbers(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where valid phone numbers are that are to be dialled from abroad, or stand near a contact."""
    # Imported here because it is slow to load.
    from phonenumbers import Leniency, PhoneNumberMatcher

    for region in (*regions, _ABROAD):
        for match in PhoneNumberMatcher(text, region, Leniency.VALID, max_tries=len(text)):
            start, end = match.start, match.end
            if _INSIDE.search(text, max(0, start - 2), start):
                continue
            near = _NEAR.search(text, max(0, start - _REACH), end + _REACH)
            is_contact = near and region in regions and not _FIGURE.fullmatch(text, start, end)
            if is_contact or _FROM_ABROAD.match(match.raw_string):
                yield start, end
