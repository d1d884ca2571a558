"""Measures what of the labs' words is in the passages.

The file of each report is read once more, without the parser. Every letter and digit that is not
found to be something else is an answer's, and must be in exactly one passage.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from ingest.form_text import Forms, head_key
from ingest.scan import BLANK, clean, key, scan
from rag.types import Passage, Report, Span

# What is written for a machine inside answers: images, a link's address, elements, and white space
# and elements written as entities (escaped several times over).
_AMP = r"&(?:amp;){0,5}"
_MARKUP = re.compile(
    r"!\[[^\]\n]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)"
    r"|\]\(\s{0,20}(?:https?://|www\.)[^()\n]{0,20000}(?:\([^()\s]*\)[^()\n]{0,2000})*\)"
    rf"|</?[a-z][^<>]{{0,2000}}>|{_AMP}(?:nbsp|\#160|\#xa0|zwnj|zwj|shy);"
    rf"|{_AMP}lt;/?[a-z][^<>\n]{{0,200}}?{_AMP}gt;",
    re.IGNORECASE,
)


def audit(report: Report, passages: Sequence[Passage], forms: Forms) -> tuple[str, str]:
    """The letters and digits of answers in a report's file, and those not in just one passage."""
    counts = np.array([char.isalnum() for char in report.raw], np.bool_)
    times = np.zeros(len(counts), np.uint8)
    markup = (match.span() for match in _MARKUP.finditer(report.raw))
    for start, end in (*markup, *_no_answers(report, forms)):
        counts[start:end] = False
    for start, end in (span for passage in passages for span in passage.spans):
        times[start:end] += 1
    every, lost = np.flatnonzero(counts), np.flatnonzero(counts & (times != 1))
    return "".join(report.raw[n] for n in every), "".join(report.raw[n] for n in lost)


def _no_answers(report: Report, forms: Forms) -> Iterator[Span]:
    """Which parts of a report's file are no answers; told without the parser.

    It goes by the markers of lines alone. All that can't be named is taken for an answer.
    """
    questions = {*(b.prompt for b in report.blocks), *report.unanswered}
    # The question that a paragraph stands under, or its section.
    under = ""
    for event in scan(report.raw):
        is_asked = event.kind == "prompt" and (
            not event.text
            or clean(event.text) in questions
            or key(event.text) in forms.prompts | forms.records
        )
        if is_asked or event.kind in ("title", "tag", "section", "open", "close"):
            yield event.start, event.end
            under = head_key(event.text) if event.kind == "section" else under
            under = key(event.text) or under if is_asked else under
        elif BLANK.fullmatch(clean(text := report.raw[event.start : event.end])) or (
            event.kind == "text" and forms.has(under, text)
        ):
            yield event.start, event.end
