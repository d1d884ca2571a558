"""Charts as inline SVG: dots with intervals, bars and a histogram.

They are our own templates: a library would bring scripts or a picture that is neither dark with the
page nor read aloud. Each chart has its numbers in its name, for those who don't see it, and beside
its marks; words and shapes tell the series apart, not colours alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eval.compare import BaselineComparison
from eval.figures import ALL, MAIN, Group, Histogram
from eval.report.diagnosis import RIGHT
from eval.report.labels import (
    FIGURES,
    FINDINGS,
    OURS,
    TYPES,
    baseline_words,
    figure_words,
    interval_words,
    type_words,
)
from eval.report.render import render
from eval.stats import Estimate
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent

# In units of the SVG: its width, and where marks begin and end.
WIDTH = 340
LEFT, RIGHT_EDGE = 6, WIDTH - 6
# Height of a row with its label, and of a histogram's bars.
ROW_HEIGHT = 42
HISTOGRAM_HEIGHT = 96
# Characters of a label and its value; more would run into each other.
LABEL_LENGTH = 49


@dataclass(frozen=True, slots=True)
class Dot:
    """A row of a chart: a share with its interval, from 0 to 1, its label and its value in words.

    `interval` is the interval in words, for those who hear the chart.
    `shape` tells series apart: 0 is ours, a filled circle. A `strong` row sums up the others.
    """

    label: str
    mean: float
    low: float
    high: float
    value: str
    interval: str = ""
    shape: int = 0
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart: a count with its label and its value in words."""

    label: str
    count: int
    value: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title and what it shows, in words."""

    title: str
    caption: str
    svg: str


def dot_chart(name: str, rows: Sequence[Dot], ends: tuple[str, str, str]) -> str:
    """Shares on a line from 0 to 1 with their intervals; `ends` are the words at 0, half and 1."""
    words = [", ".join(filter(None, (f"{r.label} {r.value}", r.interval))) for r in rows]
    return _svg("dots", f"{name}: {'; '.join(words)}", rows=rows, ends=ends)


def bar_chart(name: str, rows: Sequence[Bar]) -> str:
    """Counts as bars, each under its label."""
    words = "; ".join(f"{row.label}: {row.value}" for row in rows)
    most = max((row.count for row in rows), default=0) or 1
    return _svg("bars", f"{name}: {words}", rows=rows, most=most)


def histogram_chart(name: str, histogram: Histogram, unit: Callable[[int], str]) -> str:
    """How many answers took how long; `unit` puts a time in milliseconds in words."""
    starts = [unit(i * histogram.step) for i in range(len(histogram.counts))]
    ends = [f"–{start}" for start in starts[1:]] + ["+"]
    bins = zip(starts, ends, histogram.counts, strict=False)
    words = "; ".join(f"{start}{end}: {count}" for start, end, count in bins)
    most = max(histogram.counts, default=0) or 1
    return _svg("histogram", f"{name}: {words}", counts=histogram.counts, starts=starts, most=most)


def charts_by_type(groups: Mapping[str, Group], t: Translations = ENGLISH) -> list[Chart]:
    """For each main figure the types of question that it applies to."""
    order = [name for name in (*TYPES, *groups) if name in groups]
    charts = []
    for metric in MAIN:
        rows = [
            _dot(type_words(name, t), groups[name].metrics[metric], t, strong=name == ALL)
            for name in dict.fromkeys(order)
            if metric in groups[name].metrics
        ]
        # Where a figure applies to one type alone, all questions are no others.
        if len(rows) == 2 and rows[0].value == rows[1].value:
            rows = rows[:1]
        charts += _chart(metric, rows, t)
    return charts


def baseline_charts(
    groups: Mapping[str, Group],
    baselines: Mapping[str, BaselineComparison],
    t: Translations = ENGLISH,
) -> list[Chart]:
    """For each main figure ours and the baselines'."""
    ours = groups[ALL].metrics if ALL in groups else {}
    charts = []
    for metric in MAIN:
        rows = [_dot(t.gettext(OURS), ours[metric], t)] if metric in ours else []
        rows += [
            _dot(baseline_words(name, t), baseline.figures[metric], t, shape)
            for shape, (name, baseline) in enumerate(baselines.items(), start=1)
            if metric in baseline.figures
        ]
        if len(rows) > 1:
            charts += _chart(metric, rows, t)
    return charts


def causes_chart(counts: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many cases have which cause."""
    rows = [
        Bar(t.gettext(FINDINGS.get(code, code)), n, format_number(t, n), code == RIGHT)
        for code, n in counts.items()
    ]
    return bar_chart(t.gettext("Where it goes wrong"), rows)


def latency_chart(histogram: Histogram, t: Translations = ENGLISH) -> str:
    """How many answers took how long."""
    return histogram_chart(t.gettext("Whole answer"), histogram, lambda ms: time_words(ms, t))


def time_words(ms: float, t: Translations = ENGLISH) -> str:
    """A time in milliseconds: "120 ms", "1,204 ms"."""
    return f"{format_number(t, round(ms))} ms"


def _chart(metric: str, rows: Sequence[Dot], t: Translations) -> list[Chart]:
    if not rows:
        return []
    title = figure_words(metric, t)
    ends = (format_percent(t, 0), format_percent(t, 0.5), format_percent(t, 1))
    return [Chart(title, t.gettext(FIGURES[metric][1]), dot_chart(title, rows, ends))]


def _dot(label: str, value: Estimate, t: Translations, shape: int = 0, strong: bool = False) -> Dot:
    share = f"{format_percent(t, value.mean)} · n {format_number(t, value.n)}"
    interval = interval_words(value, t)
    return Dot(label, value.mean, value.low, value.high, share, interval, shape, strong)


def _svg(kind: str, name: str, **data: object) -> str:
    sizes = {"left": LEFT, "right": RIGHT_EDGE, "row_height": ROW_HEIGHT, "label": LABEL_LENGTH}
    tall = {"width": WIDTH, "histogram_height": HISTOGRAM_HEIGHT}
    return render("chart.svg.jinja", kind=kind, name=name, **sizes, **tall, **data).strip()
