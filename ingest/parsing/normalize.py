"""Tags as written by labs -> tags as stored: countries, years, numbered goals, folded spellings."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from rag.catalog.fields import TAGS, ReportInfo
from rag.catalog.normalize import canonical_sdgs, fold_tag
from rag.places.countries import resolve_countries

# Personal data: never stored, embedded, shown or logged. (`scan.hide_private` blanks the text.)
_PRIVATE = re.compile(r"focal[_-]*point|(?:^|[_-])(?:e-?mail|contact|(?:tele)?phone)")
_ADDRESS = re.compile(r"\S@\S+\.\w")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_STRAY = " ,;|/\\"
# Facts for the map ("latlng": degrees, "lat,lng") and for counting, not for reading: no passage,
# prompt or export says them.
NOT_SHOWN = frozenset({"latlng"})


def tags_to_fields(tags: Iterable[tuple[str, str]]) -> ReportInfo:
    """What a file's tags say of a report, which has neither id nor title yet.

    Repeated values count once, unknown places are no country, and `facts` holds all other tags.
    The year is the first one that a tag names, from 1900 to 2099: which of them are too late
    would change with the day of reading.
    """
    values: dict[str, list[str]] = {}
    for name, value in tags:
        text = " ".join(html.unescape(html.unescape(value)).split())
        if text and not _PRIVATE.search(name) and not _ADDRESS.search(text):
            values.setdefault(name, []).append(text)
    places = dict.fromkeys(p for v in values.pop("country", []) for p in resolve_countries(v))
    by_code = dict(reversed(places))
    codes = tuple(dict.fromkeys(code for code, _ in places))
    years = [int(m.group()) for v in values.pop("year", []) if (m := _YEAR.search(_ascii(v)))]
    tagged: dict[str, Any] = {
        tag.key: _values(tag.key, values.pop(tag.key, [])) for tag in TAGS.values()
    }
    return ReportInfo(
        id="",
        title="",
        countries=tuple(by_code[code] for code in codes),
        iso=codes,
        year=years[0] if years else None,
        type=next(iter(values.pop("type", [])), "").lower(),
        **tagged,
        facts={name: tuple(dict.fromkeys(found)) for name, found in values.items()},
    )


def _values(key: str, written: Iterable[str]) -> tuple[str, ...]:
    if key == "sdgs":
        written = (goal for value in written for goal in canonical_sdgs(value))
    return _unique(written)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """The values in order, each once by its folded form, without stray signs around it."""
    by_key = {fold_tag(value): value.strip(_STRAY) for value in reversed(list(values))}
    return tuple(value for key, value in reversed(by_key.items()) if key)


def _ascii(text: str) -> str:
    """Text with the digits of any script as 0 to 9."""
    return "".join(str(unicodedata.digit(ch)) if ch.isdigit() else ch for ch in text)
