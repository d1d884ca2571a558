"""The lines of an answer as a document lays them out, and text that any document can hold."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.text.citation_marks import keep_known
from rag.text.sentences import BULLET
from rag.types import Answer, Citation

Kind = Literal["paragraph", "bullet", "numbered", "heading"]


@dataclass(frozen=True, slots=True)
class Run:
    """Words of a line; `part` numbers the answer that they link to, `note` a source."""

    text: str
    bold: bool = False
    note: int = 0
    part: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph, list item or heading of an answer; `number` is that of a numbered item."""

    kind: Kind
    runs: tuple[Run, ...]
    number: int = 0

    @property
    def text(self) -> str:
        """Its words, without the numbers of sources."""
        return "".join(run.text for run in self.runs)


_NOTE_OR_BOLD = re.compile(r"\[(\d{1,6})\]|\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_ITEM = re.compile(r"(?:[-*•]|(\d{1,3})[.)])\s+(.*)")
# How an answer made of the reports' own sentences says who speaks: "Peru, Boats (2022, plan): ..."
_SPEAKER = re.compile(
    r"([^\[\]*:]{2,400} \((?:\d{4}|\?)(?:[,،] \w+(?: \w+){0,3})?\)[ \u00a0\u202f]?:)(?= )"
)
_HEADING = re.compile(r"#{1,6}\s+(.*)")
# Not allowed in XML, or without a meaning in a document: C0 and C1 controls, halves of pairs.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# A text between these has a direction of its own.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_BIDI_CONTROL = re.compile("[\u202a-\u202e\u2066-\u2069]")


def answer_lines(text: str, known: Mapping[int, int]) -> Iterator[Line]:
    """The lines of an answer's text, cleaned."""
    for kind, number, words in kinds_of_lines(clean(text)):
        yield Line(kind, runs_of(words, known), number)


def kinds_of_lines(text: str) -> Iterator[tuple[Kind, int, str]]:
    """What each line is in Markdown, the number of an item that has one, and its words."""
    for line in filter(None, map(str.strip, text.splitlines())):
        if item := _ITEM.fullmatch(line):
            yield "numbered" if item[1] else "bullet", int(item[1] or 0), item[2]
        elif heading := _HEADING.fullmatch(line):
            yield "heading", 0, heading[1]
        else:
            yield "paragraph", 0, line


def runs_of(text: str, known: Mapping[int, int]) -> tuple[Run, ...]:
    """The words and notes of a line; its `known` marks `[n]` have the numbers of their sources."""
    if spoken := speaker(text):
        name, speech, turns = spoken
        text = f"**{name}**{f' {_ISOLATE}{speech.strip()}{_END_ISOLATE}' if turns else speech}"
    runs, at = list[Run](), 0
    for match in _NOTE_OR_BOLD.finditer(text):
        note, before = known.get(int(match[1] or 0), 0), text[at : match.start()]
        if match[1] and not note:
            continue
        if not (note and runs and runs[-1].note == note and not before.strip()):
            runs.append(Run(before.rstrip() if note else before))
            runs.append(Run("", note=note) if note else Run(match[2], bold=True))
        at = match.end()
    runs.append(Run(text[at:]))
    return tuple(run for run in runs if run.text or run.note)


def speaker(text: str) -> tuple[str, str, bool] | None:
    """Who speaks in a line, what they say, and whether that runs the other way; None for nobody.

    A lab's name stands in the language of the question, its words in their own.
    """
    match = _SPEAKER.match(text)
    if not match:
        return None
    name, speech = match[1], text[match.end() :]
    return name, speech, right_to_left(name) != right_to_left(speech)


def clean(text: str) -> str:
    """Text that any document can hold: no control characters, lines ended by newlines."""
    return _CONTROL.sub("", "\n".join(text.splitlines())).replace("\t", " ")


def one_line(text: str) -> str:
    """Text on one line, without the marks that would turn the words around it."""
    return " ".join(_BIDI_CONTROL.sub("", clean(text)).split())


def shortened(text: str, length: int) -> str:
    """A text of at most so many characters, cut between words."""
    return text if len(text) <= length else text[:length].rsplit(None, 1)[0] + " …"


def right_to_left(text: str) -> bool:
    """Whether the first letter with a direction is one that runs right to left."""
    kinds = (unicodedata.bidirectional(ch) for ch in text)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), False)


def quoted(answer: Answer) -> Sequence[tuple[Citation, str]]:
    """The citations that stand in the answer as quotes, each with its words as they stand there."""
    said = one_line(keep_known(answer.text, 0))
    own = (c for c in answer.citations if answer.mode == "extractive" and c.status == "supported")
    return [(c, words) for c in own if (words := bare(c.quote)) in said]


def bare(quote: str) -> str:
    """The words of a quote as they stand in an answer."""
    return BULLET.sub("", one_line(quote)).rstrip(".!?؟。…")
