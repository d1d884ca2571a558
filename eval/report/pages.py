"""Writes what a run and a comparison of runs show, as HTML, Markdown and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from eval.cases import VOTE_ID_PREFIX, write_text
from eval.compare import (
    BaselineComparison,
    Comparison,
    Moved,
    Side,
    Verdict,
    baseline_table,
    compare_baselines,
    load_baselines,
)
from eval.figures import (
    ALL,
    LATENCIES,
    MAIN,
    RUN_METRICS,
    Group,
    Headline,
    Histogram,
    aggregate,
    by_language,
    headlines,
    histogram,
    values_of,
)
from eval.metrics import METRICS
from eval.report import labels
from eval.report.charts import (
    baseline_charts,
    causes_chart,
    charts_by_type,
    latency_chart,
    time_words,
)
from eval.report.diagnosis import RIGHT, WORST, CaseReport, causes, diagnose, worst_first
from eval.report.render import anchor, render
from eval.report.summary import About, Summary, shortened
from eval.run import PAGE, SUMMARY, TABLE, TEXT, load_outcomes, load_record
from eval.stats import Estimate
from rag.errors import InputError
from rag.i18n.labels import language_label

VERDICTS: Mapping[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "more": "more",
    "fewer": "fewer",
    "no difference": "no difference",
    "unclear": "could be chance among so many tests",
    "too few": "too few cases to say",
}
CORRECTION = (
    "Each metric counts the cases that it applies to in both runs, each case once. p is of a "
    "paired randomisation test; p (Holm) is corrected for all tests of the same table, and a "
    "difference counts where it is below 0.05 and the interval leaves out 0. Intervals are not "
    "corrected."
)
MOVED_NOTE = "By the sum of what its scores changed by; nothing is tested here."


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown of a run: its record, figures, cases (the worst first) and baselines.

    `baseline_table` compares them by type (Markdown).
    """

    record: Mapping[str, Any]
    asked: int
    groups: Mapping[str, Group]
    languages: Mapping[str, Group]
    headlines: tuple[Headline, ...]
    cases: tuple[CaseReport, ...]
    histogram: Histogram | None
    baselines: Mapping[str, BaselineComparison]
    errors: Mapping[str, str]
    baseline_table: str

    @property
    def worst(self) -> tuple[CaseReport, ...]:
        """The twenty worst cases, fewer where fewer went wrong."""
        return tuple(c for c in self.cases if c.score < 1 or c.cause != RIGHT)[:WORST]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of figures, ready to be written: the first two columns name a group and its n."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_report(out: Path) -> str:
    """Write table, summary and report of a run from its outcomes; return the table (Markdown).

    Baselines in its folder are shown beside it.

    Raises:
        InputError: the run's files are missing, damaged, or can't be written.
    """
    report = read_report(out)
    data = _markdown_data(report)
    table = render("table.md.jinja", **data)
    files = {
        TABLE: table,
        SUMMARY: json.dumps(_summary(report), indent=1, ensure_ascii=False) + "\n",
        TEXT: render("report.md.jinja", **data),
        PAGE: report_html(report),
    }
    for name, text in files.items():
        write_text(out / name, text)
    return table


def read_report(out: Path) -> Report:
    """All that is shown of a run."""
    outcomes, record = load_outcomes(out), load_record(out)
    groups, baselines = aggregate(outcomes), load_baselines(out)
    modes, indexes = values_of(outcomes, "mode"), values_of(outcomes, "index")
    return Report(
        record=record | {"answered_by": modes, "index": indexes},
        asked=len(outcomes),
        groups=groups,
        languages=by_language(outcomes),
        headlines=headlines(outcomes),
        cases=tuple(diagnose(outcome) for outcome in worst_first(outcomes)),
        histogram=histogram(outcomes),
        baselines=compare_baselines(baselines, outcomes),
        errors={o.case.id: o.error for o in outcomes if o.error},
        baseline_table=baseline_table(baselines, outcomes, groups),
    )


def _summary(report: Report) -> dict[str, object]:
    """What the page of the product shows; of questions from readers' votes nothing but numbers."""
    shown = [case for case in report.worst if not case.id.startswith(VOTE_ID_PREFIX)]
    summary = Summary(
        run=About(**{name: report.record[name] for name in About.__dataclass_fields__}),
        groups=report.groups,
        errors=report.errors,
        languages=report.languages,
        claims=report.headlines,
        causes=causes(report.cases),
        worst=tuple(shortened(case) for case in shown[:WORST]),
        histogram=report.histogram,
        baselines=report.baselines,
    )
    # The whole record, not only what the page shows of it.
    return asdict(summary) | {"run": report.record}


def tables(groups: Mapping[str, Group]) -> Iterator[Table]:
    """A table for each kind of metric that applies to a type, and one of the latencies."""
    for title in dict.fromkeys(metric.table for metric in METRICS.values()):
        names = [metric.name for metric in METRICS.values() if metric.table == title]
        names += RUN_METRICS if title == "Refusals" else ()
        shown = {k: g for k, g in groups.items() if not g.metrics.keys().isdisjoint(names)}
        if table := figure_table(title, shown, names, "type"):
            yield table
    timed = {k: g for k, g in groups.items() if g.latency}
    if timed:
        rows = [
            (k, str(g.n), *(str(g.latency.get(name, "")) for name in LATENCIES))
            for k, g in timed.items()
        ]
        head = ("type", "n", *(name.removesuffix("_ms") for name in LATENCIES))
        yield Table("Latency (ms, p50 / p95)", head, tuple(rows))


