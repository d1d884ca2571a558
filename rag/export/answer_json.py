"""Answers as the JSON that the command line promises, and answers read back from it.

The promised keys are what people script against. `detail` holds what they leave out, so that an
answer can be read back whole. It has each report once, in `infos`, and points to it by index.
The types of all fields are those of `rag.types`: pydantic reads and writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from rag.catalog.tag_fields import Filters, ReportInfo
from rag.errors import InputError
from rag.i18n.notices import notice_words, read_notices
from rag.types import Answer, Citation, Hit, Passage, Plan, Struck

SCORE_DIGITS = 4
_PASSAGE_DETAIL = ("id", "spans", "language", "part", "parts", "family")
_COVERAGE_DETAIL = ("read_passages", "read_reports", "first", "ignored", "read", "unread", "sides")
_REMEDY = "Undo what was changed by hand, or ask the question again."
# By the field of an Answer.
_JSON_NAMES = {"text": "answer", "hits": "passages", "generation": "run"}


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
            **_fields(answer.coverage, "intent", "reports", "count", "labs", "matched_reports"),
            **_fields(answer.coverage, "filters", "grouped_by"),
            "excluded": answer.coverage.excluded.as_dict(),
            "table": [{"value": v, "reports": n} for v, n in answer.coverage.table],
            "comparison": [{"about": row, "cells": cells} for row, cells in answer.comparison],
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


def _fields(value: object, *names: str) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in names}
    return {
        name: field.as_dict() if isinstance(field, Filters) else to_jsonable_python(field)
        for name, field in fields.items()
    }


def _citation(citation: Citation) -> dict[str, Any]:
    info = citation.passage.report
    return {
        "n": citation.n,
        "report": info.id,
        "title": info.title,
        "country": ", ".join(info.countries),
        **_fields(info, "year", "type", "author"),
        **_fields(citation.passage, "section", "prompt", "stage"),
        **_fields(citation, "quote", "status", "span"),
    }


def passage_to_dict(rank: int, hit: Hit) -> dict[str, Any]:
    """A hit as the contract's entry of `passages`; ranks count from 1."""
    return {
        "rank": rank,
        "report": hit.passage.report.id,
        **_fields(hit.passage, "section", "prompt", "text", "spans"),
        "score": round(hit.score, SCORE_DIGITS),
    }


def explained(hit: Hit) -> dict[str, Any]:
    """Why a hit ranks where it does, and which other reports say the same."""
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
    passages = [hit.passage for hit in answer.hits]

    def number(info: ReportInfo) -> int:
        if info not in infos:
            infos.append(info)
        return infos.index(info)

    def passage_detail(passage: Passage) -> dict[str, Any]:
        return {"info": number(passage.report), **_fields(passage, *_PASSAGE_DETAIL)}

    def hit_detail(hit: Hit) -> dict[str, Any]:
        return {
            **_fields(hit, "score", "similarity", "relevance"),
            "stage": hit.passage.stage,
            "siblings": [number(info) for info in hit.siblings],
            **passage_detail(hit.passage),
        }

    def cited_detail(passage: Passage) -> dict[str, Any]:
        if passage in passages:
            return {"passage": passages.index(passage) + 1}
        return {"text": passage.text, **passage_detail(passage)}

    return {
        "language": answer.language,
        # Messages in English too, for who reads the JSON.
        "notice": notice_words(answer.notices),
        **_fields(answer, "notices", "planner"),
        **_fields(answer.coverage, *_COVERAGE_DETAIL),
        **_fields(answer, "timings", "tokens", "checked"),
        "run": to_jsonable_python(answer.generation),
        **{
            name: [
                {**_fields(s, "text", "reason", "at"), "why": notice_words([s.reason])}
                for s in getattr(answer, name)
            ]
            for name in ("struck", "doubted")
        },
        "corrected": [i for i, citation in enumerate(answer.citations) if citation.corrected],
        "passages": [hit_detail(hit) for hit in answer.hits],
        "citations": [cited_detail(citation.passage) for citation in answer.citations],
        "infos": to_jsonable_python(infos),
    }


def answers_to_json(answers: Sequence[Answer]) -> bytes:
    """A JSON array of answers in UTF-8, whose ids count from 1."""
    entries = [answer_to_dict(answer, str(number)) for number, answer in enumerate(answers, 1)]
    text = json.dumps(entries, ensure_ascii=False, indent=1, allow_nan=False)
    # A lone surrogate, which a model can write, has no UTF-8; its escape is the JSON one.
    return (text + "\n").encode("utf-8", "backslashreplace")


