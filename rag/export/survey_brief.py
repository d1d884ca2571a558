"""Lays a survey out as a brief: counts, evidence, gap map, strongest findings, all that speak."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from babel.dates import format_date

from rag.export.brief import (
    Brief,
    Fact,
    Line,
    Part,
    Quote,
    Run,
    Source,
    Table,
    brief_labels,
    cells,
    one_line,
    report_link,
    who,
)
from rag.export.formats import TEMPLATES, font_folder
from rag.i18n import labels
from rag.i18n.notices import survey_sentence
from rag.i18n.translations import (
    Translations,
    format_number,
    is_right_to_left,
    language_code,
    translations_for,
)
from rag.survey.types import RUNGS, GapCell, GapMap, Survey, SurveyRow

STRONGEST = 10  # findings that are quoted
MOST_ROWS = 40  # of the picture of a gap map, those with most reports that speak of the topic


def survey_brief(
    survey: Survey, gaps: GapMap, facts: Sequence[Fact], day: date, report_url: str = ""
) -> Brief:
    """The brief of a survey; `facts` say how it was made."""
    t = translations_for(survey.language)
    code = language_code(t)
    lines = [_line("paragraph", survey_sentence(survey, t)), *_evidence(survey, t)]
    strongest = sorted(survey.found, key=_strength, reverse=True)[:STRONGEST]
    sources = tuple(_source(row, n, t, report_url) for n, row in enumerate(strongest, start=1))
    head = tuple(map(t.gettext, ("Country", "Year", "Verdict", "Report")))
    rows = tuple(_row(row, t) for row in survey.found)
    annex = Table(t.gettext("All reports that speak of it"), head, cells(rows), (4, 1, 2, 7))
    picture = gap_picture(gaps, t) if survey.found else b""
    first = Part(
        *(one_line(survey.question), code, (), tuple(facts), tuple(lines)),
        *(((t.gettext("Strongest findings"), sources),) if sources else (), None, (), picture),
    )
    second = Part("", code, (), (), (), (), annex, ())
    return Brief(
        title=one_line(survey.topic),
        when=format_date(day, "long", locale="en_GB" if code == "en" else code),
        day=day,
        language=code,
        rtl=is_right_to_left(t),
        labels=brief_labels(t),
        summary=(),
        parts=(first, second) if rows else (first,),
    )


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


def _strength(row: SurveyRow) -> tuple[int, bool, bool, float]:
    """By rung, then what was found, what is about the topic, and the probability."""
    rung = RUNGS.index(row.evidence.rung) if row.evidence.rung else -1
    found = row.passage is not None and row.passage.stage == "finding"
    return rung, found, row.verdict == "about", row.score


def _source(row: SurveyRow, n: int, t: Translations, report_url: str) -> Source:
    info, evidence = row.report, row.evidence
    rung = t.gettext(labels.RUNG_LABELS[evidence.rung]) if evidence.rung else ""
    facts = {t.gettext("Evidence"): ": ".join(filter(None, (rung, evidence.field, evidence.value)))}
    if row.passage:
        facts[t.gettext("Form question")] = row.passage.prompt
    facts |= {name: cell.value for name, cell in row.cells.items()}
    return Source(
        n=n,
        who=who(info, t),
        kind=one_line(labels.kind_label(info, t)),
        title=one_line(info.title) or one_line(info.id),
        quotes=(Quote((one_line(row.quote),)),) if row.quote else (),
        facts=tuple((one_line(name), one_line(value)) for name, value in facts.items() if value),
        language=row.passage.language if row.passage else info.language,
        link=report_link(report_url, info.id),
    )


def _row(row: SurveyRow, t: Translations) -> tuple[str, ...]:
    info = row.report
    words = f"{info.title or info.id}: “{row.quote}”" if row.quote else info.title or info.id
    verdict = t.gettext(labels.VERDICT_LABELS[row.verdict])
    return tuple(map(one_line, (labels.lab_label(info, t), str(info.year or ""), verdict, words)))


def gap_picture(gaps: GapMap, t: Translations) -> bytes:
    """A gap map as a PNG: the rows where reports speak of the topic; each cell has their number."""
    # It loads a typesetter.
    import typst

    totals = {row: sum(gaps.at(row, column).found for column in gaps.columns) for row in gaps.rows}
    rows = sorted((row for row in gaps.rows if totals[row]), key=lambda row: -totals[row])
    legend = [
        _cell(GapCell(("",), {state: 1}), t.gettext(words))
        for state, words in labels.GAP_LABELS.items()
    ]
    ladder = [
        _cell(GapCell(("",), {"about": 1}, rung), t.gettext(labels.RUNG_LABELS[rung]))
        for rung in RUNGS
    ]

    def name(value: str) -> str:
        return labels.value_label(gaps.by[0], value, t)

    data = {
        "columns": gaps.columns,
        "rows": [
            {"name": one_line(name(row)), "cells": [_cell(gaps.at(row, c)) for c in gaps.columns]}
            for row in rows[:MOST_ROWS]
        ],
        "legend": [*legend, *ladder],
    }
    with font_folder() as folder:
        return typst.compile(
            str(TEMPLATES / "gap_map.typ"),
            format="png",
            ppi=200,
            root=str(TEMPLATES),
            font_paths=typst.Fonts(include_system_fonts=True, font_paths=[folder]),
            sys_inputs={"map": json.dumps(data, ensure_ascii=False)},
        )


def _cell(cell: GapCell, words: str = "") -> dict[str, Any]:
    rung = RUNGS.index(cell.rung) if cell.rung else 0
    return {"state": cell.state, "rung": rung, "words": words or str(cell.found or "")}
