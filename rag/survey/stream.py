"""Surveys: a verdict on every report in scope, from calibrated probabilities, with its best words.

As many of the likeliest reports count as the probabilities add up to: so the stated number is the
expected one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

import numpy as np

from rag.catalog.tag_fields import Filters
from rag.citation.quotable import usable
from rag.citation.quotes import verbatim
from rag.errors import InputError
from rag.i18n.translations import marked
from rag.index.interface import StoredReport
from rag.models.client import Stop
from rag.query.linker import Linker, topic_of
from rag.retrieval.postprocess import mask_passage
from rag.retrieval.rerank import CrossEncoder
from rag.survey.classifier import (
    MOST_READ,
    Judged,
    Speaking,
    classifier,
    judge_topic,
    speaking,
    waited_scores,
)
from rag.survey.evidence import evidence_of
from rag.survey.features import Near, ReportMeasure, Topic
from rag.survey.types import Evidence, Survey, SurveyRow, Verdict
from rag.text.sentences import sentences
from rag.types import Plan, Progress, Span

# Of so many likely reports the cross-encoder reads the nearest sentences, so many of each. Its
# choice is quoted where it has this logit, and so much more than the nearest. Headings and
# questions, which say little, have less.
QUOTES_READ, SENTENCES_READ = 150, 4
SAYS, CLEARER = -4.0, 1.0
FEW_WORDS, LESS = 7, 2.0
READ_AT_A_TIME = 15  # reports
# Why no survey can be made.
NO_TOPIC = marked(
    "The question names no topic. Survey what reports can speak of, such as “waste management”."
)
NO_SCOPE = marked("No report passes the filters of the survey. Use fewer filters.")


def planned(question: str, plan: Plan, linker: Linker, filters: Filters) -> Survey:
    """The survey of a question, `filters` before its own, without rows; else an InputError."""
    links = linker.link(plan.standalone, plan.language)
    topic = topic_of(plan.standalone, links, plan.language, plan.intent) or plan.subject
    if not topic or plan.intent == "about":
        raise InputError(NO_TOPIC)
    scope = filters.merged(survey_scope(plan.filters.merged(plan.boosted)))
    if not linker.catalog.ids(scope):
        raise InputError(NO_SCOPE)
    return Survey(question, topic, plan.language, scope, (), (0, 0))


def survey_scope(named: Filters) -> Filters:
    """What narrows the survey of a question, of all that it names: its topic may be a tag, too."""
    return Filters(country=named.country, year=named.year, type=named.type, kind=named.kind)


def with_verdicts(survey: Survey, judged: Judged, measure: ReportMeasure) -> Survey:
    """The survey with a row for every report in scope, the likeliest first, without quotes."""
    snapshot, chances = measure.snapshot, judged.stated
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
    linker: Linker
    reranker: CrossEncoder | None
    is_given: bool  # whether what it is told from is, so that the collection is not surveyed
    stop: Stop

    def speaking(self, reports: Collection[str]) -> Mapping[str, Speaking]:
        """What these reports say of it, by their ids, those most about it first."""
        plan, measure = self.plan, self.open()
        text, snapshot = plan.subject or plan.standalone, measure.snapshot
        # These are words in a row rather than a phrase, which alone has a name in English.
        topic = Topic.read(text, plan.language, snapshot, english=measure.glossed)
        judged = judge_topic(measure, topic, reports, self.reranker, only=True, most=MOST_READ)
        return {} if judged.is_absent else speaking(measure, judged, reports)

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
        try:
            survey = planned(plan.standalone, plan, self.linker, plan.filters)
        except InputError:
            return None
        if self.is_given:
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
        mask: bool,
        progress: Progress = lambda *_: None,
    ) -> None:
        """`survey` has what is known before: question, topic and filters."""
        self._measure, self._reranker, self._mask = measure, reranker, mask
        self._without, self._progress = without, progress
        self._survey = survey
        self._stop = Stop()
        self.rows: list[SurveyRow] = []  # that are there
        self._judged: Judged | None = None
        self._clearest: dict[int, Near] = {}  # by report, where it is not the nearest sentence
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
        measure, survey, progress = self._measure, self._survey, self._progress
        snapshot = measure.snapshot
        topic = measure.topic(survey.topic, survey.language, self._without)
        scope = snapshot.catalog.ids(survey.filters)
        judged = self._judged = judge_topic(
            measure, topic, scope, self._reranker, progress=progress, stop=self._stop
        )
        made = with_verdicts(survey, judged, measure)
        self._survey = replace(made, near=topic.near(snapshot), rows=())
        speak = len(made.found)
        for place, row in enumerate(made.rows):
            if self._stop.is_set():
                self._survey = replace(self._survey, complete=False)
                return
            if place % READ_AT_A_TIME == 0 and place < min(speak, QUOTES_READ):
                part = made.rows[place : min(place + READ_AT_A_TIME, speak)]
                self._choose_sentences(topic, [measure.numbers[r.report.id] for r in part])
            row = replace(row, evidence=self._evidence(snapshot.report(row.report.id)))
            yield row if row.verdict == "silent" else self._quoted(row)
            if place < speak:
                progress("quoting", place + 1, speak)

    def _choose_sentences(self, topic: Topic, reports: Sequence[int]) -> None:
        """Find the sentences to quote among the nearest ones of these reports."""
        judged, passages = self._judged, self._measure.snapshot.passages
        if judged is None or not self._reranker or topic.language != self._reranker.language:
            return
        near = {n: judged.measured.sentences.of(n)[:SENTENCES_READ] for n in reports}
        pairs = [(n, sentence) for n, found in near.items() for sentence in found]
        texts = [passages[s.passage].text[slice(*s.span)] for _, s in pairs]
        scores = waited_scores(self._reranker, topic.text, texts, self._stop) if texts else None
        said: dict[int, list[tuple[float, Near]]] = {}
        for (n, sentence), text, score in zip(pairs, texts, scores or (), strict=False):
            says_little = len(text.split()) < FEW_WORDS or text.endswith("?")
            said.setdefault(n, []).append((score - LESS * says_little, sentence))
        for n, found in said.items():
            best, sentence = max(found, key=lambda pair: pair[0])
            if best >= max(SAYS, found[0][0] + CLEARER):
                self._clearest[n] = sentence

    def _evidence(self, report: StoredReport) -> Evidence:
        known, name = self._measure.evidence, report.info.id
        if name not in known:
            passages = self._measure.snapshot.passages_of(name)
            known[name] = evidence_of(report, passages, self._mask)
        return known[name]

    def silent_sample(self, count: int = 10, seed: int = 0) -> list[SurveyRow]:
        """Silent rows drawn at random, each with what comes nearest, for a person to check."""
        silent = [row for row in self.survey.rows if row.verdict == "silent"]
        return list(map(self._quoted, Random(seed).sample(silent, min(count, len(silent)))))

    def nearest(self, count: int) -> list[SurveyRow]:
        """The first rows with what comes nearest in them, also where no report speaks of it."""
        return list(map(self._quoted, self.survey.rows[:count]))

    def _quoted(self, row: SurveyRow) -> SurveyRow:
        """A row with the best sentence of its report that stands verbatim in the file."""
        snapshot, report = self._measure.snapshot, self._measure.numbers[row.report.id]
        raw = snapshot.report(row.report.id).raw
        assert self._judged is not None
        measured = self._judged.measured
        clearest = [self._clearest[report]] if report in self._clearest else []
        near = (*clearest, *measured.sentences.of(report))
        found: list[tuple[int, Span]] = [(sentence.passage, sentence.span) for sentence in near]
        # A report of tags alone has no passage.
        if not found and (nearest := int(measured.nearest[report])) >= 0:
            passage = snapshot.passages[nearest]
            # What a solution says in a line may be no whole sentence.
            spans = [(unit.start, unit.end) for unit in usable(passage)] or sentences(passage.text)
            found = [(nearest, span) for span in spans]
        for at, (start, end) in found:
            passage = snapshot.passages[at]
            passage = mask_passage(passage) if self._mask else passage
            if place := verbatim(passage.text[start:end], raw, passage.spans):
                return replace(row, passage=passage, quote=place[0], span=place[1])
        return row
