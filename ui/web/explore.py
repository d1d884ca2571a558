"""The Explore view as escaped HTML: the map of labs, counts as bars, and the table of reports.

Of long lists the first part is drawn; the rest travels as data, which the browser draws when it is
asked for (views.js), by copies of what is drawn here.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from rag.catalog.catalog import Catalog
from rag.catalog.facets import Value, facet, find_value
from rag.catalog.fields import Filters, ReportInfo
from rag.catalog.normalize import filter_key
from rag.i18n.labels import (
    country_label,
    format_count,
    kind_label,
    lab_label,
    reports_and_labs,
    value_label,
)
from rag.i18n.translations import Translations, format_number, marked
from ui.web.answer import labs_of
from ui.web.sources import open_report

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


def explore(catalog: Catalog, chosen: Filters, t: Translations) -> str:
    """The whole view of the reports that pass the filters."""
    reports = catalog.select(chosen)
    shown = {field: _values(catalog, chosen, field) for field in QUESTIONS}
    rows = [_row(info, t) for info in reports]
    bars = "".join(_bars(field, found, t) for field, found in shown.items() if found)
    rest = {
        field: [[x.name, x.reports, value_label(field, x.name, t)] for x in _parted(found)[1]]
        for field, found in shown.items()
    }
    data = json.dumps({"rows": rows, "rest": rest}, ensure_ascii=False)
    labs = {str(filter_key("country", one.name)): one for one in shown["country"]}
    return (
        f'<div class="explore">{_head(catalog, reports, chosen, t)}{world_map(labs, t)}'
        f'<div class="counts">{bars}</div>{_table(rows, t)}'
        f'<div class="data" hidden>{escape(data, quote=False)}</div></div>'
    )


def _head(catalog: Catalog, reports: Sequence[ReportInfo], chosen: Filters, t: Translations) -> str:
    told = t.gettext("{reports} of {labs}").format(
        **reports_and_labs(len(reports), labs_of(reports), t)
    )
    scope = t.gettext("All that the index holds.")
    if chosen:
        all_of_them = format_number(t, len(catalog.reports))
        scope = t.gettext("What your filters leave of {all}.").format(all=all_of_them)
    return f'<header><h2>{told}</h2><p class="hint">{scope}</p></header>'


def _values(catalog: Catalog, chosen: Filters, field: str) -> list[Value]:
    """The values of a filter, years in their order and others by their number of reports."""
    found = facet(catalog, chosen, field)
    return found if field == "year" else sorted(found, key=lambda one: -one.reports)


def _parted(found: Sequence[Value]) -> tuple[list[Value], list[Value]]:
    """The bars that are drawn from the start, what is chosen among them, and the others."""
    drawn = [one for i, one in enumerate(found) if i < BARS or one.chosen]
    return drawn, [one for i, one in enumerate(found) if i >= BARS and not one.chosen]


def _bars(field: str, found: Sequence[Value], t: Translations) -> str:
    drawn, rest = _parted(found)
    most = max(one.reports for one in found) or 1
    items = "".join(_bar(field, one, most, t) for one in drawn)
    total = format_number(t, len(found))
    more = ""
    if rest:
        every = t.gettext("Show all {n}").format(n=total)
        few = t.gettext("Show fewer")
        more = (
            f'<button type="button" class="all" aria-expanded="false" data-every="{every}" '
            f'data-few="{escape(few)}">{every}</button>'
        )
    return (
        f'<section class="bars" data-field="{field}" data-most="{most}"><h3>'
        f'{t.gettext(HEADINGS[field])} <span class="of">{total}</span></h3>'
        f"<ol>{items}</ol>{more}</section>"
    )


def _bar(field: str, one: Value, most: int, t: Translations) -> str:
    of_value = f'data-field="{field}" data-value="{escape(one.name)}"'
    ask = escape(asking(field, one.name, t))
    label = escape(value_label(field, one.name, t))
    return (
        f'<li style="--share:{one.reports / most:.3f}"><button type="button" class="bar" '
        f'{of_value} aria-pressed="{str(one.chosen).lower()}"><span class="label" dir="auto">'
        f'{label}</span> <span class="n">{format_number(t, one.reports)}</span></button>'
        f'<button type="button" class="put" {of_value} aria-label="{ask}" title="{ask}">'
        f'<span aria-hidden="true">{escape(t.gettext("Ask"))}</span></button></li>'
    )


def _row(info: ReportInfo, t: Translations) -> Row:
    """A report's id, and its cells as plain text."""
    more = len(info.methods) - METHODS
    methods = ", ".join(info.methods[:METHODS]) + (f" +{more}" if more > 0 else "")
    year, kind = str(info.year or ""), kind_label(info, t)
    return (info.id, lab_label(info, t), year, kind, info.title, methods)


