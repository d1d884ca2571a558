"""The filters of the page: their values as data, the chips that show them, links that carry them.

A link carries a question, filters, and what the question names but the reader has taken back
("without-country=PE"). Labs are written as ISO codes, goals as numbers, years as ranges
("2021-2023"); these, types, kinds and languages may be separated by commas. Other fields are
repeated, because their values may hold any character.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from markupsafe import Markup

from rag.catalog.catalog import (
    FACETS,
    Catalog,
    facet,
    find_value,
    region_facet,
    year_ranges,
    years_between,
)
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.engine import LONGEST_QUESTION
from rag.export.lines import shortened
from rag.i18n.labels import FIELD_LABELS, value_label
from rag.i18n.translations import Translations, format_number, language_code
from rag.places.countries import region_name
from ui.rendering import render

if TYPE_CHECKING:
    from ui.web.handlers import Visit


REGION = "region"
# The filters in the order of the page. A region, which stands for its labs, comes after labs.
SHOWN_FACETS = (FACETS[0], REGION, *FACETS[1:])
UNFOLDED = ("country", "year")  # at first: what most questions are narrowed by
# So many values of a field have a chip each under a question; more share one chip.
APART = 3
QUESTION = "q"
# Goes before the field of a value that isn't to be taken from the question.
WITHOUT = "without-"
KEYS = (QUESTION, *FILTER_FIELDS, *(WITHOUT + field for field in FILTER_FIELDS))
# The part of an address that is read: characters, and values. Our own links are shorter.
_LONGEST_QUERY = 60_000
_MOST_VALUES = 500
_COMMA_SEPARATED = ("country", "year", "type", "kind", "sdg", "language")
# Of the values that the collection doesn't have, so many are named, and characters of each.
_UNKNOWN_SHOWN = 3
_UNKNOWN_LENGTH = 40


def facet_data(catalog: Catalog, filters: Filters, t: Translations, turn: object = None) -> str:
    """What stands in the filters, as JSON that the browser draws (filters.js).

    A row is [value, label, reports, chosen, part]: the label is "" where the value is shown as it
    is, `chosen` is 0, 1, or 2 for a part of it. By `turn` the page knows its own event again.
    """
    rows: dict[str, list[list[object]]] = {field: [] for field in SHOWN_FACETS}
    for field in FACETS:
        for value in facet(catalog, filters, field):
            name = value_label(field, value.name, t)
            label = "" if name == value.name else name
            rows[field].append([value.name, label, value.reports, int(value.chosen), 0])
    for region in region_facet(catalog, filters):
        name = region_name(region.number, language_code(t))
        chosen = 1 if region.chosen == len(region.labs) else 2 if region.chosen else 0
        rows[REGION].append([region.number, name, region.reports, chosen, int(region.part)])
    spans = year_ranges(catalog, filters.year)
    left = len(catalog.ids(filters))
    show = t.ngettext("Show {n} report", "Show {n} reports", left)
    return json.dumps(
        {
            "rows": rows,
            "years": [spans[0][0], spans[-1][1]] if spans else [],
            "chosen": sum(map(len, filters.as_dict().values())),
            "query": write_link("", filters, catalog),
            "show": show.format(n=format_number(t, left)),
            "turn": turn if isinstance(turn, int) else None,
        },
        ensure_ascii=False,
    ).replace("<", "\\u003c")


def changed(catalog: Catalog, filters: Filters, event: Mapping[str, Any]) -> Filters:
    """The filters after an event of the page.

    It has the `query` of the address, or a `field` and a `value` that is `on` or not; of years
    `value` may be a range ("2021-2023"), and `only` takes it instead of all others. The field ""
    clears all.
    """
    if isinstance(query := event.get("query"), str):
        return read_link(query, catalog).filters
    field, value, on = event.get("field"), event.get("value"), bool(event.get("on"))
    if field == "":
        return Filters()
    if not isinstance(field, str) or not isinstance(value, str):
        return filters
    if field == REGION:
        labs = (r.labs for r in region_facet(catalog, filters) if r.number == value)
        values: tuple[str | int, ...] = next(labs, ())
        field = "country"
    elif field not in FILTER_FIELDS:
        return filters
    elif on or (field == "year" and "-" in value):
        values = _names(field, value, catalog)
    else:  # Also what the collection no longer has.
        values = tuple(v for v in getattr(filters, field) if str(v) == value)
    before = () if event.get("only") else getattr(filters, field)
    left = (*(v for v in before if v not in values), *(values if on else ()))
    return replace(filters, **{field: tuple(sorted(left) if field == "year" else left)})


def render_chips(catalog: Catalog, filters: Filters, t: Translations, notice: str = "") -> Markup:
    """The chosen filters as chips; whole regions stand for their labs, runs of years for each."""
    chips: list[tuple[str, str, str]] = []
    for field, values in filters.as_dict().items():
        left = list(map(str, values))
        if field == "year":
            left = [_year_range(*ends) for ends in year_ranges(catalog, filters.year)]
        for region in region_facet(catalog, filters) if field == "country" else ():
            if len(region.labs) > 1 and set(left) >= set(region.labs):
                chips.append((REGION, region.number, region_name(region.number, language_code(t))))
                left = [lab for lab in left if lab not in region.labs]
        for value in left:
            name = value.replace("-", "–") if field == "year" else value_label(field, value, t)
            chips.append((field, value, name))
    return render("chips.html", t, chips=chips, notice=notice)


def whole_region(labs: Sequence[str], catalog: Catalog, t: Translations) -> str:
    """The region whose labs these are, all that the collection has; "" for none."""
    for region in region_facet(catalog, Filters(country=tuple(labs))) if len(labs) > APART else ():
        if len(labs) == len(region.labs) == region.chosen:
            return region_name(region.number, language_code(t))
    return ""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link asks for; `unknown` are its values, by field, that no report has."""

    question: str = ""
    filters: Filters = Filters()
    ignored: Filters = Filters()
    unknown: tuple[tuple[str, str], ...] = ()
    too_long: bool = False


