"""A run as one HTML page that asks the network for nothing and runs no script."""

from __future__ import annotations

from markupsafe import Markup

from eval.figures import ALL, MAIN
from eval.metrics import METRICS
from eval.report.charts import (
    baseline_charts,
    causes_chart,
    charts_by_type,
    latency_chart,
    time_words,
)
from eval.report.compare import VERDICTS, p_words
from eval.report.content import Report, listed, record_lines
from eval.report.diagnosis import causes
from eval.report.labels import (
    CLAIMS,
    INTERVALS,
    LATENCIES,
    WORST,
    baseline_words,
    claim_note,
    count_words,
    figure_words,
    finding_words,
    type_words,
)
from eval.report.pages import render
from eval.report.tables import meaning, one_table, tables
from rag.i18n.labels import language_label


def to_html(report: Report) -> str:
    """The page: headline, charts, baselines, tables, cases and the record."""
    languages = {language_label(code): group for code, group in report.languages.items()}
    named = {type_words(name): group for name, group in report.groups.items()}
    worst = report.worst
    return render(
        "report.html.jinja",
        report=report,
        run=report.record,
        day=str(report.record["date"])[:10],
        claims=[(count_words(c), CLAIMS[c.name], claim_note(c)) for c in report.claims],
        causes=Markup(causes_chart(causes(report.cases))),
        charts=charts_by_type(report.groups),
        beside=baseline_charts(report.groups, report.baselines),
        baselines=report.baselines,
        baseline_name=baseline_words,
        main=MAIN,
        figure=figure_words,
        verdicts=VERDICTS,
        p_words=p_words,
        tables=list(tables(named)),
        languages=one_table("By language", languages, MAIN, "language"),
        meanings={name: said for name in METRICS if (said := meaning(name))},
        times=Markup(latency_chart(report.histogram)) if report.histogram else None,
        latencies=_latencies(report),
        intervals=INTERVALS,
        worst=worst,
        others=[one for one in report.cases if one not in worst],
        worst_rule=WORST,
        finding=finding_words,
        type_name=type_words,
        language_name=language_label,
        listed=listed,
        record=record_lines(report),
        markup=Markup,
    )


def _latencies(report: Report) -> list[tuple[str, str, str]]:
    spent = report.groups[ALL].latency
    return [
        (label, time_words(spent[name].p50), time_words(spent[name].p95))
        for name, label in LATENCIES.items()
        if name in spent
    ]
