"""Charts as inline SVG: dots with intervals, bars and a histogram; pure functions, all escaped.

Colours are the page's own css variables (--ink, --quiet, --line, --accent), so that a chart is
light or dark with it. Each tells its numbers in its name, for those who don't see it, and beside
its marks; which series a mark belongs to is told by words and by its shape as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from eval.compare import BaselineComparison
from eval.figures import (
    ALL,
    MAIN,
    Group,
    Histogram,
)
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
from eval.stats import Estimate
from rag.i18n.translations import (
    ENGLISH,
    Translations,
    format_number,
    format_percent,
)

WIDTH = 340
_LEFT, _RIGHT = 6, WIDTH - 6
_ROW = 42
_LABEL = 49  # characters of a label and its value; more would run into each other
_PLOT = 96  # height of a histogram's bars


@dataclass(frozen=True, slots=True)
class Dot:
    """A row of a chart: a share with its interval, from 0 to 1, its label and its value in words.

    `reach` is the interval in words, for those who hear the chart.
    `shape` tells series apart: 0 is ours, a filled circle. A `strong` row sums up the others.
    """

    label: str
    mean: float
    low: float
    high: float
    value: str
    reach: str = ""
    shape: int = 0
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart: a count with its label and its value in words."""

    label: str
    count: int
    value: str
    quiet: bool = False


def dots(name: str, rows: Sequence[Dot], ends: tuple[str, str, str]) -> str:
    """Shares on a line from 0 to 1 with their intervals; `ends` are the words at 0, half and 1."""
    bottom = _ROW * len(rows)
    parts = [_grid(bottom, ends)]
    for i, row in enumerate(rows):
        y = _ROW * i
        low, mean, high = (_across(min(max(x, 0.0), 1.0)) for x in (row.low, row.mean, row.high))
        parts += [
            _label(y, row.label, row.value, row.strong),
            _line(_LEFT, _RIGHT, y + 23, "var(--line)", 1),
            _line(low, high, y + 23, "var(--accent)" if not row.shape else "var(--quiet)", 4),
            _SHAPES[row.shape % len(_SHAPES)](mean, y + 23),
        ]
    said = "; ".join(", ".join((f"{r.label} {r.value}", r.reach)).rstrip(", ") for r in rows)
    return _svg(f"{name}: {said}", bottom + 16, "".join(parts))


def bars(name: str, rows: Sequence[Bar]) -> str:
    """Counts as bars, each under its label."""
    most = max((row.count for row in rows), default=0) or 1
    parts = []
    for i, row in enumerate(rows):
        y, width = _ROW * i, max(2.0, row.count / most * (_RIGHT - _LEFT))
        fill = "var(--line)" if row.quiet else "var(--accent)"
        parts += [
            _label(y, row.label, row.value),
            f'<rect x="{_LEFT}" y="{y + 19}" width="{width:.1f}" height="8" rx="2" fill="{fill}" '
            'stroke="var(--quiet)" stroke-width=".75"/>',
        ]
    said = "; ".join(f"{row.label}: {row.value}" for row in rows)
    return _svg(f"{name}: {said}", _ROW * len(rows), "".join(parts))


def times(name: str, found: Histogram, unit: Callable[[int], str]) -> str:
    """How many answers took how long; `unit` says a time in milliseconds."""
    most, n = max(found.counts, default=0) or 1, max(1, len(found.counts))
    wide = (_RIGHT - _LEFT) / n
    parts, said = [], []
    for i, count in enumerate(found.counts):
        tall = count / most * _PLOT
        last = i == n - 1
        upto = "+" if last else f"–{unit((i + 1) * found.step)}"
        said.append(f"{unit(i * found.step)}{upto}: {count}")
        x = _LEFT + i * wide
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{14 + _PLOT - tall:.1f}" width="{wide - 2:.1f}" '
            f'height="{tall:.1f}" rx="1" fill="var(--accent)"/>'
        )
        if count:
            parts.append(_text(x + wide / 2, 10 + _PLOT - tall, str(count), "middle", 10))
        # The last tick has its own words, which need the room of a third of the others.
        if i % max(1, n // 3) == 0 and i < n * 0.7:
            parts.append(_text(x, 30 + _PLOT, unit(i * found.step), "start", 11))
    parts.append(_text(_RIGHT, 30 + _PLOT, f"{unit((n - 1) * found.step)}+", "end", 11))
    parts.append(_line(_LEFT, _RIGHT, 14 + _PLOT, "var(--quiet)", 1))
    return _svg(f"{name}: {'; '.join(said)}", 38 + _PLOT, "".join(parts))


def _svg(name: str, height: float, body: str) -> str:
    return (
        f'<svg class="chart" role="img" aria-label="{escape(name)}" direction="ltr" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" width="100%" style="max-width:{WIDTH + 60}px">'
        f"{body}</svg>"
    )


def _grid(bottom: float, ends: tuple[str, str, str]) -> str:
    marks = zip((_LEFT, WIDTH / 2, _RIGHT), ends, ("start", "middle", "end"), strict=True)
    return "".join(_text(x, bottom + 11, word, anchor, 11) for x, word, anchor in marks)


def _label(y: float, label: str, value: str, strong: bool = False) -> str:
    room = _LABEL - len(value)
    short = label if len(label) <= room else f"{label[: room - 1]}…"
    weight = ' font-weight="650"' if strong else ""
    return (
        f'<g font-size="12.5" fill="var(--ink)"{weight}><text x="{_LEFT}" y="{y + 13}">'
        f'{escape(short)}</text><text x="{_RIGHT}" y="{y + 13}" text-anchor="end">'
        f"{escape(value)}</text></g>"
    )


def _text(x: float, y: float, words: str, anchor: str, size: int) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="var(--quiet)">{escape(words)}</text>'
    )


