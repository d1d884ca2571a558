"""Answers greetings and questions about the collection itself, from the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.catalog.catalog import Catalog
from rag.catalog.fields import TAGS, Filters
from rag.i18n.labels import (
    format_label,
    join_parts,
    reports_and_labs,
    value_label,
)
from rag.i18n.translations import (
    Translations,
    language_code,
    marked,
    translations_for,
)
from rag.types import Answer, Coverage, Plan

_MOST = 12
_LABELS = {
    "year": marked("Years"),
    "country": marked("Labs"),
    "language": marked("Languages"),
    "method": TAGS["method"].plural,
    "theme": TAGS["theme"].plural,
    "kind": marked("Kinds of report"),
}


def about_answer(plan: Plan, catalog: Catalog, languages: Mapping[str, int]) -> Answer:
    """What the collection holds; `languages` are the numbers of passages by code."""
    t = translations_for(plan.language)
    years = [name for name, _ in catalog.counts("year")]
    head = t.gettext(
        "I answer from {reports} of {labs}, written from {first} to {last}, and cite the words "
        "that an answer rests on."
    ).format(
        **reports_and_labs(len(catalog.reports), len(catalog.counts("country")), t),
        first=years[0] if years else "?",
        last=years[-1] if years else "?",
    )
    asked = [field for field in plan.about if field in _LABELS]
    counts = {field: catalog.counts(field) for field in _LABELS if field != "language"}
    counts["language"] = list(languages.items())
    lines = [_line(field, counts[field], t) for field in asked or ("year", "kind")]
    return Answer(
        question=plan.question,
        standalone=plan.standalone,
        text="\n".join([head, *lines]),
        refused=False,
        citations=(),
        hits=(),
        coverage=Coverage(intent="about", filters=Filters()),
        mode="catalogue",
        language=language_code(t),
        tokens={"prompt": 0, "completion": 0},
    )


def _line(field: str, counts: Sequence[tuple[str, int]], t: Translations) -> str:
    if field in ("language", "method", "theme"):
        counts = sorted(counts, key=lambda pair: -pair[1])
    kept = counts if field in ("year", "country", "kind") else counts[:_MOST]
    said = join_parts(t, ", ", [f"{value_label(field, name, t)} ({n})" for name, n in kept])
    if rest := len(counts) - len(kept):
        said = t.gettext("{named}, and {n} more").format(named=said, n=rest)
    return format_label(t, t.gettext(_LABELS[field]), said)
