"""The filters of the left area: their frame as HTML, and what stands in it as data.

The lists are drawn in the browser (filters.js), which keeps focus, scrolling and what is typed
where they are while counts change; all text goes there as JSON and is drawn as text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from rag.catalog.facets import (
    FACETS,
    facet,
    find_value,
    number_chosen,
    region_facet,
    year_ranges,
    years_between,
)
from rag.catalog.fields import FILTER_FIELDS, Filters, ReportInfo
from rag.catalog.normalize import filter_key
from rag.i18n.labels import FIELD_LABELS, format_count, value_label
from rag.i18n.translations import (
    ENGLISH,
    Translations,
    format_number,
    language_code,
    marked,
)
from rag.places.regions import region_name, regions
from ui.web import links
from ui.web.conversation import Exchange

if TYPE_CHECKING:
    from rag.catalog.catalog import Catalog


REGION_WORD = marked("Region")
# Unfolded at first: what most questions are narrowed by.
_OPEN = ("country", "year", "theme")


# What a visitor chooses on the page, held against the catalog: a browser may send anything.


REGION = "region"
# Each place of the left area, with regions, which choose labs, after labs.
_PLACES = (FACETS[0], REGION, *FACETS[1:])


def frame(t: Translations = ENGLISH) -> str:
    """The filters without their values, which `data` gives."""
    said = {
        "more": t.gettext("Show all {n}"),
        "fewer": t.gettext("Show fewer"),
        "none": t.gettext("Nothing here is called so."),
        "any": t.gettext("Any"),
    }
    attributes = "".join(f' data-{key}="{escape(text)}"' for key, text in said.items())
    facets = "".join(_facet(place, t) for place in _PLACES)
    return (
        f'<div class="facets" data-keys="{" ".join(links.KEYS)}" '
        f'data-language="{language_code(t)}"{attributes}>{facets}</div>'
    )


def _facet(place: str, t: Translations) -> str:
    name = t.gettext(REGION_WORD if place == REGION else FIELD_LABELS[place])
    find = escape(t.gettext("Find in {filter}").format(filter=name))
    label = escape(name)
    ends = _ends(t) if place == "year" else ""
    return (
        f'<details class="facet" data-field="{place}"{" open" if place in _OPEN else ""}>'
        f'<summary>{label}<span class="chosen"></span></summary>{ends}'
        f'<input type="search" class="find" aria-label="{find}" placeholder="{find}" '
        'autocomplete="off" hidden>'
        f'<div role="group" aria-label="{label}"><ul></ul></div>'
        '<button type="button" class="more" hidden></button></details>'
    )


def _ends(t: Translations) -> str:
    from_, to = escape(t.gettext("From")), escape(t.gettext("To"))
    return (
        f'<div class="range"><label>{from_} <select data-end="first"></select></label>'
        f'<label>{to} <select data-end="last"></select></label></div>'
    )


def in_scope(catalog: Catalog, chosen: Filters, t: Translations) -> str:
    """How many reports the chosen filters leave, as a sentence."""
    left = len(catalog.ids(chosen))
    reports = format_count(left, "report", t)
    if not chosen:
        return t.gettext("Asking all {reports}.").format(reports=reports)
    if not left:
        return t.gettext("No report has all of these.")
    return t.gettext("Asking {reports} of {all}.").format(
        reports=reports, all=format_number(t, len(catalog.reports))
    )


def data(catalog: Catalog, chosen: Filters, t: Translations, turn: object = None) -> str:
    """What stands in the filters, as JSON: of each its rows, and what the address says.

    A row is [value, label, reports, chosen, part]: the label is "" where the value is shown as it
    is, `chosen` is 0, 1, or 2 for a part of it.
    `turn` is the number by which the page knows its own event again.
    """
    rows: dict[str, list[list[object]]] = {
        field: [
            [value.name, "" if said == value.name else said, value.reports, int(value.chosen), 0]
            for value in facet(catalog, chosen, field)
            for said in [value_label(field, value.name, t)]
        ]
        for field in FACETS
    }
    language = language_code(t)
    rows[REGION] = [
        [
            region.number,
            region_name(region.number, language),
            region.reports,
            1 if region.chosen == len(region.labs) else 2 if region.chosen else 0,
            int(region.part),
        ]
        for region in region_facet(catalog, chosen)
    ]
    spans = year_ranges(catalog, chosen.year)
    return json.dumps(
        {
            "rows": rows,
            "years": [spans[0][0], spans[-1][1]] if spans else [],
            "chosen": number_chosen(chosen),
            "query": links.write("", chosen, catalog),
            "turn": turn if isinstance(turn, int) else None,
        },
        ensure_ascii=False,
    ).replace("<", "\\u003c")


def changed(catalog: Catalog, chosen: Filters, event: Mapping[str, object]) -> Filters:
    """The filters after an event of the page.

    It names a `field` and a `value` that is `on` or not; of years `value` may be a range
    ("2021-2023"), and `only` takes it instead of all others. The field "" clears all. What the
    collection doesn't have changes nothing.
    """
    field, value, on = event.get("field"), event.get("value"), bool(event.get("on"))
    if field == "":
        return Filters()
    if not isinstance(field, str) or not isinstance(value, str):
        return chosen
    if field == REGION:
        labs = next((r.labs for r in region_facet(catalog, chosen) if r.number == value), ())
        return _turned(chosen, "country", labs, on)
    if field == "year" and "-" in value:
        first, _, last = value.partition("-")
        years = years_between(catalog, first, last) if value != "-" else ()
        kept = replace(chosen, year=()) if event.get("only") else chosen
        return _turned(kept, field, years, on)
    if field not in FILTER_FIELDS:
        return chosen
    if not on:
        return _turned(chosen, field, [v for v in getattr(chosen, field) if str(v) == value], on)
    name = find_value(catalog, field, value)
    return chosen if name is None else _turned(chosen, field, (name,), on)


def _turned(chosen: Filters, field: str, values: Collection[str | int], on: bool) -> Filters:
    """Filters with some values of a field more, or fewer."""
    left: list[Any] = [value for value in getattr(chosen, field) if value not in values]
    both = [*left, *values] if on else left
    return replace(chosen, **{field: tuple(sorted(both) if field == "year" else both)})


# The chips over the question box: each chosen filter, with a button that takes it away.


# A field, the value by which the page takes it away, and what is shown of it.
_Chip = tuple[str, str, str]


def picked(catalog: Catalog, chosen: Filters, t: Translations, told: str = "") -> str:
    """The chosen filters as chips, or nothing; `told` is a sentence that stands over them."""
    note = f'<p class="told" role="status" dir="auto">{escape(told)}</p>' if told else ""
    chips = "".join(_chip(*chip, t) for chip in _chips(catalog, chosen, t))
    if not chips:
        return note
    label = escape(t.gettext("Chosen filters"))
    clear = escape(t.gettext("Clear all"))
    return (
        f'{note}<ul class="picked" aria-label="{label}">{chips}<li class="all"><button '
        f'type="button" data-field="" data-value="">{clear}</button></li></ul>'
    )


def _chips(catalog: Catalog, chosen: Filters, t: Translations) -> Iterator[_Chip]:
    """Regions of which all labs are chosen stand for them, and runs of years for each year."""
    for field, values in chosen.as_dict().items():
        if field == "country":
            left = {str(value): None for value in values}
            for region in region_facet(catalog, chosen):
                if len(region.labs) > 1 and left.keys() >= set(region.labs):
                    yield REGION, region.number, region_name(region.number, language_code(t))
                    left = {lab: None for lab in left if lab not in region.labs}
            yield from ((field, lab, value_label(field, lab, t)) for lab in left)
        elif field == "year":
            for first, last in year_ranges(catalog, chosen.year):
                years = str(first) if first == last else f"{first}-{last}"
                yield field, years, years.replace("-", "–")
        else:
            yield from ((field, str(value), value_label(field, value, t)) for value in values)


def _chip(field: str, value: str, shown: str, t: Translations) -> str:
    key = t.gettext(REGION_WORD if field == REGION else FIELD_LABELS[field])
    remove = t.gettext("Remove {filter}").format(filter=f"{key}: {shown}")
    return (
        f'<li><span class="key">{escape(key)}</span> <span dir="auto">{escape(shown)}</span>'
        f'<button type="button" data-field="{field}" data-value="{escape(value)}" '
        f'aria-label="{escape(remove)}" title="{escape(remove)}">'
        '<span aria-hidden="true">×</span></button></li>'
    )


# The chips under a question: what it was narrowed to, what came first, what was taken back.


# Up to so many values of a field have a chip each; more share one, which names so many.
APART = 3
_UNUSED = ' class="unused"'
_GIVEN = marked("your filter")
_NARROWED = marked("from the question")
_FIRST = marked("from the question, comes first")
_IGNORED = marked("not used")


def scope(
    one: Exchange,
    turn: int,
    t: Translations,
    reports: Mapping[str, ReportInfo],
) -> str:
    """What an answer was narrowed to, and why; with a `turn`, what the question says can go.

    Each chip of the question then has a button that asks again without it, or with it again. All
    labs of a region that have `reports` go by its name.
    """
    chips = [
        *_chips_chips(one.asked, _GIVEN, t, reports),
        *_chips_chips(one.narrowed, _NARROWED, t, reports, turn, apart=True),
        *_chips_chips(one.first, _FIRST, t, reports, turn, apart=True),
        *_chips_chips(one.ignored, _IGNORED, t, reports, turn, apart=True, back=True),
    ]
    label = escape(t.gettext("Filters"))
    return f'<ul class="scope" aria-label="{label}">{"".join(chips)}</ul>' if chips else ""


def _chips_chips(
    filters: Filters,
    origin: str,
    t: Translations,
    reports: Mapping[str, ReportInfo],
    turn: int = 0,
    *,
    apart: bool = False,
    back: bool = False,
) -> Iterator[str]:
    for name, values in filters.as_dict().items():
        each = apart and len(values) <= APART
        for shown in [[value] for value in values] if each else [values]:
            names, key = _names(name, shown, t), t.gettext(FIELD_LABELS[name])
            if name == "country" and (region := _region(shown, reports, t)):
                rest = [escape(value_label(name, lab, t)) for lab in shown]
                names, key = _unfolding(escape(region), rest), t.gettext(REGION_WORD)
            yield (
                f'<li{_UNUSED if back else ""}><div><span class="key">{key}</span> '
                f'<div class="values" dir="auto">{f"<del>{names}</del>" if back else names}</div> '
                f'<span class="origin">{t.gettext(origin)}</span></div>'
                f"{_button(turn, name, shown, each, back, t) if turn else ''}</li>"
            )


def _region(labs: Sequence[str | int], reports: Mapping[str, ReportInfo], t: Translations) -> str:
    """The region whose labs these are, all that the collection has; "" for none."""
    if len(labs) <= APART:
        return ""
    chosen = {str(filter_key("country", lab)) for lab in labs}
    known = {code for info in reports.values() for code in info.iso}
    found = (number for number, codes in regions().items() if codes & known == chosen)
    number = next(found, "")
    return region_name(number, language_code(t)) if number else ""


def _unfolding(summary: str, rest: Sequence[str]) -> str:
    return f"<details><summary>{summary}</summary> {', '.join(rest)}</details>"


def _names(field: str, values: Sequence[str | int], t: Translations) -> str:
    """Values as HTML; of many, those after the first unfold."""
    named = [escape(value_label(field, value, t)) for value in values]
    if len(named) <= APART:
        return ", ".join(named)
    few, rest = ", ".join(named[: APART - 1]), named[APART - 1 :]
    more = t.gettext("and {n} more").format(n=len(rest))
    return _unfolding(f"{few}<span> {more}</span>", rest)


def _button(
    turn: int, name: str, values: Sequence[str | int], each: bool, back: bool, t: Translations
) -> str:
    """What asks again without the values of a chip, or with them."""
    all_of_them = t.gettext("all {n}").format(n=len(values))
    again = t.gettext("Use again, {filter}")
    without = t.gettext("Ask again without {filter}")
    which = value_label(name, values[0], t) if each else all_of_them
    said = f"{t.gettext(FIELD_LABELS[name])}: {which}"
    label = (again if back else without).format(filter=said)
    return (
        f'<button type="button" data-turn="{turn}" data-field="{name}" '
        f'data-value="{escape(str(values[0])) if each else ""}" data-back="{"1" if back else ""}" '
        f'aria-label="{escape(label)}" title="{escape(label)}"><span aria-hidden="true">'
        f"{t.gettext('Use again') if back else '×'}</span></button>"
    )
