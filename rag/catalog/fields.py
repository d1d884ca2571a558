"""The tags of reports: what a report carries, what a search is narrowed by, how both are called.

A new tag is three lines here: a field of `ReportInfo`, one of `Filters`, a row of `TAGS`. Parsing,
the store, the merging of spellings, the page's filters, links, `--options` and exports go by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rag.i18n.translations import marked


@dataclass(frozen=True, slots=True)
class ReportInfo:
    """What is known of one report without reading its answers.

    `countries` are display names, `iso` the ISO 3166 alpha-2 codes of those that have one;
    `facts` holds every other tag by its key. `kind` tells plans from closings.
    """

    id: str
    title: str
    countries: tuple[str, ...] = ()
    iso: tuple[str, ...] = ()
    year: int | None = None
    type: str = ""
    kind: str = ""
    language: str = "en"
    methods: tuple[str, ...] = ()
    datasources: tuple[str, ...] = ()
    sdgs: tuple[str, ...] = ()
    thematic_areas: tuple[str, ...] = ()
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def lab(self) -> str:
        """The lab's display name: its countries, joined."""
        return ", ".join(self.countries) or "Unknown lab"

    @property
    def fact_values(self) -> tuple[str, ...]:
        """The facts as "key: value"."""
        return tuple(f"{key}: {value}" for key, values in self.facts.items() for value in values)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to; within a field any value may match, across fields all must.

    A `fact` is a value of any other tag ("sample_size: More than 1,000"); each key is a field.
    """

    country: tuple[str, ...] = ()
    year: tuple[int, ...] = ()
    type: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    datasource: tuple[str, ...] = ()
    sdg: tuple[str, ...] = ()
    theme: tuple[str, ...] = ()
    language: tuple[str, ...] = ()  # codes; of passages, not of whole reports
    fact: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, list[str | int]]:
        """The fields that are set, as plain lists."""
        values = {name: list(getattr(self, name)) for name in FILTER_FIELDS}
        return {name: value for name, value in values.items() if value}

    def merged(self, other: Filters) -> Filters:
        """These filters, with each field that they leave open taken from `other`."""
        gaps = {n: getattr(other, n) for n in FILTER_FIELDS if not getattr(self, n)}
        return replace(self, **gaps)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in FILTER_FIELDS)


@dataclass(frozen=True, slots=True)
class TagField:
    """A tag that labs give a report any number of.

    `key` is its name in a file and its field of ReportInfo; `one` and `many` what readers see.
    Of one that is `free` people write the values as they like: spellings that mean the same are
    found and count as one value (`rag.catalog.normalize`).
    """

    key: str
    one: str
    many: str
    free: bool = True


# By the filter field.
TAGS: Mapping[str, TagField] = {
    "method": TagField("methods", marked("Method"), marked("Methods")),
    "datasource": TagField("datasources", marked("Data source"), marked("Data sources")),
    "sdg": TagField("sdgs", marked("SDG"), marked("SDGs"), free=False),
    "theme": TagField("thematic_areas", marked("Theme"), marked("Themes")),
}
FREE_FIELDS = tuple(name for name, tag in TAGS.items() if tag.free)
# Filter field -> the field of ReportInfo (and the metadata key in the store) that it tests.
FILTER_FIELDS: Mapping[str, str] = {
    "country": "countries",
    "year": "year",
    "type": "type",
    "kind": "kind",
    **{name: tag.key for name, tag in TAGS.items()},
    "language": "language",
    "fact": "fact_values",
}
