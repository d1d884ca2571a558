"""A brief: answers laid out for a reader as plain, cleaned values, the same for every format.

Each format only places and escapes these values, so that all say the same. The brief's own words
are in the language of the first question.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, count, groupby, repeat, takewhile
from urllib.parse import quote

from babel.dates import format_date

from rag.catalog.tag_fields import ReportInfo
from rag.export.lines import Line, Run, answer_lines, clean, one_line, quoted, runs_of, shortened
from rag.i18n import labels
from rag.i18n.translations import (
    ENGLISH,
    Translations,
    format_number,
    is_right_to_left,
    language_code,
    marked,
    translations_for,
)
from rag.text.citation_marks import keep_known
from rag.text.sentences import BULLET, sentences
from rag.types import FACTS, Answer, Passage, Struck

PRODUCT = "Ask the Labs"
# How many of the nearest passages a refusal shows, and how many characters of each.
NEAREST = 3
NEAREST_CHARS = 400
# The most characters of a result in the contents, and of a form's question in a source.
RESULT_CHARS, QUESTION_CHARS = 300, 80
DOUBT = "[?]"  # stands after a sentence that is in doubt
Fact = tuple[str, str]  # label and value


@dataclass(frozen=True, slots=True)
class Quote:
    """Verbatim words of a report, with whether they support the answer, and where they stand."""

    lines: tuple[str, ...]
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A report that is quoted."""

    n: int  # its number in the brief, 0 if no answer cites it
    who: str
    kind: str
    title: str
    quotes: tuple[Quote, ...]
    facts: tuple[Fact, ...]
    language: str
    link: str = ""
    qr: str = ""  # the link as a QR code in SVG


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under their heads: a list of reports, values with their counts, or sides."""

    heading: str
    head: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    widths: tuple[int, ...]  # the shares of its columns
    numbers: tuple[int | None, ...] = ()  # what the second column has for sheets to sum and sort


@dataclass(frozen=True, slots=True)
class Part:
    """One question with its answer and what that covered, or without one what stands beside."""

    question: str
    language: str
    scope: tuple[Fact, ...] = ()  # how the question was taken
    facts: tuple[Fact, ...] = ()  # how it was answered
    lines: tuple[Line, ...] = ()
    source_lists: tuple[tuple[str, tuple[Source, ...]], ...] = ()  # with their headings
    table: Table | None = None  # what the answer lists, counts or compares
    after: tuple[Line, ...] = ()  # paragraphs under the table
    picture: bytes = b""  # a PNG for Word, an SVG for PDF
    number: int = 0  # of a question among others, which begins with it

    @property
    def blocks(self) -> list[tuple[str, list[Line]]]:
        """Its lines by kind, those that follow each other together."""
        return [(kind, list(lines)) for kind, lines in groupby(self.lines, lambda x: x.kind)]


@dataclass(frozen=True, slots=True)
class Brief:
    """A titled and dated document of one or more answers, in one language."""

    title: str
    when: str
    day: date
    language: str
    rtl: bool
    labels: Mapping[str, str]  # names of its parts; "colon" stands between label and value
    summary: tuple[Fact, ...]
    parts: tuple[Part, ...]
    has_annex: bool = False  # whether its sources begin on a new page


def make_brief(answers: Sequence[Answer], title: str, day: date, report_url: str = "") -> Brief:
    """The brief of these answers; `report_url` is the template of the reports' public addresses.

    Its sources stand at its end, each report once. With several questions it begins with a list of
    them and their results.
    """
    t = translations_for(answers[0].language)
    summary = tuple((label, one_line(value)) for label, value in _summary(answers, t))
    writer, number = _Writer(t, report_url), count(1)
    asked = sum(bool(one_line(answer.question)) for answer in answers)
    parts = [
        writer.part(answer, next(number) if asked > 1 and one_line(answer.question) else 0)
        for answer in answers
    ]
    if asked > 1:
        results = tuple(_result(part) for part in parts if part.number)
        parts.insert(0, Part(t.gettext("Contents"), language_code(t), lines=results))
    if sources := writer.sources():
        parts.append(Part("", language_code(t), source_lists=((t.gettext("Sources"), sources),)))
    title = one_line(title) or one_line(answers[0].question)
    return framed(title, day, t, summary, tuple(parts))


def _result(part: Part) -> Line:
    """A question as a link to its answer, and what the answer says first."""
    first = takewhile(lambda line: line.kind == "paragraph", part.lines)
    said = " ".join(line.text for line in first).rstrip(" :\u00a0\u202f")
    result = f" – {shortened(said, RESULT_CHARS)}" if said else ""
    return Line("paragraph", (Run(part.question, bold=True, part=part.number), Run(result)))


def framed(
    title: str, day: date, t: Translations, summary: tuple[Fact, ...], parts: tuple[Part, ...]
) -> Brief:
    """Parts with the frame of a brief: its title and date, and what it calls its parts."""
    code = language_code(t)
    names = {
        "about": t.gettext("About this answer"),
        "link": t.gettext("Link"),
        "colon": labels.format_label(t, "", "").rstrip(" "),
    }
    # Most of the world writes English dates as the British do.
    when = format_date(day, "long", locale="en_GB" if code == "en" else code)
    title = title or t.gettext("Brief")
    return Brief(title, when, day, code, is_right_to_left(t), names, summary, parts)


# The quotes at each place of a report that stand in no answer, each with the facts about it.
_ByPlace = dict[tuple[Fact, ...], dict[tuple[str, ...], dict[Fact, None]]]


class _Writer:
    """Writes answers as parts of a brief, and keeps what they cite for its list of sources."""

    def __init__(self, t: Translations, report_url: str) -> None:
        self.t, self.report_url, self.index = t, report_url, ""
        self.cited: dict[str, tuple[int, Passage, _ByPlace]] = {}  # by report, with its number

    def part(self, answer: Answer, number: int) -> Part:
        """An answer; `number` is that of its question, 0 if there is no other."""
        t, cited = self.t, {citation.passage.id for citation in answer.citations}
        answer = replace(answer, text=_signed(answer.text, answer.doubted))
        # The table names each report of a list: its tag is no further source.
        tags, known = answer.coverage.count if answer.is_list else 0, self._cite(answer)
        text, table, after = answer.text, table_of(answer, known, t), ""
        if table:
            text, _, rest = text.partition("\n")
            under = (line for line in rest.splitlines() if not line.startswith("- "))
            after = "\n".join(under if tags else ())
        near = answer.hits[:NEAREST] if answer.refused and not known else ()
        nearest = tuple(
            self._source(0, p, {self._place(p): {_lines_of(shortened(p.text, NEAREST_CHARS)): {}}})
            for p in (hit.passage for hit in near)
        )
        others = [] if number else [h.passage for h in answer.mentions if h.passage.id not in cited]
        mentioned = tuple(self._source(0, passage, {}) for passage in others)
        lists = {
            t.gettext("Nearest passages"): nearest,
            t.gettext("Also mentioned in the text, not counted"): mentioned,
        }
        return Part(
            question=(f"{number}. " if number else "") + one_line(answer.question),
            language=self._code(answer.language),
            scope=tuple(self._scope(answer)),
            facts=self._facts(answer),
            lines=(*answer_lines(text, known), *self._doubts(answer.doubted)),
            source_lists=tuple((head, sources) for head, sources in lists.items() if sources),
            table=table,
            after=tuple(answer_lines(after, known)),
            number=number,
        )

    def _code(self, language: str) -> str:
        return language if re.fullmatch("[a-z]{2,3}", language) else language_code(self.t)

    def _scope(self, answer: Answer) -> Iterator[Fact]:
        t, standalone = self.t, one_line(answer.standalone)
        if standalone not in ("", one_line(answer.question)):
            yield t.gettext("Understood as"), standalone
        filters = []
        for name, values in answer.coverage.filters.as_dict().items():
            shown = labels.region_label(values, t) if name == "country" else ""
            said = [labels.value_label(name, value, t) for value in values]
            shown = one_line(shown or labels.join_parts(t, ", ", said))
            filters.append(labels.format_label(t, t.gettext(labels.FIELD_LABELS[name]), shown))
        if filters:
            yield t.gettext("Filters"), labels.join_parts(t, "; ", filters)

    def _doubts(self, doubted: Sequence[Struck]) -> Iterator[Line]:
        t = self.t
        if doubted:
            count = labels.format_count(len(doubted), "sentence", t)
            heading = t.gettext("In doubt: {sentences}").format(sentences=count)
            yield Line("heading", (Run(f"{DOUBT} {heading}"),))
        for one in doubted:
            said = BULLET.sub("", one_line(labels.struck_sentence(one)))
            why = one_line(labels.notice_words([one.reason], t))
            reason = labels.format_label(t, t.gettext(labels.REASON), why)
            yield Line("bullet", (*runs_of(said, {}), Run(f" {reason}")))

    def _facts(self, answer: Answer) -> tuple[Fact, ...]:
        t, mode, before = self.t, labels.MODE_LABELS.get(answer.mode), self.index
        self.index = one_line(answer.index) or t.gettext("Unknown")
        run = labels.run_sentence(answer, t) if answer.generation.model else ""
        steps = [labels.notice_words([step], t) for step in answer.generation.steps]
        told = (
            (t.gettext("Coverage"), labels.coverage_sentence(answer, t)),
            (t.gettext("Support"), labels.checked_sentence(answer.checked, t)),
            (t.gettext("Written by"), t.gettext(mode) if mode else one_line(answer.mode)),
            (t.gettext("Run"), one_line(run)),
            (t.gettext("Looked further"), one_line(labels.join_parts(t, "; ", steps))),
            (t.gettext("Note"), one_line(labels.notice_words(answer.notices, t))),
            (t.gettext("Index"), self.index if self.index != before else ""),
        )
        return tuple(fact for fact in told if fact[1])

    def _cite(self, answer: Answer) -> dict[int, int]:
        """Keep what an answer cites; returns the numbers of its marks' sources in the brief."""
        known: dict[int, int] = {}
        tags = answer.coverage.count if answer.is_list else 0
        is_list, own = answer.coverage.intent == "list", {id(c) for c, _ in quoted(answer)}
        for c in answer.citations:
            if c.n <= tags:
                continue
            new = len(self.cited) + 1, c.passage, _ByPlace()
            known[c.n], _, places = self.cited.setdefault(c.passage.report.id, new)
            quotes = places.setdefault(self._place(c.passage), {})
            # Each quote stands once: in the answer, where that is made of quotes. A tag in a list,
            # or a passage near to a refused question, supports no sentence; a sentence that is
            # itself the quote needs no word on that.
            if id(c) not in own:
                verdict = ". ".join(labels.verdicts(c.status, c.corrected, self.t).values())
                same = answer.mode == "extractive" and c.status == "supported"
                is_told = not (is_list or answer.refused or same)
                told = {(self.t.gettext("Status"), verdict): None} if is_told else {}
                quotes.setdefault(_lines_of(c.quote), {}).update(told)
        return known

    def sources(self) -> tuple[Source, ...]:
        """What all parts cite, each report once, its quotes and passages by their place in it."""
        return tuple(self._source(*cited) for cited in self.cited.values())

    def _place(self, passage: Passage) -> tuple[Fact, ...]:
        t, (section, question) = self.t, passage.place
        section = t.gettext(labels.FACTS_HEADING) if section == FACTS else section
        asked = shortened(one_line(question), QUESTION_CHARS)
        return told_facts(((t.gettext("Section"), section), (t.gettext("Form question"), asked)))

    def _source(self, n: int, passage: Passage, places: _ByPlace) -> Source:
        info, quotes, facts = passage.report, list[Quote](), dict[Fact, None]()
        for place, said in sorted(places.items()):
            quotes += (Quote(lines, tuple(told)) for lines, told in said.items())
            if said:
                quotes[-1] = replace(quotes[-1], facts=(*quotes[-1].facts, *place))
            else:
                facts.update(dict.fromkeys(place))
        language = self._code(passage.language)
        return source_of(info, language, quotes, facts, self.report_url, self.t, n)