def figure_table(
    title: str, groups: Mapping[str, Group], names: Sequence[str], first: str
) -> Table | None:
    """A table of some metrics of groups, `first` heads their names; None if no metric applies."""
    used = [name for name in names if any(name in g.metrics for g in groups.values())]
    rows = [
        (k, str(g.n), *(_cell(g.metrics.get(name), g.n) for name in used))
        for k, g in groups.items()
    ]
    return Table(title, (first, "n", *used), tuple(rows)) if used else None


def _cell(value: Estimate | None, n: int) -> str:
    if value is None:
        return ""
    return f"{value}" if value.n == n else f"{value} ({value.n})"


def _markdown_data(report: Report) -> dict[str, Any]:
    return {
        "report": report,
        "causes": causes(report.cases),
        "tables": list(tables(report.groups)),
        "languages": figure_table("", report.languages, MAIN, "language"),
        "record": _record_lines(report),
        "labels": labels,
        "verdicts": VERDICTS,
        "p_words": _p_words,
    }


def report_html(report: Report) -> str:
    """The page of a run: headline, charts, baselines, tables, cases and the record."""
    languages = {language_label(code): group for code, group in report.languages.items()}
    named = {labels.type_words(name): group for name, group in report.groups.items()}
    latency = report.groups[ALL].latency
    return render(
        "report.html.jinja",
        report=report,
        run=report.record,
        day=str(report.record["date"])[:10],
        causes=Markup(causes_chart(causes(report.cases))),
        charts=charts_by_type(report.groups),
        baseline_charts=baseline_charts(report.groups, report.baselines),
        main=MAIN,
        labels=labels,
        verdicts=VERDICTS,
        p_words=_p_words,
        tables=list(tables(named)),
        languages=figure_table("By language", languages, MAIN, "language"),
        meanings={name: metric.meaning for name, metric in METRICS.items()},
        histogram=Markup(latency_chart(report.histogram)) if report.histogram else None,
        latencies=[
            (label, time_words(latency[name].p50), time_words(latency[name].p95))
            for name, label in labels.LATENCIES.items()
            if name in latency
        ],
        others=[case for case in report.cases if case not in report.worst],
        language_name=language_label,
        record=_record_lines(report),
        markup=Markup,
    )


def _record_lines(report: Report) -> list[str]:
    """When, with what and on which machine a run was made, a line a fact."""
    run, machine = report.record, report.record["machine"]
    answered_by, index = (", ".join(run[name]) or "nothing" for name in ("answered_by", "index"))
    cut = "" if report.asked == run["cases"] else " (the run was interrupted)"
    lines = [
        f"{report.asked} of {run['cases']} cases asked, {run['date']}{cut}",
        f"answered by {answered_by}; index {index}; embedding {run['embedding']}",
        f"{machine['cores']} cores, {machine['system']} {machine['architecture']}",
        ", ".join(f"{name} {number}" for name, number in run["versions"].items()),
        str(report.groups[ALL].usage),
    ]
    return [line for line in lines if line]


def _p_words(p: float) -> str:
    """A p-value to three digits, without a zero that it isn't."""
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write the comparison to a .html or .md file, whose links lead from its folder.

    Raises:
        InputError: the file has another ending or can't be written.
    """
    writers = {".html": comparison_html, ".md": comparison_markdown}
    if out.suffix.lower() not in writers:
        raise InputError(f"{out}: not a name of a page. Let it end with .html or .md.")
    write_text(out, writers[out.suffix.lower()](comparison, out.parent))


def comparison_html(comparison: Comparison, start: Path) -> str:
    """The comparison as one HTML page; links lead from the folder `start`."""
    return render("compare.html.jinja", **_comparison_data(comparison, start))


def comparison_markdown(comparison: Comparison, start: Path) -> str:
    """The comparison as Markdown; links lead from the folder `start`."""
    return render("compare.md.jinja", **_comparison_data(comparison, start))


def _comparison_data(comparison: Comparison, start: Path) -> dict[str, Any]:
    def links(case: Moved) -> list[tuple[str, str]]:
        sides = (("A", comparison.a), ("B", comparison.b))
        found = ((name, _case_link(Path(side.path), case.id, start)) for name, side in sides)
        return [(name, link) for name, link in found if link]

    return {
        "comparison": comparison,
        "side": _side,
        "pairing": (
            f"{comparison.paired} cases paired; {comparison.only_a} only in A, "
            f"{comparison.only_b} only in B, {comparison.changed} changed between the runs, "
            f"{comparison.failed} failed in one or both."
        ),
        "verdicts": VERDICTS,
        "notable": [d for d in comparison.by_type if d.is_notable],
        "p_words": _p_words,
        "correction": CORRECTION,
        "moved_note": MOVED_NOTE,
        "links": links,
        "type_words": labels.type_words,
    }


def _side(side: Side) -> str:
    modes, indexes = (", ".join(names) or "nothing" for names in (side.answered_by, side.index))
    return f"{side.path} ({side.cases} cases, {modes}, index {indexes}, {side.date})"


def _case_link(run: Path, case_id: str, start: Path) -> str:
    """The address of a case in the report of a run, seen from a folder; "" where it has none."""
    page = run / PAGE
    if not page.is_file():
        return ""
    try:
        path = quote(Path(os.path.relpath(page, start)).as_posix())
    except ValueError:  # another drive
        path = page.resolve().as_uri()
    return f"{path}#{anchor(case_id)}"
