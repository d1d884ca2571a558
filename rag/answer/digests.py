"""Digests without a model: of a report, a lab, a topic, side by side, over time, and of reasons.

The labs' own sentences, chosen by what the form question over them asks for (`rag.answer.roles`),
by how near they are to the topic and to what their report says most, and by what they tell. Of a
report or a lab all passages are read, not only those that a search found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from rag.answer.extractive import SAME, is_off_topic, quotes_head, shares
from rag.answer.roles import Role, role_of, role_of_question
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import ReportInfo
from rag.citation.quotable import Sentence, is_whole, usable
from rag.i18n.labels import author_label, country_label, format_label, join_parts, value_label
from rag.i18n.translations import marked, translations_for
from rag.models.chat import Generation
from rag.models.embeddings import Embedding
from rag.text.citation_marks import defuse, with_marks
from rag.text.tokenize import terms, words
from rag.types import Hit, Intent, Plan, Turn

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
# How many sentences of each role a digest of one report has.
_OF_REPORT: dict[Role, int] = {
    "about": 1, "challenge": 2, "aim": 2, "approach": 2, "partners": 2, "found": 4, "barriers": 2,
    "advice": 2, "next": 2, "extent": 3,
}  # fmt: skip
# Which roles tell most of a report, and which a comparison has.
_TELLING: tuple[Role, ...] = (
    *("found", "barriers", "advice", "about", "aim", "challenge", "approach"),
)
_SAID_BY_HEADING = ("about", "challenge", "partners", "barriers", "advice")
_SIDES: tuple[Role, ...] = ("challenge", "about", "approach", "found", "barriers", "next")
_FINDINGS: tuple[Role, ...] = ("found", "barriers", "advice")
_MOST_FOUND, _MOST_PLANNED, _MOST_SOLUTIONS = 14, 10, 5  # reports that a part tells of
KEY_POINTS = marked("Key points")
_FEWEST_ROWS = 6  # of an answer that begins with key points
_PER_LAB = 2  # reports of a lab among those of a topic
_MOST_REASONS, _FEWER_REASONS = 12, 6  # labs that tell what is asked for, and what else
# Reports that are read: of a side, over the years, and of a topic.
_READ_OF_SIDE, _READ_OVER_TIME, _READ_OF_TOPIC = 8, 14, 60
_MOST_TITLE = 70  # characters of a title that names a line
# What a sentence's nearness to its report's others counts, and to the topic; what a number adds, a
# name, and what too few or too many words take, or a beginning that needs the sentence
# before; what all of the topic's words add to its nearness.
_CENTRAL, _TOPICAL, _NUMBER, _NAME, _ODD, _WORDS = 0.5, 1.0, 0.04, 0.02, 0.1, 0.2
_GOOD_LENGTH = range(8, 45)  # words
_MIN_WORDS = 3  # of an answer that needs no form question before it
# The share of the nearest report's nearness to the topic that others have that are told.
_NEAR_SIDE, _NEAR_AT_ALL, _NEAR_OVER_TIME = 0.8, 0.4, 0.8
_SAME_TITLE = 0.5  # cosine of a title that is what is asked for

_QUOTES, _ASKS = ' "”»)', ("?", "؟")
_JOINS = re.compile(
    r"(?-i:[^\W\d_A-Z])|(?:th(?:is|ese|ose|ey)|it|he|she|such|rather|however|also|therefore|ce|cette|ces|cela"
    r"|ils?|elles?|est[eao]s?|es[ao]s?|ellos|ess[eao]s?|iss?to|eles?|هذا|هذه|ذلك)\b",
    re.IGNORECASE,
)

OpenReports = Callable[[Collection[str]], Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence that can be quoted: where it stands, what it tells, and how much it says."""

    hit: Hit
    text: str
    role: Role
    words: frozenset[str]
    score: float
    topical: float

    @property
    def report(self) -> ReportInfo:
        """The report that it stands in."""
        return self.hit.passage.report


@dataclass(slots=True)
class Digest:
    """A digest's text, whose marks count the passages that it quotes in reading order."""

    text: str
    hits: tuple[Hit, ...]
    name: str = "extractive"
    window: int = 0

    def stream(
        self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], generation: Generation
    ) -> Iterator[str]:
        """The text in one piece."""
        del plan, hits, history, generation
        yield self.text


