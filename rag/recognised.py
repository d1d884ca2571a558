"""What is taken from a question of all that it names: not what is ignored."""

from __future__ import annotations

from dataclasses import replace

from rag.catalogue import Catalogue
from rag.tags import filter_key
from rag.types import FILTER_FIELDS, Filters, QueryPlan


def without(named: Filters, ignored: Filters, catalogue: Catalogue) -> Filters:
    """The values of `named` that are not ignored, whatever their spelling.

    An empty value ("", or the year 0) ignores all values of its field.
    """

    def kept(field: str) -> tuple[str | int, ...]:
        unwanted = getattr(ignored, field)
        if not all(unwanted):
            return ()
        keys = {_key(catalogue, field, value) for value in unwanted}
        return tuple(v for v in getattr(named, field) if _key(catalogue, field, v) not in keys)

    changed = {field: kept(field) for field in FILTER_FIELDS if getattr(ignored, field)}
    return replace(named, **changed)  # type: ignore[arg-type]


def _key(catalogue: Catalogue, field: str, value: str | int) -> str | int:
    return filter_key(field, catalogue.name(field, value))


def coming_first(plan: QueryPlan) -> Filters:
    """What comes first for a question without narrowing it: no field that is narrowed anyway."""
    fields = [field for field in FILTER_FIELDS if getattr(plan.filters, field)]
    return replace(plan.boosted, **dict.fromkeys(fields, ()))
