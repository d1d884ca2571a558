"""Reads surveys back, writes them to files, and checks them and answers against the index."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import report_values
from rag.catalog.tag_fields import TAGS
from rag.citation.quotes import still_stands
from rag.index.interface import Index
from rag.index.local import current_index
from rag.settings import Settings
from rag.survey.types import Survey, SurveyCell
from rag.types import Answer, Citation
from ui.api.models import RowJson
from ui.cli import print_json, show, write_file


class SurveyDocument(BaseModel):
    """What `asklabs survey --json` wrote, as far as it is checked."""

    scope: int
    rows: list[RowJson]
    topic: str = ""
    index: str = ""
    tokens: dict[str, int] = {}


def read_survey(content: bytes) -> SurveyDocument | None:
    """The survey that a file holds, None if it holds none."""
    try:
        # Unlike pydantic, orjson takes no NaN for a number.
        return SurveyDocument.model_validate(orjson.loads(content))
    except ValueError:
        return None


def write_survey(path: Path, survey: Survey, catalog: Catalog, report_url: str) -> None:
    """Write a survey to a file of the kind that its ending names, and tell so."""
    from rag.export.survey_files import SurveyFile, export_survey
    from rag.survey.evidence import gap_map

    file = SurveyFile(survey, gap_map(survey, catalog), date.today(), report_url)
    write_file(path, export_survey(file, path.suffix.lower().removeprefix(".")))
    print(f"{path}: {len(survey.rows)} rows", file=sys.stderr)


def resumed(survey: Survey, before: SurveyDocument, index: Index) -> Survey:
    """The survey with the verdicts that a model gave in one of the same topic and index before."""
    if (before.topic, before.index) != (survey.topic, survey.index):
        return survey
    known = {row.report: row for row in before.rows if row.judge != "rules"}
    names = {column.name for column in survey.columns}
    rows = []
    for row in survey.rows:
        if said := known.get(row.report.id):
            judged = ("verdict", "score", "judge", "stance", "quote", "span", "finding")
            at = said.span[0] if said.span else -1
            passages = index.passages_of(row.report.id)
            cells = {
                name: SurveyCell(cell.value, cell.quote, cell.span, None, cell.state, cell.writer)
                for name, cell in said.cells.items()
                if cell.writer == said.judge and name in names
            }
            row = replace(
                row,
                **{name: getattr(said, name) for name in judged},
                passage=next((p for p in passages if any(a <= at < b for a, b in p.spans)), None),
                cells={**row.cells, **cells},
            )
        rows.append(row)
    return replace(survey, rows=tuple(rows), tokens=before.tokens)


def survey_stands(survey: SurveyDocument, settings: Settings, *, json: bool) -> bool:
    """Print what the rows of a survey say that is not in the index; returns whether all is."""
    index = current_index(settings, {}, None)
    checks = [
        (row.report, words, stands) for row in survey.rows for words, stands in _checked(row, index)
    ]
    failed = [(name, words) for name, words, stands in checks if not stands]
    same = survey.index == index.revision
    facts: dict[str, Any] = {"checked": len(checks), "same_index": same}
    if json:
        failures = [{"report": name, "words": words} for name, words in failed]
        facts |= {"holds": not failed, "index": index.revision, "failures": failures}
        print_json(facts)
    else:
        show("checked_survey.txt", failed=failed, **facts)
    return not failed


def _checked(row: RowJson, index: Index) -> Iterator[tuple[str, bool]]:
    """Each thing that a row says, and whether its report still says so; "" for the report."""
    yield "", row.report in index.heads
    if row.report not in index.heads:
        return
    report = index.report(row.report)
    info = report.info
    head = f"{row.title}, {row.country}, {row.year}, {row.kind}"
    yield head, head == f"{info.title}, {', '.join(info.countries)}, {info.year}, {info.kind}"
    for said in (row, row.evidence, row.finding, *row.cells.values()):
        if said and said.quote:
            spans = [said.span] if said.span else []
            yield said.quote, still_stands(said.quote, report.raw, spans) is not None
    name = index.catalog.name
    tags = [name(field, value) for field in TAGS for value in report_values(info, field)]
    known = "; ".join((*tags, *(v for values in info.facts.values() for v in values)))
    if row.evidence.field in info.facts:
        yield row.evidence.value, row.evidence.value in known
    for cell in row.cells.values():
        if cell.value and not cell.quote:
            yield cell.value, all(part in known for part in cell.value.split("; "))


def answers_stand(answers: Sequence[Answer], settings: Settings, *, json: bool) -> bool:
    """Print which quotes of answers are still in the index; returns whether all are."""
    # No vectors are compared, so it does not matter which model made them.
    index = current_index(settings, {}, None)
    texts = index.texts({c.passage.report.id for answer in answers for c in answer.citations})
    checked = [
        (a, same, [_state(c, texts, same) for c in a.citations])
        for a, same in ((answer, answer.index == index.revision) for answer in answers)
    ]
    holds = all(quote["state"] == "stands" for *_, quotes in checked for quote in quotes)
    if json:
        documents = [
            {"question": a.question, "index": a.index, "same_index": same, "quotes": quotes}
            for a, same, quotes in checked
        ]
        print_json({"holds": holds, "index": index.revision, "answers": documents})
    else:
        cited = {name: info for answer in answers for name, info in answer.cited.items()}
        show("checked.txt", checked=checked, infos=cited)
    return holds


def _state(cited: Citation, texts: Mapping[str, str], same: bool) -> dict[str, Any]:
    """A quote, its state, and where it stands.

    It "stands", or is "missing" from a report of the `same` index; or that has "changed", or is
    "gone".
    """
    info, span = cited.passage.report, None
    if (raw := texts.get(info.id)) is not None:
        spans = [cited.span] if cited.span else list(cited.passage.spans)
        span = still_stands(cited.quote, raw, spans)
    lost = "missing" if same else "changed"
    state = "stands" if span else "gone" if raw is None else lost
    facts = {"n": cited.n, "report": info.id, "title": info.title, "quote": cited.quote}
    return {**facts, "state": state, "span": span}