def make_digest(
    plan: Plan,
    hits: Sequence[Hit],
    catalog: Catalog,
    embedding: Embedding,
    open_reports: OpenReports,
) -> Digest | None:
    """The digest that a plan wants; None where it wants none, or there is nothing to tell.

    `hits` were found, best first; `open_reports` gives the passages of reports, in their order.
    """
    made = _Maker(plan, hits, catalog, embedding, open_reports)
    form = _FORMS.get(plan.intent)
    absent = plan.countries and catalog.keys("country").isdisjoint(plan.countries)
    if form is None or absent or any(n.code == "no_reports_of_year" for n in plan.notices):
        return None
    if plan.intent in ("topic", "reasons") and is_off_topic(plan, hits):
        return None
    lines = list(form(made))
    if not made.quoted:
        return None
    return Digest("\n".join(lines), tuple(made.quoted.values()))


class _Maker:
    """Makes one digest, and counts what it quotes."""

    def __init__(
        self,
        plan: Plan,
        hits: Sequence[Hit],
        catalog: Catalog,
        embedding: Embedding,
        open_reports: OpenReports,
    ) -> None:
        self.plan, self.hits, self.catalog = plan, hits, catalog
        self.t = translations_for(plan.language)
        self.quoted: dict[str, Hit] = {}
        self._chosen: list[frozenset[str]] = []
        self._embedding, self._open = embedding, open_reports

    def lines(self, hits: Iterable[Hit], roles: Collection[Role] = HEADINGS.keys()) -> list[Line]:
        """The sentences of passages with these roles."""
        read = [(hit, role) for hit in hits if (role := role_of(hit.passage)) in roles]
        found = [
            (hit, role, _shown(s, hit, role)) for hit, role in read for s in usable(hit.passage)
        ]
        # What was asked is no finding.
        found = [
            row for row in found if row[1] == "aim" or not row[2].rstrip(_QUOTES).endswith(_ASKS)
        ]
        if not found:
            return []
        texts = [text for *_, text in found]
        vectors = np.asarray(self._embedding.get_text_embedding_batch(texts), np.float32)
        topic = np.zeros(vectors.shape[1], np.float32)
        asked = self.plan.subject or (self.plan.standalone if self.plan.intent == "reasons" else "")
        if asked:
            topic = np.asarray(self._embedding.get_query_embedding(asked), np.float32)
        reports = np.array([hit.passage.report.id for hit, *_ in found])
        central = np.zeros(len(found), np.float32)
        for report in set(reports.tolist()):
            own = reports == report
            middle = vectors[own].mean(axis=0)
            central[own] = vectors[own] @ middle / (np.linalg.norm(middle) or 1.0)
        near = vectors @ topic
        wanted = dict.fromkeys(terms(self.plan.subject, self.plan.language), 1.0)
        for i, (hit, _, text) in enumerate(found):
            there = {*terms(text, hit.passage.language), *terms(text, self.plan.language)}
            near[i] += _WORDS * sum(shares(wanted, there, self.plan.alike)) / (len(wanted) or 1)
        return [
            Line(
                hit,
                text,
                role,
                frozenset(words(text)),
                float(_CENTRAL * c + _TOPICAL * n) + _telling(text),
                float(n),
            )
            for (hit, role, text), c, n in zip(found, central, near, strict=True)
        ]

    def pick(self, lines: Iterable[Line], count: int) -> list[Line]:
        """The best lines that say nothing that was told before, in the order of their report."""
        lines = list(lines)
        order = {id(line): i for i, line in enumerate(lines)}
        picked: list[Line] = []
        for line in sorted(lines, key=lambda line: -line.score):
            own = line.words
            if len(picked) == count:
                break
            if all(len(own & c) <= SAME * min(len(own), len(c)) for c in self._chosen):
                picked.append(line)
                self._chosen.append(own)
        return sorted(picked, key=lambda line: order[id(line)])

    def quote(self, lines: Iterable[Line]) -> str:
        """Sentences with their marks."""
        marked_up = []
        for line in lines:
            self.quoted.setdefault(line.hit.passage.id, line.hit)
            n = list(self.quoted).index(line.hit.passage.id) + 1
            marked_up.append(with_marks(defuse(line.text), [n]))
        return " ".join(marked_up)

    def by(self, info: ReportInfo, lines: Sequence[Line], titled: bool = False) -> str:
        """A line of a report: who wrote it or its title, its year and kind, and sentences."""
        # Some have a finding for a title.
        titled = titled and not (info.title.endswith("…") or is_whole(info.title, info.language))
        name = _title(info) if titled else author_label(info, self.t)
        kind = value_label("kind", info.kind, self.t)
        when = join_parts(self.t, ", ", [str(info.year or "?"), kind])
        return f"- {format_label(self.t, f'{name} ({when})', self.quote(lines))}"

    def heading(self, text: str) -> str:
        """A heading in the reader's language."""
        return f"### {self.t.gettext(text)}"

    def key_points(self, groups: Iterable[list[tuple[ReportInfo, list[Line]]]]) -> Iterator[str]:
        """The first and best row of each group, taken out of it; none where there are few."""
        groups = [group for group in groups if group]
        if len(groups) > 1 and sum(map(len, groups)) >= _FEWEST_ROWS:
            yield self.heading(KEY_POINTS)
            yield from (self.by(*group.pop(0)) for group in groups)

    def head(self, reports: Iterable[ReportInfo]) -> str:
        """Whose quotes follow."""
        infos = list(reports)
        return quotes_head(infos, self.t) if infos else ""

    def kinds(self, reports: Iterable[ReportInfo]) -> str:
        """How many reports there are of each kind."""
        counts = Counter(value_label("kind", r.kind, self.t) for r in reports)
        rows = [format_label(self.t, kind, str(n)) for kind, n in counts.items()]
        return join_parts(self.t, "; ", rows)

    def open(self, reports: Iterable[ReportInfo]) -> list[Hit]:
        """The passages of reports."""
        return list(self._open([info.id for info in reports]))

    def found(
        self, countries: Collection[str] = (), years: Collection[int] = ()
    ) -> list[ReportInfo]:
        """The reports that were found, of these places and years, best first."""
        infos = {hit.passage.report.id: hit.passage.report for hit in self.hits}.values()
        return [
            info
            for info in infos
            if not countries or not set(countries).isdisjoint(info.countries)
            if not years or info.year in years
        ]

    # The forms.

    def report(self) -> Iterator[str]:
        """One report, or one line of work: part by part."""
        reports = [self.catalog.reports[i] for i in self.plan.reports] or self._nearest_title()
        lines = self.lines(self.open(reports))
        for info in reports:
            kind = value_label("kind", info.kind, self.t)
            what = join_parts(self.t, ", ", [author_label(info, self.t), str(info.year), kind])
            yield f"**{_title(info)}** ({what})"
        blank = []
        for role, count in _OF_REPORT.items():
            picked = self.pick((x for x in lines if x.role == role), count)
            if picked:
                yield self.heading(HEADINGS[role])
                yield self.quote(picked)
            elif role != "about":
                blank.append(self.t.gettext(HEADINGS[role]))
        if blank:
            nothing = self.t.gettext("The report says nothing on")
            yield format_label(self.t, nothing, join_parts(self.t, "; ", blank)) + "."

    def _nearest_title(self) -> list[ReportInfo]:
        """The report whose title is what is asked for, among those that were found."""
        found = list({hit.passage.report.id: hit.passage.report for hit in self.hits[:20]}.values())
        if not (found and self.plan.subject):
            return []
        vectors = np.asarray(self._embedding.get_text_embedding_batch([r.title for r in found]))
        topic = np.asarray(self._embedding.get_query_embedding(self.plan.subject))
        nearness = vectors @ topic
        best = int(np.argmax(nearness))
        return [found[best]] if nearness[best] >= _SAME_TITLE else []

    def lab(self) -> Iterator[str]:
        """All reports of a lab: what was found, what is planned, what was collected."""
        plan = self.plan
        if self._nearest_title():
            yield from self.report()
            return
        reports = self.catalog.select(plan.filters.merged(plan.boosted))
        lines = self.lines(self.open(reports), _TELLING)
        of_report: dict[str, list[Line]] = {}
        for line in lines:
            of_report.setdefault(line.report.id, []).append(line)
        country = (plan.filters.country or plan.boosted.country)[0]
        yield format_label(self.t, country_label(country, self.t), self.kinds(reports)) + "."
        rows: dict[str, list[tuple[float, ReportInfo, list[Line]]]] = {}
        for info in sorted(reports, key=lambda r: (-(r.year or 0), r.title)):
            own = of_report.get(info.id, [])
            part, telling = _part(info, own)
            picked = self.pick(telling, 2 if part == "found" else 1)
            if picked:
                best = max(line.score for line in picked)
                rows.setdefault(part, []).append((best, info, picked))
        for part, (heading, most) in _PARTS.items():
            best_rows = sorted(rows.get(part, []), key=lambda row: -row[0])[:most]
            if best_rows:
                yield self.heading(heading)
            for _, info, picked in sorted(best_rows, key=lambda row: -(row[1].year or 0)):
                yield self.by(info, picked, titled=True)

    def compare(self) -> Iterator[str]:
        """Sides beside each other, part by part."""
        sides = self.plan.boosted.country or self.plan.filters.country
        opened = {side: self.lines(self.open(self.found({side})[:_READ_OF_SIDE])) for side in sides}
        of_side = {side: _near(lines) for side, lines in opened.items()}
        best = max((line.topical for lines in of_side.values() for line in lines), default=0.0)
        for lines in of_side.values():
            if max((line.topical for line in lines), default=0.0) < _NEAR_AT_ALL * best:
                lines.clear()
        for side, lines in of_side.items():
            reports = {line.report.id: line.report for line in lines}.values()
            said = self.kinds(reports) if lines else self.t.gettext("nothing found on it")
            yield format_label(self.t, country_label(side, self.t), said) + "."
        for role in _SIDES:
            groups = [
                list(same)
                for lines in of_side.values()
                for _, same in groupby(
                    self.pick((x for x in lines if x.role == role), 2), key=lambda x: x.report.id
                )
            ]
            if groups:
                yield self.heading(HEADINGS[role])
            for group in groups:
                yield self.by(group[0].report, group)

    def trend(self) -> Iterator[str]:
        """Year by year."""
        plan = self.plan
        countries, years = plan.boosted.country or plan.filters.country, plan.boosted.year
        found = self.found(countries, years)
        similarity: dict[str, float] = {}
        for hit in self.hits:
            info = hit.passage.report
            similarity[info.id] = max(similarity.get(info.id, 0.0), hit.similarity)
        least = _NEAR_OVER_TIME * max((similarity[info.id] for info in found), default=0.0)
        near = [info for info in found if similarity[info.id] >= least]
        lines = self.lines(self.open(near[:_READ_OVER_TIME]), _TELLING)
        reports = {line.report.id: line.report for line in lines}.values()
        yield self.head(reports)
        ordered = sorted(reports, key=lambda r: r.year or 0)
        for year, group in groupby(ordered, key=lambda r: r.year):
            infos = list(group)
            yield f"### {year or '?'} ({self.kinds(infos)})"
            for info in infos:
                own = [line for line in lines if line.report.id == info.id]
                if picked := self.pick(_first_role(own), 2):
                    yield self.by(info, picked, titled=len(countries) == 1)

    def topic(self) -> Iterator[str]:
        """What many labs say: what was found, what is planned, and solutions."""
        by_report: dict[str, list[Hit]] = {}
        for hit in self.hits:
            by_report.setdefault(hit.passage.report.id, []).append(hit)
        ranked = list(by_report.items())[:_READ_OF_TOPIC]
        yield from self.of_topic((hits[0].passage.report, hits) for _, hits in ranked)

    def of_topic(self, ranked: Iterable[tuple[ReportInfo, Sequence[Hit]]]) -> Iterator[str]:
        """A topic's digest from reports with the passages that speak of it, best first."""
        ranked = list(ranked)
        hits = [hit for _, hits in ranked for hit in hits]
        about: tuple[Role, ...] = ("about",)
        lines = self.lines(self.open(info for info, _ in ranked), about)
        lines += self.lines(hits, [role for role in _TELLING if role != "about"])
        lines = _on_topic(lines)
        rows: dict[str, list[tuple[ReportInfo, list[Line]]]] = {part: [] for part in _PARTS}
        labs: Counter[str] = Counter()
        for info, _ in ranked:
            own = [line for line in lines if line.report.id == info.id]
            part, telling = _part(info, own)
            if labs[info.lab] == _PER_LAB or len(rows[part]) == _PARTS[part][1]:
                continue
            if picked := self.pick(telling, 2 if part == "found" else 1):
                rows[part].append((info, picked))
                labs[info.lab] += 1
        yield self.head(info for part in rows.values() for info, _ in part)
        yield from self.key_points(rows.values())
        for part, of_part in rows.items():
            if of_part:
                yield self.heading(_PARTS[part][0])
            for info, picked in of_part:
                yield self.by(info, picked)

    def reasons(self) -> Iterator[str]:
        """What was found, what got in the way, and advice, of all who say so."""
        hits = (hit for hit in self.hits if hit.passage.report.author == "lab")
        lines = _on_topic(self.lines(hits, _FINDINGS))
        asked = role_of_question(self.plan.standalone)
        rows: dict[Role, list[tuple[ReportInfo, list[Line]]]] = {}
        for role in sorted(_FINDINGS, key=lambda role: role != asked):
            most = _MOST_REASONS if role == asked else _FEWER_REASONS
            labs: set[str] = set()
            of_role = rows.setdefault(role, [])
            for line in sorted((x for x in lines if x.role == role), key=lambda x: -x.score):
                if line.report.lab not in labs and len(of_role) < most and self.pick([line], 1):
                    of_role.append((line.report, [line]))
                    labs.add(line.report.lab)
        yield self.head(info for of_role in rows.values() for info, _ in of_role)
        yield from self.key_points(rows.values())
        for role, of_role in rows.items():
            if of_role:
                yield self.heading(HEADINGS[role])
            for row in of_role:
                yield self.by(*row)


