"""The reports and their tags: selections, counts and complete lists, computed, never guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rag.catalog.fields import FILTER_FIELDS, FREE_FIELDS, Filters, ReportInfo
from rag.catalog.normalize import Vocabulary, filter_key, in_dictionary, report_keys


@dataclass(frozen=True, slots=True)
class TagValue:
    """One value of a filter field: its canonical spelling and how many reports have it.

    `variants` are all its spellings with the number of reports of each, the most used first.
    """

    name: str
    reports: int
    variants: tuple[tuple[str, int], ...]


class Catalog:
    """All reports of an index by id; immutable.

    A value of a filter may be given in any spelling; it stands for all that mean the same.
    """

    def __init__(
        self,
        reports: Iterable[ReportInfo],
        known_words: dict[str, bool] | None = None,
        languages: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """Take in the reports' tags.

        Args:
            reports: what is known of each.
            known_words: says of words whether a dictionary has them; others are added to it.
            languages: those of each report's passages by its id; else its own language counts.
        """
        self.reports: Mapping[str, ReportInfo] = {r.id: r for r in reports}
        self._languages = languages
        self._ids: dict[str, dict[str | int, set[str]]] = {field: {} for field in FILTER_FIELDS}
        for report in self.reports.values():
            for field, by_key in self._ids.items():
                for key in self._keys_in(report, field):
                    by_key.setdefault(key, set()).add(report.id)
        self._spellings = {field: self._count_spellings(field) for field in FILTER_FIELDS}
        # Made when first needed: most questions have no filter, and words are looked up slowly.
        self._vocabularies: dict[str, Vocabulary] = {}
        self._reports_of: dict[str, list[tuple[str, set[str]]]] = {}
        self._known_words = {} if known_words is None else known_words

    def ids(self, filters: Filters) -> frozenset[str]:
        """The ids of the reports that pass the filters."""
        found: set[str] | None = None
        for field, by_key in self._ids.items():
            for values in alternatives(field, getattr(filters, field)):
                keys = {key for value in values for key in self._keys_of(field, value)}
                any_of = set().union(*(by_key.get(key, set()) for key in keys))
                found = any_of if found is None else found & any_of
        return frozenset(self.reports if found is None else found)

    def select(self, filters: Filters) -> tuple[ReportInfo, ...]:
        """The reports that pass the filters, by lab, year and title."""
        found = (self.reports[i] for i in self.ids(filters))
        return tuple(sorted(found, key=lambda r: (r.lab, r.year or 0, r.title, r.id)))

    def counts(self, field: str, filters: Filters = Filters()) -> list[tuple[str, int]]:
        """Each value of a filter field with its number of reports, by value."""
        inside = self.ids(filters)
        found = [(name, len(inside & having)) for name, having in self._having(field)]
        return sorted((pair for pair in found if pair[1]), key=lambda pair: pair[0].casefold())

    def variants(self, field: str) -> list[TagValue]:
        """Each value of a filter field with its spellings, for a person to look over.

        Those that were merged from several spellings come first, then by name.
        """
        found = [
            TagValue(name, len(self._any_of(field, spellings)), tuple(spellings))
            for name, spellings in self._values(field)
        ]
        used = (value for value in found if value.reports)
        return sorted(used, key=lambda v: (len(v.variants) == 1, v.name.casefold(), v.name))

    def name(self, field: str, value: str | int) -> str:
        """The canonical spelling of a value (or key) of a filter field: what most reports use."""
        if field in FREE_FIELDS:
            group = self._vocabulary(field).find(str(value))
            return group.name if group else str(value)
        by_key = self._spellings[field]
        counter = by_key.get(value) or by_key.get(filter_key(field, value))
        return _most_used(counter)[0][0] if counter else str(value)

    def keys(self, field: str) -> frozenset[str | int]:
        """All keys of a filter field, those of every spelling."""
        return frozenset(self._spellings[field])

    def expanded(self, filters: Filters) -> Filters:
        """Filters with every spelling of each value, for a store that knows spellings only."""
        written: dict[str, Any] = {name: self._all_written(name, filters) for name in FREE_FIELDS}
        return replace(filters, **written)

    def _all_written(self, field: str, filters: Filters) -> tuple[str, ...]:
        values = getattr(filters, field)
        return tuple(dict.fromkeys(s for value in values for s in self._written(field, value)))

    def _written(self, field: str, value: str) -> Iterable[str]:
        """One spelling for each key of a value's spellings; itself if the collection has none."""
        group = self._vocabulary(field).find(value)
        spellings = [spelling for spelling, _ in group.variants] if group else [value]
        return tuple({filter_key(field, s): s for s in reversed(spellings)}.values())[::-1]

    def _keys_of(self, field: str, value: str | int) -> Iterable[str | int]:
        if field in FREE_FIELDS:
            return [filter_key(field, spelling) for spelling in self._written(field, str(value))]
        return [filter_key(field, value)]

    def _values(self, field: str) -> Iterable[tuple[str, Iterable[tuple[str, int]]]]:
        """Each value's canonical spelling with all its spellings and their numbers of reports."""
        if field in FREE_FIELDS:
            return [(group.name, group.variants) for group in self._vocabulary(field).groups]
        found = map(_most_used, self._spellings[field].values())
        return [(spellings[0][0], spellings) for spellings in found]

    def _having(self, field: str) -> list[tuple[str, set[str]]]:
        """Each value of a filter field with the ids of the reports that have it."""
        if field not in self._reports_of:
            self._reports_of[field] = [
                (name, self._any_of(field, spellings)) for name, spellings in self._values(field)
            ]
        return self._reports_of[field]

    def _any_of(self, field: str, spellings: Iterable[tuple[str, int]]) -> set[str]:
        keys = {filter_key(field, spelling) for spelling, _ in spellings}
        return set().union(*(self._ids[field].get(key, set()) for key in keys))

    def _vocabulary(self, field: str) -> Vocabulary:
        if field not in self._vocabularies:
            counts: Counter[str] = Counter()
            for counter in self._spellings[field].values():
                counts.update(counter)
            self._vocabularies[field] = Vocabulary(counts, self._is_known)
        return self._vocabularies[field]

    def prepare(self) -> None:
        """Look all words up now, so that no question need wait for the dictionaries."""
        for field in FREE_FIELDS:
            self._vocabulary(field)

    def _is_known(self, word: str) -> bool:
        if word not in self._known_words:
            self._known_words[word] = in_dictionary(word)
        return self._known_words[word]

    def _values_in(self, report: ReportInfo, field: str) -> Iterable[str | int]:
        if field == "language" and self._languages is not None:
            return self._languages.get(report.id, ())
        value = getattr(report, FILTER_FIELDS[field])
        return value if isinstance(value, tuple) else (value,) if value else ()

    def _keys_in(self, report: ReportInfo, field: str) -> Iterable[str | int]:
        if field == "language":
            return {filter_key(field, value) for value in self._values_in(report, field)}
        return report_keys(report, field)

    def _count_spellings(self, field: str) -> dict[str | int, Counter[str]]:
        """Key -> its spellings with the number of reports that use each."""
        spellings: dict[str | int, Counter[str]] = {}
        for report in self.reports.values():
            for one in dict.fromkeys(self._values_in(report, field)):
                key = filter_key(field, one)
                spellings.setdefault(key, Counter())[str(one)] += 1
        return spellings


def alternatives(field: str, values: Iterable[str | int]) -> list[tuple[str | int, ...]]:
    """Values of a filter field in groups of which any one may match; all groups must."""
    groups: dict[str, tuple[str | int, ...]] = {}
    for value in values:
        # Each key of a fact is a field of its own.
        name = str(value).partition(": ")[0] if field == "fact" else ""
        groups[name] = (*groups.get(name, ()), value)
    return list(groups.values())


def _most_used(spellings: Counter[str]) -> list[tuple[str, int]]:
    return sorted(spellings.items(), key=lambda pair: (-pair[1], pair[0]))
