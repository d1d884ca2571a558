"""Tag values by their meaning: spellings folded, goals numbered, countries by code."""

from __future__ import annotations

import re

from rag.countries import resolve_country
from rag.spelling import same_word
from rag.types import FILTER_FIELDS, ReportInfo
from rag.words import strip_accents

SDG_TITLES = (
    "No poverty",
    "Zero hunger",
    "Good health and well-being",
    "Quality education",
    "Gender equality",
    "Clean water and sanitation",
    "Affordable and clean energy",
    "Decent work and economic growth",
    "Industry, innovation and infrastructure",
    "Reduced inequalities",
    "Sustainable cities and communities",
    "Responsible consumption and production",
    "Climate action",
    "Life below water",
    "Life on land",
    "Peace, justice and strong institutions",
    "Partnerships for the goals",
)


def fold_tag(value: str) -> str:
    """What makes two spellings of a tag the same: letters and digits, without case and hyphens."""
    return " ".join(re.findall(r"\w+", strip_accents(value).replace("_", " ")))


_GOAL = r"(?:sdgs?|ods|odd|goals?|targets?|objetivos?|objectifs?|metas?|الهدف)"
_NUMBERED = re.compile(rf"(?:^\W*|\b{_GOAL}\W*(?:n[o°º]?\b\W*)?)(\d{{1,2}})(?!\w)", re.IGNORECASE)
_LISTED = re.compile(rf"(?:{_GOAL}\W*)?\d{{1,2}}", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*(?:[,;/|&+]|\band\b)\s*", re.IGNORECASE)


def canonical_sdg(value: str) -> str:
    """A goal as "14. Life below water", from its number or its name; else as given.

    A name may hold slips ("Reduced innequalities").
    """
    match = _NUMBERED.search(value)
    number = int(match.group(1)) if match else _sdg_by_name(value)
    return f"{number}. {SDG_TITLES[number - 1]}" if 1 <= number <= len(SDG_TITLES) else value


def canonical_sdgs(value: str) -> tuple[str, ...]:
    """The goals of one tag, which may list several by number ("SDG 5, SDG 10")."""
    parts = _SEVERAL.split(value.strip())
    several = len(parts) > 1 and all(_LISTED.fullmatch(part) for part in parts)
    return tuple(map(canonical_sdg, parts if several else (value,)))


def _sdg_by_name(value: str) -> int:
    """The number of the goal that has this name word for word; 0 for none."""
    words = fold_tag(value.replace("&", " and ")).split()
    for number, title in enumerate(SDG_TITLES, start=1):
        meant = fold_tag(title).split()
        if len(words) == len(meant) and all(map(same_word, words, meant)):
            return number
    return 0


def filter_key(field: str, value: str | int) -> str | int:
    """What a value of a filter field is compared by: a code, a number or a folded spelling."""
    if field == "year":
        return int(value)
    text = str(value)
    if field == "country":
        found = resolve_country(text)
        return found[0] if found else text.upper() if len(text) == 2 else fold_tag(text)
    if field == "sdg":
        return fold_tag(canonical_sdg(text))
    return text.lower() if field in ("type", "kind", "language") else fold_tag(text)


def report_keys(info: ReportInfo, field: str) -> frozenset[str | int]:
    """The keys of a report in a filter field."""
    if field == "country":
        return frozenset(info.iso)
    value = getattr(info, FILTER_FIELDS[field])
    values = value if isinstance(value, tuple) else (value,) if value else ()
    return frozenset(filter_key(field, v) for v in values)
