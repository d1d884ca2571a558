"""Renders the templates of reports, and charts as SVG: dots with intervals, bars, a histogram.

HTML is escaped, asks the network for nothing and runs no script; Markdown holds text from reports
and models only through the filter `md`. Charts are our own templates: a library would bring scripts
or a picture that is neither dark with the page nor read aloud. Each chart has its numbers in its
name, for those who don't see it; words and shapes tell the series apart, not colours alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.compare import BaselineComparison
from eval.figures import ALL, MAIN, Estimate, Group, Histogram
from eval.matching import single_line
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
from rag.export.formats import escape_markdown
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent

# Width of a chart in units of the SVG, and where its marks begin and end.
WIDTH = 340
LEFT, RIGHT_EDGE = 6, WIDTH - 6


def render(template: str, **data: Any) -> str:
    """The text of a template with its data."""
    text = _environment().get_template(template).render(**data)
    if template.endswith(".md.jinja"):
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return text


def anchor(case_id: str) -> str:
    """The name of a case's place in a report, without what an address can't hold."""
    return f"case-{quote(case_id, safe='')}"


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=lambda name: not (name or "").endswith(".md.jinja"),
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "anchor": anchor,
        "single_line": single_line,
        "md": lambda text, length=0: escape_markdown(single_line(text, length)),
        # To three digits, without a zero that it isn't.
        "p": lambda p: f"{p:.3f}" if p >= 0.0005 else "<0.001",
    }
    return environment


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
    interval: str
    shape: int
    strong: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title and what it shows, in words."""

    title: str
    caption: str
    svg: str


def charts_by_type(groups: Mapping[str, Group], t: Translations = ENGLISH) -> list[Chart]:
    """For each main figure the types of question that it applies to."""
    order = dict.fromkeys(name for name in (*TYPES, *groups) if name in groups)
    charts = []
    for metric in MAIN:
        rows = [
            _dot(type_words(name, t), groups[name].metrics[metric], t, strong=name == ALL)
            for name in order
            if metric in groups[name].metrics
        ]
        # Where a figure applies to one type alone, all questions are no others.
        if len(rows) == 2 and rows[0].value == rows[1].value:
            rows = rows[:1]
        if rows:
            charts.append(_chart(metric, rows, t))
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
            charts.append(_chart(metric, rows, t))
    return charts


def causes_chart(counts: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many cases have which cause, as bars, each under its label."""
    rows = [
        {
            "label": t.gettext(FINDINGS.get(code, code)),
            "count": n,
            "value": format_number(t, n),
            "quiet": code == RIGHT,
        }
        for code, n in counts.items()
    ]
    words = "; ".join(f"{row['label']}: {row['value']}" for row in rows)
    name = f"{t.gettext('Where it goes wrong')}: {words}"
    return _svg("bars", name, rows=rows, most=max(counts.values(), default=0) or 1)


def latency_chart(histogram: Histogram, t: Translations = ENGLISH) -> str:
    """How many answers took how long."""
    counts = histogram.counts
    starts = [time_words(i * histogram.step, t) for i in range(len(counts))]
    ends = [f"–{start}" for start in starts[1:]] + ["+"]
    bins = zip(starts, ends, counts, strict=False)
    words = "; ".join(f"{start}{end}: {count}" for start, end, count in bins)
    name = f"{t.gettext('Whole answer')}: {words}"
    most = max(counts, default=0) or 1
    return _svg("histogram", name, counts=counts, starts=starts, most=most)


def time_words(ms: float, t: Translations = ENGLISH) -> str:
    """A time in milliseconds: "120 ms", "1,204 ms"."""
    return f"{format_number(t, round(ms))} ms"


def _chart(metric: str, rows: Sequence[Dot], t: Translations) -> Chart:
    """Shares on a line from 0 to 1 with their intervals."""
    title = figure_words(metric, t)
    words = "; ".join(f"{row.label} {row.value}, {row.interval}" for row in rows)
    ends = (format_percent(t, 0), format_percent(t, 0.5), format_percent(t, 1))
    svg = _svg("dots", f"{title}: {words}", rows=rows, ends=ends)
    return Chart(title, t.gettext(FIGURES[metric][1]), svg)


def _dot(label: str, value: Estimate, t: Translations, shape: int = 0, strong: bool = False) -> Dot:
    share = f"{format_percent(t, value.mean)} · n {format_number(t, value.n)}"
    interval = interval_words(value, t)
    return Dot(label, value.mean, value.low, value.high, share, interval, shape, strong)


def _svg(kind: str, name: str, **data: object) -> str:
    sizes = {"width": WIDTH, "left": LEFT, "right": RIGHT_EDGE}
    return render("chart.svg.jinja", kind=kind, name=name, **sizes, **data).strip()
