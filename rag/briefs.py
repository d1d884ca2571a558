"""A brief: answers laid out for a reader as plain, cleaned values, the same for every format.

The writers (Markdown, HTML, DOCX, PDF) only place and escape these values, so that no two of
them say different things. The brief's own words are in the language of the first question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from babel.dates import format_date

from rag.brief_lines import Line, answer_lines, clean, one_line, shortened
from rag.brief_summary import summary
from rag.check_words import REASON, checked_sentence, reason, struck_sentence, verdicts
from rag.coverage_words import coverage_sentence
from rag.labels import (
    FACTS_HEADING,
    FILTER_WORDS,
    MODE_WORDS,
    joined,
    kind_words,
    lab_words,
    run_sentence,
    value_words,
)
from rag.notices import notice_words
from rag.report_link import report_link
from rag.translate import ENGLISH, Words, code_of, number, runs_right_to_left, words_in
from rag.types import FACTS, Answer, Filters, Passage, ReportInfo, Struck

PRODUCT = "Ask the Labs"
NEAREST = 3
NEAREST_CHARS = 400

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Quote:
    """Verbatim words of a report, and in words whether they support the answer ("": not asked)."""

    lines: tuple[str, ...]
    status: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that is quoted, perhaps more than once.

    `n` is its number in the answer, 0 if it is only near; `facts` are (label, value) pairs;
    `link` is where the report can be read, or "".
    """

    n: int
    who: str
    kind: str
    title: str
    quotes: tuple[Quote, ...]
    facts: tuple[Fact, ...]
    language: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One question with its answer, its sources, and what the answer covered.

    `scope` says as (label, value) pairs how the question was taken, `facts` how it was answered;
    `source_lists` are (heading, sources) pairs; `listed` are the reports of a complete list that
    are not among the sources; `left_out` are sentences that were struck, each with its reason.
    """

    question: str
    language: str
    scope: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    lines: tuple[Line, ...]
    source_lists: tuple[tuple[str, tuple[Source, ...]], ...]
    list_heading: str
    listed: tuple[str, ...]
    left_out: tuple[tuple[Line, str], ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """What a brief calls its parts, in its language; `colon` stands between label and value."""

    about: str
    left_out: str
    reason: str
    status: str
    link: str
    colon: str


@dataclass(frozen=True, slots=True)
class Brief:
    """A titled and dated document of one or more answers, in one language."""

    title: str
    when: str
    day: date
    language: str
    labels: Labels
    summary: tuple[Fact, ...]
    parts: tuple[Part, ...]

    @property
    def rtl(self) -> bool:
        """Whether its language runs from right to left."""
        return runs_right_to_left(words_in(self.language))


def make_brief(answers: Sequence[Answer], title: str, day: date, report_url: str = "") -> Brief:
    """The brief of these answers; without a title it gets a plain one.

    `report_url` is the template of the reports' public addresses.
    """
    words = words_in(answers[0].language) if answers else ENGLISH
    return Brief(
        title=one_line(title) or words.gettext("Brief from the lab reports"),
        when=date_in(words, day),
        day=day,
        language=code_of(words),
        labels=_labels(words),
        summary=tuple((label, one_line(value)) for label, value in summary(answers, words)),
        parts=tuple(_Writer(words, report_url).part(answer) for answer in answers),
    )


def date_in(words: Words, day: date) -> str:
    """A day as the language writes it in full: "25 November 2025", "25 novembre 2025"."""
    code = code_of(words)
    # Of the two ways of English the one that the rest of the world writes.
    return format_date(day, "long", locale="en_GB" if code == "en" else code)


def _labels(words: Words) -> Labels:
    return Labels(
        about=words.gettext("About this answer"),
        left_out=words.gettext("Left out of this answer"),
        reason=words.gettext(REASON),
        status=words.gettext("Status"),
        link=words.gettext("Link"),
        colon=words.gettext("{label}: {value}").format(label="", value="").rstrip(" "),
    )


@dataclass(frozen=True, slots=True)
class _Writer:
    """Lays out answers with the words of one language."""

    words: Words = field(repr=False)
    report_url: str

    def part(self, answer: Answer) -> Part:
        words = self.words
        sources = self._sources(answer)
        if not sources and answer.refused:
            sources = tuple(self._near(hit.passage) for hit in answer.hits[:NEAREST])
        heading = words.gettext("Nearest passages") if answer.refused else words.gettext("Sources")
        cited = {citation.passage.id for citation in answer.citations}
        mentioned = tuple(
            self._near(hit.passage) for hit in answer.mentions if hit.passage.id not in cited
        )
        lists = (
            (heading, sources),
            (words.gettext("Also mentioned in the text, not counted"), mentioned),
        )
        complete = answer.coverage.intent == "list" and not answer.refused
        listed = _listed(answer, self.words) if complete else ()
        more = (
            words.gettext("Further reports ({n})")
            if sources or mentioned
            else words.gettext("Reports ({n})")
        )
        return Part(
            question=one_line(answer.question) or words.gettext("(no question)"),
            language=one_line(answer.language),
            scope=tuple(self._scope(answer)),
            facts=tuple(self._facts(answer)),
            lines=tuple(answer_lines(answer.text, {citation.n for citation in answer.citations})),
            source_lists=tuple((head, found) for head, found in lists if found),
            list_heading=more.format(n=number(self.words, len(listed))),
            listed=listed,
            left_out=tuple(map(self._struck, answer.struck)),
        )

    def _struck(self, one: Struck) -> tuple[Line, str]:
        lines = answer_lines(one_line(struck_sentence(one)), set())
        line = Line("bullet", tuple(run for line in lines for run in line.runs))
        return line, one_line(reason(one.why, self.words))

    def _scope(self, answer: Answer) -> Iterator[Fact]:
        words = self.words
        if one_line(answer.standalone) not in ("", one_line(answer.question)):
            yield words.gettext("Understood as"), one_line(answer.standalone)
        yield (
            words.gettext("Filters"),
            filter_sentence(answer.coverage.filters, words) or words.gettext("None"),
        )

    def _facts(self, answer: Answer) -> Iterator[Fact]:
        words = self.words
        yield words.gettext("Coverage"), coverage_sentence(answer, words)
        if support := checked_sentence(answer.checked, words):
            yield words.gettext("Support"), support
        mode = MODE_WORDS.get(answer.mode)
        yield words.gettext("Written by"), words.gettext(mode) if mode else one_line(answer.mode)
        if answer.run.model:
            yield words.gettext("Run"), one_line(run_sentence(answer, words))
        if answer.notice:
            yield words.gettext("Note"), one_line(notice_words(answer.notice, words))
        yield words.gettext("Index"), one_line(answer.index) or words.gettext("Unknown")

    def _sources(self, answer: Answer) -> tuple[Source, ...]:
        """One source per number; a number has a citation for each of its quotes."""
        quotes: dict[int, list[Quote]] = {}
        passages: dict[int, Passage] = {}
        listed = answer.coverage.intent == "list"
        # What a list counts is cited by its tags, which are in no section.
        tags = answer.coverage.count if listed else 0
        for citation in answer.citations:
            # A tag in a list, or a passage near to a refused question, supports no sentence; a
            # sentence that is itself the quote needs no word on that.
            told = verdicts(citation.status, citation.corrected, self.words)
            same = answer.mode == "extractive" and citation.status == "supported"
            status = "" if listed or answer.refused or same else ". ".join(told.values())
            quotes.setdefault(citation.n, []).append(_quote(citation.quote, status))
            passages.setdefault(citation.n, citation.passage)
        return tuple(
            self._source(passages[n], n, tuple(given), in_section=n > tags)
            for n, given in quotes.items()
        )

    def _near(self, passage: Passage) -> Source:
        return self._source(passage, 0, (_quote(shortened(passage.text, NEAREST_CHARS)),))

    def _source(
        self, passage: Passage, n: int, quotes: tuple[Quote, ...], *, in_section: bool = True
    ) -> Source:
        info, words = passage.report, self.words
        section, question = passage.place if in_section else ("", "")
        facts = (
            (
                words.gettext("Section"),
                words.gettext(FACTS_HEADING) if section == FACTS else one_line(section),
            ),
            (words.gettext("Form question"), one_line(question)),
            (words.gettext("Report"), one_line(info.id)),
        )
        return Source(
            n=n,
            who=who(info, words),
            kind=one_line(kind_words(info, words)),
            title=one_line(info.title) or one_line(info.id),
            quotes=quotes,
            facts=tuple((label, value) for label, value in facts if value),
            language=one_line(passage.language),
            link=report_link(self.report_url, info.id),
        )


def filter_sentence(filters: Filters, words: Words) -> str:
    """The filters that are set, in words, or ""."""
    said = words.gettext("{label}: {value}")
    parts = []
    for name, values in filters.as_dict().items():
        shown = joined(words, ", ", [value_words(name, value, words) for value in values])
        parts.append(said.format(label=words.gettext(FILTER_WORDS[name]), value=one_line(shown)))
    return joined(words, "; ", parts)


def _quote(words: str, status: str = "") -> Quote:
    lines = (line.strip() for line in clean(words).split("\n"))
    return Quote(tuple(line for line in lines if line), status)


def who(info: ReportInfo, words: Words = ENGLISH) -> str:
    """A report's lab and year."""
    named = lab_words(info, words)
    return one_line(f"{named}, {info.year}" if info.year else named)


def _listed(answer: Answer, words: Words) -> tuple[str, ...]:
    cited = {citation.passage.report.id for citation in answer.citations}
    known = {hit.passage.report.id: hit.passage.report for hit in answer.hits}
    return tuple(
        f"{who(known[report], words)}: {one_line(known[report].title)} ({one_line(report)})"
        if report in known
        else one_line(report)
        for report in answer.coverage.reports
        if report not in cited
    )