def answers_from_json(data: bytes, file: str = "The file") -> tuple[Answer, ...]:
    """The answers of a JSON array, of one JSON object, or of JSON lines.

    Raises:
        InputError: the data is not JSON, or an answer in it can't be used.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text. Save it as UTF-8.") from error
    try:
        entries = orjson.loads(text)  # Unlike json, it refuses NaN.
    except orjson.JSONDecodeError as error:
        placed, why = [], str(error)
        for n, line in enumerate(text.split("\n"), 1):
            try:
                placed += [(f"{file}, line {n}", orjson.loads(line))] if line.strip() else []
            except orjson.JSONDecodeError as broken:
                # A file whose first line is no answer is one document.
                why = f"line {n}: {broken}" if placed else why
                raise InputError(f"{file} is not JSON ({why}). {_REMEDY}") from error
    else:
        listed = entries if isinstance(entries, list) else [entries]
        placed = [(f"{file}, answer {n}", entry) for n, entry in enumerate(listed, 1)]
    return tuple(answer_from_dict(entry, place) for place, entry in placed)


@cache
def _adapter() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)


def answer_from_dict(data: object, place: str = "The answer") -> Answer:
    """The answer that `answer_to_dict` wrote; `place` says in errors where it stands.

    Raises:
        InputError: a field is missing or of the wrong kind; the message names it.
    """
    try:
        # As JSON, because only there pydantic's strict mode takes arrays for tuples.
        answer = _adapter().validate_json(json.dumps(_nested(data)), strict=True)
        return _with_notices(answer, data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path, reason = _path_in_json(first["loc"]), first["msg"]
    except _Missing as error:
        path, reason = error.args, "it is missing or of the wrong kind"
    named = ".".join(map(str, path)) or "answer"
    raise InputError(f"{place} is not what asklabs wrote: {named}: {reason}. {_REMEDY}")


def _path_in_json(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    if path[:1] == ("coverage",) and path[1] in _COVERAGE_DETAIL:
        return ("detail", *path[1:])
    return tuple(_JSON_NAMES.get(str(step), step) for step in path[:1]) + path[1:]


class _Missing(Exception):
    """A path where no field of the right kind is."""


def _at(data: object, kind: type, *path: str | int) -> Any:
    value: Any = data
    try:
        for step in path:
            value = value[step]
    except (KeyError, IndexError, TypeError) as error:
        raise _Missing(*path) from error
    if not isinstance(value, kind):
        raise _Missing(*path)
    return value


def _nested(data: object) -> Mapping[str, Any]:
    # In the shape of an Answer; what that has no field for is left for pydantic to ignore.
    detail = _at(data, dict, "detail")
    infos = _at(data, list, "detail", "infos")

    def report(*path: str | int) -> Any:
        number = _at(data, int, *path)
        if not 0 <= number < len(infos):
            raise _Missing(*path)
        return infos[number]

    def passage(shown: Mapping[str, Any], *path: str | int) -> dict[str, Any]:
        return {**shown, **_at(data, dict, *path), "report": report(*path, "info")}

    def hit(i: int) -> dict[str, Any]:
        path = ("detail", "passages", i)
        whole = passage(_at(data, dict, "passages", i), *path)
        also = [report(*path, "siblings", n) for n in range(len(whole.get("siblings", ())))]
        return {**whole, "passage": whole, "siblings": also}

    def citation(i: int) -> dict[str, Any]:
        path = ("detail", "citations", i)
        shown, rest = _at(data, dict, "citations", i), _at(data, dict, *path)
        if "passage" in rest:
            rank = _at(data, int, *path, "passage")
            if not 0 < rank <= len(hits):
                raise _Missing(*path, "passage")
            cited = hits[rank - 1]["passage"]
        else:
            cited = passage(shown, *path)
        return {**shown, "passage": cited, "corrected": i in detail.get("corrected", ())}

    # The longer list counts, so that a missing entry of either is an error.
    def count(name: str) -> range:
        return range(max(len(_at(data, list, *at, name)) for at in ((), ("detail",))))

    hits = [hit(i) for i in count("passages")]
    coverage = _at(data, dict, "coverage")
    mentioned = coverage.get("also_mentioned", ())
    rows = _at({"table": [], **coverage}, list, "table")
    table = [[_at(row, str, "value"), _at(row, int, "reports")] for row in rows]
    return {
        **_at(data, dict),
        **detail,
        "generation": detail.get("run", {}),
        **{
            name: [{"reason": {"code": ""}, **sentence} for sentence in detail.get(name, ())]
            for name in ("struck", "doubted")
        },
        "text": _at(data, str, "answer"),
        "citations": [citation(i) for i in count("citations")],
        "hits": hits,
        "coverage": {**coverage, **detail, "mentioned": mentioned, "table": table},
    }


def _with_notices(answer: Answer, data: object) -> Answer:
    # Where an older or newer version wrote a message, its English text is all there is.
    def sentences(name: str) -> tuple[Struck, ...]:
        whys = [_at(data, str, "detail", name, i, "why") for i in range(len(getattr(answer, name)))]
        pairs = zip(getattr(answer, name), whys, strict=True)
        return tuple(replace(s, reason=read_notices([s.reason], why)[0]) for s, why in pairs)

    notices = read_notices(answer.notices, _at(data, str, "detail", "notice"))
    struck, doubted = sentences("struck"), sentences("doubted")
    return replace(answer, notices=notices, struck=struck, doubted=doubted)
