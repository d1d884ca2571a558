"""Comparisons without a model: sides beside each other, what is asked of each of them first.

Each side is asked its part of the question, among its own reports.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.answer.candidates import Candidate, kind_beside_topic
from rag.answer.chosen import ABOUT, READ_OF_SIDE, Material
from rag.answer.extractive import SENTENCES_READ, answering, choose
from rag.answer.lines import ROLES, Line, Role, on_topic
from rag.answer.topic_comparison import TopicComparer
from rag.answer.writing import HEADINGS
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.i18n.labels import format_count, format_label, title_of, value_label
from rag.i18n.translations import marked
from rag.query.wordings import has_wording
from rag.retrieval.hybrid import side_plans, whole_reports
from rag.survey.classifier import Speaking
from rag.survey.evidence import of_sides
from rag.text.citation_marks import defuse
from rag.text.tokenize import gives_quantity, is_quantity, terms
from rag.types import FACTS, Hit, Plan

# The rows of a comparison, with the most sentences of a side: on a topic, and of all work.
_ROWS: dict[Role, int] = {
    "about": 2, "challenge": 2, "aim": 1, "approach": 2, "found": 4, "barriers": 2, "extent": 2,
    "next": 2,
}  # fmt: skip
# The same beside what is asked of each side.
_ROWS_BESIDE = {role: n for role, n in _ROWS.items() if role not in ("aim", "extent", "next")}
_WHOLE_TITLE = 200  # characters of a title beside one that begins with the same words
_TOPIC_WORDS = 2  # words of a topic that asks for nothing of it
ASKED, NEW = marked("On the question"), marked("What only this plan says")
SHORT, SPEAKING = marked("In short"), marked("Reports that speak of “{topic}”")
# Stages of a work that are held against each other, and reports where none of its work is known.
_MOST_STAGES, _FEWEST_STAGES = 4, 2
# What tells of a work in how many of the first passages, and the share of it of another stage.
_SCORED, _NEAR_STAGE = 40, 0.5
_KINDS = ("plan", "experiment", "closing")
# What is told of a plan, and of what came of it, with the most sentences.
_OF_PLANS: tuple[Role, ...] = ("about", "challenge", "aim", "approach")
_OF_RESULTS: dict[Role, int] = {"found": 4, "barriers": 1, "next": 1}
# The share of the words of two sentences that are alike, and sentences that only one plan has.
_LIKE, _MOST_NEW = 0.5, 5
_SAYS = 0.5  # what a sentence says of its report's work counts, beside how it answers
# What a finding gains, and one with a number twice, where the question is which of two did more.
_MORE = 0.4
_SURELY = 0.5  # from which probability on a side's first report speaks of the topic
_MOST_TOLD = READ_OF_SIDE + 1  # reports of a side that its parts are told from
_MOST_FURTHER = 8  # other reports of a side, read for parts that those leave out
# How likely the likeliest sentence of a side answers, and the best score, below which none does.
_LEAST_LIKELY, _SILENT = 0.2, 0.75
_SHARE, _SHARE_UNREAD, _FEWEST_READ, _MOST_FITTING = 0.6, 0.55, 20, 6
_MOST_ANSWERS, _MOST_CLOSEST = 4, 2  # sentences of a side that answer the question, or are closest
_READ = 12  # passages of a side that were found
_ROWS_OF_ALL: dict[Role, int] = {"about": 4, "found": 4, "barriers": 2, "next": 2}
# What tells what a work is about where no form question asks for just that.
_IS_ABOUT: tuple[Role, ...] = ("challenge", "aim", "approach")


@dataclass(eq=False, slots=True)
class _Side:
    """A side of a comparison: its name, all its reports, and what is told of it.

    `saying` are the reports that say most of the topic, `reports` those that its parts are told
    from, by their `lines`; `further` are those of others that say it. `chosen` are the sentences
    that answer the question: whether that is certain, and whether their form questions ask for it.
    """

    name: str
    scope: Sequence[ReportInfo]
    saying: Sequence[ReportInfo] = ()
    reports: Sequence[ReportInfo] = ()
    lines: Sequence[Line] = ()
    further: Sequence[Line] | None = None
    chosen: Sequence[tuple[Hit, str]] = ()
    is_certain: bool = True
    fits: bool = False


class Comparer(TopicComparer):
    """Writes comparisons."""

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self._touching: Mapping[str, set[tuple[str, int]]] = {}

    def compare(self) -> Iterator[str]:
        """Sides beside each other, row by row."""
        plan = self.plan
        if plan.topics:
            yield from self.topics()
            return
        sides = self._stages() if plan.stages else self._scopes()
        self.sides = tuple(side.name for side in sides)
        asked = [self._alone(p) for p in side_plans(plan) or [plan] * len(sides)]
        self._find_saying(sides)
        # "Compare Peru and Chile on reefs" has a topic, and asks for nothing of it.
        is_long = len(terms(plan.subject, plan.language)) > _TOPIC_WORDS
        asks = any(kind_beside_topic(part, plan.subject) for part in asked)
        is_asked = plan.one_thing or is_long or asks
        if plan.stages:
            figures = is_quantity(plan.standalone) or not has_wording("outcomes", plan.standalone)
            is_asked = plan.one_thing and figures
        for side, part in zip(sides, asked, strict=True) if is_asked else ():
            self._answer(side, part)
        self._read_lines(sides, is_asked)
        # Of a few reports all parts are told, of all work the main ones.
        few = max((len(side.reports) for side in sides), default=0) <= READ_OF_SIDE
        in_parts = bool(plan.subject or plan.reports or few)
        told = [
            "; ".join(
                self.when(r)
                if side.name in (title_of(r), title_of(r, _WHOLE_TITLE))
                else self.named(r, of_lab=True)
                for r in side.reports
            )
            if in_parts
            else self.overview(side.reports)
            for side in sides
        ]
        named = [self._sized(side, in_parts) for side in sides]
        more, speaking = self._speaking_sides(sides)
        self.counted = "\n".join([*map(self.cell, named, told), *speaking])
        rows = [*self.row(marked("Reports"), told), *speaking]
        is_answered = any(side.chosen for side in sides)
        if is_answered:
            rows += self.row(ASKED, map(self._told, sides))
        if plan.stages:
            rows += self._in_short(sides)
        elif not (is_answered and (plan.one_thing or any(side.fits for side in sides))):
            table = _ROWS_BESIDE if is_asked else _ROWS if in_parts else _ROWS_OF_ALL
            rows += self._parts(sides, table)
        head = self.head(hit.passage.report for hit in self.quoted.values())
        yield " ".join(filter(None, (more, head)))
        yield from rows

    def _speaking_sides(self, sides: Sequence[_Side]) -> tuple[str, list[str]]:
        """Which side speaks more of the topic, and the row that counts, if that is asked."""
        is_wanted = has_wording("did_more", self.plan.standalone) and self.plan.subject
        if is_wanted and len(sides) > 1 and not (self.plan.stages or self.plan.reports):
            survey, _ = self._surveys.survey(())
            if survey and survey.found and survey.interval[0]:
                of_each = {side.name: {info.id for info in side.scope} for side in sides}
                more, cells = of_sides(of_each, survey, self.t)
                about = self.t.gettext(SPEAKING).format(topic=defuse(survey.topic))
                return more, list(self.row(about, cells))
        return "", []

    def _told(self, side: _Side) -> str:
        """What answers for a side; where that is uncertain, as what is closest."""
        said = " ".join(self.cite(*told) for told in side.chosen)
        if not said:
            reports = format_count(len(side.scope), "report", self.t)
            return self.t.gettext("nothing found on it in {reports}").format(reports=reports)
        closest = self.t.gettext("Closest in the reports")
        return said if side.is_certain else format_label(self.t, closest, said)

    def _stages(self) -> list[_Side]:
        """The reports of the work that is nearest to the question, each a side."""
        plan, reports = self.plan, self.catalog.reports
        scope = plan.filters.merged(Filters(country=plan.boosted.country))
        inside = self.catalog.ids(scope)
        named = {i: reports[i] for i in plan.reports if i in inside}
        # The work that tells most of it need not have the best passage.
        scores = defaultdict[str, float](float)
        for hit in self.hits[:_SCORED]:
            scores[hit.passage.report.id] += hit.score
        best = sorted(self.found(), key=lambda r: -scores[r.id])
        own = {r.id: r for r in best if r.id in inside and r.author == "lab"}
        ranked = [*(named | own).values()]
        if not ranked:
            return []
        # A report that continues any report of the work belongs to the work, too.
        same = {r.id: r for other in self.same_work(ranked[0]) for r in self.same_work(other)}
        work = [r for r in same.values() if r.id in inside]
        if len(work) < _FEWEST_STAGES:
            # The nearest of each year that is named, or of plans and of what came of them.
            by_year = {r.year: r for r in reversed(ranked) if r.year in plan.boosted.year}
            near = [r for r in ranked if scores[r.id] >= _NEAR_STAGE * scores[ranked[0].id]]
            by_kind = {r.kind == "plan": r for r in reversed(near)}
            work = [*(by_year if len(by_year) > 1 else by_kind).values()]
            if len(work) < _FEWEST_STAGES:
                return []
        plans = [r for r in work if r.kind == "plan"]
        if len(plans) > 1 and not has_wording("outcomes", plan.standalone):
            work = plans
        of_years = [r for r in work if r.year in plan.boosted.year]
        if len({r.year for r in of_years}) > 1:
            work = of_years
        order = {info.id: n for n, info in enumerate(ranked)}
        work = sorted(work, key=lambda r: order.get(r.id, len(order)))[:_MOST_STAGES]
        work.sort(key=lambda r: (r.year or 0, _KINDS.index(r.kind) if r.kind in _KINDS else 0))
        names = [self.when(info) for info in work]
        if len(set(names)) < len(names):
            names = [self.named(info, of_lab=True) for info in work]
        return [_Side(name, [info]) for name, info in zip(names, work, strict=True)]

    def _in_short(self, sides: Sequence[_Side]) -> Iterator[str]:
        """What is new in each plan that follows another one, and what each stage tells most."""
        lines = [self.lines(self.open(side.scope)) for side in sides]
        is_plan = [side.scope[0].kind == "plan" for side in sides]
        plans = [own for own, is_one in zip(lines, is_plan, strict=True) if is_one]
        new = [self._new(own, [x for p in plans if p is not own for x in p]) for own in plans]
        if all(is_plan) and all(new):
            yield from self.row(NEW, map(self.quote, new))
            return
        cells = []
        for of_side, is_one in zip(lines, is_plan, strict=True):
            of_roles = {role: [x for x in of_side if x.role == role] for role in ROLES}
            if is_one:
                picked = [self.pick_asked(of_roles[role]) for role in _OF_PLANS]
            else:
                picked = [self.pick(of_roles[role], most) for role, most in _OF_RESULTS.items()]
            cells.append(self.quote(line for of_role in picked for line in of_role))
        yield from self.row(SHORT, cells)

    def _new(self, lines: Sequence[Line], known: Sequence[Line]) -> list[Line]:
        """The sentences of a plan that no other one has; first those with another number."""
        texts = {line.text for line in known}
        new = []
        for line in lines:
            if line.text in texts:
                continue
            like = max(
                (len(line.words & x.words) / len(line.words | x.words) for x in known), default=0.0
            )
            # What is nearly the same is told where a number is another.
            numbers = {w for w in line.words if w.isdecimal()}
            other = numbers and not any(numbers <= x.words for x in known)
            if like < _LIKE or (like < 1 and other):
                new.append(replace(line, score=line.score + (like >= _LIKE)))
        # Its twin of another plan, with another number, does not stand for it.
        best = sorted(new, key=lambda line: -line.score)[:_MOST_NEW]
        self._chosen += [line.words for line in best]
        return [line for line in new if line in best]

    def _read_lines(self, sides: Sequence[_Side], is_asked: bool) -> None:
        """Find each side's reports and their lines; where one alone tells nothing, those on topic.

        These are its closest answers, and its reports those that have them.
        """
        for side in sides:
            side.reports = self._reports_of(side)
            side.lines = self._lines_of(side.reports)
        silent = [side for side in sides if not (side.chosen if is_asked else side.saying)]
        near = {x.place for x in on_topic([x for side in sides for x in side.lines])}
        # A work that is named is told whole.
        is_narrowed = self.plan.subject and not self.plan.reports and len(silent) < len(sides)
        for side in silent if is_narrowed else ():
            side.lines = own = [line for line in side.lines if line.place in near]
            side.reports = list({line.report.id: line.report for line in own}.values())
            side.further = ()
            if is_asked:
                side.chosen = [(line.hit, line.text) for line in self.pick(own, _MOST_CLOSEST)]
                side.is_certain = False

    def _parts(self, sides: Sequence[_Side], table: Mapping[Role, int]) -> Iterator[str]:
        """What the reports of each side say of each part of their work."""
        told = [[*self._chosen] for _ in sides]
        for role, most in table.items():
            picked = []
            for side, said in zip(sides, told, strict=True):
                own = [x for x in side.lines if x.role == role] or self._further(side, role)
                shared = self._chosen
                if not (best := self.pick(own, most)):
                    # What another side says nearly alike is more than nothing.
                    self._chosen = said
                    best = self.pick(own, most)
                    self._chosen = shared
                for instead in _IS_ABOUT if role == "about" else ():
                    if instead not in table and not best:
                        own = [x for x in side.lines if x.role == instead]
                        best = self.pick(own, most)
                said += [line.words for line in best]
                picked.append(best)
            if any(picked):
                yield from self.row(HEADINGS[role], map(self.quote, picked))

    def _lines_of(self, infos: Iterable[ReportInfo]) -> list[Line]:
        """The lines of reports; of those that only touch the topic, those on it."""
        lines = self.lines(self.open(infos))
        return [x for x in lines if x.place in self._touching.get(x.report.id, (x.place,))]

    def _further(self, side: _Side, role: Role) -> list[Line]:
        """What other reports that say most of the topic have on a part of their work."""
        if side.further is None:
            told, inside = ({r.id for r in infos} for infos in (side.reports, side.scope))
            left = inside - told if told else ()
            others = [r for r in self.with_results(side.saying) if r.id in left]
            side.further = self._lines_of(others[:_MOST_FURTHER])
        return [x for x in side.further if x.role == role]

    def _alone(self, plan: Plan) -> Plan:
        """The plan of what is put to one side; its question says no more that it compares."""
        asked = [word for word in plan.question.split() if not has_wording("compare", word)]
        alone = replace(plan, intent="answer", wide=False, boosted=Filters(), countries=())
        return replace(alone, question=" ".join(asked))

    def _answer(self, side: _Side, plan: Plan) -> None:
        """Find the sentences of a side's reports that answer its part of the question."""
        infos = self.with_results(side.saying) or side.scope
        own = [info for info in infos if info.author == "lab"]
        if 0 < len(own) < len(infos):
            self._answer_from(side, plan, own)
        if not side.chosen:
            # What a lab collected is told where its own reports don't.
            self._answer_from(side, plan, infos)

    def _answer_from(self, side: _Side, plan: Plan, infos: Sequence[ReportInfo]) -> None:
        """Find them in these reports."""
        inside = {info.id for info in infos}
        found = [hit for hit in self.hits if hit.passage.report.id in inside][:_READ]
        whole = whole_reports(found, self.opened, self.same_work)
        hits = [hit for hit in whole if hit.passage.report.id in inside]
        if (self.plan.stages or self.plan.reports) and not found:
            hits = [*self.open(infos)]
        most = max(_FEWEST_READ, SENTENCES_READ // len(self.sides))
        ways = self._embedding, self.reranker
        candidates = self._telling(answering(plan, hits, *ways, most=most), hits)
        share = _SHARE if any(c.answers is not None for c in candidates) else _SHARE_UNREAD
        least = share * max((c.score for c in candidates), default=0.0)
        good = [c for c in candidates if c.score >= least]
        read = [c.answers for c in good if c.answers is not None]
        # What stands under the question that is asked is all wanted: each partner, each obstacle.
        asks = kind_beside_topic(plan, self.plan.subject)
        fitting = [c for c in candidates if asks and c.fits]
        all_said = len({c.n for c in fitting}) > 1 and not is_quantity(plan.question)
        candidates = fitting if all_said else [*fitting, *good]
        candidates = sorted(set(candidates), key=lambda c: (c.n, c.start))
        unlikely = read and max(read) < _LEAST_LIKELY and least < share * _SILENT
        if not candidates or (unlikely and not (fitting or self.plan.stages)):
            return
        chosen = choose(candidates, plan, _MOST_FITTING if fitting else _MOST_ANSWERS)
        side.is_certain = bool(fitting or read or self.plan.stages)
        side.chosen, side.fits = [(c.hit, c.text) for c in chosen], bool(fitting)
        self._chosen += [c.words for c in chosen]

    def _telling(self, candidates: Sequence[Candidate], hits: Sequence[Hit]) -> list[Candidate]:
        """Candidates that tell of the work, whose scores gain by how much they say."""
        unwanted = () if has_wording("partners", self.plan.standalone) else ("partners",)
        roles = [role for role in ROLES[:-1] if role not in unwanted]
        more = _MORE * has_wording("more_of", self.plan.standalone)
        said = {
            x.place: x.score + more * (x.role == "found") * (1 + gives_quantity(x.text))
            for x in self.lines(hits, roles)
        }
        return [
            replace(c, score=c.score + _SAYS * said.get((c.passage.id, c.start), 0.0))
            for c in candidates
            if (c.passage.id, c.start) in said or c.fits or c.passage.section == FACTS
        ]

    def _sized(self, side: _Side, in_parts: bool) -> str:
        """A side with its size; a model is told where it reads some of its reports."""
        size = format_count(len(side.scope), "report", self.t)
        told, all_of = ({info.id for info in infos} for infos in (side.reports, side.scope))
        if in_parts and told and told < all_of:
            among = self.t.gettext("{side} ({reports}), among them")
            return among.format(side=side.name, reports=size)
        return f"{side.name} ({size})"

    def _scopes(self) -> list[_Side]:
        """The sides, each with all its reports."""
        plan, catalog = self.plan, self.catalog
        if plan.reports:
            named = [catalog.reports[i] for i in plan.reports]
            works = [self.with_results([info]) for info in named]
            if len({r.id for work in works for r in work}) < sum(map(len, works)):
                # Reports of one work are sides themselves.
                works = [[info] for info in named]
            names = [title_of(work[0]) for work in works]
            if len(set(names)) < len(names):
                # "House 1" and "House 2" may stand at the end.
                names = [title_of(work[0], _WHOLE_TITLE) for work in works]
            return [_Side(name, work) for name, work in zip(names, works, strict=True)]
        within = plan.boosted.merged(plan.filters)
        field = "country" if len(within.country) > 1 else "year"
        scopes = {v: replace(within, **{field: (v,)}) for v in getattr(within, field)}
        return [
            _Side(value_label(field, value, self.t), catalog.select(scope))
            for value, scope in scopes.items()
        ]

    def _find_saying(self, sides: Sequence[_Side]) -> None:
        """Find the reports of each side that say most of the topic, unless sides are reports."""
        if self.plan.subject and not self.plan.stages and not self.plan.reports:
            said = self._surveys.speaking([info.id for side in sides for info in side.scope])
            for side in sides:
                side.saying = self.saying(side.scope, said)
            # What a side is told from first is told whole if it surely speaks of the topic.
            first = [info.id for side in sides for info in side.saying[:1]]
            whole = {i for i in first if i in said and said[i].says >= _SURELY}
            touching = self.touching(said)
            self._touching = {i: places for i, places in touching.items() if i not in whole}

    def _reports_of(self, side: _Side) -> Sequence[ReportInfo]:
        """The reports that a side is told from."""
        if self.plan.stages or self.plan.reports:
            return side.scope
        if not self.plan.subject:
            # What a lab collected says little of its work.
            return [info for info in side.scope if info.author == "lab"] or side.scope
        cited = {hit.passage.report.id: hit.passage.report for hit, _ in side.chosen}
        if self.plan.one_thing:
            return list(cited.values())
        most = side.saying[:READ_OF_SIDE]
        known = {info.id: info for info in (*most, *cited.values())}
        return self.with_results([*known.values()][:_MOST_TOLD])

    def touching(self, said: Mapping[str, Speaking]) -> Mapping[str, set[tuple[str, int]]]:
        """The places of the sentences on the topic, by report, of works that only touch it."""
        about = [self.catalog.reports[i] for i in said if said[i].about >= ABOUT]
        told = {info.id for report in about for info in (report, *self.same_work(report))}
        return {i: {*speaks.sentences} for i, speaks in said.items() if i not in told}

    def with_results(self, infos: Sequence[ReportInfo]) -> list[ReportInfo]:
        """The reports, each plan followed by the last report of what came of it."""
        told: dict[str, ReportInfo] = {}
        inside = self.catalog.ids(self.plan.filters)
        for info in infos:
            same = self.same_work(info) if info.kind == "plan" else ()
            results = [r for r in same if r.kind != "plan" and r.id in inside]
            told |= {r.id: r for r in (info, *results[-1:])}
        return list(told.values())
