"""Turns surveys into files: tables (CSV, Excel), JSON, and a brief in Word, PDF or Markdown."""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial, reduce
from pathlib import Path
from typing import Any

import orjson

from rag.errors import InputError
from rag.export.answer_json import row_to_dict, survey_to_dict
from rag.export.brief import Brief, Part, Quote, Source, Table, framed, report_link, source_of
from rag.export.documents import to_docx, to_markdown, to_pdf, typeset
from rag.export.formats import Sheet, Value, to_csv, to_workbook
from rag.export.lines import Line, Run, one_line, shortened
from rag.i18n import labels
from rag.i18n.labels import survey_sentence
from rag.i18n.translations import (
    WORDS,
    Translations,
    format_number,
    language_code,
    translations_for,
)
from rag.survey.types import RUNGS, Finding, GapCell, GapMap, Survey, SurveyCell, SurveyRow

_WIDTHS: dict[str, int] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_MEANINGS: dict[str, tuple[str, str]] = WORDS["survey_meanings"]
_CELL_WIDTH = 44
STRONGEST = 10  # findings that are quoted
ANSWER = 160  # characters of an answer in the table of a brief
MOST_ROWS = 40  # of the picture of a gap map, those with most reports that speak of the topic


@dataclass(frozen=True, slots=True)
class SurveyFile:
    """What a file of a survey is made of: the survey, its gap map, a day, addresses of reports."""

    survey: Survey
    gaps: GapMap
    day: date
    report_url: str = ""


def export_survey(made: SurveyFile, ending: str) -> bytes:
    """A file of a survey, of the kind that `ending` names (see FORMATS), or an InputError."""
    if ending not in FORMATS:
        raise InputError(f"There is no export to {ending!r}. Choose one of {', '.join(FORMATS)}.")
    return FORMATS[ending](made)


def _table(made: SurveyFile) -> list[list[Value]]:
    """The names of the columns, and a row for every report."""
    names = [column.name for column in made.survey.columns]
    head = list(_WIDTHS)
    at = head.index("quote") + 1
    rows: list[list[Value]] = [[*head[:at], *names, *head[at:]]]
    for row in made.survey.rows:
        cells = [_shown(row.cells.get(name)) for name in names]
        told, found = row_to_dict(row), row.evidence
        start, end = row.span or (None, None)
        told |= {
            "form question": told["prompt"],
            "rung": labels.RUNG_LABELS[found.rung] if found.rung else "not said",
            **{"rung read from": found.field, "it says": found.value},
            **{"missing": ", ".join(found.missing), "hypothesis": found.outcome},
            **{"on hypothesis": found.quote, "start": start, "end": end},
            "link": report_link(made.report_url, row.report.id),
        }
        values = [told[name] for name in head]
        rows.append([*values[:at], *cells, *values[at:]])
    return rows


def _shown(cell: SurveyCell | None) -> str:
    """What to show of a cell: its words, a model's with its quote, or in brackets why none."""
    if cell and cell.value and cell.writer != "rules":
        return f"{cell.value} (“{' '.join(cell.quote.split())}”)"
    return cell.value or f"({labels.CELL_LABELS[cell.state]})" if cell else ""


def _facts(made: SurveyFile, t: Translations) -> list[tuple[str, Value]]:
    survey = made.survey
    judged_by = dict.fromkeys(row.judge for row in survey.rows)
    judges = (t.gettext("rules") if judge == "rules" else judge for judge in judged_by)
    filters = [
        (labels.field_label(name, t), [labels.value_label(name, value, t) for value in values])
        for name, values in survey.filters.as_dict().items()
    ]
    filtered = [labels.format_label(t, n, labels.join_parts(t, ", ", of)) for n, of in filters]
    columns = []
    for column in survey.columns:
        kind = t.gettext(WORDS["survey_sources"][column.kind])
        if sources := labels.join_parts(t, "; ", column.sources):
            kind = labels.format_label(t, kind, sources)
        columns.append((labels.format_label(t, t.gettext("Column"), column.name), kind))
    return [
        (t.gettext("Question"), survey.question),
        (t.gettext("Topic"), survey.topic),
        (t.gettext("Result"), survey_sentence(survey, t)),
        (t.gettext("Also looked for"), labels.join_parts(t, ", ", survey.near)),
        (t.gettext("Filters"), labels.join_parts(t, "; ", filtered)),
        (t.gettext("Complete"), t.gettext("Yes") if survey.complete else t.gettext("No, stopped")),
        (t.gettext("Verdicts by"), ", ".join(judges)),
        (t.gettext("Tokens"), labels.tokens_words(survey.tokens, t) if survey.tokens else ""),
        (t.gettext("Made on"), made.day.isoformat()),
        (t.gettext("Index"), survey.index),
        *columns,
    ]