_PARTS = {
    "found": (HEADINGS["found"], _MOST_FOUND),
    "planned": (marked("What is planned"), _MOST_PLANNED),
    "solutions": (marked("Solutions that innovators wrote and labs collected"), _MOST_SOLUTIONS),
}
_FORMS: dict[Intent, Callable[[_Maker], Iterator[str]]] = {
    "report": _Maker.report,
    "lab": _Maker.lab,
    "compare": _Maker.compare,
    "trend": _Maker.trend,
    "topic": _Maker.topic,
    "reasons": _Maker.reasons,
}


def _part(info: ReportInfo, lines: Sequence[Line]) -> tuple[str, list[Line]]:
    """The part of a digest that a report belongs to, and the lines that it may have there."""
    findings = [line for line in lines if line.role in _FINDINGS]
    if info.author == "lab" and findings:
        return "found", findings
    return "planned" if info.author == "lab" else "solutions", _first_role(lines)


def _on_topic(lines: Sequence[Line]) -> list[Line]:
    """The lines that are not far from the topic beside the nearest ones."""
    least = _NEAR_AT_ALL * max((line.topical for line in lines), default=0.0)
    return [line for line in lines if line.topical >= least]


def _near(lines: Sequence[Line]) -> list[Line]:
    """The lines of the reports that are nearly as near to the topic as the nearest one."""
    best: dict[str, float] = {}
    for line in lines:
        best[line.report.id] = max(best.get(line.report.id, 0.0), line.topical)
    least = _NEAR_SIDE * max(best.values(), default=0.0)
    return [line for line in lines if best[line.report.id] >= least]


