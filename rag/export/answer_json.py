"""Writes an answer as the JSON that the command line promises; `answer_read` reads it back.

The promised keys hold what people script against; `detail` holds what they leave out: exact
scores and timings, and what is known of each report and passage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, NonNegativeInt, PositiveInt, ValidationError
from pydantic_core import to_jsonable_python

from rag.catalog.fields import FILTER_FIELDS, Filters, ReportInfo
from rag.errors import InputError
from rag.i18n.notices import notice_words, read_notices
from rag.types import (
    Answer,
    Citation,
    Coverage,
    Hit,
    Intent,
    Notice,
    Passage,
    Plan,
    PlannedBy,
    RunRecord,
    Span,
    Stage,
    Status,
    Struck,
)

SCORE_DIGITS = 4


def answer_to_dict(answer: Answer, id: str = "") -> dict[str, Any]:  # noqa: A002
    """The answer under the keys of the command line's contract, and `detail` to read it back."""
    return {
        "id": id,
        "question": answer.question,
        "standalone": answer.standalone,
        "answer": answer.text,
        "refused": answer.refused,
        "citations": [_citation(citation) for citation in answer.citations],
        "passages": [passage_to_dict(rank, hit) for rank, hit in enumerate(answer.hits, 1)],
        "coverage": {
            "intent": answer.coverage.intent,
            "reports": list(answer.coverage.reports),
            "count": answer.coverage.count,
            "labs": list(answer.coverage.labs),
            "matched_reports": answer.coverage.matched_reports,
            "filters": answer.coverage.filters.as_dict(),
            "also_mentioned": list(answer.coverage.mentioned),
        },
        "mode": answer.mode,
        "timings": {
            key: round(answer.timings.get(key, 0))
            for key in ("plan_ms", "retrieve_ms", "answer_ms")
        },
        "tokens": {key: answer.tokens.get(key, 0) for key in ("prompt", "completion")},
        "index": answer.index,
        "detail": _detail(answer),
    }


def _citation(citation: Citation) -> dict[str, Any]:
    passage, info = citation.passage, citation.passage.report
    return {
        "n": citation.n,
        "report": info.id,
        "title": info.title,
        "country": ", ".join(info.countries),
        "year": info.year,
        "type": info.type,
        "section": passage.section,
        "prompt": passage.prompt,
        "stage": passage.stage,
        "quote": citation.quote,
        "status": citation.status,
        "span": to_jsonable_python(citation.span),
    }


def passage_to_dict(rank: int, hit: Hit) -> dict[str, Any]:
    """A hit as the contract's entry of `passages`; ranks count from 1."""
    return {
        "rank": rank,
        "report": hit.passage.report.id,
        "section": hit.passage.section,
        "prompt": hit.passage.prompt,
        "text": hit.passage.text,
        "spans": to_jsonable_python(hit.passage.spans),
        "score": round(hit.score, SCORE_DIGITS),
    }


def explained(hit: Hit) -> dict[str, Any]:
    """Why a hit ranks where it does, and in which other reports the same stands."""
    return {"why": asdict(hit.why) if hit.why else None, "also_in": [i.id for i in hit.siblings]}


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """How a question is understood: what is searched for, where, and what comes first."""
    return {
        "searched": plan.standalone,
        "language": plan.language,
        "intent": plan.intent,
        "filters": plan.filters.as_dict(),
        "first": plan.boosted.as_dict(),
        "ignored": plan.ignored.as_dict(),
        "many_labs": plan.wide,
        "planner": plan.planner,
    }


