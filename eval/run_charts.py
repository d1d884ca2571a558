"""The charts of a run, in the words of a reader's language, for its page and for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.beside import Baseline
from eval.charts import Bar, Dot, bars, dots, times
from eval.diagnosis import RIGHT
from eval.figures import ALL, MAIN, Group, Histogram
from eval.phrases import (
    FIGURES,
    FINDINGS,
    OURS,
    TYPES,
    baseline_words,
    figure_words,
    interval_words,
    type_words,
)
from eval.stats import Estimate
from rag.translate import ENGLISH, Words, number, percent


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title and what it shows, in words."""

    title: str
    told: str
    svg: str


def by_type(groups: Mapping[str, Group], words: Words = ENGLISH) -> list[Chart]:
    """For each main figure the types of question that it applies to."""
    order = [name for name in (*TYPES, *groups) if name in groups]
    found = []
    for metric in MAIN:
        rows = [
            _dot(type_words(name, words), groups[name].metrics[metric], 0, words, name == ALL)
            for name in dict.fromkeys(order)
            if metric in groups[name].metrics
        ]
        # Where a figure applies to one type alone, all questions are no others.
        if len(rows) == 2 and rows[0].value == rows[1].value:
            rows = rows[:1]
        found += _chart(metric, rows, words)
    return found


def beside(
    groups: Mapping[str, Group], baselines: Mapping[str, Baseline], words: Words = ENGLISH
) -> list[Chart]:
    """For each main figure ours and the baselines'."""
    ours = groups[ALL].metrics if ALL in groups else {}
    found = []
    for metric in MAIN:
        rows = [_dot(words.gettext(OURS), ours[metric], 0, words)] if metric in ours else []
        rows += [
            _dot(baseline_words(name, words), one.figures[metric], shape, words)
            for shape, (name, one) in enumerate(baselines.items(), start=1)
            if metric in one.figures
        ]
        if len(rows) > 1:
            found += _chart(metric, rows, words)
    return found


def of_causes(counts: Mapping[str, int], words: Words = ENGLISH) -> str:
    """How many cases have which cause."""
    rows = [
        Bar(words.gettext(FINDINGS.get(code, code)), n, number(words, n), code == RIGHT)
        for code, n in counts.items()
    ]
    return bars(words.gettext("Where it goes wrong"), rows)


def of_times(found: Histogram, words: Words = ENGLISH) -> str:
    """How many answers took how long."""
    return times(words.gettext("Whole answer"), found, lambda ms: time_words(ms, words))


def time_words(ms: float, words: Words = ENGLISH) -> str:
    """A time in milliseconds: "120 ms", "1,204 ms"."""
    return f"{number(words, round(ms))} ms"


def _chart(metric: str, rows: Sequence[Dot], words: Words) -> list[Chart]:
    if not rows:
        return []
    title = figure_words(metric, words)
    told = words.gettext(FIGURES[metric][1])
    ends = (percent(words, 0), percent(words, 0.5), percent(words, 1))
    return [Chart(title, told, dots(title, rows, ends))]


def _dot(label: str, value: Estimate, shape: int, words: Words, strong: bool = False) -> Dot:
    reach = interval_words(value, words)
    told = f"{percent(words, value.mean)} · n {number(words, value.n)}"
    return Dot(label, value.mean, value.low, value.high, told, reach, shape, strong)
