"""Masks e-mail addresses and phone numbers in text, every character staying in its place.

An e-mail address is known by its form. A number is taken for a phone number where it is written
to be dialled from abroad and is valid, where a word for it stands right before it ("Tel.: 1 234
567"), or where it is valid in the report's country and an address, the word "contact" or another
phone number stands near. Figures, dates, coordinates and ids have none of these, however many
digits they have.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rag.types import Span

MASK = "•"
_AT = r"(?:@|&(?:amp;)*(?:#64|#x40|commat);|[\[(] ?(?:at|arroba|arobase) ?[\])])"
_SPELLED_AT = re.compile(
    r"[&\[(](?:(?:amp;)*(?:#64|#x40|commat);| ?a(?:t|rroba|robase) ?[\])])", re.I
)
# Possessive, so that no text is looked at again and again. A blank stands on both sides of the
# "@" or on neither: the names of accounts have one before it.
_EMAIL = re.compile(
    rf"(?<![\w.%+-])([\w.%+-]++)(?:{_AT}| {_AT} )((?:[\w-]++\.)+[^\W\d_]{{2,}})",
    re.IGNORECASE,
)
_MANY_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d){6,}")
# A number as people write it, with what may stand between its digits.
_NUMBER = re.compile(
    r"(?<![\w+])(?<!\d[.,/-])[+(]{0,2}\d(?:(?:[-.()\u2010-\u2015 \t\xa0]{0,3}|/)\d){6,14}"
    r"(?!\w|[.,]\d)"
)
_FROM_ABROAD = re.compile(r"\W{0,3}(?:[+＋]|00)")
# Numbers from abroad begin with 00 here: for reports of no country.
_ABROAD = "GB"
_CALLED = (
    r"(?:\b(?:t[eé]l(?:[eé](?:phones?|phoniques?|fonos?|fones?|m[oó]vel))?|tlf|tfno|telefon"
    r"|(?:cell?|tele)?-?phones?|cell?|celular(?:es)?|mob(?:iles?)?|m[oó]vil(?:es)?|gsm|fax|sms"
    r"|what'?s ?app|viber|telegram|hotline|call|contac?t[aeo]?s?|wa\.me/)"
    r"|هاتف|جوال|موبايل|واتساب|تلفون)"
)
_CUE = re.compile(
    rf"{_CALLED}(?: (?:numbers?|n[uú]m[eé]ro|no|nº|n°))?(?: ?\([^()\n]{{0,20}}\))?"
    r"[^\w\n]{0,4}\s{0,4}[+(]{0,2}\Z",
    re.IGNORECASE,
)
_NEAR = re.compile(r"@|\b(?:contac?t[aeo]?s?|what'?s ?app)\b|الاتصال", re.IGNORECASE)
_HINT = re.compile(rf"[+＋]|\b00\d|{_NEAR.pattern}|{_CALLED}", re.IGNORECASE)
_REACH = 60
_AND = re.compile(r"\s{0,2}(?:[;,/|&·\s]|\b(?:ou|or|o|and|et|y|e)\b|و)\s{0,2}\Z")
_DATE = re.compile(
    r"(?:19|20)\d\d\D{1,3}(?:19|20)\d\d|(?:19|20)\d\d(\D?)[01]?\d\1[0-3]?\d"
    r"|[0-3]?\d([./-])[0-3]?\d\2(?:19|20)?\d\d"
)
# "1 049 767", "11.132.456", "101.00333335".
_FIGURE = re.compile(r"\d{1,3}(?:([ .,\xa0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d+)?|\d+[.,]\d+")
_GOES_ON = re.compile(r"(?:\w|\d[.,])\Z")
_LINK = re.compile(r"(?:://|www\.|\w\.\w{2,24}/)\S*\Z")
_CALLING_LINK = re.compile(r"(?:wa\.me/|phone=|tel:)\+?\Z", re.IGNORECASE)


def mask_contacts(text: str, regions: Sequence[str] = ()) -> str:
    """A text of equal length whose e-mail addresses and phone numbers have dots for characters.

    `regions` are the ISO 3166 alpha-2 codes of the countries whose own numbers are known.
    """
    spans: list[Span] = []
    if "@" in text or _SPELLED_AT.search(text):
        spans += (match.span(part) for match in _EMAIL.finditer(text) for part in (1, 2))
    # Most digits are figures, and to look at each closely would take longer than to answer.
    many = _MANY_DIGITS.finditer(text)
    if any(_HINT.search(text, m.start() - _REACH, m.end() + _REACH) for m in many):
        spans += _phones(text, regions)
    if not spans:
        return text
    masked = list(text)
    for start, end in spans:
        masked[start:end] = (MASK if ch.isalnum() else ch for ch in text[start:end])
    return "".join(masked)


def _phones(text: str, regions: Sequence[str]) -> list[Span]:
    """Where phone numbers stand."""
    valid = _valid(text, regions)
    spans = [m.span() for m in _NUMBER.finditer(text) if _is_announced(text, m.span(), valid)]
    ends = {end for _, end in spans}
    for (start, end), abroad in sorted(valid.items()):
        if _GOES_ON.search(text, max(0, start - 2), start) or _in_link(text, start):
            continue
        near = _NEAR.search(text, max(0, start - _REACH), end + _REACH)
        joined = _AND.search(text, max(0, start - 8), start)
        listed = joined and joined.start() in ends
        if abroad or ((near or listed) and not _is_plain(text[start:end])):
            spans.append((start, end))
            ends.add(end)
    return spans


def _valid(text: str, regions: Sequence[str]) -> dict[Span, bool]:
    """Numbers that are valid, each with whether it is written to be dialled from abroad."""
    # Imported when it is needed: it takes a moment to load.
    from phonenumbers import Leniency, PhoneNumberMatcher

    found: dict[Span, bool] = {}
    for region in (*regions, _ABROAD):
        for match in PhoneNumberMatcher(text, region, Leniency.VALID, max_tries=len(text)):
            abroad = bool(_FROM_ABROAD.match(match.raw_string))
            if abroad or region in regions:
                found[match.start, match.end] = abroad
    return found


def _is_announced(text: str, span: Span, valid: Collection[Span]) -> bool:
    """Whether a word for phone numbers stands right before a number that may be one."""
    start, end = span
    if not _CUE.search(text, max(0, start - _REACH), start):
        return False
    if _in_link(text, start) and not _CALLING_LINK.search(text, max(0, start - 8), start):
        return False
    if _DATE.fullmatch(text, start, end):
        return False
    return span in valid or not _FIGURE.fullmatch(text, start, end)


def _is_plain(shown: str) -> bool:
    """Whether digits are written as a date or a figure is."""
    return bool(_DATE.fullmatch(shown) or _FIGURE.fullmatch(shown))


def _in_link(text: str, start: int) -> bool:
    """Whether what stands at a place belongs to the address of a page."""
    return bool(_LINK.search(text, max(0, start - 200), start))
