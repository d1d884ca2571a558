"""Surveys: a verdict on every report in scope, from calibrated probabilities, with its best words.

As many of the likeliest reports count as the probabilities add up to: so the stated number is the
expected one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from random import Random

import numpy as np

from rag.catalog.tag_fields import Filters
from rag.citation.quotable import usable
from rag.citation.quotes import verbatim
from rag.errors import InputError
from rag.i18n.translations import marked
from rag.index.interface import StoredReport
from rag.index.snapshot import Snapshot
from rag.models.client import Stop
from rag.query.linker import Links, topic_of
from rag.retrieval.postprocess import mask_passage
from rag.retrieval.rerank import CrossEncoder
from rag.survey.classifier import classifier, relevances, uncertain
from rag.survey.evidence import evidence_of
from rag.survey.features import Measured, ReportMeasure, Topic
from rag.survey.types import Evidence, Survey, SurveyRow, Verdict
from rag.text.sentences import sentences
from rag.types import Plan, Progress, Span

# Why no survey can be made.
NO_TOPIC = marked(
    "The question names no topic. Survey what reports can speak of, such as “waste management”."
)
NO_SCOPE = marked("No report passes the filters of the survey. Use fewer filters.")


def planned(
    question: str, plan: Plan, links: Links, filters: Filters, snapshot: Snapshot
) -> Survey:
    """The survey of a question without its rows: topic and scope; `filters` go before its own.

    Raises:
        InputError: the question has no topic, or no report is in scope.
    """
    topic = topic_of(plan.corrected, links, plan.language)
    if not topic or plan.intent == "about":
        raise InputError(NO_TOPIC)
    scope = filters.merged(survey_scope(links.filters()))
    if not snapshot.catalog.ids(scope):
        raise InputError(NO_SCOPE)
    return Survey(question, topic, plan.language, scope, (), (0, 0), index=snapshot.revision)


def survey_scope(named: Filters) -> Filters:
    """What narrows the survey of a question, of all that it names: its topic may be a tag, too."""
    return Filters(country=named.country, year=named.year, type=named.type, kind=named.kind)


class SurveyStream:
    """A survey in the making: iterate over its rows, likely ones first, then ask it for the survey.

    Stopping it early keeps the rows that are there.
    """

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
        self._done: list[SurveyRow] = []
        self._measured: Measured | None = None
        self._rows = self._make()

    def __iter__(self) -> Iterator[SurveyRow]:
        return self

    def __next__(self) -> SurveyRow:
        row = next(self._rows)
        self._done.append(row)
        return row

    def stop(self) -> None:
        """Stop, also while another thread waits for a row; harmless after the end."""
        self._stop.set()

    @property
    def survey(self) -> Survey:
        """The survey with all its rows; those that are not there yet are made first."""
        for _ in self:
            pass
        survey = replace(self._survey, rows=tuple(self._done))
        labs = self._measure.snapshot.catalog.labs(row.report for row in survey.found)
        return replace(survey, labs=labs)

    def _make(self) -> Iterator[SurveyRow]:
        measure, progress = self._measure, self._progress
        snapshot = measure.snapshot
        inside = snapshot.catalog.ids(self._survey.filters)
        scope = np.array([n for n, report in enumerate(measure.ids) if report in inside], int)
        topic = Topic.read(self._survey.topic, self._survey.language, snapshot, self._without)
        progress("reading", 0, len(scope))
        self._measured = measured = measure.measure(topic)
        progress("reading", len(scope), len(scope))
        chances = classifier().chances(measured.features)
        if self._reranker is not None:
            in_scope = np.zeros(len(measure.ids))
            in_scope[scope] = chances.says[scope]
            reports = uncertain(in_scope)
            relevance = relevances(
                topic, measured, reports, snapshot.passages, self._reranker, progress, self._stop
            )
            chances = classifier().judged(chances, relevance)
        says, about = chances.says[scope], chances.about[scope]
        interval = classifier().interval(says, topic.language)
        self._survey = replace(self._survey, interval=interval, near=topic.near(snapshot))
        speak, subject = round(float(says.sum())), round(float(about.sum()))
        order = np.lexsort((-about, -says))
        about_rows = set(sorted(order[:speak].tolist(), key=lambda n: -about[n])[:subject])
        for place, n in enumerate(order.tolist()):
            if self._stop.is_set():
                self._survey = replace(self._survey, complete=False)
                return
            report = int(scope[n])
            verdict: Verdict = (
                "silent" if place >= speak else "about" if n in about_rows else "mentions"
            )
            stored = snapshot.report(measure.ids[report])
            row = SurveyRow(stored.info, verdict, float(says[n]), float(about[n]))
            row = replace(row, evidence=self._evidence(stored))
            yield row if verdict == "silent" else self._quoted(row, report)
            if place < speak:
                progress("quoting", place + 1, speak)

    def _evidence(self, report: StoredReport) -> Evidence:
        known, name = self._measure.evidence, report.info.id
        if name not in known:
            passages = self._measure.snapshot.passages_of(name)
            known[name] = evidence_of(report, passages, self._mask)
        return known[name]

    def silent_sample(self, count: int = 10, seed: int = 0) -> list[SurveyRow]:
        """Silent rows drawn at random, each with what comes nearest, for a person to check."""
        silent = [row for row in self.survey.rows if row.verdict == "silent"]
        return self._all_quoted(Random(seed).sample(silent, min(count, len(silent))))

    def nearest(self, count: int) -> list[SurveyRow]:
        """The first rows with what comes nearest in them, also where no report speaks of it."""
        return self._all_quoted(self.survey.rows[:count])

    def _all_quoted(self, rows: Sequence[SurveyRow]) -> list[SurveyRow]:
        numbers = {report: n for n, report in enumerate(self._measure.ids)}
        return [self._quoted(row, numbers[row.report.id]) for row in rows]

    def _quoted(self, row: SurveyRow, report: int) -> SurveyRow:
        """A row with the best sentence of its report that stands verbatim in the file."""
        snapshot = self._measure.snapshot
        raw = snapshot.report(row.report.id).raw
        measured = self._measured
        assert measured is not None
        found: list[tuple[int, Span]] = [
            (near.passage, near.span) for near in measured.sentences.get(report, ())
        ]
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
