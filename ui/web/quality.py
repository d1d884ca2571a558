"""The Quality view: how well questions are answered, by the last evaluation."""

from __future__ import annotations

from babel.dates import format_date
from markupsafe import Markup

from eval import words
from eval.figures import ALL, MAIN
from eval.report import About, Summary
from rag.i18n.labels import mode_label
from rag.i18n.translations import Translations, format_number, language_code
from ui.rendering import render


def render_quality(summary: Summary, revision: str, t: Translations) -> Markup:
    """The view of a run; `revision` is the fingerprint of the index that is being served."""
    order = dict.fromkeys((*words.TYPES, *summary.groups))
    groups = {words.type_words(n, t): g for n in order if (g := summary.groups.get(n))}
    sides = {words.baseline_words(n, t): g for n, g in summary.baseline_groups.items()}
    if sides and ALL in summary.groups:
        sides = {"Ask the Labs": summary.groups[ALL]} | sides
    spent = summary.groups[ALL].latency if ALL in summary.groups else {}
    return render(
        "quality.html",
        t,
        is_unreadable=False,
        summary=summary,
        words=words,
        facts=_facts(summary.run, revision, t),
        metrics={
            m: words.figure_words(m, t)
            for m in MAIN
            if any(m in group.metrics for group in groups.values())
        },
        groups=groups,
        baselines=sides,
        latencies={label: spent[n] for n, label in words.LATENCIES.items() if n in spent},
    )


def render_without_run(t: Translations, *, is_unreadable: bool = False) -> Markup:
    """The view before the first evaluation, or where the last one can't be read."""
    return render("quality.html", t, is_unreadable=is_unreadable, summary=None)


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
