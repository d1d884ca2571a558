"""Writes an answer as the JSON that the command line promises; `answer_read` reads it back.

The promised keys hold what people script against; `detail` holds what they leave out: exact
scores and timings, and what is known of each report and passage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic_core import to_jsonable_python

from rag.types import Answer, Citation, Hit, Passage, QueryPlan, ReportInfo

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


def plan_to_dict(plan: QueryPlan) -> dict[str, Any]:
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
        "notice": answer.notice,
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
        "struck": to_jsonable_python(answer.struck),
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
