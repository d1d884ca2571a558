"""Tag values by their meaning: spellings folded, goals numbered, countries by code."""

from __future__ import annotations

import re

from rag.countries import resolve_country
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


_SDG_NUMBERS = {fold_tag(title): number for number, title in enumerate(SDG_TITLES, start=1)}


def canonical_sdg(value: str) -> str:
    """A goal as "14. Life below water", from its number or its name; else as given."""
    match = re.match(r"\s*(?:SDG|ODS|ODD)?\s*(\d{1,2})\b", value, re.IGNORECASE)
    number = int(match.group(1)) if match else _SDG_NUMBERS.get(fold_tag(value), 0)
    return f"{number}. {SDG_TITLES[number - 1]}" if 1 <= number <= len(SDG_TITLES) else value


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
    return text.lower() if field in ("type", "kind") else fold_tag(text)


def report_keys(info: ReportInfo, field: str) -> frozenset[str | int]:
    """The keys of a report in a filter field."""
    if field == "country":
        return frozenset(info.iso)
    value = getattr(info, FILTER_FIELDS[field])
    values = value if isinstance(value, tuple) else (value,) if value else ()
    return frozenset(filter_key(field, v) for v in values)
