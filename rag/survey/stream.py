"""Surveys: a verdict on every report in scope, from calibrated probabilities, with its best words.

As many of the likeliest reports count as the probabilities add up to: so the stated number is the
expected one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from random import Random

import numpy as np

from rag.catalog.tag_fields import Filters
from rag.errors import InputError
from rag.i18n.translations import marked
from rag.models.client import Stop
from rag.query.forms import topic_of_plan
from rag.query.gloss import RENAMED
from rag.query.linker import Linker
from rag.retrieval.rerank import CrossEncoder
from rag.survey.classifier import (
    Judged,
    Speaking,
    classifier,
    judge_topic,
    log_odds,
    speaking,
    waited_scores,
)
from rag.survey.evidence import evidence_of, is_finding
from rag.survey.features import UNMEASURED, Near, ReportMeasure, Topic, glossed
from rag.survey.types import Finding, Survey, SurveyRow, Verdict
from rag.types import Passage, Plan, Progress, Span

# The cross-encoder reads sentences of so many of the likeliest reports, the nearest ones of each.
# Headings and questions, which say little, have lower log odds.
QUOTES_READ, SENTENCES_READ = 150, 4
FEW_WORDS, LESS = 7, 1.0
READ_AT_A_TIME = 15  # reports
# Rows that are shown before the cross-encoder has looked, and how likely they must be.
FIRST_ROWS, SURE = 10, 0.9
# What tells how likely a sentence speaks of the topic: how near it is, the log odds that its report
# says something, and the cross-encoder's logit where it has read it. Weights of two logistic
# regressions; from 0 on the likeliest sentence is quoted.
SPEAKS, SPEAKS_READ = (2.7, 0.32, -4.2), (0.9, 0.12, 0.5, -2.15)
NO_TOPIC = marked(
    "The question names no topic. Survey what reports can speak of, such as “waste management”."
)
_Sentences = dict[str, list[Near]]  # by report
NO_SCOPE = marked("No report passes the filters of the survey. Use fewer filters.")


def planned(question: str, plan: Plan, linker: Linker, filters: Filters) -> Survey:
    """The survey of a question, `filters` before its own, without rows; else an InputError."""
    topic = topic_of_plan(plan, linker)
    if not topic or plan.intent == "about":
        raise InputError(NO_TOPIC)
    scope = filters.merged(survey_scope(plan.filters.merged(plan.boosted)))
    if not linker.catalog.ids(scope):
        raise InputError(NO_SCOPE)
    notices = [*linker.catalog.unknown(filters), *(n for n in plan.notices if n.code == RENAMED)]
    return Survey(question, topic, plan.language, scope, (), (0, 0), notices=tuple(notices))


def survey_scope(named: Filters) -> Filters:
    """What narrows the survey of a question, of all that it names: its topic may be a tag, too."""
    return Filters(country=named.country, year=named.year, type=named.type, kind=named.kind)


def with_verdicts(survey: Survey, judged: Judged, measure: ReportMeasure) -> Survey:
    """The survey with a row for every report in scope, the likeliest first, without quotes."""
    snapshot, chances = measure.snapshot, judged.chances.stated(judged.is_absent)
    inside = snapshot.catalog.ids(survey.filters)
    scope = np.array([n for n, report in enumerate(measure.ids) if report in inside], int)
    says, about = chances.says[scope], chances.about[scope]
    speak, subject = round(float(says.sum())), round(float(about.sum()))
    order = np.lexsort((-about, -says)).tolist()
    subjects = set(sorted(order[:speak], key=lambda n: -about[n])[:subject])
    reports = [snapshot.catalog.reports[measure.ids[n]] for n in scope.tolist()]
    likely, subjective = says.tolist(), about.tolist()  # numbers of Python: ten times as fast
    rows = []
    for place, n in enumerate(order):
        verdict: Verdict = "silent" if place >= speak else "about" if n in subjects else "mentions"
        rows.append(SurveyRow(reports[n], verdict, likely[n], subjective[n]))
    return replace(
        survey,
        rows=tuple(rows),
        interval=classifier().interval(says, survey.language),
        labs=snapshot.catalog.labs(row.report for row in rows[:speak]),
        index=snapshot.revision,
    )


@dataclass(frozen=True)
class TopicSurvey:
    """What tells which reports say something of a question's topic, for its answer."""

    plan: Plan
    open: Callable[[], ReportMeasure]
    reranker: CrossEncoder | None
    is_given: bool  # whether what it is told from is, so that the collection is not surveyed
    stop: Stop

    def speaking(
        self, reports: Collection[str], *, also_absent: bool = False
    ) -> Mapping[str, Speaking]:
        """What these reports say of it, by their ids, those most about it first.

        Where no report of the collection speaks of it this is nothing, unless that is wanted, too.
        """
        plan, measure = self.plan, self.open()
        text, snapshot = plan.subject or plan.standalone, measure.snapshot
        text = f"{text} / {plan.named}" if plan.named else text
        # These are words in a row rather than a phrase, which alone has a name in English.
        topic = Topic.read(text, plan.language, snapshot, english=glossed)
        judged = judge_topic(measure, topic, reports, self.reranker, is_quick=True)
        is_told = also_absent or not judged.is_absent
        return speaking(measure, judged, reports) if is_told else {}

    def survey(self, reports: Collection[str]) -> tuple[Survey | None, Mapping[str, Speaking]]:
        """A survey of all reports in scope, None where there is none, and what these say."""
        if self._made is None:
            return None, self.speaking(reports)
        survey, judged = self._made
        return survey, {} if judged.is_absent else speaking(self.open(), judged, reports)

    def likely(self) -> tuple[Survey, Mapping[str, Speaking]] | None:
        """A survey of all reports in scope, and what they say, also where none speaks of it."""
        if self._made is None:
            return None
        survey, judged = self._made
        measure = self.open()
        return survey, speaking(measure, judged, measure.snapshot.catalog.ids(survey.filters))

    @cached_property
    def _made(self) -> tuple[Survey, Judged] | None:
        plan, measure = self.plan, self.open()
        if self.is_given:
            return None
        try:
            survey = planned(plan.standalone, plan, measure.linker, plan.filters)
        except InputError:
            return None
        topic = measure.topic(survey.topic, survey.language)
        scope = measure.snapshot.catalog.ids(survey.filters)
        judged = judge_topic(measure, topic, scope, self.reranker, stop=self.stop)
        return with_verdicts(survey, judged, measure), judged


