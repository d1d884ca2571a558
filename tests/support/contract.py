"""The command line's JSON contract as keys and types, and what must hold between them."""

from __future__ import annotations

from typing import Any, get_args

from rag.types import Stage

ANSWER = {
    "id": str, "question": str, "standalone": str, "answer": str, "refused": bool,
    "citations": list, "passages": list, "coverage": dict, "mode": str, "timings": dict,
    "tokens": dict, "index": str,
}  # fmt: skip
CITATION = {
    "n": int, "report": str, "title": str, "country": str, "year": int, "type": str,
    "section": str, "prompt": str, "stage": str, "quote": str, "status": str,
}  # fmt: skip
PASSAGE = {
    "rank": int, "report": str, "section": str, "prompt": str, "text": str, "spans": list,
    "score": float,
}  # fmt: skip
COVERAGE = {
    "intent": str, "reports": list, "count": int, "labs": list, "matched_reports": int,
    "filters": dict, "also_mentioned": list,
}  # fmt: skip
TIMINGS = dict.fromkeys(("plan_ms", "retrieve_ms", "answer_ms"), int)
TOKENS = dict.fromkeys(("prompt", "completion"), int)


def has(data: Any, shape: dict[str, type], *more: str) -> None:
    """Asserts that data has the keys of a shape with its types; with `more`, no others."""
    assert set(shape) <= set(data)
    assert {key: type(data[key]) for key in shape} == shape
    if more:
        assert set(data) == {*shape, *more}


def is_answer(data: Any) -> None:
    """Asserts that data keeps the contract of an answer."""
    has(data, ANSWER, "detail")
    has(data["coverage"], COVERAGE)
    assert {name: type(value) for name, value in data["timings"].items()} == TIMINGS
    assert {name: type(value) for name, value in data["tokens"].items()} == TOKENS
    assert data["coverage"]["count"] == len(data["coverage"]["reports"])
    for citation in data["citations"]:
        has(citation, CITATION, "span")
        if citation["span"] is not None:
            start, end = citation["span"]
            assert 0 <= start < end
        assert citation["stage"] in get_args(Stage)
        assert citation["status"] in ("supported", "partly", "unsupported")
        assert f"[{citation['n']}]" in data["answer"]
        assert citation["quote"]
    for rank, passage in enumerate(data["passages"], start=1):
        has(passage, PASSAGE)
        assert set(passage) == set(PASSAGE)
        assert passage["rank"] == rank