def _to_xlsx(made: SurveyFile) -> bytes:
    rows = _table(made)
    widths = [_WIDTHS.get(str(name), _CELL_WIDTH) for name in rows[0]]
    survey = Sheet("Survey", rows, widths, linked=bool(made.report_url))
    t = translations_for(made.survey.language)
    meanings = [(name, t.gettext(words)) for name, (_, words) in _MEANINGS.items()]
    about = Sheet(
        t.gettext("How it was made"), [*_facts(made, t), *meanings], (24, 110), filtered=False
    )
    return to_workbook([survey, about])


def survey_brief(made: SurveyFile, picture: str) -> Brief:
    """A survey as a brief; its gap map is a `picture` of this format."""
    survey, report_url, t = made.survey, made.report_url, translations_for(made.survey.language)
    code, topic = language_code(t), one_line(made.survey.topic)
    meanings = [(t.gettext(name), t.gettext(words)) for name, words in _MEANINGS.values()]
    told = [*_facts(made, t), *meanings]
    facts = tuple((name, one_line(str(value))) for name, value in told if value)
    lines = [_line("paragraph", survey_sentence(survey, t)), *_evidence(survey, t)]
    found_it = [row for row in survey.found if _finding(row)]
    strongest = sorted(found_it, key=_strength, reverse=True)[:STRONGEST]
    sources = tuple(_source(row, n, t, report_url) for n, row in enumerate(strongest, start=1))
    head = tuple(map(t.gettext, ("Country", "Year", "Verdict", "Report")))
    rows = tuple(_row(row, t) for row in survey.found)
    annex = Table(t.gettext("All reports that speak of it"), head, rows, (3, 2, 3, 12))
    part = Part(one_line(survey.question), code, (), facts, tuple(lines))
    if not rows:
        return framed(topic, made.day, t, (), (part,))
    found = ((t.gettext("Strongest findings"), sources),) if sources else ()
    part = replace(part, source_lists=found, picture=gap_picture(made.gaps, t, picture))
    return framed(topic, made.day, t, (), (part, Part("", code, table=annex)))


def _line(kind: Any, words: str) -> Line:
    return Line(kind, (Run(one_line(words)),))


def _evidence(survey: Survey, t: Translations) -> Iterator[Line]:
    """How many reports stand on each rung, and what came of hypotheses."""
    yield _line("heading", t.gettext("How strong the findings are"))
    for rung, count in survey.ladder.items():
        shown = format_number(t, count)
        yield _line("bullet", labels.format_label(t, t.gettext(labels.RUNG_LABELS[rung]), shown))
    outcomes = survey.outcomes
    if asked := sum(outcomes.values()):
        counts = [
            f"{t.gettext(labels.OUTCOME_LABELS[outcome])} {format_number(t, count)}"
            for outcome, count in outcomes.items()
        ]
        told = t.gettext("Hypotheses of {reports}: {counts}. Few labs report a failure.")
        reports = labels.format_count(asked, "report", t)
        each = labels.join_parts(t, ", ", counts)
        yield _line("paragraph", told.format(reports=reports, counts=each))


def _finding(row: SurveyRow) -> Finding | None:
    """What a report found: the sentence that a model chose, if it tells of no mere plan."""
    passage = row.passage
    if row.judge == "rules" or not (passage and row.span and passage.stage != "intention"):
        return row.finding
    return Finding(row.quote, row.span, passage.prompt, passage.language)


