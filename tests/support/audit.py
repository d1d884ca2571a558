"""Measures what of the labs' words is in the passages.

The file of each report is read once more, without the parser. Every character that is not found to
be something else is an answer's, and must be in exactly one passage.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ingest.parsing.form_text import Forms, head_key
from ingest.parsing.scan import clean, is_blank, key, scan
from rag.types import Passage, Report, Span


def audit(report: Report, passages: Sequence[Passage], forms: Forms) -> tuple[str, str]:
    """The characters of answers in a report's file, and those not in exactly one passage.

    White space and markup don't count.
    """
    counts = _counted(report.raw)
    times = np.zeros(len(counts), dtype=np.uint8)
    for start, end in _no_answers(report, forms):
        counts[start:end] = False
    for start, end in (span for passage in passages for span in passage.spans):
        times[start:end] += 1
    every, lost = np.flatnonzero(counts), np.flatnonzero(counts & (times != 1))
    return "".join(report.raw[n] for n in every), "".join(report.raw[n] for n in lost)


_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)")
# What is written for a machine inside answers: a link's marks and address, elements, white
# space and elements written as entities (escaped several times over).
_AMP = r"&(?:amp;){0,5}"
_MARKUP = re.compile(
    r"\]\(\s{0,20}(?:https?://|www\.)[^()\n]{0,20000}(?:\([^()\s]*\)[^()\n]{0,2000})*\)"
    rf"|</?[a-z][^<>]{{0,2000}}>|{_AMP}(?:nbsp|\#160|\#xa0|zwnj|zwj|shy);"
    rf"|{_AMP}lt;/?[a-z][^<>\n]{{0,200}}?{_AMP}gt;|^\s*>",
    re.IGNORECASE | re.MULTILINE,
)


def _no_answers(report: Report, forms: Forms) -> Iterator[Span]:
    """Which parts of a report's file are no answers; told without the parser.

    It goes by the markers of lines alone. All that can't be named is taken for an answer.
    """
    questions = dict.fromkeys((*(b.prompt for b in report.blocks), *report.unanswered))
    # A question over several lines is one question.
    joined = " " + " \n ".join(questions) + " "
    # The question that a paragraph stands under, or its section.
    under = ""
    for event in scan(report.raw):
        start, end = event.start, event.end
        if event.kind == "text":
            yield from _in_paragraph(start, event.text, under, forms)
        elif event.kind in ("title", "tag", "section", "open", "close"):
            yield start, end
            under = head_key(event.text) if event.kind == "section" else under
        elif event.kind == "prompt" and (
            not event.text
            or f" {clean(event.text)} " in joined
            or key(event.text) in forms.prompts | forms.records
        ):
            yield start, end
            under = key(event.text) or under
        else:
            yield from _in_paragraph(start, report.raw[start:end], "", forms)


def _in_paragraph(at: int, text: str, under: str, forms: Forms) -> Iterator[Span]:
    """What of a paragraph is no answer: its images, form text, and marks of a blank answer."""
    bare = _MARKUP.sub("", text)
    only_marks = not any(_counts(char) and char not in "-–>_" for char in bare)
    if only_marks or ((cleaned := clean(text)) and is_blank(cleaned)):
        yield at, at + len(text)
        return
    images = [match.span() for match in _IMAGE.finditer(text)]
    yield from ((at + a, at + b) for a, b in forms.form_spans(under, text) or images)


def _counted(raw: str) -> npt.NDArray[np.bool_]:
    """Which characters of a file count: all but white space, marks and markup."""
    codes = np.frombuffer(raw.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    seen, place = np.unique(codes, return_inverse=True)
    counts = np.array([_counts(chr(code)) for code in seen], dtype=np.bool_)
    flags = counts[place] if len(raw) else np.zeros(0, dtype=np.bool_)
    for match in _MARKUP.finditer(raw):
        flags[match.start() : match.end()] = False
    return flags


def _counts(char: str) -> bool:
    return not (char.isspace() or char in "*[]" or unicodedata.category(char) in ("Cc", "Cf"))