def _first_role(lines: Sequence[Line]) -> list[Line]:
    """The lines of the most telling role that there is."""
    roles = {line.role for line in lines}
    first = next((role for role in _TELLING if role in roles), None)
    return [line for line in lines if line.role == first]


def _telling(text: str) -> float:
    """What a sentence's numbers and names add to its score, and an odd length takes."""
    numbers = min(3, len(re.findall(r"\d+", text)))
    names = min(3, len(re.findall(r"(?<=[\w,] )[A-Z]\w{2,}", text)))
    odd = (len(words(text)) not in _GOOD_LENGTH) + bool(_JOINS.match(text))
    return _NUMBER * numbers + _NAME * names - _ODD * odd


def _shown(sentence: Sentence, hit: Hit, role: Role) -> str:
    """A sentence's words; without its form question where the heading says as much."""
    asked, _, answer = sentence.text.partition(": ")
    says_it = role in _SAID_BY_HEADING and asked in hit.passage.prompt
    return answer if says_it and len(words(answer)) >= _MIN_WORDS else sentence.text


def _title(info: ReportInfo) -> str:
    """A report's title as the name of a line."""
    title = " ".join(re.sub(r"[\[\]*:()]", " ", info.title).split())
    return title if len(title) <= _MOST_TITLE else title[:_MOST_TITLE].rsplit(" ", 1)[0] + " …"
