"""Chooses the reports that a digest tells of, among those that were found or are in its scope."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import exp, log
from operator import itemgetter, mul
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.answer.candidates import asks, covered, in_context
from rag.answer.extractive import BEST_PASSAGES
from rag.answer.lines import FINDINGS, TELLING, Line, LineReader, Role, on_topic
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import ReportInfo
from rag.citation.quotable import MIN_WORDS
from rag.i18n.translations import translations_for
from rag.models.embeddings import Embedding
from rag.query.forms import is_short_topic
from rag.query.intents import own_score
from rag.query.wordings import has_wording
from rag.retrieval.related import named_by
from rag.retrieval.rerank import CrossEncoder
from rag.survey.classifier import Speaking, log_odds
from rag.survey.stream import TopicSurvey, survey_scope
from rag.survey.types import Survey, SurveyRow
from rag.text.tokenize import focus, is_quantity
from rag.types import Hit, Plan

_SAYS = 0.1  # the least probability that a report that is told of says something of a topic
# The same of what sides are compared on; its share of the likeliest one's of its side, and of all.
_LIKELY, _LIKELY_SHARE, _LIKELY_OF_ALL = 0.01, 0.3, 0.1
_FAR_LESS = 0.5  # the same share of a lab's own report beside what others wrote
_NEAR_AS_LIKELY = 0.1  # the same share of a report that is near to the topic
# The share of the nearest report's nearness to the topic that others have that are told.
_NEARLY = 0.8
_FEW = 3  # likely reports, to which near ones are added
# Standard deviations by which these are nearer than the mean of all; and where none is likely.
_AHEAD, _FAR_AHEAD = 1.0, 2.0
# Reports that are read over the years, of a year of a topic, and the most that are told of one.
_READ_OVER_TIME, _READ_OF_YEAR, MOST_OF_YEAR = 16, 8, 3
# Reports that are read: of a side, and of a topic.
READ_OF_SIDE, _MOST_TOLD = 3, 60
_NEAR_SHARE = 0.5  # of the nearest sentence's nearness to a topic that others have
ABOUT = 0.5  # the least probability that a report is about a topic, whose findings are all on it
# How likely a report tells what is asked of many: the log odds that it speaks of it, how near its
# best sentence is, the logit of the cross-encoder, which reads so many sentences of so many, and
# the logarithm of its rank among those found (eval/tuning.md).
_TELLS, _NOT_FOUND = (0.35, 3.9, 0.33, -0.58, 0.95), 150
_READ, _OF_READ, _USUAL_LOGIT = 30, 2, -3.7
# How likely one of a large collection is wanted: the mean logit of its best sentences, the
# logarithm of how many of its passages were found, and the log odds that it is about the topic.
_FITS, _BEST_READ = (0.62, 0.63, 0.08, -0.09), 3
# Of the likeliest reports it reads more that are near, and of the first those that tell most; of
# few reports, so many sentences together. How likely a sentence says by itself what is asked: how
# near it is, the logit, the logarithm of its words, whether it is a finding, and a question.
_READ_CLOSELY, _OF_READ_CLOSELY, _MOST_TELLING, _OF_TELLING, _READ_OF_FEW = 20, 6, 12, 3, 72
_BY_ITSELF = (1.1, 0.56, 0.61, 0.49, -1.26, -2.83)
# Whether a topic is told of: the log odds of the likeliest report, what share of the question's
# words the best passages hold, and the best logit; from which log odds on it may be told of, from
# which on it is, and from which on where what speaks of its words holds few, or has a name for it.
_IS_TOLD, MAY_SAY_IT, SAYS_IT = (0.3, 1.2, 0.64, -0.3), -1.0, -0.25
SAYS_IT_OTHERWISE, SAYS_IT_HINTED = 2.5, 2.0
# Then others do from this chance on, if it is this share of the best one's. From which log odds on
# sentences are told beside the best one of their report, that one, or by the report's chance.
TELLS, _TELLS_SHARE, ALSO_SAYS, _SPEAKS, _LIKELY_TELLS = 0.2, 0.4, -1.0, -1.5, 0.7
# So many lines on reasons the cross-encoder reads, those nearest to the question first. To nearness
# add the log odds, at least these, that their report speaks of the topic, and what is asked for.
_READ_FOR_REASONS, _OF_ODDS, _LEAST_ODDS, _AS_ASKED = 120, 0.04, -4.0, 0.25
# So many sentences on reasons are told at least if the best one has such log odds, and reports on a
# topic that is surveyed.
_LEAST_REASONS, _GIVES_REASONS, _LEAST_REPORTS = 8, -0.85, 30
# From such log odds on a report surely tells it; one work alone, so far ahead of others, unless
# the collection is large and the question has such a score as one put to many.
SURELY, _LEAD, _SURELY_OF_MANY = 1.0, 1.9, 0.7
_OTHERS_SHARE = 0.2  # of the best report's chance, from which on others may tell it
# Passages that were found first, and the share of their scores that is most of them.
_FIRST_FOUND, _MOST_OF_FOUND = 10, 0.5
_FEW_PASSAGES = 5000  # of more than these some are near to any topic


@dataclass(frozen=True, slots=True)
class Material:
    """What a digest is made from.

    `hits` were found, best first; `opened` gives the passages of reports, in their order;
    `same_work` a report's line of work, by year; `reranker` tells which sentences answer.
    """

    plan: Plan
    hits: Sequence[Hit]
    catalog: Catalog
    embedding: Embedding
    surveys: TopicSurvey
    opened: Callable[[Collection[str]], Sequence[Hit]]
    same_work: Callable[[ReportInfo], Sequence[ReportInfo]]
    reranker: CrossEncoder | None


class ReportChooser(LineReader):
    """Reads lines, and chooses reports by what was found and by what they say of the topic."""

    def __init__(self, material: Material) -> None:
        super().__init__(material.plan, material.embedding)
        self.material = material
        self.hits, self.catalog = material.hits, material.catalog
        self._surveys, self.opened = material.surveys, material.opened
        self.same_work, self.reranker = material.same_work, material.reranker
        self.t = translations_for(self.plan.language)
        self._logits: dict[tuple[str, int], float] = {}
        self._following: dict[tuple[str, int], Line] = {}
        # Whether sentences near to the question tell of a topic, rather than a survey of it. In a
        # large collection that tells of one that is named shortly, and how many speak of it.
        counts = is_quantity(self.plan.standalone)
        self.by_sentences = self.is_small or not (is_short_topic(self.plan) or counts)

    @property
    def is_small(self) -> bool:
        """Whether there are so few passages that the nearest to a topic are not so by chance."""
        return len(self._surveys.open().snapshot.passages) <= _FEW_PASSAGES

    def open(self, reports: Iterable[ReportInfo]) -> Sequence[Hit]:
        """The passages of reports."""
        return self.opened([info.id for info in reports])

    def others_saying_it(self, told: set[str]) -> Iterator[tuple[ReportInfo, list[Line]]]:
        """The best sentence of each further work that may tell what is asked."""
        for i, lines in self.saying_it(_OTHERS_SHARE).items():
            info = self.catalog.reports[i]
            work = {i, *(other.id for other in self.same_work(info))}
            if told.isdisjoint(work) and (picked := self.pick(lines, 1)):
                told |= work
                yield info, picked

    def found(self) -> list[ReportInfo]:
        """The reports that were found, best first."""
        return [*{hit.passage.report.id: hit.passage.report for hit in self.hits}.values()]

    def found_there(self) -> list[ReportInfo]:
        """The reports that were found, of the labs that are asked for if there are any."""
        places = set(self.plan.boosted.country)
        return [r for r in self.found() if not places.isdisjoint(r.countries)] or self.found()

    def summed_up(self) -> list[ReportInfo]:
        """The report that most of what was found first is of, where a summary is asked for."""
        if not has_wording("sums_up", self.plan.standalone):
            return []
        scores = defaultdict[str, float](float)
        for hit in self.hits[:_FIRST_FOUND]:
            scores[hit.passage.report.id] += hit.score
        least = _MOST_OF_FOUND * sum(scores.values())
        return [info for info in self.called() if scores[info.id] >= least > 0]

    def called(self, ahead: float = 0.0) -> list[ReportInfo]:
        """The report of what was found that the topic names, if it is so far ahead."""
        plan = self.plan
        return named_by(plan.subject or plan.standalone, self.hits, self._embedding, ahead)

    def saying(self, infos: Sequence[ReportInfo], said: Mapping[str, Speaking]) -> list[ReportInfo]:
        """The reports that say most of the topic, of labs where any of those do; then near ones."""
        known = {info.id: info for info in infos}
        least = max(_LIKELY, _LIKELY_OF_ALL * max((s.says for s in said.values()), default=0.0))
        likely = [i for i in said if said[i].says >= least and i in known]
        least = _LIKELY_SHARE * max((said[i].says for i in likely), default=0.0)
        most = [i for i in likely if said[i].says >= least]
        own = [i for i in most if known[i].author == "lab"]
        # A solution that is far likelier is told, too.
        surest = max((said[i].says for i in most), default=0.0)
        saying = own if own and said[own[0]].says >= _FAR_LESS * surest else most
        # A side that says nothing while others do is told to have nothing.
        unsaid = all(s.says < _LIKELY for s in said.values())
        adds = unsaid or 0 < len(saying) < _FEW
        near = self.standing_out(infos, unsaid) if adds else []
        # Beside reports that say it one is told that is of their work, or not far less likely to.
        least = _NEAR_AS_LIKELY * max((said[i].says for i in saying), default=0.0)
        work = {other.id for i in saying for other in self.same_work(known[i])}
        near = [i for i in near if i in work or i not in said or said[i].says >= least]
        return [known[i] for i in dict.fromkeys((*saying, *near))]

    def on_subject(
        self, infos: Sequence[ReportInfo], said: Mapping[str, Speaking]
    ) -> list[ReportInfo]:
        """The reports that say something of the topic; where few do, likely ones and found ones."""
        saying = [r for r in infos if r.id in said and said[r.id].says >= _SAYS]
        if len(saying) < _FEW:
            found = [info for info in self.found() if info in infos]
            saying = [*saying, *self.saying(infos, said), *found[: _FEW - len(saying)]]
        return list({info.id: info for info in saying}.values())

    def surveyed(self, by_year: bool = False) -> tuple[Survey | None, list[ReportInfo], list[Line]]:
        """The survey, the reports that say most of the topic, and their sentences nearest to it.

        With `by_year` these are the likeliest of each year, whether or not they were found.
        """
        wanted: Collection[str] = {hit.passage.report.id for hit in self.hits}
        counted = self._surveys.survey(())[0] if by_year else None
        if counted:
            first = _first_of_years((row.report for row in counted.found), _READ_OF_YEAR)
            wanted = [info.id for info in first]
        survey, said = self._surveys.survey(wanted)
        if counted:
            ids = [i for i in wanted if i in said]
        else:
            ids = [i for i in said if said[i].says >= _SAYS][:_MOST_TOLD]
        told = [self.catalog.reports[i] for i in ids]
        near = {place for i in ids for place in said[i].sentences}
        passages = {passage for passage, _ in near}
        # All findings of a report that is about the topic are on the topic.
        about = {i for i in ids if said[i].about >= ABOUT}
        hits = (
            h for h in self.open(told) if h.passage.id in passages or h.passage.report.id in about
        )
        lines = self.lines(hits, TELLING)
        least = _NEAR_SHARE * max((x.topical for x in lines if x.place in near), default=0.0)

        nearer = [
            x for x in lines if x.place in near and (x.report.id in about or x.topical >= least)
        ]
        # Over the years other findings of a report are told only where it says nothing nearer.
        others = about.difference(x.report.id for x in nearer) if by_year else about
        places = {x.place for x in nearer}
        places |= {x.place for x in lines if x.role in FINDINGS and x.report.id in others}
        return survey, told, [x for x in lines if x.place in places]

    @cached_property
    def telling(self) -> tuple[Survey | None, list[Line], list[Line], dict[str, float]]:
        """A small collection's survey, what is nearest, what says it itself, chances of reports.

        What is nearest to the question has as its score the log odds that its report tells what is
        asked, best first; what says it those that it does so when quoted alone. Chances are those
        by which reports are chosen.
        """
        found = [info.id for info in self.found_there()]
        scope, made = found, None
        if self.plan.intent == "lab":
            scope = sorted(self.catalog.ids(self.plan.filters.merged(self.plan.boosted)))
        elif self.is_small:
            made = self._surveys.likely()
        survey, said = made or (None, self._surveys.speaking(scope, also_absent=True))
        says, about = (_odds_of(said, of) for of in ("says", "about"))
        ranks = {report: rank for rank, report in enumerate(found)}

        def odds(report: str, near: float, logit: float) -> float:
            rank = log(1 + ranks.get(report, _NOT_FOUND))
            return float(sum(map(mul, _TELLS, (says[report], near, logit, rank, 1.0))))

        ids = sorted(said, key=lambda i: -odds(i, said[i].closest, 0.0))[:_READ]
        # A tag that is no word of the topic says what is meant, too.
        asked = focus(self.plan.renamed, self.plan.language)
        lines = self.lines(self.open(self.catalog.reports[i] for i in ids), TELLING, asked)
        pairs = pairwise(lines)
        self._following = {x.place: y for x, y in pairs if x.hit.passage.id == y.hit.passage.id}
        nearest = sorted(lines, key=lambda x: -x.topical)
        of_report = {i: [x for x in nearest if x.report.id == i] for i in ids}
        first = [x for own in of_report.values() for x in own[:_OF_READ]]
        logits = self.logits(first)

        def read(line: Line) -> float:
            return logits.get(line.place, _USUAL_LOGIT)

        near = [replace(x, score=odds(x.report.id, x.topical, read(x))) for x in first]
        near.sort(key=lambda x: -x.score)
        closely = list(dict.fromkeys(x.report.id for x in near))[:_READ_CLOSELY]
        of_each = max(_OF_READ_CLOSELY, _READ_OF_FEW // max(1, len(closely)))
        more = [x for i in closely for x in of_report[i][_OF_READ:of_each]]
        chances = {x.report.id: x.score for x in reversed(near)}
        if logits and not self.is_small and self.plan.intent != "lab":
            logits |= self.logits(more)
            chances = {i: self._fit(of_report[i], logits, about[i]) for i in chances}
        # What was found need not have the words of the question.
        known = {x.place for x in (*first, *more)}
        for i in closely[:_MOST_TELLING]:
            own = sorted(of_report[i], key=lambda x: (x.role not in FINDINGS, -x.score))
            more += [x for x in own[:_OF_TELLING] if x.place not in known]
        says_it = self._with_odds((*first, *more))
        return survey, near, says_it, {i: chance(chances[i]) for i in chances}

    def _fit(self, lines: Sequence[Line], logits: Mapping[Any, float], about: float) -> float:
        """The log odds that the report of lines is wanted; `about` that it is about the topic."""
        best = sorted(logits[x.place] for x in lines if x.place in logits)[-_BEST_READ:]
        found = sum(hit.passage.report.id == lines[0].report.id for hit in self.hits)
        known = fmean(best or [_USUAL_LOGIT]), log(1 + found), about, 1.0
        return float(sum(map(mul, _FITS, known)))

    def after(self, line: Line) -> Iterator[Line]:
        """The lines that follow one in its passage."""
        while after := self._following.get(line.place):
            yield after
            line = after

    def _with_odds(self, lines: Sequence[Line]) -> list[Line]:
        """Lines with the log odds that they say what is asked when quoted alone as their scores."""
        logits = self._logits | self.logits(lines)

        def odds_of(line: Line) -> float:
            length, read = log(len(line.text.split()) or 1), logits.get(line.place, _USUAL_LOGIT)
            known = line.topical, read, length, line.hit.passage.stage == "finding"
            return float(sum(map(mul, _BY_ITSELF, (*known, asks(line.text), 1.0))))

        return [replace(x, score=odds_of(x)) for x in lines]

    def giving_reasons(self, asked: Role, roles: Collection[Role]) -> list[Line]:
        """What labs say in these roles that likely answers the question, the likeliest first.

        It is looked for in reports that likely speak of the topic and in what was found, first
        under form questions for the role that is `asked` for. Where the cross-encoder is busy or
        can't read the question, all lines on its topic are given.
        """
        plan, reports = self.plan, self.catalog.reports
        # No report by a lab is of the kind that "a lab's solution" names.
        scopes = plan.filters.merged(survey_scope(plan.boosted)), plan.filters
        by_labs = ({i for i in self.catalog.ids(s) if reports[i].author == "lab"} for s in scopes)
        own = next(filter(None, by_labs), set[str]())
        # The cross-encoder reads their lines: it need not read them twice.
        survey = replace(self._surveys, reranker=None)
        said = survey.speaking(sorted(own), also_absent=True) if plan.subject else {}
        likely = sorted(said, key=lambda i: -said[i].says)[:_MOST_TOLD]
        found = [hit for hit in self.hits if hit.passage.report.id in own]
        hits = {h.passage.id: h for h in (*self.opened(likely), *found)}
        near_to = focus(plan.renamed, plan.language) if plan.subject else ""
        lines = self.lines(hits.values(), roles, near_to)
        # "Sand" says little without its form question.
        lines = [x for x in lines if len(x.words) >= MIN_WORDS]
        odds = _odds_of(said)

        def promise(line: Line) -> float:
            speaks = max(_LEAST_ODDS, odds.get(line.report.id, _LEAST_ODDS))
            return line.topical + _OF_ODDS * speaks + _AS_ASKED * (line.role == asked)

        of_report, read = Counter[str](), list[Line]()
        for line in sorted(lines, key=promise, reverse=True):
            if of_report[line.report.id] < _OF_READ_CLOSELY and len(read) < _READ_FOR_REASONS:
                of_report[line.report.id] += 1
                read.append(line)
        if not (read and self.logits(read)):
            return on_topic(lines) if plan.subject else lines
        told = sorted(self._with_odds(read), key=lambda x: -x.score)
        if told[0].score < _GIVES_REASONS and not self.is_small:
            return []
        told = [x for x in told if x.score >= _SPEAKS]
        # What is told though it is unlikely tells of results, not of a plan's challenge.
        told = [x for x in told if x.score >= ALSO_SAYS or x.role in FINDINGS]
        return [x for n, x in enumerate(told) if x.score >= ALSO_SAYS or n < _LEAST_REASONS]

    def likely_of_each(
        self, own: Mapping[str, Sequence[Line]], survey: Survey | None
    ) -> dict[str, list[Line]]:
        """The best lines of each report that likely say what is asked; what fits best first.

        All lines where the cross-encoder is busy or can't read the question.
        """
        first = [x for of in own.values() for x in sorted(of, key=lambda x: -x.score)[:_OF_READ]]
        if not (logits := self.logits(first)):
            return {i: list(of) for i, of in own.items()}
        told: dict[str, list[Line]] = {}
        for line in sorted(self._with_odds(first), key=lambda x: -x.score):
            of_report = told.setdefault(line.report.id, [])
            if line.score >= ALSO_SAYS or not of_report:
                of_report.append(line)
        surveyed = {row.report.id: row for row in survey.rows} if survey else {}
        about = _odds_of({i: surveyed[i] for i in told if i in surveyed}, "about")
        best = enumerate(sorted(told, key=lambda i: -self._fit(own[i], logits, about.get(i, 0.0))))
        return {i: told[i] for n, i in best if told[i][0].score >= _SPEAKS or n < _LEAST_REPORTS}

    def saying_it(self, share: float = _TELLS_SHARE) -> dict[str, list[Line]]:
        """The sentences of each report that likely tells what is asked that say it, best first."""
        *_, said, chances = self.telling
        best = max(chances.values(), default=0.0)
        least = max(min(TELLS, best), share * best)
        told = sorted((i for i in chances if chances[i] >= least), key=lambda i: -chances[i])
        is_lab = self.plan.intent == "lab"  # its other reports are of the same work, mostly
        likely = {i for i in told if chances[i] >= _LIKELY_TELLS and not is_lab}
        by_report: dict[str, list[Line]] = {i: [] for i in told}
        for line in sorted(said, key=lambda x: -x.score):
            own = by_report.get(line.report.id)
            if own is not None and (not own or line.score >= ALSO_SAYS):
                own.append(line)
        # A report without such a sentence only touches the topic, unless it is likely to tell.
        speaking = {i: x for i, x in by_report.items() if x[0].score >= _SPEAKS or i in likely}
        by_report = speaking or by_report
        if has_wording("many_labs", self.plan.standalone):
            return by_report
        says = {i: own[0].score for i, own in by_report.items()}
        first = max(says, key=lambda i: says[i], default="")
        work = {first, *(r.id for r in self.same_work(self.catalog.reports[first]))} if says else ()
        others = max((says[i] for i in says if i not in work), default=0.0)
        of_one = self.is_small or own_score("many", self.plan.standalone) < _SURELY_OF_MANY
        alone = says and of_one and says[first] >= max(SURELY, others + _LEAD)
        return {i: own for i, own in by_report.items() if i in work} if alone else by_report

    def odds(self, near: Sequence[Line]) -> float:
        """The log odds that a topic is told of; lines nearest to it first."""
        if not near:
            return MAY_SAY_IT
        held = fmean(covered(self.plan, line.hit.passage) for line in near[:BEST_PASSAGES])
        read = max(self.logits(near).values(), default=_USUAL_LOGIT)
        return float(sum(map(mul, _IS_TOLD, (near[0].score, held, read, 1.0))))

    def logits(self, lines: Sequence[Line]) -> dict[tuple[str, int], float]:
        """How the cross-encoder reads lines beside the question, in English; none if it is busy."""
        new = [x for x in lines if x.place not in self._logits and self.plan.english]
        if self.reranker and new:
            texts = [in_context(x.text, x.hit.passage) for x in new]
            with suppress(TimeoutError):
                scores = self.reranker.many.scores(self.plan.english, texts)
                self._logits |= {x.place: n for x, n in zip(new, scores, strict=True)}
        is_read = all(x.place in self._logits for x in lines)
        return {x.place: self._logits[x.place] for x in lines} if is_read else {}

    def standing_out(self, infos: Sequence[ReportInfo], unsaid: bool) -> list[str]:
        """The reports whose middles are nearer to the topic than most are, nearest first.

        Where its words are `unsaid` the whole question tells what is meant.
        """
        index = self._surveys.open().snapshot
        ahead = standard(index.means @ (self.asked() if unsaid else self._topic()))
        least = _FAR_AHEAD if unsaid else _AHEAD
        places = {name: row for row, name in enumerate(index.heads)}
        own = [info for info in infos if info.author == "lab"] or infos
        of_side = {info.id: float(ahead[places[info.id]]) for info in own if info.id in places}
        return sorted((i for i in of_side if of_side[i] >= least), key=lambda i: -of_side[i])

    def asked(self) -> npt.NDArray[np.float32]:
        """The meaning of the topic and of its question, without that of the places it names."""
        plan, embedding = self.plan, self._embedding
        question = np.asarray(embedding.get_query_embedding(plan.standalone), np.float64)
        if places := plan.boosted.country or plan.filters.country:
            named = np.asarray(embedding.get_text_embedding_batch(list(places)), np.float64)
            basis, _ = np.linalg.qr(named.T)
            question = question - basis @ (basis.T @ question)
            question /= np.linalg.norm(question) or 1.0
        return np.asarray(self._topic() + question, np.float32)

    def _topic(self) -> npt.NDArray[np.float32]:
        """The meaning of the topic's words."""
        return np.asarray(self._embedding.get_query_embedding(self.plan.subject), np.float32)

    def over_time(self, countries: tuple[str, ...]) -> list[ReportInfo]:
        """The reports of labs, or of the work that is named, that tell most, by their years."""
        plan, reports = self.plan, self.catalog.reports
        # A work is of one lab.
        of_work = reports[plan.reports[0]].countries if plan.reports else ()
        named = replace(plan.boosted, country=countries or of_work)
        scope = plan.filters.merged(named)
        inside = [reports[i] for i in sorted(self.catalog.ids(scope))]
        if plan.subject and countries:
            said = self._surveys.speaking([info.id for info in inside])
            saying = self.saying(inside, said)[:_READ_OVER_TIME]
            # Of each year that is asked for its likeliest report is told, too.
            untold = {*plan.boosted.year} - {info.year for info in saying}
            likely = [reports[i] for i in said if said[i].says >= _LIKELY]
            of_year = {info.year: info for info in reversed(likely) if info.year in untold}
            inside = [*saying, *of_year.values()]
        elif plan.subject:
            least = _NEARLY * max((hit.similarity for hit in self.hits), default=0.0)
            near = {hit.passage.report.id for hit in self.hits if hit.similarity >= least}
            inside = [info for info in inside if info.id in near]
        wanted = {*plan.reports, *(info.id for info in inside)}
        ranked = dict.fromkeys((*plan.reports, *(r.id for r in (*self.found(), *inside))))
        told = sorted((reports[i] for i in ranked if i in wanted), key=lambda r: r.year or 0)
        each = max(MOST_OF_YEAR, _READ_OVER_TIME // len({info.year for info in told} or "?"))
        return _first_of_years(told, each)


def _first_of_years(reports: Iterable[ReportInfo], each: int) -> list[ReportInfo]:
    """The first reports of each year: labs' before innovators', each lab's first before others."""
    of_year = defaultdict[int, list[tuple[bool, int, ReportInfo]]](list)
    of_lab = Counter[tuple[int | None, str]]()
    for info in reports:
        place = of_lab[info.year, info.lab]
        of_year[info.year or 0].append((info.author != "lab", place, info))
        of_lab[info.year, info.lab] += 1
    first = (sorted(own, key=itemgetter(0, 1))[:each] for own in of_year.values())
    return [info for own in first for *_, info in own]


def _odds_of(said: Mapping[str, Speaking | SurveyRow], of: str = "says") -> dict[str, float]:
    """The log odds that each report says something of the topic, or is "about" it."""
    chances = np.array([getattr(speaks, of) for speaks in said.values()])
    return dict(zip(said, log_odds(chances).tolist(), strict=True))


def standard(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values in standard deviations from their mean."""
    return np.asarray((values - values.mean()) / (values.std() or 1.0))


def chance(log_odds: float) -> float:
    """The probability of log odds."""
    return 1 / (1 + exp(-log_odds))
