"""Counts the rows of a survey: gap maps, trends, and what they say to a claim."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import report_values
from rag.survey.types import (
    RUNGS,
    STANCES,
    Consensus,
    GapCell,
    GapMap,
    Outcome,
    Stance,
    Survey,
    SurveyRow,
    TrendPoint,
)
from rag.text.tokenize import share, terms

LEAST_SHARED = 0.5  # share of a claim's words that a report has whose hypothesis counts
_OF_OUTCOME: Mapping[Outcome, Stance] = {
    "proven": "supports",
    "partly": "partly",
    "disproven": "against",
}
_DENIES = re.compile(
    r"\b(?:not|no|never|hard|difficult|fail\w*|lack\w*|barriers?|too|ne|pas|difficile\w*|"
    r"difícil\w*|não|nunca|jamais|falta\w*)\b|n't\b|\b(?:لا|ليس|لم|صعب)\b",
    re.IGNORECASE,
)
LEAST_OF_YEAR = 10  # reports of a year from which a share is told
MOST_VALUES = 12  # themes and other tags of a map, those with most reports that speak of the topic


def gap_map(
    survey: Survey, catalog: Catalog, by: tuple[str, str] = ("country", "year"), column: str = ""
) -> GapMap:
    """The reports of a survey by two filter fields; those that left its `column` blank apart."""
    groups: defaultdict[tuple[str, str], list[SurveyRow]] = defaultdict(list)
    found: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for row in survey.rows:
        values = [_values(row, field, catalog) for field in by]
        for n in range(2):
            found[n].update(dict.fromkeys(values[n], int(row.verdict != "silent")))
        for first in values[0]:
            for second in values[1]:
                groups[first, second].append(row)
    axes = [_axis(field, counts) for field, counts in zip(by, found, strict=True)]
    cells = {
        place: _cell(rows, column)
        for place, rows in groups.items()
        if place[0] in axes[0] and place[1] in axes[1]
    }
    return GapMap(by, tuple(axes[0]), tuple(axes[1]), cells)


def _values(row: SurveyRow, field: str, catalog: Catalog) -> list[str]:
    if field == "country":
        return list(row.report.countries)
    values = report_values(row.report, field)
    return list(dict.fromkeys(catalog.name(field, value) for value in values))


def _axis(field: str, found: Counter[str]) -> Sequence[str]:
    if field in ("country", "year", "kind"):
        return sorted(found)
    return [value for value, _ in found.most_common(MOST_VALUES)]


def _cell(rows: Sequence[SurveyRow], column: str) -> GapCell:
    counts: Counter[str] = Counter()
    for row in rows:
        cell = row.cells.get(column)
        counts["blank" if cell and cell.state == "blank" else row.verdict] += 1
    rungs = [row.evidence.rung for row in rows if row.verdict != "silent" and row.evidence.rung]
    best = max(rungs, key=RUNGS.index, default=None)
    return GapCell(tuple(row.report.id for row in rows), dict(counts), best)


def consensus(survey: Survey, claim: str, *, weighted: bool = False) -> Consensus:
    """What the reports that speak of the topic say to a claim.

    Where no model said what a report says to it, only one counts whose form calls its hypothesis
    proven or not, and whose title and words have most words of the claim; the others are unclear.
    So are all where the claim is that something is not so, or is hard: a hypothesis is seldom that.
    """
    rows: dict[Stance, list[SurveyRow]] = {stance: [] for stance in STANCES}
    asked = set(terms(claim, survey.language))
    plain = bool(asked) and not _DENIES.search(claim)
    for row in survey.found:
        told = row.stance if survey.claim == claim else None
        stance = told or (_plain_stance(row, asked) if plain else "unclear")
        rows[stance].append(row)
    return Consensus(claim, {stance: tuple(r) for stance, r in rows.items()}, weighted)


def _plain_stance(row: SurveyRow, asked: Collection[str]) -> Stance:
    said = f"{row.report.title} {row.quote} {row.evidence.quote}"
    if share(asked, terms(said, row.report.language)) < LEAST_SHARED:
        return "unclear"
    return _OF_OUTCOME.get(row.evidence.outcome or "unclear", "unclear")


def trend(survey: Survey) -> tuple[TrendPoint, ...]:
    """The share of each year's reports that speak of the topic, in order of years."""
    years = Counter(row.report.year for row in survey.rows if row.report.year)
    found = Counter(row.report.year for row in survey.found if row.report.year)
    return tuple(
        TrendPoint(year, n, found[year], found[year] / n if n >= LEAST_OF_YEAR else None)
        for year, n in sorted(years.items())
    )