def _table(rows: Sequence[Row], t: Translations) -> str:
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{t.gettext(name)}</button></th>'
        for name in COLUMNS
    )
    drawn = "".join(_drawn(row, t) for row in rows[:ROWS])
    label = t.gettext("Reports")
    told = t.gettext("{n} of {all}")
    shown = told.format(n=format_number(t, min(ROWS, len(rows))), all=format_number(t, len(rows)))
    more = t.gettext("Show more")
    hidden = "" if len(rows) > ROWS else " hidden"
    if not rows:
        return f'<p class="hint">{t.gettext("No report has all of these.")}</p>'
    return (
        f'<section class="reports" data-step="{ROWS}"><h3>{label} <span class="of" '
        f'data-told="{escape(told)}" aria-live="polite">{shown}</span></h3><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{drawn}</tbody></table></div>"
        f'<button type="button" class="more"{hidden}>{escape(more)}</button></section>'
    )


def _drawn(row: Row, t: Translations) -> str:
    report, lab, year, kind, title, methods = row
    label, said = escape(t.gettext("Ask about this report")), escape(t.gettext("Ask"))
    return (
        f'<tr><td dir="auto">{escape(lab)}</td><td>{year}</td><td>{escape(kind)}</td>'
        f"<td>{open_report(report, t, label=title)} "
        f'<button type="button" class="put" aria-label="{label}" title="{label}">{said}</button>'
        f'</td><td dir="auto">{escape(methods)}</td></tr>'
    )


# What is asked about a value or a report that is picked in the Explore view.


# The filters that Explore shows, in its order, each with the question that a value asks.
QUESTIONS = {
    "country": marked("What did the lab of {value} find out?"),
    "year": marked("What did the labs learn in {value}?"),
    "method": marked("What did the labs learn by using {value}?"),
    "sdg": marked("What did the labs learn about {value}?"),
    "theme": marked("What did the labs learn about {value}?"),
}
_OF_REPORT = marked("What did the lab of {lab} find out in “{title}”?")


def question(catalog: Catalog, pick: Mapping[str, object], t: Translations) -> str:
    """The question about a value or a report; "" for what the collection doesn't have."""
    info = catalog.reports.get(str(pick.get("report")))
    if info:
        return t.gettext(_OF_REPORT).format(lab=lab_label(info, t), title=info.title)
    field, value = str(pick.get("field")), str(pick.get("value"))
    name = find_value(catalog, field, value) if field in QUESTIONS else None
    return "" if name is None else asking(field, str(name), t)


def asking(field: str, name: str, t: Translations) -> str:
    """The question about a value that the collection has."""
    # "13. Climate action" is asked for as "climate action".
    said = name.partition(". ")[2] or name if field == "sdg" else value_label(field, name, t)
    if field != "country" and said[1:].islower():
        said = said[0].lower() + said[1:]
    return t.gettext(QUESTIONS[field]).format(value=said)


# The map of the labs: each country with reports a button, shaded by how many it has.