def _detail(answer: Answer) -> dict[str, Any]:
    infos: list[ReportInfo] = []
    found = [hit.passage for hit in answer.hits]

    def number(info: ReportInfo) -> int:
        if info not in infos:
            infos.append(info)
        return infos.index(info)

    def rest(passage: Passage) -> dict[str, Any]:
        return {
            "info": number(passage.report),
            "id": passage.id,
            "spans": to_jsonable_python(passage.spans),
            "language": passage.language,
            "part": passage.part,
            "parts": passage.parts,
            "family": passage.family,
        }

    def cited(passage: Passage) -> dict[str, Any]:
        if passage in found:
            return {"passage": found.index(passage) + 1}
        return {"text": passage.text, **rest(passage)}

    hits = [
        {
            "score": hit.score,
            "similarity": hit.similarity,
            "relevance": hit.relevance,
            "stage": hit.passage.stage,
            "siblings": [number(info) for info in hit.siblings],
            **rest(hit.passage),
        }
        for hit in answer.hits
    ]
    return {
        "language": answer.language,
        "notice": notice_words(answer.notices),
        "notices": to_jsonable_python(answer.notices),
        "planner": answer.planner,
        "read_passages": answer.coverage.read_passages,
        "read_reports": answer.coverage.read_reports,
        "first": answer.coverage.first.as_dict(),
        "ignored": answer.coverage.ignored.as_dict(),
        "read": list(answer.coverage.read),
        "unread": to_jsonable_python(answer.coverage.unread),
        "timings": dict(answer.timings),
        "tokens": dict(answer.tokens),
        "checked": dict(answer.checked),
        "run": to_jsonable_python(answer.run),
        "struck": [
            to_jsonable_python(sentence) | {"why": notice_words([sentence.reason])}
            for sentence in answer.struck
        ],
        "corrected": [i for i, c in enumerate(answer.citations) if c.corrected],
        "passages": hits,
        "citations": [cited(citation.passage) for citation in answer.citations],
        "infos": to_jsonable_python(infos),
    }


def answers_to_json(answers: Sequence[Answer]) -> bytes:
    """A JSON array of answers in UTF-8, whose ids count from 1."""
    whole = [answer_to_dict(answer, str(number)) for number, answer in enumerate(answers, 1)]
    text = json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False)
    # A lone surrogate, which a model can write, has no UTF-8; its escape is the JSON one.
    return (text + "\n").encode("utf-8", "backslashreplace")


# Reads the answers that `answer_json` writes, and says what is wrong with those it can't use.


class _Rest(BaseModel):
    """What the contract's keys leave out of a passage."""

    info: NonNegativeInt
    id: str
    spans: tuple[Span, ...]
    language: str
    part: int
    parts: int
    family: str = ""


class _HitRest(_Rest):
    score: float
    similarity: float = 0.0
    relevance: float | None = None
    stage: Stage
    siblings: tuple[NonNegativeInt, ...] = ()


class _CitedRest(_Rest):
    text: str


class _SameAs(BaseModel):
    passage: PositiveInt


class _Struck(BaseModel):
    text: str
    why: str
    reason: Notice | None = None


class _Detail(BaseModel):
    language: str
    notice: str
    notices: tuple[Notice, ...] = ()
    planner: PlannedBy = "rules"
    read_passages: int
    read_reports: int
    first: dict[str, Any] = {}
    ignored: dict[str, Any] = {}
    read: tuple[str, ...] = ()
    unread: tuple[tuple[str, NonNegativeInt], ...] = ()
    timings: dict[str, float]
    tokens: dict[str, int]
    checked: dict[str, int] = {}
    run: RunRecord = RunRecord()
    struck: tuple[_Struck, ...] = ()
    corrected: tuple[int, ...] = ()
    passages: tuple[_HitRest, ...]
    citations: tuple[_SameAs | _CitedRest, ...]
    infos: tuple[ReportInfo, ...]


class _Citation(BaseModel):
    n: int
    section: str
    prompt: str
    stage: Stage
    quote: str
    status: Status
    span: Span | None = None


class _Passage(BaseModel):
    section: str
    prompt: str
    text: str


class _Coverage(BaseModel):
    intent: Intent
    reports: tuple[str, ...]
    labs: tuple[str, ...]
    matched_reports: int
    filters: dict[str, Any]
    also_mentioned: tuple[str, ...] = ()


class _Answer(BaseModel):
    question: str
    standalone: str
    answer: str
    refused: bool
    citations: tuple[_Citation, ...]
    passages: tuple[_Passage, ...]
    coverage: _Coverage
    mode: str
    index: str
    detail: _Detail


def answer_from_dict(data: Mapping[str, Any]) -> Answer:
    """The answer that `answer_to_dict` wrote.

    Raises:
        InputError: something is missing or of the wrong kind; the message names it.
    """
    try:
        given = _Answer.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _unusable(".".join(str(part) for part in first["loc"]), first["msg"]) from error
    hits = _hits(given)
    return Answer(
        question=given.question,
        standalone=given.standalone,
        text=given.answer,
        refused=given.refused,
        citations=_citations(given, hits),
        hits=hits,
        coverage=Coverage(
            intent=given.coverage.intent,
            reports=given.coverage.reports,
            labs=given.coverage.labs,
            matched_reports=given.coverage.matched_reports,
            read_passages=given.detail.read_passages,
            read_reports=given.detail.read_reports,
            filters=filters_from_dict(given.coverage.filters, "coverage.filters"),
            mentioned=given.coverage.also_mentioned,
            first=filters_from_dict(given.detail.first, "detail.first"),
            ignored=filters_from_dict(given.detail.ignored, "detail.ignored"),
            read=given.detail.read,
            unread=given.detail.unread,
        ),
        mode=given.mode,
        language=given.detail.language,
        timings=given.detail.timings,
        tokens=given.detail.tokens,
        index=given.index,
        notices=read_notices(given.detail.notices, given.detail.notice),
        planner=given.detail.planner,
        struck=tuple(map(_struck, given.detail.struck)),
        checked=given.detail.checked,
        run=given.detail.run,
    )


