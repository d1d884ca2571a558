"""A brief: answers laid out for a reader as plain, cleaned values, the same for every format.

The writers (Markdown, HTML, DOCX, PDF) only place and escape these values, so that no two of
them say different things. The brief's own words are here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from babel.dates import format_date

from rag.check_words import checked_sentence, struck_sentence, verdicts
from rag.coverage_words import coverage_sentence
from rag.labels import FILTER_WORDS, MODE_WORDS, run_sentence
from rag.types import Answer, Filters, Passage, ReportInfo, Struck

TITLE = "Brief from the lab reports"
ABOUT = "About this answer"
LEFT_OUT = "Left out of this answer"
NEAREST = 3
NEAREST_CHARS = 400

_NOTE_OR_BOLD = re.compile(r"\[(\d{1,6})\]|\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_ITEM = re.compile(r"(?:[-*•]|(\d{1,3})[.)])\s+(.*)")
_HEADING = re.compile(r"#{1,6}\s+(.*)")
# Not allowed in XML, or without a meaning in a document: C0 and C1 controls, halves of pairs.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BIDI_CONTROL = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Run:
    """Words of an answer, or with `note` above 0 the number of a source."""

    text: str
    bold: bool = False
    note: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph, list item or heading of an answer; `number` is that of a numbered item."""

    kind: Literal["paragraph", "bullet", "numbered", "heading"]
    runs: tuple[Run, ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """Verbatim words of a report, and in words whether they support the answer ("": not asked)."""

    lines: tuple[str, ...]
    status: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that is quoted, perhaps more than once.

    `n` is its number in the answer, 0 if it is only near; `facts` are (label, value) pairs.
    """

    n: int
    who: str
    kind: str
    title: str
    quotes: tuple[Quote, ...]
    facts: tuple[tuple[str, str], ...]
    language: str


@dataclass(frozen=True, slots=True)
class Part:
    """One question with its answer, its sources, and what the answer covered.

    `facts` are (label, value) pairs and `source_lists` (heading, sources) pairs; `listed` are
    the reports of a complete list that are not among the sources; `left_out` are sentences
    that were struck, each with its reason.
    """

    question: str
    language: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    source_lists: tuple[tuple[str, tuple[Source, ...]], ...]
    listed: tuple[str, ...]
    left_out: tuple[tuple[Line, str], ...]

    @property
    def list_heading(self) -> str:
        """The heading of the complete list."""
        return (
            f"Further reports ({len(self.listed):,})"
            if self.source_lists
            else f"Reports ({len(self.listed):,})"
        )


@dataclass(frozen=True, slots=True)
class Brief:
    """A titled and dated document of one or more answers."""

    title: str
    when: str
    day: date
    parts: tuple[Part, ...]


def make_brief(answers: Sequence[Answer], title: str, day: date) -> Brief:
    """The brief of these answers; without a title it gets a plain one."""
    when = format_date(day, "d MMMM y", locale="en")
    return Brief(one_line(title) or TITLE, when, day, tuple(_part(answer) for answer in answers))


def _part(answer: Answer) -> Part:
    complete = answer.coverage.intent == "list" and not answer.refused
    sources = _sources(answer)
    if not sources and answer.refused:
        sources = tuple(_near(hit.passage) for hit in answer.hits[:NEAREST])
    heading = "Nearest passages" if answer.refused else "Sources"
    cited = {citation.passage.id for citation in answer.citations}
    mentioned = tuple(_near(h.passage) for h in answer.mentions if h.passage.id not in cited)
    lists = ((heading, sources), ("Also mentioned in the text, not counted", mentioned))
    return Part(
        question=one_line(answer.question) or "(no question)",
        language=one_line(answer.language),
        facts=tuple(_facts(answer)),
        lines=tuple(_lines(answer.text, {citation.n for citation in answer.citations})),
        source_lists=tuple((head, found) for head, found in lists if found),
        listed=_listed(answer) if complete else (),
        left_out=tuple(map(_struck, answer.struck)),
    )


def _struck(one: Struck) -> tuple[Line, str]:
    lines = _lines(one_line(struck_sentence(one)), set())
    return Line("bullet", tuple(run for line in lines for run in line.runs)), one_line(one.why)


def _facts(answer: Answer) -> Iterator[tuple[str, str]]:
    if one_line(answer.standalone) not in ("", one_line(answer.question)):
        yield "Understood as", one_line(answer.standalone)
    yield "Filters", filter_sentence(answer.coverage.filters) or "None"
    yield "Coverage", coverage_sentence(answer)
    if support := checked_sentence(answer.checked):
        yield "Support", support
    yield "Written by", MODE_WORDS.get(answer.mode, one_line(answer.mode))
    if answer.run.model:
        yield "Run", one_line(run_sentence(answer))
    if answer.notice:
        yield "Note", one_line(answer.notice)
    yield "Index", one_line(answer.index) or "Unknown"


def filter_sentence(filters: Filters) -> str:
    """The filters that are set, in words, or ""."""
    return "; ".join(
        f"{FILTER_WORDS[name]}: {one_line(', '.join(str(value) for value in values))}"
        for name, values in filters.as_dict().items()
    )


def _lines(text: str, known: set[int]) -> Iterator[Line]:
    for raw in clean(text).split("\n"):
        line = raw.strip()
        if item := _ITEM.fullmatch(line):
            number = int(item[1] or 0)
            yield Line("numbered" if item[1] else "bullet", _runs(item[2], known), number)
        elif heading := _HEADING.fullmatch(line):
            yield Line("heading", _runs(heading[1], known))
        elif line:
            yield Line("paragraph", _runs(line, known))


def _runs(text: str, known: set[int]) -> tuple[Run, ...]:
    runs, at = [], 0
    for match in _NOTE_OR_BOLD.finditer(text):
        if match[1] and int(match[1]) not in known:
            continue
        before = text[at : match.start()]
        runs.append(Run(before.rstrip() if match[1] else before))
        runs.append(Run("", note=int(match[1])) if match[1] else Run(match[2], bold=True))
        at = match.end()
    runs.append(Run(text[at:]))
    return tuple(run for run in runs if run.text or run.note)


def _sources(answer: Answer) -> tuple[Source, ...]:
    """One source per number; a number has a citation for each of its quotes."""
    quotes: dict[int, list[Quote]] = {}
    passages: dict[int, Passage] = {}
    listed = answer.coverage.intent == "list"
    # What a list counts is cited by its tags, which are in no section.
    tags = answer.coverage.count if listed else 0
    for citation in answer.citations:
        # A tag in a list, or a passage near to a refused question, supports no sentence.
        told = verdicts(citation.status, citation.corrected)
        status = "" if listed or answer.refused else ". ".join(told.values())
        quotes.setdefault(citation.n, []).append(_quote(citation.quote, status))
        passages.setdefault(citation.n, citation.passage)
    return tuple(
        _source(passages[n], n, tuple(given), in_section=n > tags) for n, given in quotes.items()
    )


def _near(passage: Passage) -> Source:
    words = passage.text
    if len(words) > NEAREST_CHARS:
        words = words[:NEAREST_CHARS].rsplit(None, 1)[0] + " …"
    return _source(passage, 0, (_quote(words),))


def _quote(words: str, status: str = "") -> Quote:
    lines = (line.strip() for line in clean(words).split("\n"))
    return Quote(tuple(line for line in lines if line), status)


def _source(
    passage: Passage, n: int, quotes: tuple[Quote, ...], *, in_section: bool = True
) -> Source:
    info = passage.report
    section, question = passage.place if in_section else ("", "")
    facts = (
        ("Section", one_line(section)),
        ("Form question", one_line(question)),
        ("Report", one_line(info.id)),
    )
    return Source(
        n=n,
        who=who(info),
        kind=one_line(info.kind or info.type).capitalize(),
        title=one_line(info.title) or one_line(info.id),
        quotes=quotes,
        facts=tuple((label, value) for label, value in facts if value),
        language=one_line(passage.language),
    )


def who(info: ReportInfo) -> str:
    """A report's lab and year."""
    return one_line(f"{info.lab}, {info.year}" if info.year else info.lab)


def _listed(answer: Answer) -> tuple[str, ...]:
    cited = {citation.passage.report.id for citation in answer.citations}
    known = {hit.passage.report.id: hit.passage.report for hit in answer.hits}
    return tuple(
        f"{who(known[report])}: {one_line(known[report].title)} ({one_line(report)})"
        if report in known
        else one_line(report)
        for report in answer.coverage.reports
        if report not in cited
    )


def clean(text: str) -> str:
    """Text that any document can hold: no control characters, lines ended by newlines."""
    return _CONTROL.sub("", "\n".join(text.splitlines())).replace("\t", " ")


def one_line(text: str) -> str:
    """Text on one line, without the marks that would turn the words around it."""
    return " ".join(_BIDI_CONTROL.sub("", clean(text)).split())


def right_to_left(text: str) -> bool:
    """Whether the first letter with a direction is one that runs right to left."""
    kinds = (unicodedata.bidirectional(ch) for ch in text)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), False)
