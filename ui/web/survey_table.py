"""The table of a survey: its rows as they are shown, chosen, sorted and grouped; ten to check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from eval.figures import proportion
from rag.catalog.catalog import Catalog
from rag.i18n.labels import (
    AUTHOR_LABELS,
    CELL_LABELS,
    OUTCOME_LABELS,
    RUNG_LABELS,
    STANCE_LABELS,
    format_count,
    kind_label,
    lab_label,
    value_label,
)
from rag.i18n.translations import Translations, format_number, format_percent, marked
from rag.survey.gaps import consensus, gap_map
from rag.survey.types import Survey, SurveyCell, SurveyRow
from rag.text.tokenize import strip_accents
from ui.web.address import COLUMNS, GROUPS, MAPS, SHOWN, Address

ROWS = 100  # rows that are drawn at first, and more each time
SUREST = 0.99  # the highest chance that is stated
UNSAID = marked("The form doesn't say")
VERDICTS = {
    "about": marked("Is about it"),
    "mentions": marked("Mentions it"),
    "silent": marked("Silent"),
}


def table(
    survey: Survey,
    catalog: Catalog,
    address: Address,
    nearest: Callable[[], Sequence[SurveyRow]],
    t: Translations,
) -> dict[str, Any]:
    """What the template of the table needs; `nearest` rows stand where none speaks of the topic."""
    within = _within(survey, catalog, address)
    inside = [row.verdict for row in survey.rows if within(row)]
    counts = {name: sum(verdict in _verdicts(name) for verdict in inside) for name in SHOWN}
    rows = chosen(survey, catalog, address, t)
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
        "group_names": {name: t.gettext(words) for name, words in GROUPS.items()},
        "counts": [(name, t.gettext(words), counts[name]) for name, words in SHOWN.items()],
        "all_rows": len(rows),
        "only": only_words(address.only, t),
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
        "judge": "" if row.judge == "rules" else row.judge,
        "score": format_percent(t, min(row.score, SUREST)),
        "quote": row.quote,
        "passage": row.passage,
        "rung": t.gettext(RUNG_LABELS[row.evidence.rung]) if row.evidence.rung else "",
        "cells": [_cell(row.cells.get(name, SurveyCell()), t) for name in columns],
    }


def _cell(cell: SurveyCell, t: Translations) -> dict[str, Any]:
    """What a cell says, or why it says nothing."""
    empty = CELL_LABELS.get(cell.state)
    return {
        "cell": cell,
        "words": t.gettext(empty) if empty else "",
        "text": cell.value or cell.quote,
    }


def _verdicts(show: str) -> tuple[str, ...]:
    """The verdicts of the rows that are shown."""
    return {"found": ("about", "mentions"), "all": tuple(VERDICTS)}.get(show, (show,))


def chosen(
    survey: Survey, catalog: Catalog, address: Address, t: Translations
) -> list[dict[str, Any]]:
    """The rows that the address asks for, in its order and groups; empty values come last."""
    wanted, within = _verdicts(address.show), _within(survey, catalog, address)
    rows = [
        row_words(row, t, address.columns)
        for row in survey.rows
        if row.verdict in wanted and within(row)
    ]
    words = _fold(address.find).split()
    if words:
        names = ("country", "year", "kind", "title", "quote")
        texts = (
            _fold(" ".join([*(row[name] for name in names), *(c["text"] for c in row["cells"])]))
            for row in rows
        )
        rows = [row for row, text in zip(rows, texts, strict=True) if all(w in text for w in words)]
    ranks = {"verdict": VERDICTS, "rung": dict(reversed(RUNG_LABELS.items()))}
    for name in (address.sort, address.group):
        column, down = name.lstrip("-"), name.startswith("-") or name == "year" == address.group
        order = ["", *(t.gettext(words) for words in ranks.get(column, {}).values())]
        if column in ranks:
            rows.sort(key=lambda row: order.index(row[column]), reverse=down)
        elif column:
            rows.sort(key=lambda row: _fold(row[column]), reverse=down)
        rows.sort(key=lambda row: bool(column) and not row[column])
    return rows


def _within(survey: Survey, catalog: Catalog, address: Address) -> Callable[[SurveyRow], bool]:
    """Whether a row is of the rung, outcome, stance or cell of a map that is asked for."""
    match address.only:
        case ("rung", rung):
            return lambda row: (row.evidence.rung or "") == rung
        case ("outcome", outcome):
            return lambda row: row.evidence.outcome == outcome
        case ("stance", stance):
            said = consensus(survey, address.claim).rows
            saying = {
                row.report.id for name, rows in said.items() for row in rows if name == stance
            }
            return lambda row: row.report.id in saying
        case (by, first, second) if by in MAPS:
            reports = frozenset(gap_map(survey, catalog, MAPS[by]).at(first, second).reports)
            return lambda row: row.report.id in reports
    return lambda _: True


def only_words(only: tuple[str, ...], t: Translations) -> str:
    """What the rows are narrowed to, in words."""
    match only:
        case ("rung", rung):
            return t.gettext(RUNG_LABELS.get(rung, UNSAID))
        case ("outcome", outcome) if outcome in OUTCOME_LABELS:
            return t.gettext(OUTCOME_LABELS[outcome])
        case ("stance", stance) if stance in STANCE_LABELS:
            return t.gettext(STANCE_LABELS[stance])
        case (by, *values) if by in MAPS:
            pairs = zip(MAPS[by], values, strict=False)
            return " · ".join(value_label(field, value, t) for field, value in pairs)
    return ""


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
