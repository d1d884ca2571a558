"""Search by words as they are written: passages with all of them, and with phrases in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.catalog.tag_fields import Filters
from rag.index.interface import Index
from rag.retrieval.hybrid import is_personal
from rag.retrieval.postprocess import mask_passage
from rag.text.tokenize import strip_accents, terms
from rag.types import Passage

MOST_READ = 3000  # passages that have all words and are looked at for phrases
_PHRASE = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]")
_WORD = re.compile(r"\w+")
_AROUND = 90  # characters before the first word that was found, and twice as many after it


@dataclass(frozen=True, slots=True)
class Found:
    """A report's best passage, how many of its passages have the words, and a piece of the text.

    `pieces` are the parts of that piece, each with whether it is one of the words.
    """

    passage: Passage
    passages: int
    pieces: tuple[tuple[str, bool], ...]


def find_words(
    index: Index, text: str, language: str, filters: Filters, *, mask: bool = True
) -> list[Found]:
    """The reports with a passage that has all words of a text, beside its title; the best first.

    With `mask` the pieces are those of passages without contacts.
    """
    phrases = [" ".join(_folded(phrase).split()) for phrase in _PHRASE.findall(text)]
    rows: dict[int, float] = {}
    wanted: set[str] = set()
    for code in dict.fromkeys((language, "en")):
        if own := set(terms(text, code)):
            wanted |= own
            rows |= dict(index.having([[term] for term in own], filters))
    best = sorted(rows, key=lambda row: -rows[row])[:MOST_READ]
    by_report: dict[str, list[Passage]] = {}
    for passage in index.rows(best).values():
        said = " ".join(_folded(f"{passage.report.title} {passage.text}").split())
        if all(phrase in said for phrase in phrases) and not is_personal(passage):
            by_report.setdefault(passage.report.id, []).append(passage)
    shown = (mask_passage(having[0]) if mask else having[0] for having in by_report.values())
    return [
        Found(best, len(having), tuple(_pieces(best, wanted)))
        for best, having in zip(shown, by_report.values(), strict=True)
    ]


def _pieces(passage: Passage, wanted: set[str]) -> Iterator[tuple[str, bool]]:
    text = passage.text
    spans = [
        match.span()
        for match in _WORD.finditer(text)
        if not wanted.isdisjoint({*terms(match[0], passage.language), *terms(match[0], "en")})
    ]
    first = spans[0][0] if spans else 0
    at, end = max(0, first - _AROUND), min(len(text), first + 2 * _AROUND)
    if at:
        at = text.find(" ", at) + 1 or at
        yield "… ", False
    for start, stop in spans:
        if at <= start and stop <= end:
            yield text[at:start], False
            yield text[start:stop], True
            at = stop
    yield text[at:end] + (" …" if end < len(text) else ""), False


def _folded(text: str) -> str:
    return strip_accents(text).casefold()