def _signed(text: str, doubted: Sequence[Struck]) -> str:
    """A text with a sign after each sentence that is in doubt."""
    said = {one.text for one in doubted}
    for start, end in reversed(sentences(text) if said else ()):
        if keep_known(text[start:end], 0).strip() in said:
            text = f"{text[:end]} {DOUBT}{text[end:]}"
    return text


def table_of(answer: Answer, known: Mapping[int, int], t: Translations) -> Table | None:
    """What an answer lists, counts or compares; `known` marks have the numbers of their sources."""
    coverage = answer.coverage
    if coverage.table:
        field, split = coverage.grouped_by, coverage.split
        heading = one_line(labels.field_label(field, t))
        rows = [[labels.value_label(field, v, t), format_number(t, n)] for v, n in coverage.table]
        counts = tuple(n for _, n in coverage.table)
        if not coverage.cells:
            return Table(heading, (heading, t.gettext("Reports")), cells(rows), (5, 1), counts)
        told = zip(rows, chain(coverage.cells, repeat("")), strict=False)
        held = cells([*row, cell] for row, cell in told)
        heads = (heading, t.gettext("Reports"), one_line(labels.field_label(split, t)))
        return Table(heading, heads, held, (5, 1, 5), counts)
    if coverage.sides:
        compared = ((f"**{row}**", *cells) for row, cells in answer.comparison)
        widths = (2, *(5 for _ in coverage.sides))
        return Table("", ("", *map(one_line, coverage.sides)), cells(compared, known), widths)
    if not (answer.is_list and coverage.reports):
        return None

    def row(info: ReportInfo) -> tuple[str, ...]:
        lab = labels.lab_label(info, t) if info.countries else ""
        return lab, str(info.year or ""), labels.kind_label(info, t), info.title or info.id

    head = tuple(map(t.gettext, ("Country", "Year", "Kind", "Report")))
    passages = (*(h.passage for h in answer.hits), *(c.passage for c in answer.citations))
    reports = {passage.report.id: passage.report for passage in passages}
    infos = [reports.get(name, ReportInfo(name, name)) for name in coverage.reports]
    heading = t.gettext("Reports ({n})").format(n=format_number(t, coverage.count))
    years = tuple(info.year or None for info in infos)
    return Table(heading, head, cells(map(row, infos)), (4, 2, 3, 9), years)