def _struck(given: _Struck) -> Struck:
    reasons = [given.reason] if given.reason else []
    return Struck(given.text, read_notices(reasons, given.why)[0])


def _unusable(where: str, why: str) -> InputError:
    place = where or "it"
    return InputError(f"This is not an answer that asklabs wrote: {place}: {why}.")


def filters_from_dict(given: Mapping[str, Any], where: str) -> Filters:
    """The filters of an object of lists; `where` says in errors which object that is.

    Raises:
        InputError: a field is unknown, or its values are not a list of its kind.
    """
    for name, values in given.items():
        if name not in FILTER_FIELDS:
            raise _unusable(f"{where}.{name}", "there is no filter of that name")
        wanted = int if name == "year" else str
        if not isinstance(values, list) or not all(type(value) is wanted for value in values):
            raise _unusable(f"{where}.{name}", f"should be a list of {wanted.__name__}")
    return Filters(**{name: tuple(values) for name, values in given.items()})


def _hits(given: _Answer) -> tuple[Hit, ...]:
    shown, rests = given.passages, given.detail.passages
    if len(shown) != len(rests):
        raise _unusable("detail.passages", f"has {len(rests)} entries for {len(shown)} passages")
    hits = []
    for i, (one, rest) in enumerate(zip(shown, rests, strict=True)):
        where = f"detail.passages.{i}"
        passage = _whole(given, rest, one, rest.stage, one.text, where)
        siblings = tuple(_info(given, number, where) for number in rest.siblings)
        hits.append(Hit(passage, rest.score, rest.similarity, siblings, relevance=rest.relevance))
    return tuple(hits)


def _citations(given: _Answer, hits: Sequence[Hit]) -> tuple[Citation, ...]:
    shown, rests = given.citations, given.detail.citations
    if len(shown) != len(rests):
        raise _unusable("detail.citations", f"has {len(rests)} entries for {len(shown)} citations")
    citations = []
    for i, (one, rest) in enumerate(zip(shown, rests, strict=True)):
        where = f"detail.citations.{i}"
        if isinstance(rest, _CitedRest):
            passage = _whole(given, rest, one, one.stage, rest.text, where)
        elif rest.passage <= len(hits):
            passage = hits[rest.passage - 1].passage
        else:
            raise _unusable(f"{where}.passage", f"there is no passage of rank {rest.passage}")
        corrected = i in given.detail.corrected
        citations.append(Citation(one.n, passage, one.quote, one.status, one.span, corrected))
    return tuple(citations)


def _info(given: _Answer, number: int, where: str) -> ReportInfo:
    if number >= len(given.detail.infos):
        raise _unusable(f"{where}.info", f"there is no report {number} in detail.infos")
    return given.detail.infos[number]


def _whole(
    given: _Answer, rest: _Rest, shown: _Citation | _Passage, stage: Stage, text: str, where: str
) -> Passage:
    return Passage(
        id=rest.id,
        report=_info(given, rest.info, where),
        section=shown.section,
        prompt=shown.prompt,
        text=text,
        spans=rest.spans,
        stage=stage,
        language=rest.language,
        part=rest.part,
        parts=rest.parts,
        family=rest.family,
    )


def answers_from_json(data: bytes) -> tuple[Answer, ...]:
    """The answers of a JSON array, of one JSON object, or of JSON lines.

    Raises:
        InputError: the data is not JSON, or an answer in it can't be used.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("The answers are not UTF-8 text. Save the file as UTF-8.") from error
    try:
        given = json.loads(text)
    except json.JSONDecodeError as whole:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            given = [json.loads(line) for line in lines]
        except json.JSONDecodeError:
            raise InputError(f"The answers are not JSON: {whole}.") from whole
    return tuple(answer_from_dict(one) for one in (given if isinstance(given, list) else [given]))
