"""The reports and their tags: selections, counts and complete lists, computed, never guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rag.tags import filter_key, report_keys
from rag.types import FILTER_FIELDS, Filters, ReportInfo


class Catalogue:
    """All reports of an index by id; immutable."""

    def __init__(self, reports: Iterable[ReportInfo]) -> None:
        self.reports: Mapping[str, ReportInfo] = {r.id: r for r in reports}
        self._ids: dict[str, dict[str | int, set[str]]] = {field: {} for field in FILTER_FIELDS}
        for report in self.reports.values():
            for field, by_key in self._ids.items():
                for key in report_keys(report, field):
                    by_key.setdefault(key, set()).add(report.id)
        self._names = {field: self._display_names(field) for field in FILTER_FIELDS}

    def ids(self, filters: Filters) -> frozenset[str]:
        """The ids of the reports that pass the filters."""
        found: set[str] | None = None
        for field, by_key in self._ids.items():
            values = getattr(filters, field)
            if values:
                any_of = set().union(*(by_key.get(filter_key(field, v), set()) for v in values))
                found = any_of if found is None else found & any_of
        return frozenset(self.reports if found is None else found)

    def select(self, filters: Filters) -> tuple[ReportInfo, ...]:
        """The reports that pass the filters, by lab, year and title."""
        found = (self.reports[i] for i in self.ids(filters))
        return tuple(sorted(found, key=lambda r: (r.lab, r.year or 0, r.title, r.id)))

    def counts(self, field: str, filters: Filters = Filters()) -> list[tuple[str, int]]:
        """Each value of a filter field with its number of reports, by value."""
        inside = self.ids(filters)
        found = {key: len(ids & inside) for key, ids in self._ids[field].items()}
        named = [(self.name(field, key), n) for key, n in found.items() if n]
        return sorted(named, key=lambda pair: pair[0].casefold())

    def name(self, field: str, value: str | int) -> str:
        """The spelling that most reports use for a value (or key) of a filter field."""
        names = self._names[field]
        return names.get(value) or names.get(filter_key(field, value)) or str(value)

    def keys(self, field: str) -> frozenset[str | int]:
        """All keys of a filter field."""
        return frozenset(self._names[field])

    def _display_names(self, field: str) -> dict[str | int, str]:
        spellings: dict[str | int, Counter[str]] = {}
        for report in self.reports.values():
            value = getattr(report, FILTER_FIELDS[field])
            values = value if isinstance(value, tuple) else (value,) if value else ()
            for one in values:
                key = filter_key(field, one)
                spellings.setdefault(key, Counter())[str(one)] += 1
        return {
            key: min(counter.items(), key=lambda pair: (-pair[1], pair[0]))[0]
            for key, counter in spellings.items()
        }
