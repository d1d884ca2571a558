"""Digests without a model: of a report, a lab, a topic, side by side, over time, and of reasons.

The labs' own sentences, chosen by what the form question over them asks for (`rag.answer.lines`),
by how near they are to the topic and to what their report says most, and by what they tell. Of a
report or a lab all passages are read, not only those that a search found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from statistics import fmean

from rag.answer.candidates import covered, kind_beside_topic, kind_wanted, kinds_asked
from rag.answer.chosen import (
    ALSO_SAYS,
    MAY_SAY_IT,
    MOST_OF_YEAR,
    SAYS_IT,
    SAYS_IT_HINTED,
    SAYS_IT_OTHERWISE,
    TELLS,
    Material,
    chance,
)
from rag.answer.comparison import Comparer
from rag.answer.extractive import (
    BEST_PASSAGES,
    NEAREST,
    SENTENCES_MORE,
    UNSURE,
    Digest,
    quotes_head,
)
from rag.answer.lines import (
    FINDING_OF_KIND,
    FINDINGS,
    ROLE_OF_KIND,
    ROLES,
    TELLING,
    Line,
    Role,
    finds,
    first_role,
    on_topic,
    part_of,
    role_of_question,
    role_wanted,
)
from rag.answer.writing import FEWEST_LINES, HEADINGS, PARTS, Row, best_first, rows_of
from rag.catalog.tag_fields import ReportInfo
from rag.citation.quotable import MIN_WORDS
from rag.i18n.labels import (
    author_label,
    format_count,
    format_label,
    join_parts,
    kinds_label,
    title_of,
)
from rag.i18n.translations import marked
from rag.models.prompts import refusal
from rag.query.forms import DIGESTS, OFF_TOPIC_CLEAR, is_short_topic, listed_topics
from rag.query.intents import own_score
from rag.query.rules import OF_MANY
from rag.query.wordings import has_wording
from rag.retrieval.related import SURELY_NAMED
from rag.survey.evidence import over_the_years, trend
from rag.survey.types import Survey
from rag.text.tokenize import gives_quantity, is_quantity
from rag.types import Intent, Plan

# Kinds whose figures are asked of each report on a topic, and of how many.
_FIGURES, _MOST_FIGURES = ("cost", "duration", "sample"), 20
_MOST_OF_REPORT = 26  # sentences of a digest of one report, at least one of each role
_MOST_OF_OTHER = 3  # sentences of another report of its work for each role that it leaves blank
# Reports by a lab each of whose problems is told, and sentences on what comes next.
_FEW_REPORTS, _MOST_TO_COME = 6, 3
_PER_LAB = 2  # reports of a lab among those of a topic, and sentences of a report near to one
_HELD_BY_SURVEYED = 0.4  # the least share of a topic's words that the passages of a survey hold
# What is told of less likely reports, of how many, and how many may be closest.
_OTHERS, _MOST_OTHERS, _MOST_CLOSEST = marked("Other reports that may speak of it"), 8, 6
# Rows of a topic that are enough; then so few of what neither was found nor tried. Reports that
# say what is asked, fewer than which are few.
_ENOUGH, _FEWEST_BESIDE, _FEW_SAY_IT = 14, 1, 3
_LIKELY = 0.5  # the least probability with which a report speaks of a lab's topic, and all its work
_AFTER = 10.0  # taken from the score of what stands after all else
_MOST_EACH = 3  # sentences of a report that is told by those that say what is asked
_MOST_REASONS, _FEWER_REASONS = 12, 6  # labs that tell what is asked for, and what else


def make_digest(material: Material, asked: Plan) -> Digest | None:
    """The digest that a plan wants; None where it wants none, or there is nothing to tell.

    What was `asked` with no digest in mind has one where it names shortly what reports speak of, or
    at length what none is found to speak of.
    """
    plan, made = material.plan, _Maker(material)
    absent = plan.countries and material.catalog.keys("country").isdisjoint(plan.countries)
    lacks_year = any(n.code == "no_reports_of_year" for n in plan.notices)
    if absent or lacks_year:
        return None
    role = role_wanted(plan)
    if not role and plan.intent not in (*DIGESTS, "compare"):
        return None
    text = "\n".join(made.of_role(role) if role else getattr(made, plan.intent)())
    told = role or plan is asked or made.by_sentences or made.speaking
    if not (made.quoted and told):
        return None
    intent: Intent = "report" if role else plan.intent
    hits = tuple(made.quoted.values())
    return Digest(text, hits, intent, made.counted, made.sides, made.speaking)


class _Maker(Comparer):
    """Makes one digest."""

    # The forms.

    def report(self) -> Iterator[str]:
        """One report, or one line of work: part by part; what it leaves out, others of its work."""
        named = [self.catalog.reports[i] for i in self.plan.reports] or self.summed_up()
        question = self.plan.standalone
        of_many = has_wording("sums_up", question) and own_score("many", question) > OF_MANY
        if of_many and not named and (told := [*self.topic()]):
            yield from told
            return
        if named := named or self.called(SURELY_NAMED):
            yield from self._whole(named)

    def _whole(self, reports: Sequence[ReportInfo]) -> Iterator[str]:
        """What reports say of each part of their work, and what they leave out."""
        for info in reports:
            what = join_parts(self.t, ", ", [author_label(info, self.t), self.when(info)])
            yield f"**{title_of(info)}** ({what})"
        lines = self.lines(self.open(reports))
        # A question for partners gets only these; one for results gets the findings first.
        prompts = {x.hit.passage.prompt for x in lines if x.role == "found"}
        wanted = kind_wanted(self.plan)
        asks_found = ROLE_OF_KIND.get(wanted) == "found"
        asks_found = asks_found or (bool(wanted) and wanted in kinds_asked(prompts))
        roles: Sequence[Role] = ("partners",)
        if not has_wording("partners", self.plan.standalone):
            roles = sorted(ROLES[:-1], key=lambda role: asks_found and role != "found")
        lines = [x for x in lines if x.role in roles]
        chosen = [x for role in roles for x in self.pick((y for y in lines if y.role == role), 1)]
        chosen += self.pick(lines, _MOST_OF_REPORT - len(chosen))
        told = {role: [x for x in lines if x.role == role and x in chosen] for role in roles}
        blank = [role for role in roles if not told[role]]
        others = self._others(reports, blank)
        for role in roles:
            if told[role] or role in others:
                yield self.heading(HEADINGS[role])
                own = sorted(told[role], key=lambda line: -line.asked)
                yield self.quote(own) if own else self.of_work(others[role])
        # The form of a solution asks for no more than what it is.
        left = [self.t.gettext(HEADINGS[role]) for role in blank if role not in ("about", *others)]
        if left and any(info.author == "lab" for info in reports):
            nothing = self.t.gettext("The report's form has no answer on")
            yield format_label(self.t, nothing, join_parts(self.t, "; ", left)) + "."

    def of_role(self, role: Role) -> Iterator[str]:
        """What the only report says under the form questions that ask for this."""
        every = self.lines(self.open(self.found()), (role,))
        # What stands under the form question that asks just for this answers first.
        lines = self.pick_asked(every)
        if lines := [*lines, *self.pick(every, SENTENCES_MORE - len(lines))]:
            yield self.head(self.found())
            yield self.quote(sorted(lines, key=lambda line: -line.asked))

    def _others(
        self, reports: Sequence[ReportInfo], roles: Collection[Role]
    ) -> dict[Role, list[Line]]:
        """What other reports of a work say for each of these roles: of what came of it, later ones.

        Where several do, the one that says most.
        """
        left = self.catalog.ids(self.plan.filters).difference(info.id for info in reports)
        work = {r.id: r for info in reports for r in self.same_work(info) if r.id in left}
        years = [info.year or 0 for info in reports] or [0]
        lines = self.lines(self.open(work.values()), roles)
        told: dict[Role, list[Line]] = {}
        for role in roles:
            late = role in (*FINDINGS, "next", "extent")
            least, most = (min(years), 9999) if late else (0, max(years))
            own = [x for x in lines if x.role == role and least <= (x.report.year or 0) <= most]
            best = max(own, key=lambda line: line.score).report if own else None
            if picked := self.pick((x for x in own if x.report == best), _MOST_OF_OTHER):
                told[role] = picked
        return told

    def lab(self) -> Iterator[str]:
        """All work of a lab: what was found, tried and is planned, what was collected."""
        plan = self.plan
        if plan.subject and (one := self.summed_up()):
            yield from self._whole(one)
            return
        every = self.catalog.select(plan.filters.merged(plan.boosted))
        reports, topics = [*every], listed_topics(plan)
        about, saying = set[str](), dict[str, list[Line]]()
        if len(topics) > 1:
            said = self.said_of(topics, reports)
            likely = {i for i in said if said[i].says >= _LIKELY}
            reports = self.with_results(self.on_subject(reports, said))
            # What came of a work that is on the topic is on it, whichever words it has.
            about = {r.id for r in reports if likely & {r.id, *(o.id for o in self.same_work(r))}}
        elif plan.subject:
            if self.odds(self.telling[1]) < SAYS_IT:
                return
            saying = self.saying_it()
            reports = self.with_results([self.catalog.reports[i] for i in saying])
            if len(reports) < 2:
                # Its best sentences tell more of a question, all of it of a topic.
                if is_short_topic(plan) and len(every) <= _FEW_REPORTS:
                    asked = ROLE_OF_KIND.get(kind_wanted(plan))
                    if asked != "found" or finds(self.lines(self.open(reports), FINDINGS)):
                        yield from self._whole(reports)
                    else:
                        # What came of a plan, others of its lab may tell in other words.
                        self.plan = replace(plan, subject="")
                        yield from self.lab()
                return
        elif len(reports) == 1:
            yield from self.report()
            return
        few = sum(r.author == "lab" for r in reports) <= _FEW_REPORTS and not plan.subject
        opened, roles = self.open(reports), (*TELLING, "next") if few else TELLING
        read = [self.lines(opened, roles, topic) for topic in topics]
        lines = [max(same, key=lambda x: x.topical) for same in zip(*read, strict=True)]
        near = {line.place for own in read for line in (on_topic(own) if plan.subject else own)}
        found = [line for line in lines if line.role in FINDINGS]
        if not any(line.place in near or line.report.id in about for line in found):
            # What was found need not have the words of the topic that its report is about.
            about = {line.report.id for line in found}
        of_report: dict[str, list[Line]] = {}
        for line in lines:
            on_it = line.place in near
            if on_it or (line.report.id in about and line.role in FINDINGS):
                own = of_report.setdefault(line.report.id, [])
                own.append(line if on_it else replace(line, score=line.score - _AFTER))
        of_report |= saying
        countries = plan.filters.country or plan.boosted.country
        of_lab = len(countries) == 1
        if not plan.subject:
            self.counted = format_label(self.t, self.scope(), self.overview(reports)) + "."
            yield self.counted
        rows: dict[str, list[Row]] = {part: [] for part in PARTS}
        told: set[str] = set()
        if few:
            yield from self._problems(reports, of_report)
            # Plans are told under problems, but for those that have no results yet.
            last = max((x.report.year or 0 for x in lines if x.role in FINDINGS), default=0)
            early = (r.id for r in reports if r.author == "lab" and (r.year or 0) <= last)
            told.update(i for i in early if not finds(of_report.get(i, ())))
        for info in sorted(reports, key=lambda r: (-(r.year or 0), r.kind == "plan", r.title)):
            part, telling = part_of(info, of_report.get(info.id, []), asked=info.id in saying)
            is_told = info.id in told or (few and part == "about")
            each = 0 if is_told else _each(part, len(reports))
            if not (picked := self.pick(telling, each)):
                continue
            if part == "found":
                # What was begun is told with what came of it.
                same = [of_report[r.id] for r in self.same_work(info) if r.id in of_report]
                begun = [x for x in same if not finds(x) and x[0].report.id not in told][-2:]
                told.update(x[0].report.id for x in begun)
                picked = [*(y for x in begun for y in self.pick(first_role(x), 1)), *picked]
            rows[part].append((info, picked))
        for part, (_, most) in PARTS.items():
            heard = defaultdict[str, Iterator[int]](count)
            best_rows = sorted(rows[part], key=best_first)
            # Of the work of all labs each is heard.
            kept = [r for r in best_rows if of_lab or next(heard[r[0].lab]) < _PER_LAB]
            rows[part] = sorted(kept[:most], key=lambda row: -(row[0].year or 0))
        told_of = [row for of_part in rows.values() for row in of_part]
        if plan.subject and len(told_of) == 1 == len(told_of[0][1]):
            # One line says little: of few reports a whole one, else the best sentences, say more.
            self._chosen.clear()
            if len(every) <= _FEW_REPORTS:
                yield from self._whole([told_of[0][0]])
            return
        if plan.subject:
            yield self.head(info for info, _ in told_of)
        for part, (heading, _) in PARTS.items():
            yield from self.part(heading, rows[part], of_lab=of_lab)
        if few:
            # A plan answers this form question with whom it is for.
            done = [x for x in lines if x.report.kind != "plan"]
            newest = max((x.report.year or 0 for x in done), default=0)
            late = (x for x in done if x.role == "next" and (x.report.year or 0) == newest)
            # "Other" says little without its form question.
            picked = self.pick((x for x in late if len(x.words) >= MIN_WORDS), _MOST_TO_COME)
            yield from self.part(HEADINGS["next"], rows_of(picked), of_lab=of_lab)

    def _problems(
        self, reports: Iterable[ReportInfo], lines: Mapping[str, Sequence[Line]]
    ) -> Iterator[str]:
        """What the problems of a lab are, and what it does, the oldest report first."""
        rows = []
        for info in sorted(reports, key=lambda r: (r.year or 0, r.kind != "plan", r.title)):
            own = lines.get(info.id, ()) if info.author == "lab" else ()
            of_roles = ([x for x in own if x.role == role] for role in ("challenge", "about"))
            rows.append((info, [x for of_role in of_roles for x in self.pick_asked(of_role)]))
        of_lab = len({info.lab for info, _ in rows}) == 1
        yield from self.part(HEADINGS["about"], rows, of_lab=of_lab)

    def trend(self) -> Iterator[str]:
        """Year by year; of a topic of all labs, how many reports of each year speak of it."""
        countries = self.plan.boosted.country or self.plan.filters.country
        survey: Survey | None = None
        if len(countries) == 1 or self.plan.reports or not self.plan.subject:
            told = self.over_time(countries)
            lines = self.lines(self.open(told), TELLING)
        else:
            survey, told, lines = self.surveyed(by_year=True)
        if survey:
            # Of a year that is counted something is told, too.
            years = {line.report.year for line in lines}
            first = {info.year: info for info in reversed(told) if info.year not in years}
            lines += self.lines(self.open(first.values()), TELLING)
        rows: dict[int, list[str]] = {}
        for info in told:
            of_year = rows.setdefault(info.year or 0, [])
            if not survey or len(of_year) < MOST_OF_YEAR:
                own = [line for line in lines if line.report.id == info.id]
                figures = (x for x in own if gives_quantity(x.text) and "http" not in x.text)
                if picked := [*self.pick(first_role(own), 2), *self.pick(figures, 1)]:
                    of_year.append(self.by(info, picked, of_lab=len(countries) == 1))
        yield from self.count(survey)
        points = {point.year: point for point in trend(survey)} if survey else {}
        if survey and self.speaking and (shares := over_the_years(survey, self.t)):
            self.counted = f"{self.counted}\n{shares}"
            yield f"{shares}\n"
        yield self.head(hit.passage.report for hit in self.quoted.values())
        counted = {year for year, point in points.items() if point.found}
        for year in sorted({*counted, *(year for year in rows if rows[year])}):
            what = kinds_label((r.kind for r in told if (r.year or 0) == year), self.t)
            if point := points.get(year):
                of_all = format_count(point.reports, "report", self.t)
                what = self.t.gettext("{k} of {n}").format(k=point.found, n=of_all)
            yield f"### {year or '?'} ({what})"
            yield from rows.get(year, ())

    def topic(self) -> Iterator[str]:
        """What many labs say: what was found, tried and is planned, and solutions."""
        kind = kind_wanted(self.plan) if is_quantity(self.plan.standalone) else ""
        if kind in _FIGURES and self.plan.subject:
            survey, _ = self._surveys.survey(())
            found = [row.report for row in (survey.found if survey else ())[:_MOST_FIGURES]]
            if figures := self.figures(kind, found):
                yield from self.count(survey)
                yield self.heading(HEADINGS["extent"])
                yield from figures
                return
        least, survey, own = SAYS_IT, None, dict[str, list[Line]]()
        if not self.by_sentences:
            survey, own = self._by_survey()
            if not own:
                least = SAYS_IT_HINTED if self.plan.hint else SAYS_IT_OTHERWISE
            sure = [i for i in own if own[i][0].score >= ALSO_SAYS]
            # What reports may call it finds more.
            self.by_sentences = not own or bool(self.plan.hint and len(sure) < _FEW_SAY_IT)
        if self.by_sentences:
            near = self.telling[1]
            told_of = self.odds(near)
            if told_of >= least:
                survey, own = self.telling[0], self.saying_it()
            elif own:
                self.by_sentences = False
            else:
                if self.is_small:
                    yield from self._closest(near, is_told=told_of >= MAY_SAY_IT)
                return
        told = [self.catalog.reports[i] for i in own]
        # Reports that are quoted are among those that are counted.
        scope = {row.report.id for row in survey.rows} if survey else set()
        told = [info for info in told if info.id in scope] or told
        rows: dict[str, list[Row]] = {part: [] for part in PARTS}
        labs = Counter[str]()  # how many reports are told
        of_work: dict[str, tuple[str, list[Line]]] = {}  # the part that tells of a report's work
        # Reports of works that are told of under findings.
        more: list[tuple[ReportInfo, str, list[Line]]] = []
        parted = [(info, *part_of(info, own[info.id], asked=self.by_sentences)) for info in told]
        # Findings come first, so that a lab's plans do not take their places; of each part every
        # lab is heard before one is heard again.
        heard = defaultdict[tuple[str, str], Iterator[int]](count)
        parted.sort(key=lambda x: (list(PARTS).index(x[1]), next(heard[x[1], x[0].lab])))
        for info, part, telling in parted:
            if begun := of_work.get(info.id):
                if begun[0] in (part, "tried", "about"):
                    begun[1].extend(self.pick(telling, 1))
                else:
                    more.append((info, part, telling))
                continue
            each = min(_each(part, len(told)), _MOST_EACH if self.by_sentences else FEWEST_LINES)
            most = PARTS[part][1]
            if part not in ("found", "tried") and sum(map(len, rows.values())) >= _ENOUGH:
                most = _FEWEST_BESIDE
            full = labs[info.lab] == _PER_LAB or len(rows[part]) >= most
            if not full and (picked := self.pick(telling, each)):
                rows[part].append((info, picked))
                labs[info.lab] += 1
                of_work |= {other.id: (part, picked) for other in self.same_work(info)}
        for info, part, telling in more:
            # They take no other report's place.
            if sum(map(len, rows.values())) < _ENOUGH:
                rows[part].append((info, self.pick(telling, 1)))
        others: list[Row] = []
        if self.by_sentences and not self.is_small:
            quoted = {x.report.id for of_part in rows.values() for _, told in of_part for x in told}
            room = min(_MOST_OTHERS, max(0, _ENOUGH - sum(map(len, rows.values()))))
            others += islice(self.others_saying_it(quoted), room)
        if self.by_sentences:
            self.add_context(rows)
        quoted_of = [info for part in rows.values() for info, own in part if own]
        yield from self.count(survey, quoted_of)
        yield self.head((*quoted_of, *(info for info, own in others if own)))
        yield from self.key_points(rows["found"])
        for part, of_part in rows.items():
            yield from self.part(PARTS[part][0], of_part)
        yield from self.part(_OTHERS, others)

    def _by_survey(self) -> tuple[Survey | None, dict[str, list[Line]]]:
        """A topic's survey and what each report likely says; none if few of its words are held."""
        survey, told, lines = self.surveyed()
        first = {info.id for info in told[:FEWEST_LINES]}
        near = sorted((x for x in lines if x.report.id in first), key=lambda x: x.topical)
        nearest = {x.report.id: x.hit.passage for x in near}.values()
        # Reports have other words for what is told in everyday ones.
        named = replace(self.plan, standalone=self.plan.concept, concept="", language="en")
        plan = named if self.plan.concept else self.plan
        held = sorted((covered(plan, passage) for passage in nearest), reverse=True)
        if survey and held and fmean(held[:BEST_PASSAGES]) < _HELD_BY_SURVEYED:
            return None, {}
        of_each = {r.id: said for r in told if (said := [x for x in lines if x.report.id == r.id])}
        return survey, self.likely_of_each(of_each, survey)

    def _closest(self, lines: Sequence[Line], is_told: bool) -> Iterator[str]:
        """What is closest to a topic of which no report surely tells; else after a refusal."""
        if not is_told and self.plan.off_topic > OFF_TOPIC_CLEAR:
            return  # the refusal says so
        least = min(TELLS, chance(lines[0].score)) if lines and is_told else 0.0
        infos = [*{x.report.id: x.report for x in lines if chance(x.score) >= least}.values()]
        infos = infos[: _MOST_CLOSEST if is_told else NEAREST]
        says_it = self.telling[2]
        rows = [(r, self.pick((x for x in says_it if x.report.id == r.id), 1)) for r in infos]
        yield self.t.gettext(UNSURE) if is_told else refusal(self.plan.language)
        yield quotes_head((), self.t)
        yield from (self.by(info, picked) for info, picked in rows if picked)

    def reasons(self) -> Iterator[str]:
        """What got in the way, what was found, advice, and challenges, of all who say so."""
        named = FINDING_OF_KIND.get(kind_beside_topic(self.plan, self.plan.subject))
        asked = named or role_of_question(self.plan.standalone)
        if self.plan.subject and self.is_small:
            near = self.telling[1]
            if asked == "found" or self.odds(near) < SAYS_IT:
                # What is asked for is no more than what is known of a topic.
                yield from self.topic()
                return
        # Plans, too, tell why something is as it is.
        roles = FINDINGS if named or not self.plan.subject else (*FINDINGS, "challenge")
        lines = self.giving_reasons(asked, roles)
        rows: dict[Role, list[Row]] = {}
        for role in sorted(roles, key=lambda role: role != asked):
            most = _MOST_REASONS if role == asked else _FEWER_REASONS
            own = sorted((x for x in lines if x.role == role), key=lambda x: -x.score)
            labs = Counter(line.report.lab for line in own)
            # Where few labs say something, each may say more.
            each = max(1, _FEWER_REASONS // (len(labs) or 1))
            told: dict[str, list[Line]] = {}
            for line in own:
                of_lab = told.setdefault(line.report.lab, [])
                if len(of_lab) < each and (of_lab or len(told) <= most):
                    of_lab += self.pick([line], 1)
            rows[role] = [row for of_lab in told.values() for row in rows_of(of_lab)]
        if asked != "found" and len(rows.get(asked, ())) >= _FEWER_REASONS:
            # A question for what failed does not ask what was found.
            del rows["found"]
        yield self.head(info for of_role in rows.values() for info, _ in of_role)
        for role, of_role in rows.items():
            yield from self.part(HEADINGS[role], of_role)


def _each(part: str, reports: int) -> int:
    """How many sentences of a report stand in a part; more where there are few reports."""
    return max(2 if part == "found" else 1, FEWEST_LINES // reports)
