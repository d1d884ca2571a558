"""Turns surveys into files: tables (CSV, Excel), JSON, and a brief in Word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import orjson

from rag.errors import InputError
from rag.export.brief import one_line, report_link
from rag.export.formats import Value, to_csv
from rag.export.survey_rows import survey_to_dict
from rag.export.xlsx import Sheet, to_xlsx
from rag.i18n.labels import CELL_LABELS, RUNG_LABELS
from rag.i18n.notices import survey_sentence
from rag.survey.types import GapMap, Survey, SurveyCell, SurveyRow

# The columns of a table with their widths in characters; the columns asked for stand after "quote".
_HEAD = {
    **{"verdict": 9, "score": 7, "about": 7, "country": 14, "year": 7, "kind": 11, "author": 10},
    **{"title": 36, "quote": 60, "stage": 10, "section": 22, "form question": 30, "rung": 14},
    **{"rung read from": 24, "it says": 24, "missing": 20, "hypothesis": 12, "on hypothesis": 40},
    **{"judge": 9, "report": 24, "start": 8, "end": 8, "link": 30},
}
_CELL_WIDTH = 44
_READ_ME = (
    ("verdict", "about: the report, or a named part of it, is about the topic; mentions: it says "
     "something of substance on it; silent: neither."),
    ("score", "The probability that the report says something on the topic: of the rows with 0.8, "
     "eight in ten do. about: that it is about it."),
    ("rung", "How strong the finding is by what the form says, never guessed: intention, "
     "observation, test, test with comparison, scaled. The field that says so stands beside it, "
     "and what is missing."),
    ("hypothesis", "What the lab's own answer says of its hypothesis where the wording is plain, "
     "else unclear. Few labs report a failure."),
    ("quote", "Verbatim words of the report's file, from character start up to end."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SurveyFile:
    """What a file of a survey is made of: the survey, its gap map, a day, addresses of reports."""

    survey: Survey
    gaps: GapMap
    day: date
    report_url: str = ""


def export_survey(made: SurveyFile, ending: str) -> bytes:
    """A file of a survey, of the kind that `ending` names (see FORMATS).

    Raises:
        InputError: no format has this ending.
    """
    if ending not in FORMATS:
        raise InputError(f"There is no export to {ending!r}. Choose one of {', '.join(FORMATS)}.")
    return FORMATS[ending](made)


def _table(made: SurveyFile) -> list[list[Value]]:
    """The names of the columns, and a row for every report."""
    names = [column.name for column in made.survey.columns]
    head = list(_HEAD)
    at = head.index("quote") + 1
    rows: list[list[Value]] = [[*head[:at], *names, *head[at:]]]
    for row in made.survey.rows:
        cells = [_shown(row.cells.get(name)) for name in names]
        values = list(_values(row, made.report_url))
        rows.append([*values[:at], *cells, *values[at:]])
    return rows


def _shown(cell: SurveyCell | None) -> str:
    """What to show of a cell: its words, a model's with its quote, or in brackets why none."""
    if cell and cell.value and cell.writer != "rules":
        return f"{cell.value} (“{' '.join(cell.quote.split())}”)"
    return cell.value or f"({CELL_LABELS[cell.state]})" if cell else ""


def _values(row: SurveyRow, report_url: str) -> Iterator[Value]:
    info, found, passage = row.report, row.evidence, row.passage
    yield from (row.verdict, round(row.score, 3), round(row.about, 3))
    yield from (", ".join(info.countries), info.year, info.kind, info.author, info.title, row.quote)
    yield from (passage.stage, passage.section, passage.prompt) if passage else ("", "", "")
    yield from (RUNG_LABELS[found.rung] if found.rung else "not said", found.field, found.value)
    yield from (", ".join(found.missing), found.outcome, found.quote)
    yield from (row.judge, info.id, *(row.span or (None, None)))
    yield report_link(report_url, info.id)


def _facts(made: SurveyFile) -> list[tuple[str, Value]]:
    """How a survey was made."""
    survey = made.survey
    judges = dict.fromkeys(row.judge for row in survey.rows)
    filters = survey.filters.as_dict().items()
    return [
        ("Question", survey.question),
        ("Topic", survey.topic),
        ("Result", survey_sentence(survey)),
        ("Also looked for", ", ".join(survey.near)),
        ("Filters", "; ".join(f"{name}: {', '.join(map(str, v))}" for name, v in filters)),
        ("Complete", "yes" if survey.complete else "no, it was stopped"),
        ("Verdicts by", ", ".join(judges)),
        ("Made on", made.day.isoformat()),
        ("Index", survey.index),
        *((f"Column: {c.name}", f"{c.kind}: {'; '.join(c.sources)}") for c in survey.columns),
        *_READ_ME,
    ]


def _to_xlsx(made: SurveyFile) -> bytes:
    rows = _table(made)
    widths = [_HEAD.get(str(name), _CELL_WIDTH) for name in rows[0]]
    survey = Sheet("Survey", rows, widths, filtered=True, linked=bool(made.report_url))
    facts = Sheet("How it was made", [("What", "Value"), *_facts(made)], (24, 110))
    return to_xlsx([survey, facts])


def _to_docx(made: SurveyFile) -> bytes:
    # Its XML library is slow to load.
    from rag.export.docx import to_docx
    from rag.export.survey_brief import survey_brief

    facts = [(name, one_line(str(value))) for name, value in _facts(made) if value]
    return to_docx(survey_brief(made.survey, made.gaps, facts, made.day, made.report_url))


FORMATS: Mapping[str, Callable[[SurveyFile], bytes]] = {
    "csv": lambda made: to_csv(_table(made)),
    "xlsx": _to_xlsx,
    "docx": _to_docx,
    "json": lambda made: orjson.dumps(survey_to_dict(made.survey)),
}
