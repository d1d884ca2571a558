"""Says of each character of a report's file what it is, without the parser: for the audit.

It goes by the markers of the file's lines alone, and takes for an answer all that it can't name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.clean import clean
from ingest.forms import Forms
from ingest.lessons import head_key
from ingest.scan import find_tags, key, marker
from rag.types import Report, Span

ANSWER = "answer"
_CALLED = {
    "title": "title",
    "section": "section heading",
    "open": "group markup",
    "close": "group markup",
}
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
_WORDS = re.compile(r"[^\W_]")
_MARKS = frozenset("*[]")
_UNSEEN = ("Cc", "Cf")


@dataclass(frozen=True, slots=True)
class Piece:
    """raw[start:end] is of one kind: "answer", or why it is none."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Questions:
    """The questions under which a report's answers are filed, or that have no answer."""

    each: frozenset[str]
    joined: str

    def hold(self, text: str) -> bool:
        # A question over several lines is one question.
        return text in self.each or f" {text} " in self.joined


def pieces(report: Report, forms: Forms) -> Iterator[Piece]:
    """The pieces of a report's file, in order; what is blank is in none."""
    raw = report.raw
    questions = _questions(report)
    tags = [(tag.start, tag.end) for tag in find_tags(raw)][::-1]
    paragraph: list[Span] = []
    # The question that a paragraph stands under, or its section.
    under = ""
    titled = False
    for match in re.finditer(r"[^\n]+\n?|\n", raw):
        start, end = match.span()
        at = start
        while tags and tags[-1][0] < end:
            yield from _paragraph(paragraph, raw, under, forms)
            at = min(tags[-1][1], end)
            yield Piece("tag", max(tags[-1][0], start), at)
            if tags[-1][1] > end:
                break
            tags.pop()
        line = raw[at:end].strip()
        kind, text = ANSWER, line
        if line and at == start:
            kind, text = _kind_of_line(line, titled, questions, forms)
        if line and kind == ANSWER and text == line:
            paragraph.append((at, end))
            continue
        yield from _paragraph(paragraph, raw, under, forms)
        if kind == ANSWER:
            yield from _paragraph([(at, end)] if line else [], raw, "", forms)
            continue
        yield Piece(kind, at, end)
        titled = titled or kind == "title"
        if kind == "section heading":
            under = head_key(text)
        elif kind == "question" and key(text):
            under = key(text)
    yield from _paragraph(paragraph, raw, under, forms)


def _kind_of_line(line: str, titled: bool, questions: _Questions, forms: Forms) -> tuple[str, str]:
    """What a line is, and its words without the marker."""
    kind, width = marker(line, titled) or ("text", 0)
    text = line[width:].strip()
    if kind == "prompt":
        this = key(text)
        is_question = (
            clean(text) in ("", "None")
            or questions.hold(clean(text))
            or this in forms.prompts
            or bool(forms.record_key(this))
        )
        return "question" if is_question else ANSWER, text
    return _CALLED.get(kind, ANSWER), text


def _questions(report: Report) -> _Questions:
    each = dict.fromkeys((*(b.prompt for b in report.blocks), *report.unanswered))
    return _Questions(frozenset(each), " " + " \n ".join(each) + " ")


def _paragraph(lines: list[Span], raw: str, under: str, forms: Forms) -> Iterator[Piece]:
    """A paragraph is an answer but for its images, form text, and marks of a blank answer."""
    if not lines:
        return
    start, end = lines[0][0], lines[-1][1]
    lines.clear()
    text = raw[start:end]
    if _is_blank(text):
        yield Piece("blank answer", start, end)
        return
    own = [Piece("form text", a, b) for a, b in forms.form_spans(under, text)]
    own = own or [Piece("image", *m.span()) for m in _IMAGE.finditer(text)]
    at = 0
    for piece in own:
        yield Piece(ANSWER, start + at, start + piece.start)
        yield Piece(piece.kind, start + piece.start, start + piece.end)
        at = piece.end
    yield Piece(ANSWER, start + at, end)


def _is_blank(text: str) -> bool:
    """Whether a paragraph has nothing but dashes and marks."""
    return not _WORDS.search(text := _MARKUP.sub("", text)) and not any(
        _counts(char) and char not in "-–>_" for char in text
    )


def counted(raw: str) -> npt.NDArray[np.bool_]:
    """Which characters of a file count: all but white space, marks and markup."""
    codes = np.frombuffer(raw.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    seen, place = np.unique(codes, return_inverse=True)
    counts = np.array([_counts(chr(code)) for code in seen], dtype=np.bool_)
    found = counts[place] if len(raw) else np.zeros(0, dtype=np.bool_)
    for match in _MARKUP.finditer(raw):
        found[match.start() : match.end()] = False
    return found


def _counts(char: str) -> bool:
    return not char.isspace() and char not in _MARKS and unicodedata.category(char) not in _UNSEEN
