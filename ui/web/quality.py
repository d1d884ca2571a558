"""The Quality view: how well questions are answered, by the last evaluation."""

from __future__ import annotations

from babel.dates import format_date
from markupsafe import Markup

from eval import report as words
from eval.figures import ALL, LATENCIES
from eval.report import Summary
from rag.i18n.translations import Translations, language_code
from ui.rendering import render


def render_quality(summary: Summary, revision: str, t: Translations) -> Markup:
    """The view of a run; `revision` is the fingerprint of the index that is being served."""
    order = dict.fromkeys((*words.TYPES, *summary.groups))
    groups = {t.gettext(words.TYPES.get(n, n)): g for n in order if (g := summary.groups.get(n))}
    sides = {t.gettext(words.BASELINES.get(n, n)): g for n, g in summary.baseline_groups.items()}
    if sides and ALL in summary.groups:
        sides = {"Ask the Labs": summary.groups[ALL]} | sides
    spent = summary.groups[ALL].latency if ALL in summary.groups else {}
    return render(
        "quality.html",
        t,
        is_unreadable=False,
        summary=summary,
        words=words,
        revision=revision,
        day=format_date(summary.run.date, format="long", locale=language_code(t)),
        metrics={
            m: t.gettext(name)
            for m, (name, _) in words.FIGURES.items()
            if any(m in group.metrics for group in groups.values())
        },
        groups=groups,
        baselines=sides,
        latencies={label: spent[n] for n, label in LATENCIES.items() if n in spent},
    )


def render_without_run(t: Translations, *, is_unreadable: bool = False) -> Markup:
    """The view before the first evaluation, or where the last one can't be read."""
    return render("quality.html", t, is_unreadable=is_unreadable, summary=None)
