"""Measures surveys against graded topics (`Case.grades`), and reads these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    """The graded topics among the cases of a file; an InputError where it has none."""
    if topics := [case for case in load_cases(path) if case.grades]:
        return topics
    raise InputError(
        f"{path} has no graded topic: a line with "
        '"topic", "question" and "grades", an object of report ids with 2, 1 or 0.'
    )


def score(survey: Survey, grades: Mapping[str, int], raw: Callable[[str], str]) -> dict[str, float]:
    """How well a survey meets the grades of the reports in its scope, by name of the metric.

    Of the reports about the topic about_r is the share that it found, of those that say something
    says_r; of those that it calls about the topic about_p is the share that says something, of all
    that it found says_p. count_err is by how much the number that it states is off, as a share of
    the true one, inside is 1 where its interval has that, quote_ok the share of quotes that stand
    verbatim in the reports' files (`raw`). gold and rows are the true number and the stated one.
    """
    scope = {row.report.id for row in survey.rows}
    says = {report for report, grade in grades.items() if grade >= 1 and report in scope}
    about = {report for report in says if grades[report] == 2}
    found = {row.report.id for row in survey.found}
    called = {row.report.id for row in survey.found if row.verdict == "about"}
    low, high = survey.interval
    quotes = [fold_text(r.quote) in fold_text(raw(r.report.id)) for r in survey.found if r.quote]
    scores = {
        "gold": float(len(says)),
        "rows": float(len(found)),
        "about_r": _share(about & found, about),
        "about_p": _share(called & says, called),
        "says_r": _share(says & found, says),
        "says_p": _share(found & says, found),
        "count_err": abs(len(found) - len(says)) / max(1, len(says)),
        "inside": float(low <= len(says) <= high),
    }
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
    engine: Engine, topics: Sequence[Case], progress: Progress
) -> tuple[dict[str, dict[str, float]], Calibration]:
    """The scores of an engine's surveys by topic, their mean as "mean", and the calibration."""
    table: dict[str, dict[str, float]] = {}
    scores, right = list[float](), list[bool]()
    for number, topic in enumerate(topics, start=1):
        survey = engine.survey(topic.question).survey
        table[topic.id] = score(survey, topic.grades, lambda name: engine.report(name).raw)
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