def source_of(
    info: ReportInfo,
    language: str,
    quotes: Sequence[Quote],
    facts: Iterable[Fact],
    report_url: str,
    t: Translations,
    n: int = 0,
) -> Source:
    """Quotes of a report, in a language, as a source; its id tells which file it is."""
    link = report_link(report_url, info.id)
    own = () if link else ((t.gettext("Report"), info.id),)
    return Source(
        n=n,
        who=who(info, t),
        kind=one_line(labels.kind_label(info, t)),
        title=one_line(info.title) or one_line(info.id),
        quotes=tuple(quotes),
        facts=told_facts((*facts, *own)),
        language=language,
        link=link,
    )


def cells(
    rows: Iterable[Iterable[str]], known: Mapping[int, int] | None = None
) -> tuple[tuple[Line, ...], ...]:
    """The cells of rows; given the `known` numbers of sources, with marks and bold words."""

    def cell(text: str) -> Line:
        text = one_line(text)
        return Line("paragraph", (Run(text),) if known is None else runs_of(text, known))

    return tuple(tuple(map(cell, row)) for row in rows)


def _lines_of(words: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, clean(words).split("\n"))))


def told_facts(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Facts on one line each; those without a value are left out."""
    cleaned = ((one_line(label), one_line(value)) for label, value in facts)
    return tuple(fact for fact in cleaned if fact[1])


def report_link(template: str, report_id: str) -> str:
    """The public address of a report by its id; "" if the template is empty."""
    name = quote(report_id.encode("utf-8", "replace"), safe="")
    return template.replace("{report}", name)


def who(info: ReportInfo, t: Translations = ENGLISH) -> str:
    """A report's author and year."""
    author = labels.author_label(info, t)
    return one_line(labels.join_parts(t, ", ", [author, str(info.year)] if info.year else [author]))


_METHODS = {
    "extractive": marked("Direct quotes in their original language, no AI text."),
    "catalogue": marked("Complete lists, counted from tags."),
}
_WRITTEN = marked(
    "A language model ({model}) wrote answers from passages of the reports; each sentence was "
    "checked against the passages that it cites."
)


def _summary(answers: Sequence[Answer], t: Translations) -> Iterator[Fact]:
    """What the answers rest on, at a glance; nothing where nothing is cited."""
    answered = [answer for answer in answers if answer.citations and not answer.refused]
    # Of a list those reports count that it lists.
    reports = {
        name: info
        for answer in answered
        for name, info in answer.cited.items()
        if not answer.is_list or name in answer.coverage.reports
    }
    if not reports:
        return
    own = (info for info in reports.values() if info.author == "lab")
    countries = {country for info in own for country in info.countries}
    labs = countries & {lab for answer in answered for lab in answer.coverage.labs}
    years = sorted({info.year for info in reports.values() if info.year})
    counts = labels.reports_and_labs(len(reports), len(labs), t)
    rests_on = [t.gettext("{reports} of {labs}").format(**counts)]
    if years:
        rests_on.append("–".join(map(str, dict.fromkeys((years[0], years[-1])))))
    yield t.gettext("Based on"), labels.join_parts(t, ", ", rests_on)
    methods = [
        t.gettext(_METHODS.get(mode, _WRITTEN)).format(model=mode)
        for mode in dict.fromkeys(answer.mode for answer in answered)
    ]
    yield t.gettext("How it was made"), " ".join(methods)
