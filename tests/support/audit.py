"""Measures what of the labs' words is in the passages, and lists what is not, by kind.

The file of each report is read once more, without the parser. Every character that is not found to
be something else is an answer's, and must be in exactly one passage.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest.parsing.form_text import Forms, head_key
from ingest.parsing.scan import clean, is_blank, key, scan
from rag.types import Passage, Report, Span

APART = 80  # characters between two pieces
# By kind of event what is a form's or a machine's.
_KINDS = {"title": "title", "tag": "tag", "section": "section heading"}
_KINDS |= dict.fromkeys(("open", "close"), "group markup")


@dataclass(slots=True)
class Audit:
    """The counts of a collection, which `add` takes in report by report.

    `right` of the `characters` of answers are in exactly one passage; white space and markup don't
    count. `left_out` has by kind what is not: each piece with its report.
    """

    forms: Forms
    reports: int = 0
    characters: int = 0
    right: int = 0
    left_out: defaultdict[str, list[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @property
    def answer_share(self) -> float:
        """The share of right characters."""
        return self.right / self.characters if self.characters else 1.0

    def add(self, report: Report, passages: Sequence[Passage]) -> None:
        """Compare a report's file with its passages."""
        raw = report.raw
        counts = _counted(raw)

        def leave_out(kind: str, start: int, end: int) -> None:
            if counts[start:end].any():
                self.left_out[kind].append((report.info.id, raw[start:end]))

        for kind, start, end in _no_answers(report, self.forms):
            leave_out(kind, start, end)
            counts[start:end] = False
        times = np.zeros(len(raw), dtype=np.uint8)
        for start, end in (span for passage in passages for span in passage.spans):
            times[start:end] += 1
        for kind, is_wrong in (("answer in no passage", times == 0), ("answer twice", times > 1)):
            for start, end in _runs(counts & is_wrong):
                leave_out(kind, start, end)
        self.characters += int(counts.sum())
        self.right += int((counts & (times == 1)).sum())
        self.reports += 1


def _runs(wrong: npt.NDArray[np.bool_]) -> Iterator[Span]:
    """Where characters are wrong; those a few characters apart are one run."""
    at = np.flatnonzero(wrong)
    for run in np.split(at, np.flatnonzero(np.diff(at) > APART) + 1):
        if len(run):
            yield int(run[0]), int(run[-1]) + 1


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


def _no_answers(report: Report, forms: Forms) -> Iterator[tuple[str, int, int]]:
    """Which parts of a report's file are no answers, each with its kind; told without the parser.

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
        elif event.kind in _KINDS:
            yield _KINDS[event.kind], start, end
            under = head_key(event.text) if event.kind == "section" else under
        elif event.kind == "prompt" and (
            not event.text
            or f" {clean(event.text)} " in joined
            or key(event.text) in forms.prompts | forms.records
        ):
            yield "question", start, end
            under = key(event.text) or under
        else:
            yield from _in_paragraph(start, report.raw[start:end], "", forms)


def _in_paragraph(at: int, text: str, under: str, forms: Forms) -> Iterator[tuple[str, int, int]]:
    """What of a paragraph is no answer: its images, form text, and marks of a blank answer."""
    bare = _MARKUP.sub("", text)
    only_marks = not any(_counts(char) and char not in "-–>_" for char in bare)
    if only_marks or ((cleaned := clean(text)) and is_blank(cleaned)):
        yield "blank answer", at, at + len(text)
    elif form_spans := forms.form_spans(under, text):
        yield from (("form text", at + start, at + end) for start, end in form_spans)
    else:
        yield from (("image", at + m.start(), at + m.end()) for m in _IMAGE.finditer(text))


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
