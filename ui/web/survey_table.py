"""The table of a survey: its rows as they are shown, chosen, sorted and grouped; ten to check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from eval.figures import proportion
from rag.i18n.labels import AUTHOR_LABELS, format_count, kind_label, lab_label
from rag.i18n.translations import Translations, format_number, format_percent, marked
from rag.survey.types import CellState, Survey, SurveyCell, SurveyRow
from rag.text.tokenize import strip_accents
from ui.web.address import COLUMNS, GROUPS, Address

ROWS = 100  # rows that are drawn at first, and more each time
SUREST = 0.99  # the highest chance that is stated
VERDICTS = {
    "about": marked("Is about it"),
    "mentions": marked("Mentions it"),
    "silent": marked("Silent"),
}
# Why a cell has no answer.
EMPTY_CELLS: dict[CellState, str] = {
    "blank": marked("left blank in the form"),
    "not_asked": marked("not asked in this form"),
    "nothing": marked("nothing found"),
}


def table(
    survey: Survey, address: Address, nearest: Callable[[], Sequence[SurveyRow]], t: Translations
) -> dict[str, Any]:
    """What the template of the table needs; `nearest` rows stand where none speaks of the topic."""
    rows = _chosen(survey, address, t)
    shown = rows[: ROWS * address.rows]
    if not survey.found and address.show == "found":
        shown = [row_words(row, t) for row in nearest()]
    sizes: dict[str, int] = {}
    for row in rows:
        name = row[address.group] if address.group else ""
        sizes[name] = sizes.get(name, 0) + 1
    by_group = groupby(shown, key=lambda row: row[address.group] if address.group else "")
    return {
        "heads": [
            (name, t.gettext(words), address.link(sort=_turned(name, address.sort), rows=1))
            for name, words in COLUMNS.items()
        ],
        "groups": [
            (_group_head(name, sizes.get(name, 0), t), list(group)) for name, group in by_group
        ],
        "group_names": {name: t.gettext(COLUMNS[name]) for name in GROUPS},
        "all_rows": len(rows),
    }


def _turned(column: str, sort: str) -> str:
    """The order that a click on a column's head asks for: up, down, the likeliest first."""
    return {column: f"-{column}", f"-{column}": ""}.get(sort, column)


def _group_head(name: str, size: int, t: Translations) -> str:
    return f"{name} · {format_count(size, 'report', t)}" if name else ""


def row_words(row: SurveyRow, t: Translations, columns: Sequence[str] = ()) -> dict[str, Any]:
    """What the table says of a report."""
    info = row.report
    kind = kind_label(info, t)
    if info.author != "lab":
        kind = f"{kind} · {t.gettext(AUTHOR_LABELS[info.author])}"
    return {
        "info": info,
        "country": lab_label(info, t),
        "year": str(info.year or ""),
        "kind": kind,
        "title": info.title or info.id,
        "verdict": t.gettext(VERDICTS[row.verdict]),
        "is": row.verdict,
        "score": format_percent(t, min(row.score, SUREST)),
        "quote": row.quote,
        "passage": row.passage,
        "cells": [_cell(row.cells.get(name, SurveyCell()), t) for name in columns],
    }


def _cell(cell: SurveyCell, t: Translations) -> dict[str, Any]:
    """What a cell says, or why it says nothing."""
    empty = EMPTY_CELLS.get(cell.state)
    return {
        "cell": cell,
        "words": t.gettext(empty) if empty else "",
        "text": cell.value or cell.quote,
    }


def _chosen(survey: Survey, address: Address, t: Translations) -> list[dict[str, Any]]:
    """The rows that the address asks for, in its order and groups; empty values come last."""
    verdicts = {"found": ("about", "mentions"), "all": tuple(VERDICTS)}
    wanted = verdicts.get(address.show, (address.show,))
    rows = [row_words(row, t, address.columns) for row in survey.rows if row.verdict in wanted]
    words = _fold(address.find).split()
    if words:
        names = ("country", "year", "kind", "title", "quote")
        texts = (
            _fold(" ".join([*(row[name] for name in names), *(c["text"] for c in row["cells"])]))
            for row in rows
        )
        rows = [row for row, text in zip(rows, texts, strict=True) if all(w in text for w in words)]
    for name in (address.sort, address.group):
        column, down = name.lstrip("-"), name.startswith("-") or name == "year" == address.group
        order = list(VERDICTS)
        if column == "verdict":
            rows.sort(key=lambda row: order.index(row["is"]), reverse=down)
        elif column:
            rows.sort(key=lambda row: _fold(row[column]), reverse=down)
            rows.sort(key=lambda row: not row[column])
    return rows


def _fold(text: str) -> str:
    return strip_accents(text).casefold()


def check_words(
    sample: Sequence[SurveyRow], survey: Survey, address: Address, t: Translations
) -> dict[str, Any]:
    """Ten silent rows, which of them the visitor ticked, and what that says of all."""
    ids = [row.report.id for row in sample]
    hits = sum(report in address.ticked for report in ids)
    sentence = ""
    if sample and (hits or "0" in address.ticked):
        share, silent = proportion(hits, len(sample)), survey.count("silent")
        low, high = (format_number(t, round(silent * x)) for x in (share.low, share.high))
        sentence = t.gettext(
            "Of {n} silent reports that you checked, {hits} speak of it: so between {low} and "
            "{high} of all {silent} may."
        ).format(
            n=format_number(t, len(sample)),
            hits=format_number(t, hits),
            low=low,
            high=high,
            silent=format_number(t, silent),
        )
    return {"rows": [row_words(row, t) for row in sample], "sentence": sentence, "hits": hits}