def _strength(row: SurveyRow) -> tuple[bool, int, bool, float]:
    """What is about the topic first; by rung; what tells of its hypothesis; by probability."""
    rung = RUNGS.index(row.evidence.rung) if row.evidence.rung else -1
    told = row.evidence.outcome in ("proven", "partly", "disproven")
    return row.verdict == "about", rung, told, row.score


def _source(row: SurveyRow, n: int, t: Translations, report_url: str) -> Source:
    evidence, finding = row.evidence, _finding(row)
    assert finding
    rung = t.gettext(labels.RUNG_LABELS[evidence.rung]) if evidence.rung else ""
    value = labels.value_label(evidence.field, evidence.value, t)
    told = filter(None, (rung, labels.source_label(evidence.field, t), value))
    facts = {
        t.gettext("Evidence"): reduce(partial(labels.format_label, t), told),
        t.gettext("Form question"): finding.prompt,
        **{name: cell.value for name, cell in row.cells.items()},
    }
    quotes = [Quote((one_line(finding.quote),))]
    return source_of(row.report, finding.language, quotes, facts.items(), report_url, t, n)


def _row(row: SurveyRow, t: Translations) -> tuple[Line, ...]:
    """A row of the annex; its last cell ends with the columns that the report answers."""
    info = row.report
    words = f"{info.title or info.id}: “{row.quote}”" if row.quote else info.title or info.id
    verdict = t.gettext(labels.VERDICT_LABELS[row.verdict])
    told = labels.lab_label(info, t), str(info.year or ""), verdict, words
    *first, last = (_line("paragraph", text) for text in told)
    runs = [*last.runs]
    for name, cell in row.cells.items():
        if cell.value:
            said = shortened(one_line(_shown(cell)), ANSWER)
            said = f"“{said}”" if cell.writer == "rules" and cell.quote else said
            runs += [Run(f" {labels.format_label(t, one_line(name), '')}", bold=True), Run(said)]
    return *first, replace(last, runs=tuple(runs))


def gap_picture(gaps: GapMap, t: Translations, kind: str) -> bytes:
    """A gap map as a PNG or SVG: the rows where reports speak of the topic, with their numbers."""
    totals = {row: sum(gaps.at(row, column).found for column in gaps.columns) for row in gaps.rows}
    rows = sorted((row for row in gaps.rows if totals[row]), key=lambda row: -totals[row])
    shown = [
        {
            "name": one_line(labels.value_label(gaps.by[0], row, t)),
            "cells": [_cell(gaps.at(row, column)) for column in gaps.columns],
        }
        for row in rows[:MOST_ROWS]
    ]
    legend = [(GapCell(counts={state: 1}), words) for state, words in labels.GAP_LABELS.items()]
    legend += [(GapCell(counts={"about": 1}, rung=r), labels.RUNG_LABELS[r]) for r in RUNGS]
    explained = [_cell(cell, t.gettext(words)) for cell, words in legend]
    data = {"columns": gaps.columns, "rows": shown, "legend": explained}
    values = {"map": json.dumps(data, ensure_ascii=False)}
    return typeset("gap_map.typ", values, format=kind, ppi=200)


def _cell(cell: GapCell, words: str = "") -> dict[str, Any]:
    rung = RUNGS.index(cell.rung) if cell.rung else 0
    return {"state": cell.state, "rung": rung, "words": words or str(cell.found or "")}


FORMATS: Mapping[str, Callable[[SurveyFile], bytes]] = {
    "csv": lambda made: to_csv(_table(made)),
    "xlsx": _to_xlsx,
    "docx": lambda made: to_docx(survey_brief(made, "png")),
    "pdf": lambda made: to_pdf(survey_brief(made, "svg")),
    "md": lambda made: to_markdown(survey_brief(made, "svg")),
    "json": lambda made: orjson.dumps(survey_to_dict(made.survey)),
}
