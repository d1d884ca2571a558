"""Sentences, words and languages of text in the five languages of the reports."""

from __future__ import annotations

import re

# Only the first of a run of marks may begin a match: else a line of dots takes quadratic time.
_END = re.compile(r"(?<![.!?؟。…])[.!?؟。…]+[\"'”’»)\]]*(?=\s)|\n+")
_NUMBER = re.compile(r"\s*\(?\w{1,2}\.")
# A number before a full stop, and the word before it; after these it belongs to the sentence.
_LAST_NUMBER = re.compile(r"(?P<before>\w+)[;:,)]?\s+(?P<number>\d{1,2})\.$")
_COUNTS = (
    "phase stage step level type version part goal figure table day week year month number no sdg "
    "to of in by from and or at only than about over under is are was were the a "
    "étape niveau partie objectif tableau jour semaine année mois de à en et par sur "
    "fase etapa nivel parte objetivo figura tabla día semana año mes y o por con nível "
    "tabela dia ano mês e com"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.?g|i\.?e|etc|approx|ca|cf|vs|no|nos|nro|núm|mr|mrs|ms|dr|dra|sr|sra|st|inc|ltd"
    r"|co|fig|p|pp|art|al|ex|p\.ej|av|govt|u\.s|u\.n))\.$",
    re.IGNORECASE,
)


def sentences(text: str) -> list[tuple[int, int]]:
    """The (start, end) of each sentence or line of a text, white space at the ends left out."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        end = match.end()
        if match.group()[0] == "." and _goes_on(text, start, end):
            continue
        if match.group() == "." and (item := _next_item(text, start, end)):
            end = item
        _add_trimmed(spans, text, start, end)
        start = end
    _add_trimmed(spans, text, start, len(text))
    return spans


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether the full stop before `end` is part of an abbreviation or an item's number."""
    if _NUMBER.fullmatch(text, start, end):
        return True
    abbreviation = _ABBREVIATION.search(text, max(start, end - 8), end)
    if abbreviation and abbreviation.group().casefold() == "etc.":
        return not text[end : end + 2].strip()[:1].isupper()
    return bool(abbreviation)


def _next_item(text: str, start: int, end: int) -> int:
    """Where the number of the next item begins that a full stop ends; 0 where it ends none.

    "... dries the fish 2. Racks ..." is two items; "... in phase 2. Racks ..." two sentences.
    """
    found = _LAST_NUMBER.search(text, max(start, end - 40), end)
    if not found or found["before"].casefold() in _COUNTS.split() or found["before"][:1].isupper():
        return 0
    number = int(found["number"])
    beside = rf"(?<![\w.,])(?:{number - 1 or number + 1}|{number + 1})\.(?=\s*[^\W\d])"
    around = text[:start] + text[start : found.start("number")] + text[end:]
    return found.start("number") if re.search(beside, around) else 0


def _add_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
