"""Facets: the values of each filter with their numbers of reports, for a person to choose from.

Any chosen value of a facet may match. So a facet's counts are those of the reports that pass all
other facets, and don't change with its own choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import TAGS, Filters
from rag.places.regions import regions

# The filters that a person chooses from, in the order in which they are shown.
_FIRST = ("country", "year", "theme", "type")
FACETS = (*_FIRST, *(name for name in TAGS if name not in _FIRST), "language")
# Facets whose values are sorted by number; in others the most used come first.
_IN_ORDER = ("year", "sdg")
_MAX_NAME = 300  # the longest name of a lab, tag or language, in characters


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet: in how many reports it is, and whether it is chosen."""

    name: str
    reports: int
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A region of M49 with the collection's labs in it, and their number of reports.

    `part` marks a part of a wider region; `chosen` is the number of chosen labs.
    """

    number: str
    labs: tuple[str, ...]
    reports: int
    chosen: int = 0
    part: bool = False


def facet(catalog: Catalog, chosen: Filters, field: str) -> list[Value]:
    """The values of a facet that the other facets leave, and those that are chosen anyway."""
    names = [str(value) for value in getattr(chosen, field)]
    counts = dict(catalog.counts(field, replace(chosen, **{field: ()})))
    counts |= {name: 0 for name in names if name not in counts}
    values = [Value(name, number, name in names) for name, number in counts.items()]
    if field in _IN_ORDER:
        return sorted(values, key=lambda value: _leading_number(value.name))
    return sorted(values, key=lambda value: (-value.reports, value.name.casefold()))


def region_facet(catalog: Catalog, chosen: Filters) -> list[Region]:
    """The regions that the collection has labs in, each before its parts."""
    inside = catalog.ids(replace(chosen, country=()))
    chosen_keys = frozenset(filter_key("country", name) for name in chosen.country)
    shown: list[Region] = []
    wider: Region | None = None
    for number, codes in regions().items():
        present = sorted(codes & catalog.keys("country"))
        part = wider is not None and codes < regions()[wider.number]
        # A part with all labs of the wider region would only repeat it.
        if not present or (part and wider is not None and len(present) == len(wider.labs)):
            continue
        labs = tuple(catalog.name("country", code) for code in present)
        reports = len(inside & catalog.ids(Filters(country=labs)))
        region = Region(number, labs, reports, len(chosen_keys.intersection(present)), part)
        shown.append(region)
        wider = wider if part else region
    return shown


def find_value(catalog: Catalog, field: str, value: str) -> str | int | None:
    """A value of a filter field as the collection spells it; None if no report has it."""
    if not 0 < len(value) <= _MAX_NAME or (field == "year" and not _is_year(value)):
        return None
    typed: str | int = int(value) if field == "year" else value
    if not catalog.ids(Filters(**{field: (typed,)})):  # type: ignore[arg-type]
        return None
    return typed if field == "year" else catalog.name(field, value)


def years_between(catalog: Catalog, first: str, last: str) -> tuple[int, ...]:
    """The years of the collection from `first` to `last`; "" leaves an end open."""
    if not all(end == "" or _is_year(end) for end in (first, last)):
        return ()
    low, high = int(first or 0), int(last or 9999)
    return tuple(year for year in catalog.years if low <= year <= high)


def year_ranges(catalog: Catalog, chosen: Iterable[int]) -> list[tuple[int, int]]:
    """Years as (first, last) ranges; years between which the collection has none are neighbours."""
    place = {year: n for n, year in enumerate(catalog.years)}
    ranges: list[tuple[int, int]] = []
    for year in sorted(set(chosen)):
        last = ranges[-1][1] if ranges else None
        if last in place and year in place and place[year] == place[last] + 1:
            ranges[-1] = ranges[-1][0], year
        else:
            ranges.append((year, year))
    return ranges


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4


def _leading_number(name: str) -> tuple[int, str]:
    head = name.partition(".")[0]
    return (int(head) if head.isascii() and head.isdecimal() else 1_000_000), name
