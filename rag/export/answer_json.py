"""Answers and surveys as the JSON that the command line promises, and both read back from it.

People write scripts for the promised keys. `detail` holds what these leave out, so that an answer
can be read back whole, and a survey with the help of the index. An answer's `detail` has each
report once, in `infos`, and points to it by index. Pydantic reads and writes the fields, whose
types are those of `rag.types`.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from rag.catalog.tag_fields import Filters, ReportInfo
from rag.errors import InputError, first_problem
from rag.i18n.labels import notice_words, survey_sentence, value_label
from rag.i18n.translations import translations_for
from rag.survey.types import Survey, SurveyRow, Verdict
from rag.types import Answer, Citation, Hit, Passage

SCORE_DIGITS = 4
_REMEDY = "Undo what was changed by hand, or ask the question again."


def answer_to_dict(answer: Answer, id: str = "") -> dict[str, Any]:  # noqa: A002
    """The answer under the keys of the command line's contract, and `detail` to read it back."""
    t = translations_for(answer.language)
    return {
        "id": id,
        "question": answer.question,
        "standalone": answer.standalone,
        "answer": answer.text,
        "refused": answer.refused,
        "citations": [citation_to_dict(citation) for citation in answer.citations],
        "passages": [passage_to_dict(rank, hit) for rank, hit in enumerate(answer.hits, 1)],
        "coverage": {
            **_fields(answer.coverage, "intent", "reports", "count", "labs", "matched_reports"),
            **_fields(answer.coverage, "filters", "grouped_by", "split", "excluded"),
            "table": [
                {"value": v, "reports": n, "label": value_label(answer.coverage.grouped_by, v, t)}
                for v, n in answer.coverage.table
            ],
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
    fields = ((name, getattr(value, name)) for name in names)
    return {n: f.as_dict() if isinstance(f, Filters) else to_jsonable_python(f) for n, f in fields}


def citation_to_dict(citation: Citation) -> dict[str, Any]:
    """A citation as the contract's entry of `citations`."""
    info = citation.passage.report
    return {
        "n": citation.n,
        "report": info.id,
        "title": info.title,
        "country": ", ".join(info.countries),
        **_fields(info, "year", "type", "kind", "author"),
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


def found_to_dict(rank: int, hit: Hit) -> dict[str, Any]:
    """A hit as a search tells it: with what its source is cited by."""
    info = hit.passage.report
    told = {"country": info.lab, **_fields(info, "title", "year", "kind", "author")}
    return {**passage_to_dict(rank, hit), **told, "stage": hit.passage.stage}


def _detail(answer: Answer) -> dict[str, Any]:
    infos: dict[str, tuple[int, ReportInfo]] = {}
    passages = [hit.passage for hit in answer.hits]

    def number(info: ReportInfo) -> int:
        return infos.setdefault(info.id, (len(infos), info))[0]

    def passage_detail(passage: Passage) -> dict[str, Any]:
        shown = _fields(passage, "id", "spans", "language", "part", "parts")
        return {"info": number(passage.report), **shown}

    def hit_detail(hit: Hit) -> dict[str, Any]:
        found = {**_fields(hit, "score", "similarity", "relevance"), "stage": hit.passage.stage}
        found["siblings"] = [number(info) for info in hit.siblings]
        return found | passage_detail(hit.passage)

    def cited_detail(passage: Passage) -> dict[str, Any]:
        if passage in passages:
            return {"passage": passages.index(passage) + 1}
        return {"text": passage.text, **passage_detail(passage)}

    return {
        "language": answer.language,
        # Messages in English too, for people who read the JSON.
        "notice": notice_words(answer.notices),
        **_fields(answer, "notices", "planner"),
        **_fields(answer.coverage, "read_passages", "read_reports", "first", "ignored"),
        **_fields(answer.coverage, "read", "unread", "cells", "sides", "speaking"),
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
        "infos": to_jsonable_python([info for _, info in infos.values()]),
    }


def answers_to_json(answers: Sequence[Answer]) -> bytes:
    """A JSON array of answers in UTF-8, whose ids count from 1."""
    entries = [answer_to_dict(answer, str(number)) for number, answer in enumerate(answers, 1)]
    text = json.dumps(entries, ensure_ascii=False, indent=1, allow_nan=False)
    # A lone surrogate, which a model can write, has no UTF-8; its escape is the JSON one.
    return (text + "\n").encode("utf-8", "backslashreplace")


def answers_from_json(data: bytes, file: str = "The file") -> tuple[Answer, ...]:
    """The answers of a JSON array, of one JSON object, or of JSON lines; else an InputError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text. Save it as UTF-8.") from error
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    try:
        # A first line that is whole makes the others lines too. Unlike json, orjson refuses NaN.
        orjson.loads(lines[0][1] if lines else "")
        placed = [(f"{file}, line {n}", line) for n, line in lines]
    except orjson.JSONDecodeError:
        placed = [(file, text)]
    answers = []
    for place, line in placed:
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InputError(f"{place} is not JSON ({error}). {_REMEDY}") from error
        for told in entry if type(entry) is list else [entry]:
            answers.append(answer_from_dict(told, place))
            for shown, cited in zip(told["citations"], answers[-1].citations, strict=True):
                wrong = [k for k, v in citation_to_dict(cited).items() if shown.get(k, v) != v]
                if wrong:
                    what = f"its citation {cited.n} has two values of {wrong[0]}"
                    raise InputError(f"{place} is not what asklabs wrote ({what}). {_REMEDY}")
    return tuple(answers)


@cache
def _adapter() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)


def answer_from_dict(data: Any, place: str = "The answer") -> Answer:
    """The answer that `answer_to_dict` wrote; an InputError says by `place` where it is wrong."""
    if isinstance(data, dict) and {"scope", "rows"} <= data.keys():
        way = "turn it into a file by itself: asklabs export SURVEY.json --to FILE.docx"
        raise InputError(f"{place} is a survey, and no answer. Leave it out here, and {way}")
    try:
        # As JSON, because only there pydantic's strict mode takes arrays for tuples.
        return _adapter().validate_json(orjson.dumps(_nested(data)), strict=True)
    except ValidationError as error:
        why = first_problem(error)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        why = f"a field is missing or of the wrong kind: {error}"
    raise InputError(f"{place} is not what asklabs wrote ({why}). {_REMEDY}")


def _nested(data: Any) -> Mapping[str, Any]:
    # In the shape of an Answer. Pydantic ignores what an Answer has no field for.
    detail, coverage = data["detail"], data["coverage"]
    infos = detail["infos"]

    def passage(shown: Mapping[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
        return {**shown, **rest, "report": infos[rest["info"]]}

    hits = [passage(*both) for both in zip(data["passages"], detail["passages"], strict=True)]
    cited = [
        hits[rest["passage"] - 1] if "passage" in rest else passage(shown, rest)
        for shown, rest in zip(data["citations"], detail["citations"], strict=True)
    ]
    return {
        **data,
        **detail,
        "text": data["answer"],
        "generation": detail["run"],
        "citations": [
            {**shown, "passage": cited[i], "corrected": i in detail["corrected"]}
            for i, shown in enumerate(data["citations"])
        ],
        "hits": [
            {**hit, "passage": hit, "siblings": [infos[n] for n in hit["siblings"]]} for hit in hits
        ],
        "coverage": {
            **coverage,
            **detail,
            "mentioned": coverage["also_mentioned"],
            "table": [[row["value"], row["reports"]] for row in coverage["table"]],
        },
    }


def survey_to_dict(survey: Survey) -> dict[str, Any]:
    """The survey under the keys of the command line's contract."""
    low, high = survey.interval
    counts = {verdict: survey.count(verdict) for verdict in get_args(Verdict)}
    return {
        **_fields(survey, "question", "topic", "filters", "ladder", "outcomes"),
        "scope": len(survey.rows),
        "counts": {**counts, "low": low, "high": high, "labs": len(survey.labs)},
        "summary": survey_sentence(survey),
        "notice": notice_words(survey.notices),
        "columns": [column.name for column in survey.columns],
        **_fields(survey, "notices", "near", "complete", "index", "tokens"),
        "detail": _fields(survey, "language", "labs", "columns"),
        "rows": [row_to_dict(row) for row in survey.rows],
    }


def row_to_dict(row: SurveyRow) -> dict[str, Any]:
    """A row of a survey: its report and verdict, and the quote with its place."""
    info, found = row.report, ("value", "quote", "span")
    return {
        "report": info.id,
        "country": ", ".join(info.countries),
        **_fields(info, "author", "title", "year", "kind"),
        **{name: round(getattr(row, name), SCORE_DIGITS) for name in ("score", "about")},
        **_fields(row, "verdict", "quote", "span", "finding", "judge", "stance"),
        **{name: getattr(row.passage, name, "") for name in ("section", "prompt", "stage")},
        "evidence": _fields(row.evidence, "rung", "field", "missing", "outcome", *found),
        "cells": {
            name: _fields(cell, "state", "writer", *found) for name, cell in row.cells.items()
        },
    }


def survey_from_dict(data: Any, known: Mapping[str, ReportInfo]) -> Survey:
    """The survey that `survey_to_dict` wrote, of reports that are `known` by their ids.

    A row's passage holds only what is shown beside the quote. An InputError says what is missing.
    """

    def placed(row: Mapping[str, Any]) -> dict[str, Any]:
        info, spans = known[row["report"]], [row["span"]] if row["span"] else []
        shown = {"id": "", "report": info, "text": row["quote"], "language": info.language}
        passage = {**row, **shown, "spans": spans} if row["stage"] else None
        return {**row, "report": info, "passage": passage}

    try:
        bounds = data["counts"]["low"], data["counts"]["high"]
        rows = [placed(row) for row in data["rows"]]
        whole = {**data, **data["detail"], "interval": bounds, "rows": rows}
        return TypeAdapter(Survey).validate_python(whole)
    except ValidationError as error:
        why = first_problem(error)
    except (LookupError, TypeError, AttributeError) as error:
        why = f"a report of the index, or a field, is missing: {error}"
    raise InputError(
        f"The survey can't be read back ({why}). Run `asklabs survey` with --judge and --out to "
        "this file again: where the index is the same, what a model has judged stays."
    )
