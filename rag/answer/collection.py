"""Answers greetings and questions about the collection itself, from the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.answer.pipeline import Draft
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import TAGS, Filters, ReportInfo
from rag.i18n.labels import (
    author_label,
    format_label,
    join_parts,
    kind_label,
    reports_and_labs,
    value_label,
)
from rag.i18n.translations import Translations, language_code, marked, translations_for
from rag.text.citation_marks import defuse
from rag.types import Coverage, Plan

# How many languages, methods or themes are named.
_MOST_VALUES = 12
# A collection of so many reports is told of report by report.
_FEW = 3
_LABELS = {
    "year": marked("Years"),
    "country": marked("Labs"),
    "language": marked("Languages"),
    "method": TAGS["method"].plural,
    "theme": TAGS["theme"].plural,
    "kind": marked("Kinds of report"),
}


def about_draft(plan: Plan, catalog: Catalog, languages: Mapping[str, int]) -> Draft:
    """What the collection holds; `languages` are the numbers of passages by code."""
    t = translations_for(plan.language)
    if plan.about == ("thanks",):
        text = t.gettext("You're welcome. Ask me anything else about the reports.")
        return Draft(text, False, Coverage(intent="about"), "catalogue", language_code(t))
    years = [name for name, _ in catalog.counts("year")]
    head = t.gettext(
        "I answer from {reports} of {labs}, written from {first} to {last}, and cite the words "
        "that an answer rests on."
    ).format(
        **reports_and_labs(len(catalog.reports), len(catalog.labs()), t),
        first=years[0] if years else "?",
        last=years[-1] if years else "?",
    )
    if len(catalog.reports) <= _FEW:
        # "What is this about?" of one report asks for the report.
        head = "\n".join([head, *(_report_line(info, t) for info in catalog.select(Filters()))])
    fields = [name for name in plan.about if name in _LABELS]
    counts = {name: catalog.counts(name) for name in _LABELS if name != "language"}
    counts["country"] = catalog.counts("country", Filters(author=("lab",)))
    counts["language"] = list(languages.items())
    lines = [_line(name, counts[name], t) for name in fields or ("year", "kind")]
    text = "\n".join([head, *lines])
    return Draft(text, False, Coverage(intent="about"), "catalogue", language_code(t))


def _report_line(info: ReportInfo, t: Translations) -> str:
    """A report with its tags."""
    who = [author_label(info, t), str(info.year or "?"), kind_label(info, t).lower()]
    tags = [*info.thematic_areas, *info.methods, *info.sdgs]
    title = f"“{defuse(info.title)}” ({join_parts(t, ', ', who)})"
    return format_label(t, f"- {title}", join_parts(t, ", ", tags)) if tags else f"- {title}"


def _line(name: str, counts: Sequence[tuple[str, int]], t: Translations) -> str:
    shown = counts
    if name in ("language", "method", "theme"):
        shown = sorted(counts, key=lambda pair: -pair[1])[:_MOST_VALUES]
    values = join_parts(t, ", ", [f"{value_label(name, value, t)} ({n})" for value, n in shown])
    if rest := len(counts) - len(shown):
        values = t.gettext("{named}, and {n} more").format(named=values, n=rest)
    return format_label(t, t.gettext(_LABELS[name]), values)
