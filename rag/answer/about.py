"""Answers greetings and questions about the collection itself, from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.catalog.catalog import Catalogue
from rag.catalog.fields import TAGS, Filters
from rag.i18n.labels import (
    joined,
    labelled,
    reports_and_labs,
    value_words,
)
from rag.i18n.translations import (
    Words,
    code_of,
    marked,
    words_in,
)
from rag.query.intent import _greeted_in, asks_about
from rag.types import Answer, Coverage, Plan

_MOST = 12
_LABELS = {
    "year": marked("Years"),
    "country": marked("Labs"),
    "language": marked("Languages"),
    "method": TAGS["method"].many,
    "theme": TAGS["theme"].many,
    "kind": marked("Kinds of report"),
}


def about_answer(plan: Plan, catalogue: Catalogue, languages: Mapping[str, int]) -> Answer:
    """What the collection holds; `languages` are the numbers of passages by code."""
    # A greeting is too short to tell its language otherwise.
    words = words_in(_greeted_in(plan.question) or plan.language)
    years = [name for name, _ in catalogue.counts("year")]
    head = words.gettext(
        "I answer from {reports} of {labs}, written from {first} to {last}, and cite the words "
        "that an answer rests on."
    ).format(
        **reports_and_labs(len(catalogue.reports), len(catalogue.counts("country")), words),
        first=years[0] if years else "?",
        last=years[-1] if years else "?",
    )
    asked = [field for field in asks_about(plan.question) or () if field in _LABELS]
    counts = {field: catalogue.counts(field) for field in _LABELS if field != "language"}
    counts["language"] = list(languages.items())
    lines = [_line(field, counts[field], words) for field in asked or ("year", "kind")]
    return Answer(
        question=plan.question,
        standalone=plan.standalone,
        text="\n".join([head, *lines]),
        refused=False,
        citations=(),
        hits=(),
        coverage=Coverage(intent="about", filters=Filters()),
        mode="catalogue",
        language=code_of(words),
        tokens={"prompt": 0, "completion": 0},
    )


def _line(field: str, counts: Sequence[tuple[str, int]], words: Words) -> str:
    if field in ("language", "method", "theme"):
        counts = sorted(counts, key=lambda pair: -pair[1])
    kept = counts if field in ("year", "country", "kind") else counts[:_MOST]
    said = joined(words, ", ", [f"{value_words(field, name, words)} ({n})" for name, n in kept])
    if rest := len(counts) - len(kept):
        said = words.gettext("{named}, and {n} more").format(named=said, n=rest)
    return labelled(words, words.gettext(_LABELS[field]), said)