# Where a new shade may begin: at a round number near the one of the lab of this rank (0 to 1).
_ROUND = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_RANKS = (0, 0.3, 0.6, 0.85, 0.97)
_FILE = Path(__file__).parents[1] / "static" / "world.json"


@dataclass(frozen=True, slots=True)
class World:
    """Outlines as SVG paths and points, by ISO 3166 code; small countries have a point."""

    width: int
    height: int
    shapes: Mapping[str, str]
    points: Mapping[str, tuple[int, int]]


@lru_cache(maxsize=1)
def world() -> World:
    """The world's countries, from the file beside this one, which names its source."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    points = {code: (x, y) for code, (x, y) in data["points"].items()}
    return World(data["width"], data["height"], data["shapes"], points)


def world_map(labs: Mapping[str, Value], t: Translations) -> str:
    """The map of labs by ISO 3166 code, with its legend.

    A code that the map doesn't have is left out; the list of labs beside the map has it.
    """
    atlas = world()
    drawn = {code: lab for code, lab in labs.items() if code in atlas.shapes.keys() | atlas.points}
    bounds = steps([lab.reports for lab in drawn.values()])
    rest = "".join(shape for code, shape in atlas.shapes.items() if code not in drawn)
    # The circles of small countries lie over their neighbours, outlines of what is chosen over all.
    order = sorted(drawn, key=lambda code: (drawn[code].chosen, code in atlas.points))
    places = "".join(_place(code, drawn[code], bounds, t) for code in order)
    name = t.gettext("Map of the labs by number of reports")
    told = t.gettext("A click shows only that lab's reports; with Shift it asks about them.")
    borders = t.gettext("Borders are simplified and express no view on any territory.")
    return (
        f'<figure class="map"><svg viewBox="0 0 {atlas.width} {atlas.height}" role="group" '
        f'aria-label="{escape(name)}"><path class="land" d="{rest}"/>{places}</svg>'
        f'<figcaption><p class="pointed" aria-hidden="true" data-idle="{escape(told)}">{told}</p>'
        f'{_legend(bounds, t)}<p class="borders">{borders}</p></figcaption></figure>'
    )


def steps(counts: Sequence[int]) -> tuple[int, ...]:
    """From which number of reports on each shade is used: round numbers, at most five.

    They part the labs by rank, so that one lab with very many reports doesn't pale all others.
    """
    ranked = sorted(counts) or [1]
    at = [ranked[round(rank * (len(ranked) - 1))] for rank in _RANKS]
    return tuple(sorted({max(bound for bound in _ROUND if bound <= max(n, 1)) for n in at}))


def _place(code: str, lab: Value, bounds: Sequence[int], t: Translations) -> str:
    atlas = world()
    said = f"{country_label(lab.name, t)}: {format_count(lab.reports, 'report', t)}"
    shape = f'<path d="{atlas.shapes[code]}"/>' if code in atlas.shapes else ""
    if point := atlas.points.get(code):
        shape += f'<circle cx="{point[0]}" cy="{point[1]}" r="5"/>'
    return (
        f'<g class="place" role="button" tabindex="-1" data-field="country" '
        f'data-value="{escape(lab.name)}" data-shade="{bisect_right(bounds, lab.reports)}" '
        f'aria-pressed="{str(lab.chosen).lower()}" aria-label="{escape(said)}">{shape}</g>'
    )


def _legend(bounds: Sequence[int], t: Translations) -> str:
    ends: list[int | None] = [bound - 1 for bound in bounds[1:]]
    items = []
    for shade, (low, high) in enumerate(zip(bounds, [*ends, None], strict=True), start=1):
        said = format_number(t, low)
        if high is None:
            said += "+"
        elif high > low:
            said += f"–{format_number(t, high)}"
        items.append(f'<li data-shade="{shade}">{said}</li>')
    label = t.gettext("Reports of a lab")
    return f'<ul class="legend" aria-label="{escape(label)}">{"".join(items)}</ul>'