def write_link(
    question: str, filters: Filters, catalog: Catalog, ignored: Filters = Filters()
) -> str:
    """The query of an address (without its "?") for a question, filters and what is ignored."""
    pairs = [(QUESTION, question)] if question else []
    for before, chosen in (("", filters), (WITHOUT, ignored)):
        for field, names in chosen.as_dict().items():
            values = [_written(field, value) for value in names]
            if field == "year":
                values = [_year_range(*ends) for ends in year_ranges(catalog, chosen.year)]
            values = [",".join(values)] if field in _COMMA_SEPARATED else values
            pairs += [(before + field, value) for value in values]
    return urlencode(pairs, quote_via=quote, safe=",")


def _written(field: str, value: str | int) -> str:
    code, number = str(filter_key(field, value)), str(value).partition(".")[0]
    if field == "country" and len(code) == 2:
        return code
    return number if field == "sdg" and number.isdecimal() else str(value)


def _year_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def copied_link(v: "Visit") -> str:
    """The query of a link to the last question with its filters, and what the page says: JSON."""
    last, catalog = v.talk[-1] if v.talk else None, v.engine.catalog
    query = write_link(last.question, last.filters, catalog, last.ignored) if last else ""
    done, by_hand = v.t.gettext("Link copied"), v.t.gettext("Copy this link:")
    return json.dumps({"query": query, "done": done, "byHand": by_hand})


def read_link(query: str, catalog: Catalog) -> Link:
    """What the query of an address asks for; parts that are none of ours are passed over."""
    pairs = parse_qsl(query[:_LONGEST_QUERY].removeprefix("?"), errors="replace")
    question = next((value.strip() for key, value in pairs if key == QUESTION), "")
    too_long = len(question) > LONGEST_QUESTION
    by_key: dict[str, dict[Any, None]] = {}
    unknown: dict[tuple[str, str], None] = {}
    values: list[tuple[str, str]] = []
    for key, text in pairs:
        field = key.removeprefix(WITHOUT)
        # "Korea, Republic of" is one lab.
        if field in _COMMA_SEPARATED and not _names(field, text, catalog):
            values += [(key, part.strip()) for part in text.split(",") if part.strip()]
        elif field in FILTER_FIELDS:
            values.append((key, text))
    for key, value in values[:_MOST_VALUES]:
        names = _names(key.removeprefix(WITHOUT), value, catalog)
        by_key.setdefault(key, {}).update(dict.fromkeys(names))
        # What no report has can't have been taken from a question either.
        if not names and not key.startswith(WITHOUT):
            unknown[key, value] = None
    filters, ignored = (
        Filters.of({field: by_key.get(before + field) for field in FILTER_FIELDS})
        for before in ("", WITHOUT)
    )
    filters = replace(filters, year=tuple(sorted(filters.year)))
    question = "" if too_long else question
    return Link(question, filters, ignored if question else Filters(), tuple(unknown), too_long)


def _names(field: str, value: str, catalog: Catalog) -> tuple[str | int, ...]:
    """What a value of an address is called in the collection; years may be a range."""
    if field == "year" and value.count("-") == 1 and value != "-":
        return years_between(catalog, *value.split("-"))
    name = find_value(catalog, field, value)
    return () if name is None else (name,)


def link_notice(link: Link, t: Translations) -> str:
    """What of a link is passed over, as sentences (not escaped); "" for nothing."""
    sentences = []
    if link.too_long:
        longest = t.gettext("The link's question has more than {n} characters: left out.")
        sentences.append(longest.format(n=LONGEST_QUESTION))
    if link.unknown:
        named = ", ".join(
            f"{t.gettext(FIELD_LABELS[field])} “{shortened(value, _UNKNOWN_LENGTH)}”"
            for field, value in link.unknown[:_UNKNOWN_SHOWN]
        )
        if (more := len(link.unknown) - _UNKNOWN_SHOWN) > 0:
            named += f" {t.gettext('and {n} more').format(n=more)}"
        none = t.gettext("The link names values that no report has: {values}.")
        sentences.append(none.format(values=named))
    return " ".join(sentences)
