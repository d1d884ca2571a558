"""The tags of reports, and the filters over them: the one place to add a tag (CONTRIBUTING.md)."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from rag.i18n.translations import marked

Kind = Literal["plan", "closing", "experiment", "solution"]


@dataclass(frozen=True, slots=True)
class ReportInfo:
    """What the tags of one report say.

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
    def author(self) -> str:
        """Who wrote it: the "lab", or the "innovator" whose solution the lab collected."""
        return "innovator" if self.kind == "solution" else "lab"

    @property
    def fact_values(self) -> tuple[str, ...]:
        """The facts as "key: value"."""
        return tuple(f"{key}: {value}" for key, values in self.facts.items() for value in values)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is limited to: within a field any value may match, across fields all must.

    A `fact` is a value of any other tag ("sample_size: More than 1,000"); each key is a field.
    """

    # Where pydantic reads filters, one of an unknown name is an error.
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

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
    author: tuple[str, ...] = ()  # "lab" or "innovator"
    topic: tuple[str, ...] = ()  # names of clusters of reports

    def __post_init__(self) -> None:
        for name in self.__slots__:
            given = getattr(self, name)
            if isinstance(given, str | int):
                raise TypeError(f"A filter is a tuple of values: Filters({name}=({given!r},))")
            object.__setattr__(self, name, tuple(given or ()))

    @classmethod
    def of(cls, values: Mapping[str, Iterable[Any] | None]) -> "Filters":
        """The filters of lists of values by field."""
        return cls(**values)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, list[str | int]]:
        """The fields that are set, as plain lists."""
        values = {name: list(getattr(self, name)) for name in FILTER_FIELDS}
        return {name: value for name, value in values.items() if value}

    def merged(self, other: "Filters") -> "Filters":
        """These filters, with each field that they leave empty taken from `other`."""
        gaps = {n: getattr(other, n) for n in FILTER_FIELDS if not getattr(self, n)}
        return replace(self, **gaps)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in FILTER_FIELDS)


@dataclass(frozen=True, slots=True)
class CatalogQuery:
    """A question that tags answer.

    Counted are the reports that pass `filters`, have every value of the fields `every` (elsewhere
    any value is enough), none that is `excluded`, and no value at all of the fields `untagged`.
    With `group_by`, a filter field or the key of a fact, its values are counted: the `limit` most
    used first (0: all), or the `least`. With `split`, another such field, the values of that are
    counted for each of these, and limited. Kept are values with so few to so many reports (or
    values by which they are split) as `having` says (0: any number). With `lacking` they are the
    values of `group_by` none of whose reports is `excluded` ("labs that never ..."), with all their
    reports. Years are in their order, or by number where they are `ranked`.
    `form` is how the answer begins: with the list, the number, that and its share of all, or
    whether there is any.
    """

    filters: Filters = Filters()
    every: tuple[str, ...] = ()
    excluded: Filters = Filters()
    untagged: tuple[str, ...] = ()
    group_by: str = ""
    limit: int = 0
    least: bool = False
    form: Literal["list", "count", "share", "exists"] = "list"
    split: str = ""
    having: tuple[int, int] = (0, 0)
    lacking: bool = False
    ranked: bool = False

    @property
    def rows(self) -> int | None:
        """How many values are wanted, of each of which a limit may be told; None for all."""
        return None if self.split not in ("", "kind") else self.limit or None


@dataclass(frozen=True, slots=True)
class TagField:
    """A tag that labs give a report any number of.

    `key` is its name in a file and its field of `ReportInfo`; readers see `singular` and `plural`.
    People write the values of a `free` tag as they like; spellings that mean the same count as one
    value (`rag.catalog.normalize`).
    """

    key: str
    singular: str
    plural: str
    free: bool = True


TAGS: Mapping[str, TagField] = {
    "method": TagField("methods", marked("Method"), marked("Methods")),
    "datasource": TagField("datasources", marked("Data source"), marked("Data sources")),
    "sdg": TagField("sdgs", marked("SDG"), marked("SDGs"), free=False),
    "theme": TagField("thematic_areas", marked("Theme"), marked("Themes")),
}
FREE_FIELDS = tuple(name for name, tag in TAGS.items() if tag.free)
# Filter field -> the field of `ReportInfo`, and the metadata key in the store, that it tests. None
# has the topic, which the index finds (rag/index/topics.py).
FILTER_FIELDS: Mapping[str, str] = {
    "country": "countries",
    "year": "year",
    "type": "type",
    "kind": "kind",
    **{name: tag.key for name, tag in TAGS.items()},
    "language": "language",
    "fact": "fact_values",
    "author": "author",
    "topic": "",
}

# Filter field -> the type of what programs give, where that is no list of texts of the reports.
VALUES: Mapping[str, Any] = {
    "year": list[int],
    "kind": list[Kind],
    "language": list[Literal["en", "fr", "es", "pt", "ar"]],
    "author": list[Literal["lab", "innovator"]],
}


@cache
def listed_names() -> tuple[tuple[str, str, str, str], ...]:
    """Field, key, language and name, of every name in `names.toml`."""
    text = Path(__file__).with_name("names.toml").read_text("utf-8")
    tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    rows: list[tuple[str, str, str, str]] = []
    for name, entries in tables.items():
        if name == "fact":
            values = ((k, v, names) for k, of in entries.items() for v, names in of.items())
            entries = {f"{k}: {v}": names for k, v, names in values}
        for key, languages in entries.items():
            rows += [(name, key, code, n) for code, names in languages.items() for n in names]
    return tuple(rows)
