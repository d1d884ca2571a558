"""Tags as written by labs -> tags as stored: countries, years, numbered goals, folded spellings."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rag.countries import resolve_country
from rag.tags import canonical_sdg, fold_tag

# Personal data: never stored, embedded, shown or logged. (`scan.hide_private` blanks the text.)
_PRIVATE = re.compile(r"focal[_-]*point|e-?mail|contact|phone")
_ADDRESS = re.compile(r"\S@\S+\.\w")
_SINGLE = {"latlng"}


@dataclass(slots=True)
class TagFields:
    """The tags of one report by their meaning; `facts` holds the rest."""

    countries: tuple[str, ...] = ()
    iso: tuple[str, ...] = ()
    year: int | None = None
    type: str = ""
    methods: tuple[str, ...] = ()
    datasources: tuple[str, ...] = ()
    sdgs: tuple[str, ...] = ()
    thematic_areas: tuple[str, ...] = ()
    facts: dict[str, tuple[str, ...]] = field(default_factory=dict)


def tags_to_fields(tags: Iterable[tuple[str, str]]) -> TagFields:
    """The fields of a file's tags; repeated values count once, unknown places are no country."""
    values: dict[str, list[str]] = {}
    for name, value in tags:
        text = " ".join(html.unescape(html.unescape(value)).split())
        if text and not _PRIVATE.match(name) and not _ADDRESS.search(text):
            values.setdefault(name, []).append(text)
    places = dict.fromkeys(p for v in values.pop("country", []) if (p := resolve_country(v)))
    by_code = dict(reversed(places))
    codes = tuple(dict.fromkeys(code for code, _ in places))
    years = [int(m.group()) for v in values.pop("year", []) if (m := re.search(r"\b20\d\d\b", v))]
    fields = TagFields(
        countries=tuple(by_code[code] for code in codes),
        iso=codes,
        year=years[0] if years else None,
        type=next(iter(values.pop("type", [])), "").lower(),
        methods=_unique(values.pop("methods", [])),
        datasources=_unique(values.pop("datasources", [])),
        sdgs=_unique(map(canonical_sdg, values.pop("sdgs", []))),
        thematic_areas=_unique(values.pop("thematic_areas", [])),
    )
    fields.facts = {n: _unique(v) for n, v in values.items() if n not in _SINGLE}
    return fields


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """The values in order, each once by its folded form."""
    return tuple({fold_tag(v): v for v in reversed(list(values))}.values())[::-1]
