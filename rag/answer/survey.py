"""Surveys: a verdict on every report in scope, from calibrated probabilities, with its best words.

Without a model a small classifier tells from a report's features how likely it says something on
the topic, and how likely it is about it (`eval.train_survey` made its weights). The uncertain
reports are judged again by the cross-encoder, on their three best sentences. As many of the
likeliest reports count as the probabilities add up to: so the stated number is the expected one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, exp, floor, sqrt
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from rag.answer.survey_features import Measured, Numbers, ReportMeasure, Topic
from rag.citation.quotable import usable
from rag.citation.quotes import verbatim
from rag.models.client import Stop
from rag.retrieval.postprocess import mask_passage
from rag.retrieval.rerank import CrossEncoder
from rag.types import Passage, Progress, Span, Survey, SurveyRow, Verdict

WEIGHTS = Path(__file__).with_name("survey_weights.json")
UNCERTAIN = (0.03, 0.97)  # probabilities between which the cross-encoder is asked
MOST_JUDGED = 200  # reports that it judges at most
SENTENCES = 3  # of a report that it reads
AT_A_TIME = 60  # sentences between two looks at whether to stop


@dataclass(frozen=True, slots=True)
class Chances:
    """For each report the probability that it says something of a topic, and is about it."""

    says: Numbers
    about: Numbers


class Classifier:
    """Turns features into probabilities by the weights of a file."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = weights
        self._mean, self._scale = np.array(weights["mean"]), np.array(weights["scale"])

    def chances(self, features: Numbers) -> Chances:
        """The probabilities of reports (rows) by their features."""
        rows = (features - self._mean) / self._scale
        return _chances(rows, self._weights["rules"])

    def judged(self, chances: Chances, relevance: Numbers) -> Chances:
        """The same after the cross-encoder: its logit of each report, nan for those not judged."""
        known = ~np.isnan(relevance)
        rows = judged_features(chances, relevance)[known]
        new = _chances(rows, self._weights["judged"])
        says, about = chances.says.copy(), chances.about.copy()
        says[known], about[known] = new.says, new.about
        return Chances(says, about)

    def interval(self, says: Numbers) -> tuple[int, int]:
        """Between which numbers of reports the true one is, for seven topics of eight."""
        expected = float(says.sum())
        if expected < 0.5:
            return 0, ceil(expected + 2 * sqrt(expected))
        chance = float((says * (1 - says)).sum()) / expected**2
        spread = exp(self._weights["width"] * sqrt(chance + self._weights["spread"] ** 2))
        return floor(expected / spread), min(len(says), ceil(expected * spread))


def judged_features(chances: Chances, relevance: Numbers) -> Numbers:
    """What the second verdict rests on: the first one's log odds, and the relevance."""
    return np.column_stack([_log_odds(chances.says), _log_odds(chances.about), relevance])


def _log_odds(values: Numbers) -> Numbers:
    clipped = values.clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _chances(rows: Numbers, weights: Mapping[str, Sequence[float]]) -> Chances:
    says, about = (
        1 / (1 + np.exp(-(rows @ np.array(weights[name][:-1]) + weights[name][-1])))
        for name in ("says", "about")
    )
    return Chances(says, np.minimum(says, about))


@cache
def classifier() -> Classifier:
    """The classifier that comes with the product."""
    return Classifier(json.loads(WEIGHTS.read_text("utf-8")))


def uncertain(says: Numbers) -> list[int]:
    """The reports that a second look may change, the least certain first."""
    low, high = UNCERTAIN
    rows = np.flatnonzero((says > low) & (says < high))
    return [int(n) for n in rows[np.argsort(abs(says[rows] - 0.5), kind="stable")][:MOST_JUDGED]]


def relevances(
    topic: Topic,
    measured: Measured,
    reports: Sequence[int],
    passages: Sequence[Passage],
    reranker: CrossEncoder,
    progress: Progress = lambda *_: None,
    stop: Stop | None = None,
) -> Numbers:
    """The cross-encoder's highest logit of a sentence of each of these reports, nan for others.

    Sentences in other languages than its own are not judged, nor any where it is busy.
    """
    pairs = [
        (report, passages[near.passage].text[slice(*near.span)])
        for report in reports
        for near in measured.sentences.get(report, ())[:SENTENCES]
        if passages[near.passage].language == topic.language == reranker.language
    ]
    best = np.full(len(measured.features), np.nan)
    for start in range(0, len(pairs), AT_A_TIME):
        part = pairs[start : start + AT_A_TIME]
        if stop and stop.is_set():
            break
        try:
            scores = reranker.scores(topic.text, [text for _, text in part])
        except TimeoutError:
            break
        for (report, _), score in zip(part, scores, strict=True):
            best[report] = np.fmax(best[report], score)
        progress("judging", min(start + AT_A_TIME, len(pairs)), len(pairs))
    return best


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
        catalog = self._measure.snapshot.catalog
        labs = catalog.labs(row.report for row in self._done if row.verdict != "silent")
        return replace(self._survey, rows=tuple(self._done), labs=labs)

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
            outside = np.ones(len(measure.ids), np.bool_)
            outside[scope] = False
            reports = uncertain(np.where(outside, 0.0, chances.says))
            relevance = relevances(
                topic, measured, reports, snapshot.passages, self._reranker, progress, self._stop
            )
            chances = classifier().judged(chances, relevance)
        says, about = chances.says[scope], chances.about[scope]
        interval = classifier().interval(says)
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
            info = snapshot.reports[measure.ids[report]].info
            row = SurveyRow(info, verdict, float(says[n]), float(about[n]))
            yield row if verdict == "silent" else self._quoted(row, report)
            if place < speak:
                progress("quoting", place + 1, speak)

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
        raw = snapshot.reports[row.report.id].raw
        measured = self._measured
        assert measured is not None
        found: list[tuple[int, Span]] = [
            (near.passage, near.span) for near in measured.sentences.get(report, ())
        ]
        if not found:
            nearest = int(measured.nearest[report])
            units = usable(snapshot.passages[nearest])
            found = [(nearest, (unit.start, unit.end)) for unit in units]
        for at, (start, end) in found:
            passage = snapshot.passages[at]
            passage = mask_passage(passage) if self._mask else passage
            if place := verbatim(passage.text[start:end], raw, passage.spans):
                return replace(row, passage=passage, quote=place[0], span=place[1])
        return row
