"""Filters whose counts follow each other: each value with the reports that the others leave.

Of a facet any chosen value may match, so its own choice changes none of its counts: they are
those of the reports that pass all the other facets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rag.catalog.catalog import Catalog
from rag.catalog.fields import FILTER_FIELDS, TAGS, Filters
from rag.catalog.normalize import filter_key
from rag.places.regions import regions

# What a person narrows a collection by, in the order in which it is shown.
_FIRST = ("country", "year", "theme", "type")
FACETS = (*_FIRST, *(name for name in TAGS if name not in _FIRST), "language")
# Facets whose values stand in their own order; in others the most used come first.
_IN_ORDER = ("year", "sdg")
# No name of a lab, tag or language is longer.
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet: in how many reports it is, and whether it is chosen."""

    name: str
    reports: int
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A region of M49 with the labs that the collection has of it, and their reports.

    `part` tells a part of a wider region; `chosen` counts the labs that are chosen.
    """

    number: str
    labs: tuple[str, ...]
    reports: int
    chosen: int = 0
    part: bool = False


def facet(catalog: Catalog, chosen: Filters, field: str) -> list[Value]:
    """The values of a facet that the other facets leave, and those that are chosen anyway."""
    names = [str(value) for value in getattr(chosen, field)]
    counts = dict(catalog.counts(field, _without(chosen, field)))
    counts |= {name: 0 for name in names if name not in counts}
    values = [Value(name, number, name in names) for name, number in counts.items()]
    if field in _IN_ORDER:
        return sorted(values, key=lambda value: _leading_number(value.name))
    return sorted(values, key=lambda value: (-value.reports, value.name.casefold()))


def region_facet(catalog: Catalog, chosen: Filters) -> list[Region]:
    """The regions that the collection has labs of, each before its parts."""
    inside = catalog.ids(_without(chosen, "country"))
    picked = frozenset(filter_key("country", name) for name in chosen.country)
    found: list[Region] = []
    whole: Region | None = None
    for number, codes in regions().items():
        here = sorted(codes & catalog.keys("country"))
        part = whole is not None and codes < regions()[whole.number]
        # A part that has all labs of the whole would only say it again.
        if not here or (part and whole is not None and len(here) == len(whole.labs)):
            continue
        labs = tuple(catalog.name("country", code) for code in here)
        reports = len(inside & catalog.ids(Filters(country=labs)))
        region = Region(number, labs, reports, len(picked.intersection(here)), part)
        found.append(region)
        whole = whole if part else region
    return found


def known(catalog: Catalog, field: str, value: str) -> str | int | None:
    """A value of a filter field as the collection spells it; None where no report has it."""
    if not 0 < len(value) <= _LONGEST or (field == "year" and not _is_year(value)):
        return None
    given: str | int = int(value) if field == "year" else value
    if not catalog.ids(Filters(**{field: (given,)})):  # type: ignore[arg-type]
        return None
    return given if field == "year" else catalog.name(field, value)


def years_between(catalog: Catalog, first: str, last: str) -> tuple[int, ...]:
    """The years of the collection from one to another, both with it; "" leaves an end open."""
    if not all(end == "" or _is_year(end) for end in (first, last)):
        return ()
    low, high = int(first or 0), int(last or 9999)
    return tuple(year for year in years(catalog) if low <= year <= high)


def years(catalog: Catalog) -> tuple[int, ...]:
    """The years of the collection, in order."""
    return tuple(sorted(int(year) for year in catalog.keys("year")))


def runs(catalog: Catalog, chosen: Iterable[int]) -> list[tuple[int, int]]:
    """Years as ranges, first and last, between which the collection has no other year."""
    order = years(catalog)
    place = {year: n for n, year in enumerate(order)}
    found: list[tuple[int, int]] = []
    for year in sorted(set(chosen)):
        last = found[-1][1] if found else None
        if last in place and year in place and place[year] == place[last] + 1:
            found[-1] = found[-1][0], year
        else:
            found.append((year, year))
    return found


def number_chosen(chosen: Filters) -> int:
    """How many values are chosen, of all facets together."""
    return sum(len(getattr(chosen, field)) for field in FILTER_FIELDS)


def _without(chosen: Filters, field: str) -> Filters:
    return replace(chosen, **{field: ()})


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4


def _leading_number(name: str) -> tuple[int, str]:
    head = name.partition(".")[0]
    return (int(head) if head.isascii() and head.isdecimal() else 1_000_000), name
