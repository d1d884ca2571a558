"""Measures surveys against graded topics (`Case.grades`), and makes the weights that they use.

`python -m eval.survey GRADED ...` trains two logistic regressions on the features of reports (is a
report about the topic; does it say anything of it), and two more on what these say and on what a
second look finds, for the reports that are uncertain. Each topic counts by the square root of its
number of reports that speak of it, and half as much in another language than English. What the
intervals need, the spread of true over expected numbers from topic to topic, comes from leaving out
one topic after the other, in all its languages (the same grades); the scores that are printed do as
well.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import typer

from eval.cases import Case, load_cases
from rag.citation.quotes import fold_text
from rag.engine import Engine, open_engine
from rag.errors import InputError
from rag.models.encoder import LANGUAGE
from rag.retrieval.rerank import CrossEncoder
from rag.settings import load_settings
from rag.survey.classifier import (
    FIRST,
    SECOND,
    WEIGHTS,
    Chances,
    Classifier,
    is_absent,
    judged_features,
    second_look,
    uncertain,
)
from rag.survey.features import FEATURES, Numbers
from rag.survey.types import Survey
from rag.types import Progress

BINS = 10
# For each bin with scores: their mean, the share that was right, the number of reports.
Bins = Sequence[tuple[float, float, int]]
RIDGE = 20.0  # penalty of a coefficient's square
RIDGE_JUDGED = 1.0
STEPS = 50  # of Newton's method at most
WIDTH = 1.6  # how many spreads an interval reaches to each side: seven topics of eight
FEWEST = 4  # a topic of fewer reports counts as if it had so many
DIGITS = 4


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

    about_r is the share of the reports about the topic that it found, says_r of those that say
    something. about_p is the share of those that it calls about the topic, says_p of all that it
    found, that do say something. count_err is how far its number is off, as a share of the true
    one; inside is 1 where its interval has the true one; quote_ok is the share of quotes that stand
    verbatim in the files of reports (`raw`). gold is the true number of reports about the topic,
    gold_any of those that say something, rows the number found.
    """
    scope = {row.report.id for row in survey.rows}
    says = {report for report, grade in grades.items() if grade >= 1 and report in scope}
    about = {report for report in says if grades[report] == 2}
    found = {row.report.id for row in survey.found}
    called = {row.report.id for row in survey.found if row.verdict == "about"}
    low, high = survey.interval
    quotes = [fold_text(r.quote) in fold_text(raw(r.report.id)) for r in survey.found if r.quote]
    scores = {
        "gold": float(len(about)),
        "gold_any": float(len(says)),
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


def calibration(scores: Sequence[float], right: Sequence[bool]) -> Bins:
    """How often scores were right, in ten bins."""
    values, truth = np.array(scores), np.array(right, float)
    at = np.minimum((values * BINS).astype(int), BINS - 1)
    chosen = (at == number for number in range(BINS))
    return [
        (float(values[b].mean()), float(truth[b].mean()), int(b.sum())) for b in chosen if b.any()
    ]


def calibration_error(bins: Bins, least: float = 0.0) -> float:
    """The expected calibration error, over bins from a mean score of `least` on."""
    counted = [(mean, share, n) for mean, share, n in bins if mean >= least]
    total = sum(n for _, _, n in counted)
    return sum(n * abs(mean - share) for mean, share, n in counted) / max(1, total)


def evaluate(
    engine: Engine, topics: Sequence[Case], progress: Progress
) -> tuple[dict[str, dict[str, float]], Bins]:
    """The scores of an engine's surveys by topic, their mean as "mean", and the calibration."""
    table: dict[str, dict[str, float]] = {}
    scores, right = list[float](), list[bool]()
    for number, topic in enumerate(topics, start=1):
        survey = engine.survey(topic.question).survey
        table[topic.id] = score(survey, topic.grades, lambda name: engine.report(name).raw)
        scores += [row.score for row in survey.rows]
        right += [topic.grades.get(row.report.id, 0) >= 1 for row in survey.rows]
        progress("surveying", number, len(topics))
    return _with_mean(table), calibration(scores, right)


def _with_mean(table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    names = dict.fromkeys(name for row in table.values() for name in row)
    values = {n: [row[n] for row in table.values() if n in row] for n in names}
    return {**table, "mean": {name: sum(of) / len(of) for name, of in values.items()}}


def table_text(table: Mapping[str, Mapping[str, float]], bins: Bins) -> str:
    """The scores as lines, a topic a line, and the calibration."""
    lines = [
        f"{topic}: " + " ".join(f"{name}={value:.3g}" for name, value in scores.items())
        for topic, scores in table.items()
    ]
    lines.append("score right reports")
    lines += [f"{mean:5.2f} {share:5.2f} {count:7d}" for mean, share, count in bins]
    lines.append(
        f"expected calibration error {calibration_error(bins):.3f}; "
        f"of scores from 0.1 on {calibration_error(bins, 0.1):.3f}"
    )
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Example:
    """A graded topic: the features of all reports, their grades, what a second look finds."""

    name: str
    features: Numbers
    grades: Numbers
    second: Numbers
    stands_for: Numbers  # how many reports each stands for, 0 where it was not graded
    language: str = LANGUAGE
    has_parts: bool = False

    @property
    def gold(self) -> float:
        """How many reports speak of it."""
        return float(self.stands_for[self.grades > 0].sum())

    @property
    def weights(self) -> Numbers:
        """How much each of its reports counts."""
        size = max(self.gold, FEWEST)
        of_language = 1 if self.language == LANGUAGE else 0.5
        return np.asarray(self.stands_for * size**-0.5 * of_language)


def regression(rows: Numbers, right: Numbers, weights: Numbers, ridge: float) -> list[float]:
    """The coefficients and the constant of a logistic regression, by Newton's method."""
    rows = np.column_stack([rows, np.ones(len(rows))])
    penalty = np.full(rows.shape[1], ridge)
    penalty[-1] = 1e-6
    found = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        chances = 1 / (1 + np.exp(-(rows @ found).clip(-30, 30)))
        slope = rows.T @ (weights * (chances - right)) + penalty * found
        curve = (rows * (weights * chances * (1 - chances))[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        found -= step
        if abs(step).max() < 1e-6:
            break
    return [round(float(value), DIGITS) for value in found]


def _both(rows: Numbers, grades: Numbers, weights: Numbers, ridge: float) -> dict[str, Any]:
    return {
        name: regression(rows, (grades >= least).astype(float), weights, ridge)
        for name, least in (("says", 1), ("about", 2))
    }


def train(examples: Sequence[Example]) -> dict[str, Any]:
    """The weights without what intervals need; topics that no report meets are left out."""
    examples = [example for example in examples if not is_absent(example.features)]
    features = np.vstack([e.features for e in examples])
    grades = np.concatenate([e.grades for e in examples])
    weights = np.concatenate([e.weights for e in examples])
    weights /= weights.mean()
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    rules = _both((features - mean) / scale, grades, weights, RIDGE)
    made: dict[str, Any] = {
        "features": FEATURES,
        "mean": [round(float(value), DIGITS) for value in mean],
        "scale": [round(float(value), DIGITS) for value in scale],
        "rules": rules,
        "spread": {},
        "width": WIDTH,
    }
    chances = Classifier(made).chances(features)
    second = np.vstack([e.second for e in examples])
    known = ~np.isnan(second[:, 0])
    rows = judged_features(chances, second)[known]
    made["judged"] = _both(rows, grades[known], weights[known], RIDGE_JUDGED)
    return made


def left_out(examples: Sequence[Example]) -> list[tuple[Example, tuple[Chances, Chances]]]:
    """Each topic with its chances by the weights of the others, without and with a second look."""
    results = []
    made: dict[bytes, Classifier] = {}
    for example in examples:
        key = example.grades.tobytes()
        if key not in made:
            made[key] = Classifier(train([e for e in examples if e.grades.tobytes() != key]))
        chances = made[key].chances(example.features)
        judged = made[key].judged(chances, example.second)
        plain = chances.stated(is_absent(example.features))
        surest = float(chances.says.max(initial=0)) if example.has_parts else 0.0
        judged = judged.stated(is_absent(example.features, example.second, surest))
        results.append((example, (plain, judged)))
    return results


def spread(results: Sequence[tuple[Example, Chances]]) -> float:
    """How far true numbers are from expected ones for seven topics of eight, as their ratio's log.

    Divided by how many spreads an interval reaches. Topics of no report have no ratio.
    """
    sums = [e.gold / chances.says.sum() for e, chances in results if e.grades.any()]
    return float(np.quantile(np.abs(np.log(sums)), 7 / 8)) / WIDTH if sums else 0.0


def left_out_text(results: Sequence[tuple[Example, Chances]], made: dict[str, Any]) -> str:
    """How well topics that were left out are surveyed."""
    scores, right = list[float](), list[bool]()
    table: dict[str, dict[str, float]] = {}
    for example, chances in results:
        count = round(float(chances.says.sum()))
        found = np.isin(np.arange(len(chances.says)), np.argsort(-chances.says)[:count])
        low, high = Classifier(made).interval(chances.says, example.language)
        stands_for, grades, gold = example.stands_for, example.grades, example.gold
        of_found = stands_for[found & (grades > 0)].sum()
        row = {"gold_any": gold, "rows": float(count), "low": low, "high": high}
        if gold:
            about = stands_for[grades > 1].sum()
            row["about_r"] = stands_for[found & (grades > 1)].sum() / max(1, about)
            row["says_r"] = of_found / gold
            row["says_p"] = of_found / max(1, stands_for[found].sum())
            row["count_err"] = abs(count - gold) / gold
            row["inside"] = float(low <= gold <= high)
        table[f"{example.name} ({example.language})"] = row
        if (stands_for == 1).all():
            scores += chances.says.tolist()
            right += (grades > 0).tolist()
    return table_text(_with_mean(table), calibration(scores, right))


def examples_of(paths: Sequence[Path], index: Path | None) -> list[Example]:
    """The graded topics of files, measured over an index."""
    engine = open_engine(load_settings(index=index))
    measure = engine.report_measure()
    graded = [topic for path in paths for topic in load_topics(path)]
    measures, examples = [], []
    for topic in graded:
        read = measure.topic(topic.id, topic.lang)
        measured = measure.measure(read)
        measures.append((read, measured))
        grades = np.array([topic.grades.get(i, 0) for i in measure.ids], float)
        usual = 0.0 if topic.stands_for else 1.0
        stands_for = np.array([topic.stands_for.get(i, usual) for i in measure.ids])
        second = np.full((len(grades), len(SECOND)), np.nan)
        has_parts = len(read.parts) > 1
        examples.append(
            Example(topic.id, measured.features, grades, second, stands_for, topic.lang, has_parts)
        )
    # Which reports are uncertain is told by the weights of the other topics.
    judged = []
    pairs = zip(measures, left_out(examples), strict=True)
    for (read, measured), (example, (chances, _)) in pairs:
        likeliest = np.argsort(-chances.about, kind="stable")[:FIRST].tolist()
        reports = list(dict.fromkeys((*likeliest, *uncertain(chances.says))))
        second = second_look(read, measured, reports, measure, CrossEncoder().topics)
        judged.append(replace(example, second=second))
    return judged


def main(graded: list[Path], index: Path | None = None, out: Path = WEIGHTS) -> None:
    """Train on files of graded topics, print the scores of topics left out, write the weights."""
    examples = examples_of(graded, index)
    made = train(examples) | {"topics": len(examples), "reports": len(examples[0].grades)}
    results, kinds = left_out(examples), []
    for name in (LANGUAGE, "other"):
        chosen = [r for r in results if (r[0].language == LANGUAGE) == (name == LANGUAGE)]
        kinds.append([[(r[0], r[1][n]) for r in chosen] for n in (0, 1)])
        made["spread"][name] = round(spread(kinds[-1][1]), DIGITS)
    for plain, judged in kinds:
        if judged:
            told = (left_out_text(pairs, made) for pairs in (plain, judged))
            print(*told, sep="\n\nwith the cross-encoder\n")
    out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
