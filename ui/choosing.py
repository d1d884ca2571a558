"""What a visitor chooses on the page, held against the catalogue: a browser may send anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag.facets import known, region_facet, years_between
from rag.types import FILTER_FIELDS, Filters

if TYPE_CHECKING:
    from rag.catalogue import Catalogue

REGION = "region"


def changed(catalogue: Catalogue, chosen: Filters, event: Mapping[str, object]) -> Filters:
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
        labs = next((r.labs for r in region_facet(catalogue, chosen) if r.number == value), ())
        return _turned(chosen, "country", labs, on)
    if field == "year" and "-" in value:
        first, _, last = value.partition("-")
        years = years_between(catalogue, first, last) if value != "-" else ()
        kept = replace(chosen, year=()) if event.get("only") else chosen
        return _turned(kept, field, years, on)
    if field not in FILTER_FIELDS:
        return chosen
    if not on:
        return _turned(chosen, field, [v for v in getattr(chosen, field) if str(v) == value], on)
    name = known(catalogue, field, value)
    return chosen if name is None else _turned(chosen, field, (name,), on)


def _turned(chosen: Filters, field: str, values: Collection[str | int], on: bool) -> Filters:
    """Filters with some values of a field more, or fewer."""
    left: list[Any] = [value for value in getattr(chosen, field) if value not in values]
    both = [*left, *values] if on else left
    return replace(chosen, **{field: tuple(sorted(both) if field == "year" else both)})
