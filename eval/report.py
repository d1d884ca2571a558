"""What the outcomes of a run say: a table, a summary, and a report as HTML page and Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from eval.beside import load_others, paired, side_by_side
from eval.claims import claims
from eval.diagnosis import WORST, causes, tell, worst_first
from eval.feedback import MADE_OF_VOTES
from eval.figures import aggregate, by_language, histogram, seen
from eval.files import write_text
from eval.report_html import to_html
from eval.report_parts import Report
from eval.report_text import table_text, to_markdown
from eval.run import PAGE, SUMMARY, TABLE, TEXT, load_outcomes, load_record
from eval.summary import About, Summary, shortened


def write_report(out: Path) -> str:
    """Write table, summary and report of a run from its outcomes; return the table (Markdown).

    Baselines in its folder are told beside it.

    Raises:
        InputError: the run's files are missing, damaged, or can't be written.
    """
    report = read_report(out)
    table = table_text(report)
    written = {
        TABLE: table,
        SUMMARY: json.dumps(_summary(report), indent=1, ensure_ascii=False) + "\n",
        TEXT: to_markdown(report),
        PAGE: to_html(report),
    }
    for name, text in written.items():
        write_text(out / name, text)
    return table


def read_report(out: Path) -> Report:
    """All that is told of a run.

    Raises:
        InputError: the run's files, or those of a baseline in its folder, are missing or damaged.
    """
    outcomes, record = load_outcomes(out), load_record(out)
    groups, others = aggregate(outcomes), load_others(out)
    return Report(
        record=record | {"answered_by": seen(outcomes, "mode"), "index": seen(outcomes, "index")},
        asked=len(outcomes),
        groups=groups,
        languages=by_language(outcomes),
        claims=claims(outcomes),
        cases=tuple(tell(outcome) for outcome in worst_first(outcomes)),
        histogram=histogram(outcomes),
        baselines=paired(others, outcomes),
        errors={o.case.id: o.error for o in outcomes if o.error},
        side_by_side=side_by_side(others, outcomes, groups),
    )


def _summary(report: Report) -> dict[str, object]:
    """What the page shows of it; of questions that readers have asked nothing but numbers."""
    shown = [one for one in report.worst if not one.id.startswith(MADE_OF_VOTES)]
    whole = Summary(
        run=About(**{name: report.record[name] for name in About.__dataclass_fields__}),
        groups=report.groups,
        errors=report.errors,
        languages=report.languages,
        claims=report.claims,
        causes=causes(report.cases),
        worst=tuple(shortened(one) for one in shown[:WORST]),
        histogram=report.histogram,
        baselines=report.baselines,
    )
    # The whole record, not only what the page shows of it.
    return asdict(whole) | {"run": report.record}