class SurveyStream:
    """A survey in the making: iterate over its rows, then ask for it; `stop` keeps those there."""

    def __init__(
        self,
        measure: ReportMeasure,
        survey: Survey,
        without: Collection[str],
        reranker: CrossEncoder | None,
        progress: Progress,
    ) -> None:
        """`survey` has what is known before: question, topic and filters."""
        self._measure, self._survey, self._without = measure, survey, without
        self._reranker, self._progress = reranker, progress
        self._stop = Stop()
        self.rows: list[SurveyRow] = []  # that are there
        self.first: list[SurveyRow] = []  # the likeliest, before the cross-encoder has looked
        self._judged: Judged | None = None
        self._making = self._make()

    def __iter__(self) -> Iterator[SurveyRow]:
        return self

    def __next__(self) -> SurveyRow:
        row = next(self._making)
        self.rows.append(row)
        return row

    def stop(self) -> None:
        """Stop, also while another thread waits for a row; harmless after the end."""
        self._stop.set()

    @property
    def survey(self) -> Survey:
        """The survey with all its rows; those that are not there yet are made first."""
        for _ in self:
            pass
        survey = replace(self._survey, rows=tuple(self.rows))
        labs = self._measure.snapshot.catalog.labs(row.report for row in survey.found)
        return replace(survey, labs=labs)

    def _make(self) -> Iterator[SurveyRow]:
        self._measure.surveys.add(self)
        try:
            yield from self._made()
        finally:
            self._measure.surveys.discard(self)

    def _made(self) -> Iterator[SurveyRow]:
        measure, survey, progress = self._measure, self._survey, self._progress
        topic = measure.topic(survey.topic, survey.language, self._without)
        scope = measure.snapshot.catalog.ids(survey.filters)

        def show_first(judged: Judged) -> None:
            self._judged = judged
            found = with_verdicts(survey, judged, measure).found
            likely = [row for row in found if row.score >= SURE][:FIRST_ROWS]
            said = self._choose(topic, likely, is_read=False)
            self.first = [self._told(row, said, _Sentences()) for row in likely]

        ways = measure, topic, scope, self._reranker
        judged = judge_topic(*ways, first=show_first, progress=progress, stop=self._stop)
        self._judged, made = judged, with_verdicts(survey, judged, measure)
        self._survey = replace(made, near=topic.near(measure.snapshot), rows=())
        speak = len(made.found)
        said = findings = _Sentences()
        for place, row in enumerate(made.rows):
            if self._stop.is_set():
                self._survey = replace(self._survey, complete=False)
                return
            if place % READ_AT_A_TIME == 0 and place < speak:
                part = made.rows[place : min(place + READ_AT_A_TIME, speak)]
                is_read = place < QUOTES_READ
                said = self._choose(topic, part, is_read=is_read)
                # In a report about the topic every finding near to it is on it: none is read.
                about = [row for row in part if row.verdict == "about"]
                rest = [row for row in part if row.verdict != "about"]
                findings = self._choose(topic, about, is_read=False, are_findings=True)
                findings |= self._choose(topic, rest, is_read=is_read, are_findings=True)
            yield self._told(row, said, findings)
            if place < speak:
                progress("quoting", place + 1, speak)

    def _choose(
        self, topic: Topic, rows: Sequence[SurveyRow], is_read: bool, are_findings: bool = False
    ) -> _Sentences:
        """The nearest sentences, or findings, that speak of the topic, the likeliest first."""
        passages, reranker = self._measure.snapshot.passages, self._reranker
        wanted = self._is_finding if are_findings else None
        pairs = [
            (row, near)
            for row in rows
            for near in islice(filter(wanted, self._nearest(row)), SENTENCES_READ)
        ]
        texts = [passages[near.passage].text[slice(*near.span)] for _, near in pairs]
        of = np.array([passages[near.passage].language for _, near in pairs], str)
        nearness = np.array([near.score for _, near in pairs])
        nearness[of != topic.language] = nearness[of != topic.language].clip(UNMEASURED)
        says = log_odds(np.array([row.score for row, _ in pairs]))
        by_nearness, by_report, constant = SPEAKS
        odds = by_nearness * nearness + by_report * says + constant
        if reranker and is_read and topic.language == reranker.language:
            read = np.flatnonzero(of == reranker.language).tolist()
            asked = [texts[n] for n in read]
            if asked and (logits := waited_scores(reranker.many, topic.text, asked, self._stop)):
                by_nearness, by_report, by_reading, constant = SPEAKS_READ
                odds[read] = by_nearness * nearness[read] + by_report * says[read] + constant
                odds[read] += by_reading * np.array(logits)
        odds[[len(text.split()) < FEW_WORDS or text.endswith("?") for text in texts]] -= LESS
        speaking = _Sentences()
        for n in np.argsort(-odds, kind="stable").tolist():
            if odds[n] >= 0:
                speaking.setdefault(pairs[n][0].report.id, []).append(pairs[n][1])
        return speaking

    def _told(self, row: SurveyRow, said: _Sentences, findings: _Sentences) -> SurveyRow:
        """A row with its evidence, the sentence that speaks of the topic, and what it found."""
        known, name = self._measure.evidence, row.report.id
        if name not in known:
            known[name] = evidence_of(name, self._measure)
        row = self._quoted(replace(row, evidence=known[name]), said.get(name, ()))
        if place := self._place(findings.get(name, ())):
            passage, quote, span = place
            row = replace(row, finding=Finding(quote, span, passage.prompt, passage.language))
        return row

    def _is_finding(self, near: Near) -> bool:
        passage = self._measure.snapshot.passages[near.passage]
        return is_finding(passage, passage.text[slice(*near.span)])

    def silent_sample(self, count: int = 10, seed: int = 0) -> list[SurveyRow]:
        """Silent rows drawn at random, each with what comes nearest, for a person to check."""
        silent = [row for row in self.survey.rows if row.verdict == "silent"]
        drawn = Random(seed).sample(silent, min(count, len(silent)))
        return [self._quoted(row, self._nearest(row)) for row in drawn]

    def nearest(self, count: int) -> list[SurveyRow]:
        """The first rows with what comes nearest in them, also where no report speaks of it."""
        return [self._quoted(row, self._nearest(row)) for row in self.survey.rows[:count]]

    def _nearest(self, row: SurveyRow) -> list[Near]:
        assert self._judged is not None
        return self._measure.nearest(self._judged.measured, row.report.id)

    def _quoted(self, row: SurveyRow, found: Sequence[Near]) -> SurveyRow:
        """A row with the first of these sentences that stands verbatim in the report's file."""
        place = self._place(found)
        return replace(row, passage=place[0], quote=place[1], span=place[2]) if place else row

    def _place(self, found: Sequence[Near]) -> tuple[Passage, str, Span] | None:
        """The first of these sentences that stands in the file, its passage, and where."""
        passages, quoted = self._measure.snapshot.passages, self._measure.quoted
        places = (quoted(passages[near.passage], near.span) for near in found)
        return next(filter(None, places), None)
