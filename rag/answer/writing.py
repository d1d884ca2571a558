"""Writes the parts of digests: who says it, sentences with their marks, and what was counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice

from rag.answer.candidates import asked_by, kinds_asked, without_question
from rag.answer.chosen import SURELY, Material, ReportChooser
from rag.answer.extractive import quotes_head
from rag.answer.lines import Line, Role
from rag.catalog.tag_fields import TAGS, ReportInfo
from rag.citation.quotable import MIN_WORDS, usable
from rag.i18n.labels import (
    country_label,
    format_label,
    join_parts,
    kinds_label,
    report_label,
    survey_sentence,
    title_of,
    value_label,
    when_label,
)
from rag.i18n.translations import marked
from rag.survey.types import Survey
from rag.text.citation_marks import defuse, with_marks
from rag.text.tokenize import gives_quantity
from rag.types import Hit

# A report and what is told of it.
Row = tuple[ReportInfo, list[Line]]
HEADINGS: dict[Role, str] = {
    "about": marked("What it is about"),
    "challenge": marked("The challenge"),
    "aim": marked("What was to be found out"),
    "approach": marked("The approach"),
    "partners": marked("With whom"),
    "found": marked("What was found"),
    "barriers": marked("What got in the way"),
    "advice": marked("What to do differently"),
    "next": marked("What comes next"),
    "extent": marked("Time, size and money"),
}
PLANNED = marked("What plans say")
SOLUTIONS = marked("Solutions that innovators wrote and labs collected")
KEY_POINTS = marked("Key points")
# The parts of a digest of many reports: the heading, and how many reports it tells of.
PARTS = {
    "found": (HEADINGS["found"], 14),
    "tried": (marked("What was tried"), 5),
    "about": (HEADINGS["about"], 5),
    "planned": (PLANNED, 10),
    "solutions": (SOLUTIONS, 5),
}
FEWEST_LINES = 12  # sentences of a digest of several reports, if they have so many
_FEWEST_ROWS, _MOST_KEY_POINTS = 6, 5  # of what was found, where key points come first
_MOST_AFTER = 2  # sentences that follow one that says what is asked
_MOST_THEMES = 5  # most frequent themes of reports that are told


class DigestWriter(ReportChooser):
    """Writes the parts of digests, and keeps what they quote and count."""

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self.quoted: dict[str, Hit] = {}
        self.sides: tuple[str, ...] = ()  # the names of what a comparison has beside each other
        self.counted = ""  # what is known of how many reports tell of what is asked
        self.speaking: tuple[str, ...] = ()  # the ids of those that speak of a topic

    def cite(self, hit: Hit, text: str) -> str:
        """A sentence with its mark; its passage is kept as quoted."""
        self.quoted.setdefault(hit.passage.id, hit)
        return with_marks(defuse(text), [list(self.quoted).index(hit.passage.id) + 1])

    def quote(self, lines: Iterable[Line]) -> str:
        """Sentences with their marks; of a passage they keep their order."""
        lines = [*lines]
        told, passages = dict[str, str](), [line.hit.passage.id for line in lines]
        for line in sorted(lines, key=lambda x: (passages.index(x.hit.passage.id), x.start)):
            for text in filter(None, (line.before, line.text)):
                told.setdefault(text, self.cite(line.hit, text))
        return " ".join(told.values())

    def when(self, info: ReportInfo) -> str:
        """A report's year and kind."""
        return when_label(info, self.t)

    def heading(self, text: str) -> str:
        """A heading in the reader's language."""
        return f"### {self.t.gettext(text)}"

    def head(self, reports: Iterable[ReportInfo]) -> str:
        """The line that says whose quotes follow."""
        infos = list(reports)
        return quotes_head(infos, self.t) if infos else ""

    def by(self, info: ReportInfo, lines: Sequence[Line], of_lab: bool = False) -> str:
        """A line of a report: what it is, and sentences.

        What other reports of its work say follows, and is told to be theirs.
        """
        said: dict[str, list[Line]] = {}
        for line in lines:
            said.setdefault(line.report.id, []).append(line)
        info = info if info.id in said else lines[0].report
        own = format_label(self.t, self.named(info, of_lab), self.quote(said.pop(info.id)))
        return " ".join([f"- {own}", *map(self.of_work, said.values())])

    def named(self, info: ReportInfo, of_lab: bool = False) -> str:
        """A report's author (left out where all are `of_lab`), title, year and kind."""
        return report_label(info, self.t, of_lab=of_lab)

    def of_work(self, lines: Sequence[Line]) -> str:
        """What another report of a work says."""
        info = lines[0].report
        from_it = self.t.gettext("From another report of the same work, {title} ({when})")
        from_it = from_it.format(title=title_of(info), when=self.when(info))
        return format_label(self.t, from_it, self.quote(lines))

    def figures(self, kind: str, infos: Sequence[ReportInfo]) -> list[str]:
        """A line of each report whose tags or form give figures of a kind, such as its cost."""
        said: defaultdict[str, dict[str, Hit]] = defaultdict(dict)
        for hit in self.open(infos):
            for unit in usable(hit.passage):
                answer = without_question(unit.text, hit.passage)
                asked = asked_by(unit.text, hit.passage) if hit.passage.prompt else ""
                if kinds_asked([asked]) == [kind] and gives_quantity(answer):
                    said[hit.passage.report.id].setdefault(answer, hit)
        told = []
        for info in infos:
            if own := said.get(info.id):
                words = " ".join(self.cite(hit, answer) for answer, hit in own.items())
                told.append(f"- {format_label(self.t, self.named(info), words)}")
        return told

    def scope(self) -> str:
        """The labs and the goals whose work is told."""
        labs = self.plan.filters.country or self.plan.boosted.country
        goals = (value_label("sdg", goal, self.t) for goal in self.plan.filters.sdg)
        sdg = self.t.gettext(TAGS["sdg"].singular)
        named = [*(country_label(lab, self.t) for lab in labs), *(f"{sdg} {x}" for x in goals)]
        return join_parts(self.t, ", ", named)

    def overview(self, reports: Sequence[ReportInfo]) -> str:
        """The years of reports, how many there are of each kind, and their most frequent themes."""
        years = sorted({r.year for r in reports if r.year})
        span = "–".join(map(str, dict.fromkeys((*years[:1], *years[-1:]))))
        own = [r for r in reports if r.author == "lab"] or reports
        themes = Counter(self.catalog.name("theme", x) for r in own for x in {*r.thematic_areas})
        ranked = sorted(themes.items(), key=lambda theme: (-theme[1], theme[0]))[:_MOST_THEMES]
        often = [f"{value_label('theme', x, self.t)} ({n})" for x, n in ranked if n > 1]
        listed = format_label(self.t, self.t.gettext("Themes"), join_parts(self.t, "; ", often))
        kinds = kinds_label((r.kind for r in reports), self.t)
        counted = join_parts(self.t, "; ", [span, kinds])
        return f"{counted}. {listed}" if often else counted

    def part(self, heading: str, rows: Iterable[Row], of_lab: bool = False) -> Iterator[str]:
        """A heading and the lines of reports under it; nothing where there are none."""
        lines = [self.by(info, picked, of_lab) for info, picked in rows if picked]
        yield from [self.heading(heading), *lines] if lines else []

    def add_context(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Where little is told, adds what follows the best sentences of surely telling reports."""
        if len(rows["found"]) >= _FEWEST_ROWS:
            return  # Key points take the best sentences away from what follows them.
        sure = {x.report.id for x in self.telling[1] if x.score >= SURELY}
        told = [(line, own) for part in rows.values() for _, own in part for line in own]
        count = len(told)
        for line, own in sorted(told, key=lambda pair: -pair[0].score):
            is_wanted = line.report.id in sure and count < FEWEST_LINES
            for after in islice(self.after(line) if is_wanted else (), _MOST_AFTER):
                if self.pick([after], 1):
                    own.insert(own.index(line) + 1, after)
                    line, count = after, count + 1

    def key_points(self, rows: list[Row]) -> Iterator[str]:
        """The best finding of each of some rows of what was found, taken out of them.

        It is what best answers the question, by the cross-encoder, where that has the time.
        """
        if len(rows) < _FEWEST_ROWS:
            return
        # "Sand" says little without its form question.
        own = [
            [x for x in told if x.role == "found" and len(x.words) >= MIN_WORDS] for _, told in rows
        ]
        logits = self.logits([line for lines in own for line in lines])
        best = {
            n: max(lines, key=lambda line: logits.get(line.place, line.score))
            for n, lines in enumerate(own)
            if lines
        }
        if best:
            yield self.heading(KEY_POINTS)
        strongest = sorted(best, key=lambda n: -logits.get(best[n].place, 0.0))
        for n in sorted(strongest[:_MOST_KEY_POINTS]):
            info, told = rows[n]
            told.remove(best[n])
            yield self.by(info, [best[n]])

    def count(self, survey: Survey | None, told: Iterable[ReportInfo] = ()) -> Iterator[str]:
        """How many reports speak of a topic, which are noted; nothing where it may be none.

        Those that are `told` of speak of it, however unlikely the survey found them.
        """
        if survey and survey.found and survey.interval[0]:
            ids = {info.id for info in told}
            rows = (
                replace(row, verdict="mentions")
                if row.verdict == "silent" and row.report.id in ids
                else row
                for row in survey.rows
            )
            survey = replace(survey, rows=tuple(rows))
            found = [row.report for row in survey.found]
            interval = (survey.interval[0], max(survey.interval[1], len(found)))
            survey = replace(survey, labs=self.catalog.labs(found), interval=interval)
            self.speaking = tuple(info.id for info in found)
            self.counted = survey_sentence(survey, self.t)
            yield f"{self.counted}\n"

    def row(self, heading: str, cells: Iterable[str]) -> Iterator[str]:
        """A row of a comparison: its heading, and what is told of each side."""
        yield self.heading(heading)
        for side, told in zip(self.sides, cells, strict=True):
            yield f"- {self.cell(side, told)}"

    def cell(self, side: str, told: str) -> str:
        """What is told of a side, or that nothing is."""
        return format_label(self.t, side, told or self.t.gettext("nothing found on it"))


def rows_of(lines: Iterable[Line]) -> list[Row]:
    """Lines by their reports, which they follow."""
    return [(info, list(own)) for info, own in groupby(lines, key=lambda line: line.report)]


def best_first(row: Row) -> float:
    """What puts the report whose best line has the highest score first."""
    return -max(line.score for line in row[1] if line.report == row[0])
