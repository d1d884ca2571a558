"""The Quality view: how well questions are answered, by the last evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from babel.dates import format_date
from markupsafe import Markup

from eval import words
from eval.figures import ALL, MAIN, Estimate, Group
from eval.report import About, Summary
from rag.i18n.labels import language_label, mode_label
from rag.i18n.translations import Translations, format_number, format_percent, language_code
from ui.rendering import render

# A cell of a table: a text, or a value with its interval.
Cell = str | tuple[str, str]


def render_quality(summary: Summary, revision: str, t: Translations) -> Markup:
    """The view of a run; `revision` is the fingerprint of the index that is being served."""
    order = dict.fromkeys(name for name in (*words.TYPES, *summary.groups))
    groups = {words.type_words(n, t): g for n in order if (g := summary.groups.get(n))}
    sides = {words.baseline_words(n, t): g for n, g in summary.baseline_groups.items()}
    if sides and ALL in summary.groups:
        sides = {"Ask the Labs": summary.groups[ALL]} | sides
    metrics = [m for m in MAIN if any(m in group.metrics for group in groups.values())]
    spent = summary.groups[ALL].latency if ALL in summary.groups else {}
    return render(
        "quality.html",
        t,
        is_unreadable=False,
        is_measured=True,
        has_answers=any(group.n for group in groups.values()),
        claims=[
            (
                words.headline_count(claim, t),
                t.gettext(words.HEADLINES.get(claim.name, claim.name)),
                words.headline_note(claim, t),
            )
            for claim in summary.claims
        ],
        facts=_facts(summary.run, revision, t),
        errors=len(summary.errors),
        latencies=[
            [t.gettext(label), *(words.time_words(x, t) for x in (spent[n].p50, spent[n].p95))]
            for n, label in words.LATENCIES.items()
            if n in spent
        ],
        metrics=[(words.figure_words(m, t), t.gettext(words.FIGURES[m][1])) for m in metrics],
        groups=[_figures(name, group, metrics, t) for name, group in groups.items()],
        baselines=[_figures(name, group, metrics, t) for name, group in sides.items()],
        intervals=words.INTERVALS,
        worst=words.WORST,
        cases=[
            (
                case,
                [
                    words.type_words(case.group, t),
                    language_label(case.lang, t),
                    format_percent(t, case.score),
                    case.id,
                ],
            )
            for case in summary.worst
        ],
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


def _figures(name: str, group: Group, metrics: Sequence[str], t: Translations) -> list[Cell]:
    cells = (_figure(group.metrics.get(metric), group.n, t) for metric in metrics)
    return [name, format_number(t, group.n), *cells]


def _figure(value: Estimate | None, n: int, t: Translations) -> Cell:
    """A mean with its interval, and n where it isn't the row's."""
    if value is None:
        return ""
    low, mean, high = (min(max(x, 0.0), 1.0) for x in (value.low, value.mean, value.high))
    count = f" · n {format_number(t, value.n)}" if value.n != n else ""
    return format_percent(t, mean), f"{words.range_words(low, high, t)}{count}"
