"""Reads surveys back, writes them to files, and checks them and answers against the index."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import report_values
from rag.catalog.tag_fields import TAGS, ReportInfo
from rag.citation.quotes import quoted_in, still_stands
from rag.i18n.labels import lab_label
from rag.i18n.translations import translations_for
from rag.index.interface import Index, Record, StoredReport
from rag.index.local import current_index
from rag.query.entities import countries_in
from rag.retrieval.postprocess import mask_passage
from rag.settings import Settings
from rag.survey.types import Survey, SurveyCell
from rag.text.citation_marks import cited_sentences, defuse, marks
from rag.types import FACTS, Answer, Citation, Passage, Span
from ui.api.models import RowJson
from ui.cli import print_json, show, write_file

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
# A report in a list, by title and year, before its mark.
_TITLED = re.compile(r"” \([\d?]+\) \[")


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


def resumed(survey: Survey, content: bytes, index: Index) -> Survey:
    """The survey with a model's verdicts that a file of the same topic and index has."""
    before = read_survey(content)
    if not before or (before.topic, before.index) != (survey.topic, survey.index):
        return survey
    known = {row.report: row for row in before.rows if row.judge != "rules"}
    names = {column.name for column in survey.columns}
    judged = ("verdict", "score", "judge", "stance", "quote", "span", "finding")
    rows = []
    for row in survey.rows:
        if said := known.get(row.report.id):
            cells = {
                name: SurveyCell(**dict(cell))
                for name, cell in said.cells.items()
                if cell.writer == said.judge and name in names
            }
            passages = _at(said.span, index.passages_of(row.report.id))
            row = replace(
                row,
                **{name: getattr(said, name) for name in judged},
                passage=next(passages, None),
                cells={**row.cells, **cells},
            )
        rows.append(row)
    return replace(survey, rows=tuple(rows), tokens=before.tokens)


def _at(span: Span | None, passages: Sequence[Passage]) -> Iterator[Passage]:
    """The passages that are taken from where a span of their report begins."""
    return (p for p in passages if span and any(a <= span[0] < b for a, b in p.spans))


def survey_stands(survey: SurveyDocument, settings: Settings, *, json: bool) -> bool:
    """Print what the rows of a survey say that is not in the index; returns whether all is."""
    index = current_index(settings, {}, None)
    checks = [(row.report, *check) for row in survey.rows for check in _checked(row, index)]
    failed = [(name, words) for name, words, stands in checks if not stands]
    facts: dict[str, Any] = {"checked": len(checks), "same_index": survey.index == index.revision}
    if json:
        failures = [{"report": name, "words": words} for name, words in failed]
        print_json({**facts, "holds": not failed, "index": index.revision, "failures": failures})
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
    """Print what answers say that the index does not have; returns whether it has all."""
    # No vectors are compared, so it does not matter which model made them.
    index = current_index(settings, {}, None)
    read = index.read({c.passage.report.id for answer in answers for c in answer.citations})
    checked = []
    for answer in answers:
        same = answer.index == index.revision
        quotes = [_state(citation, read, same) for citation in answer.citations]
        checked.append((answer, same, quotes, _sentences(answer, read)))
    holds = not any(
        told["changed"] or any(quote["state"] != "stands" for quote in quotes)
        for *_, quotes, told in checked
    )
    if json:
        documents = [
            {"question": a.question, "index": a.index, "same_index": same, "quotes": quotes, **told}
            for a, same, quotes, told in checked
        ]
        print_json({"holds": holds, "index": index.revision, "answers": documents})
    else:
        cited = {name: info for answer in answers for name, info in answer.cited.items()}
        show("checked.txt", checked=checked, infos=cited)
    return holds


def _state(cited: Citation, read: Mapping[str, Record], same: bool) -> dict[str, Any]:
    """A quote, its state, and where it stands.

    It "stands", or is "missing" from a report of the `same` index; or that has "changed", or is
    "gone", or is told as "other" than it is.
    """
    passage, info, span, state = cited.passage, cited.passage.report, None, "gone"
    if record := read.get(info.id):
        report, passages = record
        spans = [cited.span] if cited.span else list(passage.spans)
        span = still_stands(cited.quote, report.raw, spans)
        state = "missing" if same else "changed"
        if span:
            state = "stands" if _is_told(passage, span, report.info, passages) else "other"
    facts = {"n": cited.n, "report": info.id, "title": info.title, "quote": cited.quote}
    return {**facts, "state": state, "span": span}


def _is_told(said: Passage, span: Span, info: ReportInfo, passages: Sequence[Passage]) -> bool:
    """Whether report and place of a quote are told as they are; of a tag the report."""
    head = attrgetter("title", "countries", "year", "kind", "type", "author")
    here = [p for own in _at(span, passages) for p in (own, mask_passage(own))]
    places = {(p.section, p.prompt) for p in here}
    is_tag = said.section == "Tags" and {section for section, _ in places} <= {FACTS}
    return head(said.report) == head(info) and (is_tag or (said.section, said.prompt) in places)


def _sentences(answer: Answer, read: Mapping[str, Record]) -> dict[str, list[str]]:
    """The sentences that are not as their sources have them, and those that can't be checked.

    These cite nothing, or are a model's own words.
    """
    told: dict[str, list[str]] = {"changed": [], "unchecked": []}
    is_list = answer.mode == "catalogue"
    lines = ((line, marks(line)) for line in answer.text.splitlines())
    for said, numbers in lines if is_list else cited_sentences(answer.text):
        sources = {c.n: c.passage.report.id for c in answer.citations if c.n in numbers}
        records = {n: read[name] for n, name in sources.items() if name in read}
        stands: bool | None = None
        if is_list and _TITLED.search(said):
            stands = all(_names(said, n, report.info, answer) for n, (report, _) in records.items())
        elif answer.mode == "extractive" and numbers:
            # A refusal names what is near.
            unquoted = None if answer.refused else False
            stands = any(_quotes(said, *record) for record in records.values()) or unquoted
        if not stands:
            told["unchecked" if stands is None else "changed"].append(said)
    return told


def _names(line: str, n: int, info: ReportInfo, answer: Answer) -> bool:
    """Whether a line of a list names a report as it is."""
    title = f"“{defuse(info.title)}” ({info.year or '?'}) [{n}]"
    return title in line and lab_label(info, translations_for(answer.language)) in line


def _quotes(sentence: str, report: StoredReport, passages: Sequence[Passage]) -> bool:
    """Whether a sentence is a report's own, after labels with no other country or year."""
    info = report.info
    for passage in (p for own in passages for p in (own, mask_passage(own))):
        if found := quoted_in(sentence, passage):
            label, known = found[1], f"{info.title} {passage.section} {passage.prompt} {info.year}"
            countries = {*info.iso, *countries_in(known)}
            return countries.issuperset(countries_in(label)) and all(
                year in known for year in _YEAR.findall(label)
            )
    return False
