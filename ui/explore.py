"""The Explore view as escaped HTML: the map of labs, counts as bars, and the table of reports.

Of long lists the first part is drawn; the rest travels as data, which the browser draws when it is
asked for (views.js), by copies of what is drawn here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from rag.catalogue import Catalogue
from rag.facets import Value, facet
from rag.labels import kind_words, lab_words, reports_and_labs, value_words
from rag.tags import filter_key
from rag.translate import Words, marked, number
from rag.types import Filters, ReportInfo
from ui.cards import open_report
from ui.picks import QUESTIONS, asking
from ui.render import labs_of
from ui.worldmap import world_map

BARS = 12
ROWS = 100
METHODS = 3  # methods of a report that the table names; more are counted
HEADINGS = {
    "country": marked("Labs"),
    "year": marked("Years"),
    "method": marked("Methods"),
    "sdg": marked("Goals"),
    "theme": marked("Themes"),
}
COLUMNS = (marked("Lab"), marked("Year"), marked("Kind"), marked("Report"), marked("Methods"))

Row = tuple[str, str, str, str, str, str]


def explore(catalogue: Catalogue, chosen: Filters, words: Words) -> str:
    """The whole view of the reports that pass the filters."""
    reports = catalogue.select(chosen)
    shown = {field: _values(catalogue, chosen, field) for field in QUESTIONS}
    rows = [_row(info, words) for info in reports]
    bars = "".join(_bars(field, found, words) for field, found in shown.items() if found)
    rest = {
        field: [[x.name, x.reports, value_words(field, x.name, words)] for x in _parted(found)[1]]
        for field, found in shown.items()
    }
    data = json.dumps({"rows": rows, "rest": rest}, ensure_ascii=False)
    labs = {str(filter_key("country", one.name)): one for one in shown["country"]}
    return (
        f'<div class="explore">{_head(catalogue, reports, chosen, words)}{world_map(labs, words)}'
        f'<div class="counts">{bars}</div>{_table(rows, words)}'
        f'<div class="data" hidden>{escape(data, quote=False)}</div></div>'
    )


def _head(
    catalogue: Catalogue, reports: Sequence[ReportInfo], chosen: Filters, words: Words
) -> str:
    told = words.gettext("{reports} of {labs}").format(
        **reports_and_labs(len(reports), labs_of(reports), words)
    )
    scope = words.gettext("All that the index holds.")
    if chosen:
        all_of_them = number(words, len(catalogue.reports))
        scope = words.gettext("What your filters leave of {all}.").format(all=all_of_them)
    return f'<header><h2>{told}</h2><p class="hint">{scope}</p></header>'


def _values(catalogue: Catalogue, chosen: Filters, field: str) -> list[Value]:
    """The values of a filter, years in their order and others by their number of reports."""
    found = facet(catalogue, chosen, field)
    return found if field == "year" else sorted(found, key=lambda one: -one.reports)


def _parted(found: Sequence[Value]) -> tuple[list[Value], list[Value]]:
    """The bars that are drawn from the start, what is chosen among them, and the others."""
    drawn = [one for i, one in enumerate(found) if i < BARS or one.chosen]
    return drawn, [one for i, one in enumerate(found) if i >= BARS and not one.chosen]


def _bars(field: str, found: Sequence[Value], words: Words) -> str:
    drawn, rest = _parted(found)
    most = max(one.reports for one in found) or 1
    items = "".join(_bar(field, one, most, words) for one in drawn)
    total = number(words, len(found))
    more = ""
    if rest:
        every = words.gettext("Show all {n}").format(n=total)
        few = words.gettext("Show fewer")
        more = (
            f'<button type="button" class="all" aria-expanded="false" data-every="{every}" '
            f'data-few="{escape(few)}">{every}</button>'
        )
    return (
        f'<section class="bars" data-field="{field}" data-most="{most}"><h3>'
        f'{words.gettext(HEADINGS[field])} <span class="of">{total}</span></h3>'
        f"<ol>{items}</ol>{more}</section>"
    )


def _bar(field: str, one: Value, most: int, words: Words) -> str:
    of_value = f'data-field="{field}" data-value="{escape(one.name)}"'
    ask = escape(asking(field, one.name, words))
    label = escape(value_words(field, one.name, words))
    return (
        f'<li style="--share:{one.reports / most:.3f}"><button type="button" class="bar" '
        f'{of_value} aria-pressed="{str(one.chosen).lower()}"><span class="label" dir="auto">'
        f'{label}</span> <span class="n">{number(words, one.reports)}</span></button>'
        f'<button type="button" class="put" {of_value} aria-label="{ask}" title="{ask}">'
        f'<span aria-hidden="true">{escape(words.gettext("Ask"))}</span></button></li>'
    )


def _row(info: ReportInfo, words: Words) -> Row:
    """A report's id, and its cells as plain text."""
    more = len(info.methods) - METHODS
    methods = ", ".join(info.methods[:METHODS]) + (f" +{more}" if more > 0 else "")
    year, kind = str(info.year or ""), kind_words(info, words)
    return (info.id, lab_words(info, words), year, kind, info.title, methods)


def _table(rows: Sequence[Row], words: Words) -> str:
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{words.gettext(name)}'
        "</button></th>"
        for name in COLUMNS
    )
    drawn = "".join(_drawn(row, words) for row in rows[:ROWS])
    label = words.gettext("Reports")
    told = words.gettext("{n} of {all}")
    shown = told.format(n=number(words, min(ROWS, len(rows))), all=number(words, len(rows)))
    more = words.gettext("Show more")
    hidden = "" if len(rows) > ROWS else " hidden"
    if not rows:
        return f'<p class="hint">{words.gettext("No report has all of these.")}</p>'
    return (
        f'<section class="reports" data-step="{ROWS}"><h3>{label} <span class="of" '
        f'data-told="{escape(told)}" aria-live="polite">{shown}</span></h3><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{drawn}</tbody></table></div>"
        f'<button type="button" class="more"{hidden}>{escape(more)}</button></section>'
    )


def _drawn(row: Row, words: Words) -> str:
    report, lab, year, kind, title, methods = row
    label, said = escape(words.gettext("Ask about this report")), escape(words.gettext("Ask"))
    return (
        f'<tr><td dir="auto">{escape(lab)}</td><td>{year}</td><td>{escape(kind)}</td>'
        f"<td>{open_report(report, words, label=title)} "
        f'<button type="button" class="put" aria-label="{label}" title="{label}">{said}</button>'
        f'</td><td dir="auto">{escape(methods)}</td></tr>'
    )
