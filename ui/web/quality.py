"""The Quality view: how well questions are answered, by the last evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from babel.dates import format_date
from markupsafe import Markup

from eval.figures import ALL, MAIN, Estimate
from eval.report import render as charts
from eval.report.diagnosis import CaseReport, CitedQuote
from eval.report.pages import About, Summary
from rag.i18n.labels import join_parts, language_label, mode_label
from rag.i18n.notices import STATUS_WORDS
from rag.i18n.translations import Translations, format_number, format_percent, language_code
from ui.rendering import render

# A cell of a table: a text, or a value with its interval.
Cell = str | tuple[str, str]


def render_quality(summary: Summary, revision: str, t: Translations) -> Markup:
    """The view of a run; `revision` is the fingerprint of the index that is being served."""
    groups = {name: summary.groups[name] for name in charts.TYPES if name in summary.groups}
    groups |= summary.groups
    metrics = [m for m in MAIN if any(m in group.metrics for group in groups.values())]
    spent = groups[ALL].latency if ALL in groups else {}
    by_name = {charts.type_words(name, t): group for name, group in groups.items()}
    return render(
        "quality.html",
        t,
        is_unreadable=False,
        is_measured=True,
        has_answers=any(group.n for group in summary.groups.values()),
        claims=[
            (
                charts.headline_count(claim, t),
                t.gettext(charts.HEADLINES.get(claim.name, claim.name)),
                charts.headline_note(claim, t),
            )
            for claim in summary.claims
        ],
        facts=_facts(summary.run, revision, t),
        errors=len(summary.errors),
        charts=charts.charts_by_type(summary.groups, t),
        baseline_charts=charts.baseline_charts(summary.groups, summary.baseline_groups, t),
        causes=charts.causes_chart(summary.causes, t) if summary.causes else "",
        latencies=[
            [t.gettext(label), *(charts.time_words(x, t) for x in (spent[n].p50, spent[n].p95))]
            for n, label in charts.LATENCIES.items()
            if n in spent
        ],
        metrics=[(charts.figure_words(m, t), t.gettext(charts.FIGURES[m][1])) for m in metrics],
        groups=[
            [name, format_number(t, g.n), *(_figure(g.metrics.get(m), g.n, t) for m in metrics)]
            for name, g in by_name.items()
        ],
        intervals=charts.INTERVALS,
        worst=charts.WORST,
        cases=[_case(case, t) for case in summary.worst],
    )


def render_without_run(t: Translations, *, is_unreadable: bool = False) -> Markup:
    """The view before the first evaluation, or where the last one can't be read."""
    return render("quality.html", t, is_unreadable=is_unreadable, is_measured=False)


def _facts(run: About, revision: str, t: Translations) -> list[tuple[str, str]]:
    """When, with what and by whom the questions were answered, as (name, value) pairs."""
    questions = t.ngettext("{n} question", "{n} questions", run.cases)
    served = t.gettext("the index that is being served")
    if run.index != (revision,):
        not_served = t.gettext("not the index that is being served now ({now})")
        served = not_served.format(now=revision[:8])
    fingerprints = ", ".join(fingerprint[:8] for fingerprint in run.index)
    return [
        (t.gettext("Measured"), format_date(run.date, format="long", locale=language_code(t))),
        (t.gettext("With"), questions.format(n=format_number(t, run.cases))),
        (t.gettext("Answers"), " · ".join(mode_label(mode, t) for mode in run.answered_by)),
        (t.gettext("Embedding"), run.embedding),
        (t.gettext("Index"), f"{fingerprints}: {served}" if fingerprints else served),
    ]


def _figure(value: Estimate | None, n: int, t: Translations) -> Cell:
    """A mean with its interval, and n where it isn't the row's."""
    if value is None:
        return ""
    low, mean, high = (min(max(x, 0.0), 1.0) for x in (value.low, value.mean, value.high))
    count = f" · n {format_number(t, value.n)}" if value.n != n else ""
    return format_percent(t, mean), f"{charts.range_words(low, high, t)}{count}"


def _case(case: CaseReport, t: Translations) -> dict[str, Any]:
    """One of the worst cases in words, as the template shows it."""
    not_found, rank = t.gettext("not found"), t.gettext("rank {n}")
    citations = groupby(case.citations, key=lambda citation: citation.n)
    return {
        "question": case.question,
        "causes": [charts.cause_words(code, t) for code in case.causes],
        "facts": [charts.type_words(case.group, t), language_label(case.lang, t), case.id],
        "error": case.error,
        "history": [text for _, text in case.history],
        "reports": case.reports,
        "evidence": [
            (quote, rank.format(n=format_number(t, n)) if n else not_found)
            for quote, n in case.evidence
        ],
        "missing_facts": [fact for fact, is_in_answer in case.facts if not is_in_answer],
        "missing_reports": case.lacking,
        "wrong_reports": case.extra,
        "answer": [line for line in case.answer.splitlines() if line.strip()],
        "sources": [_source(list(group), t) for _, group in citations],
        "retrieved": [
            (join_parts(t, ", ", [format_number(t, n) for n in f.ranks]), f.report, f.right)
            for f in case.found
        ],
    }


def _source(
    citations: Sequence[CitedQuote], t: Translations
) -> tuple[str, str, bool, list[tuple[str, str]]]:
    statuses = {str(status): t.gettext(label) for status, label in STATUS_WORDS.items()}
    quotes = [(c.quote, statuses.get(c.status, c.status)) for c in citations]
    first = citations[0]
    return format_number(t, first.n), first.report, first.right, quotes