def _line(x1: float, x2: float, y: float, colour: str, width: int) -> str:
    return (
        f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
        f'stroke-width="{width}" stroke-opacity="{".5" if width > 1 else "1"}"/>'
    )


def _across(share: float) -> float:
    return _LEFT + share * (_RIGHT - _LEFT)


def _circle(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y}" r="4.5" fill="var(--accent)"/>'


def _square(x: float, y: float) -> str:
    return (
        f'<rect x="{x - 4:.1f}" y="{y - 4}" width="8" height="8" fill="var(--paper)" '
        'stroke="var(--ink)" stroke-width="1.75"/>'
    )


def _diamond(x: float, y: float) -> str:
    return (
        f'<path d="M{x:.1f} {y - 5.5}l5.5 5.5l-5.5 5.5l-5.5-5.5z" fill="var(--paper)" '
        'stroke="var(--ink)" stroke-width="1.75"/>'
    )


_SHAPES = (_circle, _square, _diamond)


# The charts of a run, in the words of a reader's language, for its page and for the report.


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title and what it shows, in words."""

    title: str
    caption: str
    svg: str


def charts_by_type(groups: Mapping[str, Group], t: Translations = ENGLISH) -> list[Chart]:
    """For each main figure the types of question that it applies to."""
    order = [name for name in (*TYPES, *groups) if name in groups]
    found = []
    for metric in MAIN:
        rows = [
            _dot(type_words(name, t), groups[name].metrics[metric], 0, t, name == ALL)
            for name in dict.fromkeys(order)
            if metric in groups[name].metrics
        ]
        # Where a figure applies to one type alone, all questions are no others.
        if len(rows) == 2 and rows[0].value == rows[1].value:
            rows = rows[:1]
        found += _chart(metric, rows, t)
    return found


def baseline_charts(
    groups: Mapping[str, Group],
    baselines: Mapping[str, BaselineComparison],
    t: Translations = ENGLISH,
) -> list[Chart]:
    """For each main figure ours and the baselines'."""
    ours = groups[ALL].metrics if ALL in groups else {}
    found = []
    for metric in MAIN:
        rows = [_dot(t.gettext(OURS), ours[metric], 0, t)] if metric in ours else []
        rows += [
            _dot(baseline_words(name, t), one.figures[metric], shape, t)
            for shape, (name, one) in enumerate(baselines.items(), start=1)
            if metric in one.figures
        ]
        if len(rows) > 1:
            found += _chart(metric, rows, t)
    return found


def causes_chart(counts: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many cases have which cause."""
    rows = [
        Bar(t.gettext(FINDINGS.get(code, code)), n, format_number(t, n), code == RIGHT)
        for code, n in counts.items()
    ]
    return bars(t.gettext("Where it goes wrong"), rows)


def latency_chart(found: Histogram, t: Translations = ENGLISH) -> str:
    """How many answers took how long."""
    return times(t.gettext("Whole answer"), found, lambda ms: time_words(ms, t))


def time_words(ms: float, t: Translations = ENGLISH) -> str:
    """A time in milliseconds: "120 ms", "1,204 ms"."""
    return f"{format_number(t, round(ms))} ms"


def _chart(metric: str, rows: Sequence[Dot], t: Translations) -> list[Chart]:
    if not rows:
        return []
    title = figure_words(metric, t)
    caption = t.gettext(FIGURES[metric][1])
    ends = (format_percent(t, 0), format_percent(t, 0.5), format_percent(t, 1))
    return [Chart(title, caption, dots(title, rows, ends))]


def _dot(label: str, value: Estimate, shape: int, t: Translations, strong: bool = False) -> Dot:
    reach = interval_words(value, t)
    told = f"{format_percent(t, value.mean)} · n {format_number(t, value.n)}"
    return Dot(label, value.mean, value.low, value.high, told, reach, shape, strong)
