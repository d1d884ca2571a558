"""The reports and their tags: selections, counts, lists and facets, computed, never guessed.

A facet has the values of a filter with their numbers of reports, for a person to choose from. Any
chosen value of a facet may match. So a facet's counts are those of the reports that pass all other
facets, and don't change with its own choice.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from rag.catalog.normalize import Group, Vocabulary, filter_key, report_values, translations
from rag.catalog.tag_fields import (
    FILTER_FIELDS,
    FREE_FIELDS,
    TAGS,
    CatalogQuery,
    Filters,
    ReportInfo,
)
from rag.errors import UnknownField
from rag.places.countries import regions
from rag.text.tokenize import numbers_in
from rag.types import Notice

_TICKED = 1.2  # values that a report has of a tag, on average, where several may be ticked


class Catalog:
    """All reports of an index by id; immutable.

    A value of a filter may be given in any spelling; it stands for all that mean the same.
    """

    def __init__(
        self,
        reports: Iterable[ReportInfo],
        languages: Mapping[str, Collection[str]] | None = None,
        topics: Callable[[], Mapping[str, Collection[str]]] = dict,
    ) -> None:
        """`languages` are those of a report's passages; `topics` finds each topic's reports."""
        self.reports: Mapping[str, ReportInfo] = {r.id: r for r in reports}
        self._every = frozenset(self.reports)
        # By field and key: the ids of reports, and the spellings with their numbers of reports.
        self._ids: dict[str, dict[str | int, set[str]]] = {field: {} for field in FILTER_FIELDS}
        self._spellings: dict[str, dict[str | int, Counter[str]]] = {f: {} for f in FILTER_FIELDS}
        for report in self.reports.values():
            for field in filter(FILTER_FIELDS.get, FILTER_FIELDS):
                values: Iterable[str | int] = report_values(report, field)
                if field == "language" and languages is not None:
                    values = languages.get(report.id, ())
                for value in dict.fromkeys(values):
                    key = filter_key(field, value)
                    self._ids[field].setdefault(key, set()).add(report.id)
                    self._spellings[field].setdefault(key, Counter())[str(value)] += 1
        # How many passages are in each language.
        self.languages = Counter(code for own in (languages or {}).values() for code in own)
        self._find_topics = topics
        # Made at first use: most questions have no filter, and looking words up is slow.
        self._vocabularies: dict[str, Vocabulary] = {}
        self._values: dict[str, list[tuple[Group, set[str]]]] = {}

    def ids(self, filters: Filters) -> frozenset[str]:
        """The ids of the reports that pass the filters."""
        passing = self._every
        if filters.topic:
            self._know_topics()
        for field, chosen in filters.as_dict().items():
            for values in alternatives(field, chosen):
                passing &= self._ids_of(field, (s for v in values for s in self._written(field, v)))
        return passing

    def matching(self, query: CatalogQuery) -> frozenset[str]:
        """The ids of the reports that a query counts."""
        matching = self.ids(query.filters)
        for field in query.every:
            for value in getattr(query.filters, field):
                matching &= self.ids(Filters(**{field: (value,)}))
        for field in FILTER_FIELDS:
            if unwanted := getattr(query.excluded, field):
                matching -= self.ids(Filters(**{field: unwanted}))
        for field in query.untagged:
            matching -= frozenset().union(*(ids for _, ids in self._values_of(field)))
        if query.lacking:
            matching &= frozenset().union(*(ids for _, ids in self._rows(query)))
        return matching

    def has_several(self, key: str) -> bool:
        """Whether many reports have several values of a tag, as where boxes are ticked."""
        own = [ids for _, ids in self._values_of(key)]
        return sum(map(len, own)) > _TICKED * len(set().union(*own))

    def _rows(self, query: CatalogQuery) -> list[tuple[str, set[str]]]:
        """The values that a query groups by, with the ids of all reports that have them."""
        rows = [*self._values_of(query.group_by)]
        if query.lacking:
            # Only places and years say where to look: "solutions but no plans" are of other kinds.
            inside = self.ids(Filters(country=query.filters.country, year=query.filters.year))
            unwanted = inside - self.matching(CatalogQuery(excluded=query.excluded))
            rows = [(name, ids) for name, ids in rows if unwanted.isdisjoint(ids)]
        named = {*map(str, getattr(query.filters, query.group_by, ()))}
        if len(named) > 1 and query.group_by not in query.every:
            # Reports of several countries bring no other countries than those that are asked for.
            rows = [(name, ids) for name, ids in rows if name in named]
        return rows

    def settled(self, query: CatalogQuery) -> CatalogQuery:
        """A query by the values that were found to lack something, in place of what they lack."""
        if not query.lacking or query.group_by not in FILTER_FIELDS:
            return query
        names = [name for name, _ in self.table(query)[0]]
        found = Filters.of({query.group_by: map(int, names) if query.group_by == "year" else names})
        return replace(
            query, filters=found.merged(query.filters), excluded=Filters(), lacking=False
        )

    def table(
        self, query: CatalogQuery, within: Filters = Filters()
    ) -> tuple[list[tuple[str, int]], int]:
        """The values that a query groups by with their reports, in order; and how many have any.

        Counted are only reports that pass `within` as well. The most used values come first, years
        in their order, the largest of sizes and costs.
        """
        matching = self.matching(query) & self.ids(within)
        fewest, most = query.having
        rows: list[tuple[str, int]] = []
        tagged: set[str] = set()
        for name, ids in self._rows(query):
            here = matching & ids
            tagged |= here
            counted = len(here)
            if query.split and any(query.having):
                counted = sum(not here.isdisjoint(own) for _, own in self._values_of(query.split))
            if here and fewest <= counted <= (most or counted):
                rows.append((name, len(here)))
        rows.sort(key=lambda row: (row[1] if query.least else -row[1], row[0].casefold()))
        if query.group_by == "year" and not (query.rows or query.ranked):
            rows.sort()
        sizes = {name: sorted(map(float, numbers_in(name))) for name, _ in rows}
        if query.group_by not in FILTER_FIELDS and all(sizes.values()):
            size = {name: (numbers[0], numbers[-1]) for name, numbers in sizes.items()}
            rows.sort(key=lambda row: size[row[0]], reverse=not query.least)
        return rows, len(tagged)

    def select(self, wanted: Filters | CatalogQuery) -> tuple[ReportInfo, ...]:
        """The reports that pass filters, or that a query counts, by lab, year and title."""
        ids = self.ids(wanted) if isinstance(wanted, Filters) else self.matching(wanted)
        selected = (self.reports[i] for i in ids)
        return tuple(sorted(selected, key=lambda r: (r.lab, r.year or 0, r.title, r.id)))

    def labs(self, reports: Iterable[ReportInfo] | None = None) -> tuple[str, ...]:
        """The labs that wrote any of the reports, or of all, themselves: their countries."""
        every = self.reports.values() if reports is None else reports
        own = (r for r in every if r.author == "lab")
        places = (zip(r.iso or r.countries, r.countries, strict=False) for r in own)
        return tuple({code: name for pairs in places for code, name in pairs}.values())

    def counts(self, field: str, filters: Filters = Filters()) -> list[tuple[str, int]]:
        """Each value of a filter field with its number of reports, by value."""
        passing = self.ids(filters)
        counts = [(group.name, len(passing & ids)) for group, ids in self._grouped(field)]
        return sorted((pair for pair in counts if pair[1]), key=lambda pair: pair[0].casefold())

    def _values_of(self, field: str) -> Iterator[tuple[str, set[str]]]:
        """Each value of a filter field, or of the facts of a key, with the ids of its reports."""
        prefix = "" if field in FILTER_FIELDS else f"{field}: "
        for group, ids in self._grouped("fact" if prefix else field):
            if group.name.startswith(prefix):
                yield group.name.removeprefix(prefix), ids

    def _grouped(self, field: str) -> list[tuple[Group, set[str]]]:
        if field == "topic":
            self._know_topics()
        if field not in self._values:
            written = map(_most_used, self._spellings[field].values())
            groups: Iterable[Group] = (Group(pairs[0][0], tuple(pairs)) for pairs in written)
            if field in FREE_FIELDS:
                groups = self._vocabulary(field).groups
            self._values[field] = [(g, self._ids_of(field, dict(g.variants))) for g in groups]
        return self._values[field]

    def variants(self, field: str) -> list[tuple[Group, int]]:
        """Each value of a filter field with its spellings, merged ones first, and its reports."""
        values = [(group, len(ids)) for group, ids in self._grouped(field)]
        return sorted(
            values, key=lambda v: (len(v[0].variants) == 1, v[0].name.casefold(), v[0].name)
        )

    def _know_topics(self) -> None:
        if not self._ids["topic"]:
            ids = {name: set(found) for name, found in self._find_topics().items()}
            keys = {name: filter_key("topic", name) for name in ids}
            self._spellings["topic"] = {keys[name]: Counter({name: len(ids[name])}) for name in ids}
            self._ids["topic"] = {keys[name]: ids[name] for name in ids}

    def group_field(self, name: str) -> str:
        """A field to group by, a filter's or the key of a fact; UnknownField names them all."""
        keys = {fact.partition(": ")[0] for fact, _ in self.counts("fact")}
        if name not in (known := (*FILTER_FIELDS, *sorted(keys))):
            raise UnknownField(f"There is no field {name!r}. Group by: {', '.join(known)}.")
        return name

    def name(self, field: str, value: str | int) -> str:
        """The canonical spelling of a value (or key) of a filter field: what most reports use."""
        if field in FREE_FIELDS:
            group = self._vocabulary(field).find(str(value))
            return group.name if group else str(value)
        by_key = self._spellings[field]
        spellings = by_key.get(value) or by_key.get(filter_key(field, value))
        return _most_used(spellings)[0][0] if spellings else str(value)

    def keys(self, field: str) -> frozenset[str | int]:
        """All keys of a filter field, those of every spelling."""
        return frozenset(self._spellings[field])

    @property
    def years(self) -> tuple[int, ...]:
        """The years of the reports, in order."""
        return tuple(sorted(int(year) for year in self._spellings["year"]))

    def expanded(self, filters: Filters) -> Filters:
        """Filters with every spelling of each value, for a store that knows spellings only."""
        written: dict[str, Any] = {}
        for field in FREE_FIELDS:
            spellings = (self._written(field, value) for value in getattr(filters, field))
            written[field] = tuple(chain.from_iterable(spellings))
        return replace(filters, **written)

    def unknown(self, filters: Filters) -> tuple[Notice, ...]:
        """Notices of the values of filters that no report has."""
        return tuple(
            Notice("no_report_has", {"field": field, "value": str(value)})
            for field, values in filters.as_dict().items()
            for value in values
            if not self.ids(Filters.of({field: (value,)}))
        )

    def _written(self, field: str, value: str | int) -> Iterable[str | int]:
        """The spellings of a value; itself if the collection has none, or the field is not free."""
        group = self._vocabulary(field).find(str(value)) if field in FREE_FIELDS else None
        return dict(group.variants) if group else [value]

    def _ids_of(self, field: str, spellings: Iterable[str | int]) -> set[str]:
        keys = {filter_key(field, spelling) for spelling in spellings}
        return set().union(*(self._ids[field].get(key, set()) for key in keys))

    def _vocabulary(self, field: str) -> Vocabulary:
        if field not in self._vocabularies:
            counts: Counter[str] = Counter()
            for spellings in self._spellings[field].values():
                counts.update(spellings)
            self._vocabularies[field] = Vocabulary(counts, translations(field))
        return self._vocabularies[field]


def alternatives(field: str, values: Iterable[str | int]) -> list[tuple[str | int, ...]]:
    """Values of a filter field in groups: any value of a group may match, all groups must."""
    groups: dict[str, tuple[str | int, ...]] = {}
    for value in values:
        # Each key of a fact is a field of its own.
        name = str(value).partition(": ")[0] if field == "fact" else ""
        groups[name] = (*groups.get(name, ()), value)
    return list(groups.values())


def _most_used(spellings: Counter[str]) -> list[tuple[str, int]]:
    return sorted(spellings.items(), key=lambda pair: (-pair[1], pair[0]))


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
    counts = dict.fromkeys(names, 0) | dict(catalog.counts(field, replace(chosen, **{field: ()})))
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
