"""Renders the templates of reports, and charts as SVG: dots with intervals, and bars.

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

from eval.figures import ALL, MAIN, Estimate, Group
from eval.matching import single_line
from eval.report import labels
from eval.report.diagnosis import RIGHT
from rag.export.formats import escape_markdown
from rag.i18n.labels import language_label
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent

# Verdicts of a comparison that need more words.
VERDICTS = {
    "unclear": "could be chance among so many tests",
    "too few": "too few cases to say",
}


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
        "verdict": lambda verdict: VERDICTS.get(verdict, verdict),
        # To three digits, without a zero that it isn't.
        "p": lambda p: f"{p:.3f}" if p >= 0.0005 else "<0.001",
    }
    environment.globals |= {
        "MAIN": MAIN,
        "labels": labels,
        "language_label": language_label,
        "charts_by_type": charts_by_type,
        "baseline_charts": baseline_charts,
        "causes_chart": causes_chart,
        "time_words": time_words,
    }
    return environment


# A row of a chart of shares: its label, its share, and its shape, by which series are told apart: 0
# is ours, a filled circle.
Dot = tuple[str, Estimate, int]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title and what it shows, in words."""

    title: str
    caption: str
    svg: str


def charts_by_type(groups: Mapping[str, Group], t: Translations = ENGLISH) -> list[Chart]:
    """For each main figure the types of question that it applies to."""
    order = dict.fromkeys(name for name in (*labels.TYPES, *groups) if name in groups)
    charts = []
    for metric in MAIN:
        applying = [name for name in order if metric in groups[name].metrics]
        rows = [(labels.type_words(n, t), groups[n].metrics[metric], 0) for n in applying]
        # Where a figure applies to one type alone, all questions are no others.
        if len(rows) == 2 and rows[0][1] == rows[1][1]:
            rows = rows[:1]
        if rows:
            charts.append(_chart(metric, rows, t))
    return charts


def baseline_charts(
    groups: Mapping[str, Group], baselines: Mapping[str, Group], t: Translations = ENGLISH
) -> list[Chart]:
    """For each main figure ours and the baselines', of all questions."""
    sides = {t.gettext(labels.OURS): groups[ALL]} if ALL in groups else {}
    sides |= {labels.baseline_words(name, t): group for name, group in baselines.items()}
    charts = []
    for metric in MAIN:
        rows = [
            (side, group.metrics[metric], shape)
            for shape, (side, group) in enumerate(sides.items())
            if metric in group.metrics
        ]
        if len(rows) > 1:
            charts.append(_chart(metric, rows, t))
    return charts


def causes_chart(counts: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many cases have which cause, as bars, each under its label."""
    rows = [
        {
            "label": labels.cause_words(code, t),
            "count": n,
            "value": format_number(t, n),
            "quiet": code == RIGHT,
        }
        for code, n in counts.items()
    ]
    words = "; ".join(f"{row['label']}: {row['value']}" for row in rows)
    name = f"{t.gettext('Where it goes wrong')}: {words}"
    return _svg("bars", name, rows=rows, most=max(counts.values(), default=0) or 1)


def time_words(ms: float, t: Translations = ENGLISH) -> str:
    """A time in milliseconds: "120 ms", "1,204 ms"."""
    return f"{format_number(t, round(ms))} ms"


def _chart(metric: str, dots: Sequence[Dot], t: Translations) -> Chart:
    """Shares on a line from 0 to 1 with their intervals; all questions sum up the others."""
    title = labels.figure_words(metric, t)
    rows = [
        {
            "label": label,
            "share": share,
            "value": f"{format_percent(t, share.mean)} · n {format_number(t, share.n)}",
            "interval": labels.interval_words(share, t),
            "shape": shape,
            "strong": label == labels.type_words(ALL, t),
        }
        for label, share, shape in dots
    ]
    words = "; ".join("{label} {value}, {interval}".format(**row) for row in rows)
    ends = (format_percent(t, 0), format_percent(t, 0.5), format_percent(t, 1))
    svg = _svg("dots", f"{title}: {words}", rows=rows, ends=ends)
    return Chart(title, t.gettext(labels.FIGURES[metric][1]), svg)


def _svg(kind: str, name: str, **data: object) -> str:
    return render("chart.svg.jinja", kind=kind, name=name, **data).strip()
