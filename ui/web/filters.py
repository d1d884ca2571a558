"""The filters of the page: their frame, their values as data, and the chips that show them.

The lists are drawn in the browser (filters.js), which keeps focus, scrolling and what is typed
where they are while counts change; all text goes there as JSON and is drawn as text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from rag.catalog.facet_counts import (
    FACETS,
    facet,
    find_value,
    number_chosen,
    region_facet,
    year_ranges,
    years_between,
)
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import FILTER_FIELDS, Filters, ReportInfo
from rag.i18n.labels import FIELD_LABELS, format_count, value_label
from rag.i18n.translations import ENGLISH, Translations, format_number, language_code, marked
from rag.places.regions import region_name, regions
from ui.rendering import render
from ui.web import links
from ui.web.conversation import Exchange

if TYPE_CHECKING:
    from rag.catalog.catalog import Catalog


REGION_WORD = marked("Region")
REGION = "region"
# The filters in the order of the page. A region, which stands for its labs, comes after labs.
_FACETS = (FACETS[0], REGION, *FACETS[1:])
_UNFOLDED = ("country", "year", "theme")  # at first: what most questions are narrowed by
# So many values of a field have a chip each under a question; more share one chip.
APART = 3


def render_facets(t: Translations = ENGLISH) -> Markup:
    """The filters without their values, which `facet_data` gives."""
    return render(
        "facets.html",
        t,
        keys=links.KEYS,
        language=language_code(t),
        facets=[(field, _label(field, t)) for field in _FACETS],
        unfolded=_UNFOLDED,
    )


def _label(field: str, t: Translations) -> str:
    return t.gettext(REGION_WORD if field == REGION else FIELD_LABELS[field])


def scope_sentence(catalog: Catalog, filters: Filters, t: Translations) -> str:
    """How many reports the chosen filters leave, as a sentence."""
    left = len(catalog.ids(filters))
    reports = format_count(left, "report", t)
    if not filters:
        return t.gettext("Asking all {reports}.").format(reports=reports)
    if not left:
        return t.gettext("No report has all of these.")
    return t.gettext("Asking {reports} of {all}.").format(
        reports=reports, all=format_number(t, len(catalog.reports))
    )


def facet_data(catalog: Catalog, filters: Filters, t: Translations, turn: object = None) -> str:
    """What stands in the filters, as JSON: of each its rows, and what the address says.

    A row is [value, label, reports, chosen, part]: the label is "" where the value is shown as it
    is, `chosen` is 0, 1, or 2 for a part of it.
    `turn` is the number by which the page knows its own event again.
    """
    rows: dict[str, list[list[object]]] = {}
    for field in FACETS:
        rows[field] = []
        for value in facet(catalog, filters, field):
            name = value_label(field, value.name, t)
            label = "" if name == value.name else name
            rows[field].append([value.name, label, value.reports, int(value.chosen), 0])
    language = language_code(t)
    rows[REGION] = [
        [
            region.number,
            region_name(region.number, language),
            region.reports,
            1 if region.chosen == len(region.labs) else 2 if region.chosen else 0,
            int(region.part),
        ]
        for region in region_facet(catalog, filters)
    ]
    spans = year_ranges(catalog, filters.year)
    return json.dumps(
        {
            "rows": rows,
            "years": [spans[0][0], spans[-1][1]] if spans else [],
            "chosen": number_chosen(filters),
            "query": links.write("", filters, catalog),
            "turn": turn if isinstance(turn, int) else None,
        },
        ensure_ascii=False,
    ).replace("<", "\\u003c")


def changed(catalog: Catalog, filters: Filters, event: Mapping[str, object]) -> Filters:
    """The filters after an event of the page, which may hold anything.

    It names a `field` and a `value` that is `on` or not; of years `value` may be a range
    ("2021-2023"), and `only` takes it instead of all others. The field "" clears all. What the
    collection doesn't have changes nothing.
    """
    field, value, on = event.get("field"), event.get("value"), bool(event.get("on"))
    if field == "":
        return Filters()
    if not isinstance(field, str) or not isinstance(value, str):
        return filters
    if field == REGION:
        labs = next((r.labs for r in region_facet(catalog, filters) if r.number == value), ())
        return _switched(filters, "country", labs, on)
    if field == "year" and "-" in value:
        first, _, last = value.partition("-")
        years = years_between(catalog, first, last) if value != "-" else ()
        before = replace(filters, year=()) if event.get("only") else filters
        return _switched(before, field, years, on)
    if field not in FILTER_FIELDS:
        return filters
    values = [v for v in getattr(filters, field) if str(v) == value]
    if on:
        name = find_value(catalog, field, value)
        values = [] if name is None else [name]
    return _switched(filters, field, values, on)


def _switched(filters: Filters, field: str, values: Collection[str | int], on: bool) -> Filters:
    """Filters with some values of a field more, or fewer."""
    left: list[Any] = [value for value in getattr(filters, field) if value not in values]
    both = [*left, *values] if on else left
    return replace(filters, **{field: tuple(sorted(both) if field == "year" else both)})


def render_chips(catalog: Catalog, filters: Filters, t: Translations, notice: str = "") -> Markup:
    """The chosen filters as chips over the question box; `notice` is a sentence over them."""
    chips = [
        (field, value, _label(field, t), name) for field, value, name in _chips(catalog, filters, t)
    ]
    return render("chips.html", t, chips=chips, notice=notice)


def _chips(catalog: Catalog, filters: Filters, t: Translations) -> Iterator[tuple[str, str, str]]:
    """Field, value and name of each chip.

    Regions of which all labs are chosen stand for them, and runs of years for each year.
    """
    for field, values in filters.as_dict().items():
        if field == "country":
            left = {str(value): None for value in values}
            for region in region_facet(catalog, filters):
                if len(region.labs) > 1 and left.keys() >= set(region.labs):
                    yield REGION, region.number, region_name(region.number, language_code(t))
                    left = {lab: None for lab in left if lab not in region.labs}
            yield from ((field, lab, value_label(field, lab, t)) for lab in left)
        elif field == "year":
            for first, last in year_ranges(catalog, filters.year):
                years = str(first) if first == last else f"{first}-{last}"
                yield field, years, years.replace("-", "–")
        else:
            yield from ((field, str(value), value_label(field, value, t)) for value in values)


@dataclass(frozen=True, slots=True)
class _ScopeChip:
    """Values of a field under a question, where they come from, and the name of its button."""

    field: str
    value: str
    key: str
    region: str
    names: list[str]
    origin: str
    is_ignored: bool = False
    button: str = ""


def render_scope(
    exchange: Exchange, turn: int, t: Translations, reports: Mapping[str, ReportInfo]
) -> Markup:
    """What an answer was narrowed to, and why; with a `turn`, what the question says can go.

    Each chip of the question then has a button that asks again without it, or with it again. All
    labs of a region that have `reports` go by its name.
    """
    named, first = marked("from the question"), marked("from the question, comes first")
    chips = [
        *_scope_chips(exchange.filters, marked("your filter"), t, reports),
        *_scope_chips(exchange.narrowed, named, t, reports, is_removable=True),
        *_scope_chips(exchange.first, first, t, reports, is_removable=True),
        *_scope_chips(
            exchange.ignored, marked("not used"), t, reports, is_removable=True, is_ignored=True
        ),
    ]
    return render("scope.html", t, chips=chips, turn=turn, apart=APART)


def _scope_chips(
    filters: Filters,
    origin: str,
    t: Translations,
    reports: Mapping[str, ReportInfo],
    *,
    is_removable: bool = False,
    is_ignored: bool = False,
) -> Iterator[_ScopeChip]:
    for field, values in filters.as_dict().items():
        are_apart = is_removable and len(values) <= APART
        for group in [[value] for value in values] if are_apart else [values]:
            names = [value_label(field, value, t) for value in group]
            region = _region(group, reports, t) if field == "country" else ""
            button = ""
            if is_removable:
                which = names[0] if are_apart else t.gettext("all {n}").format(n=len(group))
                again = t.gettext("Use again, {filter}")
                without = t.gettext("Ask again without {filter}")
                button = (again if is_ignored else without).format(
                    filter=f"{t.gettext(FIELD_LABELS[field])}: {which}"
                )
            yield _ScopeChip(
                field=field,
                value=str(group[0]) if are_apart else "",
                key=_label(REGION if region else field, t),
                region=region,
                names=names,
                origin=origin,
                is_ignored=is_ignored,
                button=button,
            )


def _region(labs: Sequence[str | int], reports: Mapping[str, ReportInfo], t: Translations) -> str:
    """The region whose labs these are, all that the collection has; "" for none."""
    if len(labs) <= APART:
        return ""
    chosen = {str(filter_key("country", lab)) for lab in labs}
    with_reports = {code for info in reports.values() for code in info.iso}
    for region, codes in regions().items():
        if codes & with_reports == chosen:
            return region_name(region, language_code(t))
    return ""
