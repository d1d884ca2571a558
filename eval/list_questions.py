"""Questions for complete lists, whose gold reports follow exactly from the reports' tags."""

from __future__ import annotations

import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from babel import Locale

from eval.cases import Case
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import TAGS, ReportInfo
from rag.places.countries import resolve_country

# How many reports a list may have: one is a question for one report, hundreds nobody reads over.
FEWEST, MOST = 2, 40
# Characters of a tag's value. Shorter ones ("it") are words of any sentence.
VALUE_LENGTH = range(4, 61)
TITLES_SHOWN = 12
# The types of report, in the order of the nouns; the first stands for all types.
TYPES = ("", "learningplan", "experiment", "solution")
# The tags that a question goes by; each shape is as likely as another.
SHAPES: tuple[tuple[str, ...], ...] = (
    ("methods", "year"),
    ("methods", "type"),
    ("methods", "country"),
    ("datasources", "type"),
    ("datasources", "year"),
    ("sdgs", "type", "year"),
    ("sdgs", "country"),
    ("thematic_areas",),
    ("thematic_areas", "year"),
    ("country", "year"),
    ("country", "type"),
)
# A tag -> the filter field under which the catalog knows its values.
FIELDS = {
    "country": "country",
    "year": "year",
    "type": "type",
    **{tag.key: name for name, tag in TAGS.items()},
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Tags with one value each, and the reports that carry all of them."""

    tags: Mapping[str, str]
    reports: tuple[str, ...]


@cache
def wordings() -> Mapping[str, Mapping[str, Any]]:
    """The parts of questions by language, from `list_questions.toml`."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def country_name(language: str, country: str) -> str:
    """A country's name in a language; as given where it is no country or the language English."""
    codes = resolve_country(country)
    if language == "en" or not codes:
        return country
    return str(Locale(language).territories.get(codes[0], country))


def selections(catalog: Catalog) -> list[Selection]:
    """All combinations of tags of one of the shapes that a fit number of reports carries."""
    carried = [
        (report, {tag: _values(info, tag, catalog) for tag in FIELDS})
        for report, info in sorted(catalog.reports.items())
    ]
    found: list[Selection] = []
    for shape in SHAPES:
        having: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for report, values in carried:
            for combined in product(*(values[tag] for tag in shape)):
                having[combined].append(report)
        found += [
            Selection(dict(zip(shape, combined, strict=True)), tuple(reports))
            for combined, reports in sorted(having.items())
            if FEWEST <= len(reports) <= MOST
        ]
    return found


def list_case(selection: Selection, language: str, catalog: Catalog, rng: random.Random) -> Case:
    """A draft that asks for the reports of a selection."""
    infos = [catalog.reports[report] for report in selection.reports]
    labs = len({info.iso or info.countries for info in infos})
    spellings = {tag: _spellings(catalog, tag, value) for tag, value in selection.tags.items()}
    merged = [f"{tag}: {' / '.join(map(str, s))}" for tag, s in spellings.items() if len(s) > 1]
    titles = "; ".join(f"{info.title} ({info.lab})" for info in infos[:TITLES_SHOWN])
    more = f"; and {len(infos) - TITLES_SHOWN} more" if len(infos) > TITLES_SHOWN else ""
    return Case(
        id="draft",
        type="listing",
        lang=language,
        question=rng.choice(list_questions(language, selection.tags)),
        answer=f"{len(infos)} reports from {labs} lab{'s' * (labs > 1)}: {titles}{more}.",
        facts=(str(len(infos)),),
        reports=selection.reports,
        scope=selection.tags.get("type", "all"),
        gold_filter={tag: s[0] if len(s) == 1 else s for tag, s in spellings.items()},
        note="; ".join(["gold by tags, complete", *(f"taken as one value: {m}" for m in merged)]),
        draft=True,
    )


def list_questions(language: str, tags: Mapping[str, str]) -> list[str]:
    """The wordings of a question for the reports that carry these tags."""
    words = wordings()[language]
    parts = {
        "noun": words["nouns"][TYPES.index(tags.get("type", ""))],
        "year": words["year"].format(tags["year"]) if "year" in tags else "",
        "lab": "",
    }
    if "country" in tags:
        parts["lab"] = words["lab"].format(country_name(language, tags["country"]))
    tag = next((tag for tag in tags if tag in words["clauses"]), None)
    if tag is None:
        return [wording.format(**parts) for wording in words["plain"]]
    value = tags[tag].partition(".")[0] if tag == "sdgs" else tags[tag]
    clause = words["clauses"][tag].format(value=_lowered(value) if language == "en" else value)
    return [wording.format(**parts, clause=clause) for wording in words["tagged"]]


def reworded(case: Case, language: str) -> str:
    """The question of a list in another language; "" unless it is worded as drafts are."""
    tags = {
        tag: str(value[0] if isinstance(value, tuple) else value)
        for tag, value in case.gold_filter.items()
    }
    usable = tags and set(tags) <= set(FIELDS) and tags.get("type", "") in TYPES
    if not usable or case.lang not in wordings():
        return ""
    ours = list_questions(case.lang, tags)
    if case.question not in ours:
        return ""
    return list_questions(language, tags)[ours.index(case.question)]


def _lowered(value: str) -> str:
    """A tag's value as it is written inside an English sentence: "Design Thinking" in lower case.

    Values with capitals inside a word, as abbreviations have, stay as they are.
    """
    capitals = any(ch.isupper() for word in re.findall(r"\w+", value) for ch in word[1:])
    return value if capitals else value.lower()


def _values(info: ReportInfo, tag: str, catalog: Catalog) -> list[str]:
    """The usable values of a report's tag, each by the spelling that stands for its like."""
    value: Any = getattr(info, "countries" if tag == "country" else tag)
    several = value if isinstance(value, tuple) else (value,) if value else ()
    names = {catalog.name(FIELDS[tag], value) for value in several}
    return sorted(name for name in names if _is_usable(tag, name))


def _is_usable(tag: str, value: str) -> bool:
    if tag == "type":
        return value in TYPES
    if tag == "sdgs":
        return value.partition(".")[0].isdecimal()
    return len(value) in VALUE_LENGTH and "\n" not in value


def _spellings(catalog: Catalog, tag: str, name: str) -> tuple[str | int, ...]:
    values = (value for value in catalog.variants(FIELDS[tag]) if value.name == name)
    others = [spelling for value in values for spelling, _ in value.variants if spelling != name]
    return tuple(int(s) if tag == "year" else s for s in (name, *others))
