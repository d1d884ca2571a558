"""Drafts questions for lists, whose gold reports follow exactly from the reports' tags."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from eval.cases import Case, TagValue
from eval.make_words import (
    BARE_LISTS,
    CLAUSES,
    LISTS,
    NOUNS,
    OF_LAB,
    OF_YEAR,
    TYPES,
    in_running_text,
    lab_name,
)
from rag.catalog.catalog import Catalog
from rag.catalog.fields import TAGS, ReportInfo

# A list of one is a question for one report; one of hundreds nobody reads over. Of 8,587 selections
# over 2,189 reports 3,322 have one report, 150 have 41 to 80 and 57 more: 5,058 are left. With 4 as
# the fewest it would be 2,666, with 20 as the most 4,790, with 80 5,208.
FEWEST, MOST = 2, 40
# Shorter values ("it") are words of any sentence.
SHORTEST = 4
_NAMED = 12
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
_OF_REPORT = {"country": "countries"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Tags with one value each, by tag, and the reports that carry all of them."""

    values: tuple[tuple[str, str], ...]
    reports: tuple[str, ...]

    @property
    def tags(self) -> dict[str, str]:
        """The value of each tag."""
        return dict(self.values)


def selections(source: Catalog) -> list[Selection]:
    """All combinations of tags of one of the shapes that a fit number of reports carries."""
    names = {tag: _canonical(source, tag) for tag in FIELDS}
    carried = [
        (i, {tag: _values(info, tag, names[tag]) for tag in FIELDS})
        for i, info in sorted(source.reports.items())
    ]
    found: list[Selection] = []
    for shape in SHAPES:
        having: dict[tuple[str, ...], list[str]] = {}
        for i, values in carried:
            for combined in product(*(sorted(values[tag]) for tag in shape)):
                having.setdefault(combined, []).append(i)
        found += [
            Selection(tuple(zip(shape, combined, strict=True)), tuple(reports))
            for combined, reports in sorted(having.items())
            if FEWEST <= len(reports) <= MOST
        ]
    return found


def list_case(selection: Selection, language: str, source: Catalog, rng: random.Random) -> Case:
    """A draft that asks for the reports of a selection."""
    infos = [source.reports[i] for i in selection.reports]
    labs = len({info.iso or info.countries for info in infos})
    spelled = {tag: _spellings(source, tag, value) for tag, value in selection.values}
    merged = [f"{tag}: {' / '.join(map(str, s))}" for tag, s in spelled.items() if len(s) > 1]
    titles = "; ".join(f"{info.title} ({info.lab})" for info in infos[:_NAMED])
    more = f"; and {len(infos) - _NAMED} more" if len(infos) > _NAMED else ""
    return Case(
        id="draft",
        type="listing",
        lang=language,
        question=rng.choice(worded(language, selection.tags)),
        answer=f"{len(infos)} reports from {labs} lab{'s' * (labs > 1)}: {titles}{more}.",
        facts=(str(len(infos)),),
        reports=selection.reports,
        scope=selection.tags.get("type", "all"),
        gold_filter={tag: _plain(s) for tag, s in spelled.items()},
        note="; ".join(["gold by tags, complete", *(f"taken as one value: {m}" for m in merged)]),
        draft=True,
    )


def worded(language: str, tags: Mapping[str, str]) -> list[str]:
    """The wordings of a question for the reports that carry these tags."""
    noun = NOUNS[language][TYPES.index(tags["type"])] if "type" in tags else NOUNS[language][0]
    year = OF_YEAR[language].format(tags["year"]) if "year" in tags else ""
    lab = ""
    if "country" in tags:
        lab = OF_LAB[language].format(lab_name(language, tags["country"]))
    told = [CLAUSES[language][tag] for tag in tags if tag in CLAUSES[language]]
    if not told:
        return [w.format(noun=noun, year=year, lab=lab) for w in BARE_LISTS[language]]
    tag = next(tag for tag in tags if tag in CLAUSES[language])
    value = tags[tag].partition(".")[0] if tag == "sdgs" else tags[tag]
    clause = told[0].format(value=in_running_text(value) if language == "en" else value)
    return [w.format(noun=noun, year=year, lab=lab, clause=clause) for w in LISTS[language]]


def reworded(case: Case, language: str) -> str:
    """The question of a list in another language; "" unless it is worded as drafts are."""
    known: dict[str, str] = {}
    for tag, value in case.gold_filter.items():
        known[tag] = str(value[0] if isinstance(value, tuple) else value)
    usable = set(known) <= set(FIELDS) and known.get("type", "") in TYPES
    if not known or not usable or case.lang not in LISTS:
        return ""
    ours = worded(case.lang, known)
    return worded(language, known)[ours.index(case.question)] if case.question in ours else ""


def _canonical(source: Catalog, tag: str) -> dict[str, str]:
    """Each spelling of a tag's values -> the one that stands for all that mean the same."""
    return {
        spelling: value.name
        for value in source.variants(FIELDS[tag])
        for spelling, _ in value.variants
    }


def _values(info: ReportInfo, tag: str, names: Mapping[str, str]) -> set[str]:
    return {
        names.get(given, given)
        for given in _given(info, tag)
        if _usable(tag, names.get(given, given))
    }


def _given(info: ReportInfo, tag: str) -> Iterator[str]:
    value: object = getattr(info, _OF_REPORT.get(tag, tag))
    several: Iterable[object] = value if isinstance(value, tuple) else (value,) if value else ()
    yield from map(str, several)


def _usable(tag: str, value: str) -> bool:
    if tag == "type":
        return value in TYPES
    if tag == "sdgs":
        return value.partition(".")[0].isdecimal()
    return len(value) >= SHORTEST and "\n" not in value and len(value) <= 60


def _spellings(source: Catalog, tag: str, name: str) -> tuple[str | int, ...]:
    for value in source.variants(FIELDS[tag]):
        if value.name == name:
            spelled = [spelling for spelling, _ in value.variants]
            ordered = [name, *(s for s in spelled if s != name)]
            return tuple(int(s) if tag == "year" else s for s in ordered)
    return (name,)


def _plain(spellings: tuple[str | int, ...]) -> TagValue:
    return spellings[0] if len(spellings) == 1 else spellings
