"""A brief: answers laid out for a reader as plain, cleaned values, the same for every format.

The writers (Markdown, HTML, DOCX, PDF) only place and escape these values, so that no two of
them say different things. The brief's own words are here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from babel.dates import format_date

from rag.types import Answer, Citation, Coverage, Filters, Passage, ReportInfo

TITLE = "Brief from the lab reports"
ABOUT = "About this answer"
STATUS_WORDS = {
    "supported": "The quote supports the sentence",
    "partly": "The quote supports the sentence in part",
    "unsupported": "The quote does not support the sentence",
}
FILTER_WORDS = {
    "country": "Lab",
    "year": "Year",
    "type": "Type",
    "kind": "Kind",
    "method": "Method",
    "datasource": "Data source",
    "sdg": "SDG",
    "theme": "Theme",
}
NEAREST = 3
NEAREST_CHARS = 400

_NOTE_OR_BOLD = re.compile(r"\[(\d{1,3})\]|\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
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
class Source:
    """A passage that is quoted; `n` is its number in the answer, 0 if it is only near."""

    n: int
    who: str
    kind: str
    title: str
    section: str
    prompt: str
    quote: tuple[str, ...]
    status: str
    report: str
    language: str

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What stands under the quote, as (label, value) pairs."""
        pairs = (
            ("Section", self.section),
            ("Form question", self.prompt),
            ("Status", self.status),
            ("Report", self.report),
        )
        return tuple((label, value) for label, value in pairs if value)


@dataclass(frozen=True, slots=True)
class Part:
    """One question with its answer, its sources, and what the answer covered.

    `facts` are (label, value) pairs; `listed` are the reports of a complete list.
    """

    question: str
    language: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    sources: tuple[Source, ...]
    nearest: tuple[Source, ...]
    listed: tuple[str, ...]

    @property
    def source_lists(self) -> tuple[tuple[str, tuple[Source, ...]], ...]:
        """The lists of sources that are not empty, each with its heading."""
        lists = (("Sources", self.sources), ("Nearest passages", self.nearest))
        return tuple((heading, sources) for heading, sources in lists if sources)

    @property
    def list_heading(self) -> str:
        """The heading of the complete list."""
        return f"Reports ({len(self.listed):,})"


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
    cited = answer.citations
    near = () if cited or not answer.refused else answer.hits[:NEAREST]
    return Part(
        question=one_line(answer.question),
        language=answer.language,
        facts=tuple(_facts(answer)),
        lines=tuple(_lines(answer.text, {citation.n for citation in cited})),
        sources=tuple(_source(citation) for citation in cited),
        nearest=tuple(_near(hit.passage) for hit in near),
        listed=_listed(answer) if answer.coverage.intent == "list" else (),
    )


def _facts(answer: Answer) -> Iterator[tuple[str, str]]:
    if one_line(answer.standalone) not in ("", one_line(answer.question)):
        yield "Understood as", one_line(answer.standalone)
    yield "Filters", filter_sentence(answer.coverage.filters) or "None"
    yield "Coverage", coverage_sentence(answer.coverage, answer.refused)
    extractive = answer.mode == "extractive"
    yield "Written by", "Quoted sentences, no language model" if extractive else answer.mode
    if answer.notice:
        yield "Note", one_line(answer.notice)
    yield "Index", one_line(answer.index) or "Unknown"


def filter_sentence(filters: Filters) -> str:
    """The filters that are set, in words, or ""."""
    return "; ".join(
        f"{FILTER_WORDS[name]}: {one_line(', '.join(str(value) for value in values))}"
        for name, values in filters.as_dict().items()
    )


def coverage_sentence(coverage: Coverage, refused: bool = False) -> str:
    """What an answer covered: passages read, reports it rests on, reports left unread."""
    labs = f"{_counted(coverage.count, 'report')} of {_counted(len(coverage.labs), 'lab')}"
    if coverage.intent == "list" and not refused:
        return f"The complete list, counted: {labs}."
    read = (
        f"{_counted(coverage.read_passages, 'passage')} from "
        f"{_counted(coverage.read_reports, 'report')} read"
    )
    rests = "" if refused else f"; the answer rests on {labs}"
    left = coverage.matched_reports - coverage.read_reports
    verb = "was" if left == 1 else "were"
    unread = f"; {_counted(left, 'more report')} matched and {verb} not read" if left > 0 else ""
    return f"{read}{rests}{unread}."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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


def _source(citation: Citation) -> Source:
    return _quoted(citation.passage, citation.quote, citation.n, STATUS_WORDS[citation.status])


def _near(passage: Passage) -> Source:
    words = passage.text
    if len(words) > NEAREST_CHARS:
        words = words[:NEAREST_CHARS].rsplit(None, 1)[0] + " …"
    return _quoted(passage, words, 0, "")


def _quoted(passage: Passage, quote: str, n: int, status: str) -> Source:
    info = passage.report
    return Source(
        n=n,
        who=who(info),
        kind=one_line(info.kind or info.type).capitalize(),
        title=one_line(info.title) or info.id,
        section=one_line(passage.section),
        prompt=one_line(passage.prompt),
        quote=tuple(line.strip() for line in clean(quote).split("\n") if line.strip()),
        status=status,
        report=one_line(info.id),
        language=passage.language,
    )


def who(info: ReportInfo) -> str:
    """A report's lab and year."""
    return one_line(f"{info.lab}, {info.year}" if info.year else info.lab)


def _listed(answer: Answer) -> tuple[str, ...]:
    passages = [c.passage for c in answer.citations] + [hit.passage for hit in answer.hits]
    known: Mapping[str, ReportInfo] = {p.report.id: p.report for p in passages}
    return tuple(
        f"{who(known[report])}: {one_line(known[report].title)} ({one_line(report)})"
        if report in known
        else one_line(report)
        for report in answer.coverage.reports
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
