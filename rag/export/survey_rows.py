"""Surveys as the JSON that the command line promises, and as a table of values."""

from __future__ import annotations

from typing import Any

from rag.export.answer_json import SCORE_DIGITS
from rag.i18n.notices import survey_sentence
from rag.survey.types import Survey, SurveyRow


def survey_to_dict(survey: Survey) -> dict[str, Any]:
    """The survey under the keys of the command line's contract."""
    low, high = survey.interval
    return {
        "question": survey.question,
        "topic": survey.topic,
        "scope": len(survey.rows),
        "filters": survey.filters.as_dict(),
        "counts": {
            "about": survey.count("about"),
            "mentions": survey.count("mentions"),
            "silent": survey.count("silent"),
            "low": low,
            "high": high,
            "labs": len(survey.labs),
        },
        "ladder": dict(survey.ladder),
        "outcomes": dict(survey.outcomes),
        "summary": survey_sentence(survey),
        "columns": [column.name for column in survey.columns],
        "near": list(survey.near),
        "complete": survey.complete,
        "index": survey.index,
        "rows": [row_to_dict(row) for row in survey.rows],
    }


def row_to_dict(row: SurveyRow) -> dict[str, Any]:
    """A row of a survey: its report and verdict, and the quote with its place."""
    info, evidence = row.report, row.evidence
    return {
        "report": info.id,
        "verdict": row.verdict,
        "score": round(row.score, SCORE_DIGITS),
        "quote": row.quote,
        "span": list(row.span) if row.span else None,
        "section": row.passage.section if row.passage else "",
        "prompt": row.passage.prompt if row.passage else "",
        "stage": row.passage.stage if row.passage else "",
        "author": info.author,
        "title": info.title,
        "country": ", ".join(info.countries),
        "year": info.year,
        "kind": info.kind,
        "judge": row.judge,
        "stance": row.stance,
        "evidence": {
            "rung": evidence.rung,
            "field": evidence.field,
            "value": evidence.value,
            "missing": list(evidence.missing),
            "outcome": evidence.outcome,
            "quote": evidence.quote,
            "span": list(evidence.span) if evidence.span else None,
        },
        "cells": {
            name: {
                "value": cell.value,
                "quote": cell.quote,
                "span": list(cell.span) if cell.span else None,
                "state": cell.state,
                "writer": cell.writer,
            }
            for name, cell in row.cells.items()
        },
    }
