"""What is counted over a survey, as HTML: evidence, what is said to a claim, gaps and years."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from rag.catalog.catalog import Catalog
from rag.i18n.labels import (
    FIELD_LABELS,
    OUTCOME_LABELS,
    RUNG_LABELS,
    STANCE_LABELS,
    field_label,
    format_count,
    value_label,
)
from rag.i18n.translations import Translations, format_number, format_percent, marked
from rag.survey.gaps import consensus, gap_map, trend
from rag.survey.types import RUNGS, STANCES, GapCell, Survey
from ui.rendering import render
from ui.web.address import MAPS, Address
from ui.web.survey_table import UNSAID

FIELDS_SHOWN = 3  # fields that a rung is read from
# What a cell of the map says, by the most that its reports say.
STATES = {
    "none": marked("No report"),
    "blank": marked("Asked, left blank"),
    "silent": marked("Silent"),
    "mentions": marked("Mentioned"),
    "about": marked("About it"),
}


def render_ladder(survey: Survey, address: Address, t: Translations) -> Markup:
    """How strong the findings are, by what forms say, and what came of hypotheses."""
    found = survey.found
    unsaid = sum(row.evidence.rung is None for row in found)
    rungs = [
        (
            t.gettext(RUNG_LABELS[rung]),
            n,
            _rows(address, "rung", rung),
            _fields(Counter(r.evidence.field for r in found if r.evidence.rung == rung), t),
        )
        for rung, n in survey.ladder.items()
    ]
    if unsaid:
        rungs.append((t.gettext(UNSAID), unsaid, _rows(address, "rung", ""), ""))
    missing = Counter(name for row in found for name in row.evidence.missing)
    order = list(OUTCOME_LABELS)
    outcomes = [
        (t.gettext(OUTCOME_LABELS[name]), n, _rows(address, "outcome", name), "")
        for name, n in sorted(survey.outcomes.items(), key=lambda pair: order.index(pair[0]))
    ]
    return render(
        "survey_ladder.html",
        t,
        rungs=rungs,
        outcomes=outcomes,
        asked=sum(survey.outcomes.values()),
        found=len(found),
        missing=_fields(missing, t, None),
    )


def _rows(address: Address, *only: str, show: str = "found") -> str:
    return address.link(tab="", only=only, show=show, rows=1)


def _fields(counts: Counter[str], t: Translations, most: int | None = FIELDS_SHOWN) -> str:
    """The fields that were read, with how often, the most frequent first."""
    named = counts.most_common(most)
    return " · ".join(f"{_field(name, t)} {format_number(t, n)}" for name, n in named if name)


def _field(name: str, t: Translations) -> str:
    # A form question stands as it is asked; a tag has a name.
    return field_label(name, t) if name.replace("_", "").isalnum() else f"“{name}”"


def render_claim(survey: Survey, address: Address, t: Translations) -> Markup:
    """What the reports say to a claim; what is unclear stands first."""
    bars: list[tuple[str, int, float, str]] = []
    if address.claim:
        said = consensus(survey, address.claim, weighted=bool(address.weighed))
        for stance in reversed(STANCES):
            words, n = t.gettext(STANCE_LABELS[stance]), len(said.rows[stance])
            bars.append((words, n, said.shares[stance], _rows(address, "stance", stance)))
    is_judged = any(row.stance for row in survey.rows)
    return render("survey_claim.html", t, address=address, bars=bars, is_judged=is_judged)


def render_map(survey: Survey, catalog: Catalog, address: Address, t: Translations) -> Markup:
    """The survey's reports by two fields, and the share of each year that speaks of the topic."""
    by = MAPS[address.by]
    columns = [column.name for column in survey.columns]
    gaps = gap_map(survey, catalog, by, columns[0] if columns else "")
    rows = [
        (
            value_label(by[0], row, t),
            [_cell(gaps.at(row, column), address, row, column, t) for column in gaps.columns],
        )
        for row in gaps.rows
    ]
    return render(
        "survey_map.html",
        t,
        address=address,
        maps=[(name, _by_words(name, t)) for name in MAPS],
        heads=[value_label(by[1], column, t) for column in gaps.columns],
        corner=_by_words(address.by, t),
        rows=rows,
        states=[(name, t.gettext(words)) for name, words in STATES.items()],
        rungs=list(enumerate((t.gettext(RUNG_LABELS[rung]) for rung in RUNGS), 1)),
        years=list(_years(survey, t)),
        asked=columns[0] if columns else "",
    )


def _by_words(name: str, t: Translations) -> str:
    first, second = (t.gettext(FIELD_LABELS[field]) for field in MAPS[name])
    return f"{first} × {second}"


def _cell(cell: GapCell, address: Address, row: str, column: str, t: Translations) -> Any:
    """What a cell of the map shows: its state, shade, numbers, words and link."""
    found = cell.counts.get("about", 0) + cell.counts.get("mentions", 0)
    words = t.gettext(STATES[cell.state])
    if found:
        words = t.gettext("{n} of {all}").format(
            n=format_number(t, found), all=format_count(len(cell.reports), "report", t)
        )
        words += f" · {t.gettext(RUNG_LABELS[cell.rung])}" if cell.rung else ""
    return {
        "state": cell.state,
        "shade": RUNGS.index(cell.rung) + 1 if cell.rung else 1,
        "found": found,
        "of": len(cell.reports),
        "words": words,
        "link": _rows(address, address.by, row, column, show="all"),
    }


def _years(survey: Survey, t: Translations) -> Iterator[tuple[int, str, float, str]]:
    """The years, each with its share in words and as a number, and its number of reports."""
    for point in trend(survey):
        share = point.share
        words = format_percent(t, share) if share is not None else t.gettext("too few reports")
        yield point.year, words, share or 0.0, format_count(point.reports, "report", t)
