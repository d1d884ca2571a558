"""Measures surveys against graded topics, and reads these.

A line of a file of graded topics is {"topic", "question", "lang", "grades": {report: 2, 1 or 0}}: 2
where the report or a named part is about the topic, 1 where it says something of substance, 0 for
a passing word or nothing; reports that are not named count as 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from eval.cases import Case, load_cases
from rag.citation.quotes import fold_text
from rag.engine import Engine
from rag.errors import InputError
from rag.survey.types import Survey
from rag.types import Progress

BINS = 10


def load_topics(path: Path) -> list[Case]:
    """The graded topics among the cases of a file.

    Raises:
        InputError: it can't be read, a line is no case, or none is a graded topic.
    """
    if topics := [case for case in load_cases(path) if case.grades]:
        return topics
    raise InputError(
        f"{path} has no graded topic: a line with "
        '"topic", "question" and "grades", an object of report ids with 2, 1 or 0.'
    )


@dataclass(frozen=True)
class GradedSurvey:
    """A survey and the grades of reports, of which those count that are in its scope."""

    survey: Survey
    grades: Mapping[str, int]

    @cached_property
    def says(self) -> set[str]:
        """The reports that say something on the topic."""
        scope = {row.report.id for row in self.survey.rows}
        return {r for r, grade in self.grades.items() if grade >= 1 and r in scope}

    @cached_property
    def about(self) -> set[str]:
        """Those that are about it."""
        return {r for r in self.says if self.grades[r] == 2}

    @cached_property
    def found(self) -> set[str]:
        """The reports that the survey found."""
        return {row.report.id for row in self.survey.found}


def about_r(graded: GradedSurvey) -> float:
    """The share of the reports about a survey's topic that it found."""
    return _share(graded.about & graded.found, graded.about)


def about_p(graded: GradedSurvey) -> float:
    """The share of the reports that a survey calls about its topic that say something on it."""
    called = {row.report.id for row in graded.survey.found if row.verdict == "about"}
    return _share(called & graded.says, called)


def says_r(graded: GradedSurvey) -> float:
    """The share of the reports that say something on a survey's topic that it found."""
    return _share(graded.says & graded.found, graded.says)


def says_p(graded: GradedSurvey) -> float:
    """The share of the reports that a survey found that say something on its topic."""
    return _share(graded.found & graded.says, graded.found)


def count_err(graded: GradedSurvey) -> float:
    """By how much the number that a survey states is off, as a share of the true one."""
    true = len(graded.says)
    return abs(len(graded.found) - true) / max(1, true)


def inside(graded: GradedSurvey) -> float:
    """1 where the true number is within the interval that a survey states."""
    low, high = graded.survey.interval
    return float(low <= len(graded.says) <= high)


SURVEY_METRICS: Mapping[str, Callable[[GradedSurvey], float]] = {
    function.__name__: function
    for function in (about_r, about_p, says_r, says_p, count_err, inside)
}


def score(survey: Survey, grades: Mapping[str, int], texts: Mapping[str, str]) -> dict[str, float]:
    """How well a survey meets the grades of reports: `SURVEY_METRICS`, and the sizes.

    quote_ok is the share of quotes that stand verbatim in `texts`, the reports' files by id.
    """
    graded = GradedSurvey(survey, grades)
    scores = {"gold": float(len(graded.says)), "rows": float(len(graded.found))}
    scores |= {name: function(graded) for name, function in SURVEY_METRICS.items()}
    quotes = [fold_text(r.quote) in fold_text(texts[r.report.id]) for r in survey.found if r.quote]
    return scores | ({"quote_ok": sum(quotes) / len(quotes)} if quotes else {})


def _share(part: set[str], whole: set[str]) -> float:
    return len(part) / max(1, len(whole))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores in ten bins: mean score, share that was right, and number of reports."""

    bins: tuple[tuple[float, float, int], ...]

    @classmethod
    def of(cls, scores: Sequence[float], right: Sequence[bool]) -> Calibration:
        """The calibration of scores that were right or not."""
        values, truth = np.array(scores), np.array(right, float)
        at = np.minimum((values * BINS).astype(int), BINS - 1)
        chosen = (at == number for number in range(BINS))
        bins = ((values[b].mean(), truth[b].mean(), int(b.sum())) for b in chosen if b.any())
        return cls(tuple((float(mean), float(share), count) for mean, share, count in bins))

    def error(self, *, least: float = 0.0) -> float:
        """The expected calibration error, over bins from a mean score of `least` on."""
        counted = [(mean, share, n) for mean, share, n in self.bins if mean >= least]
        total = sum(n for _, _, n in counted)
        return sum(n * abs(mean - share) for mean, share, n in counted) / max(1, total)


def evaluate(
    engine: Engine, topics: Sequence[Case], progress: Progress = lambda *_: None
) -> tuple[dict[str, dict[str, float]], Calibration]:
    """The scores of an engine's surveys by topic, their mean as "mean", and the calibration."""
    table: dict[str, dict[str, float]] = {}
    scores: list[float] = []
    right: list[bool] = []
    for number, topic in enumerate(topics, start=1):
        survey = engine.survey(topic.question).survey
        texts = {row.report.id: engine.report(row.report.id).raw for row in survey.found}
        table[topic.id] = score(survey, topic.grades, texts)
        scores += [row.score for row in survey.rows]
        right += [topic.grades.get(row.report.id, 0) >= 1 for row in survey.rows]
        progress("surveying", number, len(topics))
    names = dict.fromkeys(name for row in table.values() for name in row)
    means = {n: [row[n] for row in table.values() if n in row] for n in names}
    table["mean"] = {name: sum(values) / len(values) for name, values in means.items()}
    return table, Calibration.of(scores, right)


def table_text(table: Mapping[str, Mapping[str, float]], calibration: Calibration) -> str:
    """The scores as lines, a topic a line, and the calibration."""
    lines = [
        f"{topic}: " + " ".join(f"{name}={value:.3g}" for name, value in scores.items())
        for topic, scores in table.items()
    ]
    lines.append("score right reports")
    lines += [f"{mean:5.2f} {share:5.2f} {count:7d}" for mean, share, count in calibration.bins]
    lines.append(
        f"expected calibration error {calibration.error():.3f}; "
        f"of scores from 0.1 on {calibration.error(least=0.1):.3f}"
    )
    return "\n".join(lines)


def to_json(table: Mapping[str, Mapping[str, float]], calibration: Calibration) -> str:
    """The same as JSON."""
    return json.dumps({"topics": table, "bins": calibration.bins, "ece": calibration.error()})
