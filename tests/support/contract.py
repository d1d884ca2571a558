"""The command line's JSON contract as keys and types, and what must hold between them."""

from __future__ import annotations

from typing import Any

from rag.types import STAGES

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


def has(data: Any, shape: dict[str, type]) -> None:
    """Asserts that data has all keys of a shape, each of its type."""
    assert set(data) >= set(shape)
    for key, kind in shape.items():
        assert type(data[key]) is kind, f"{key} is {data[key]!r}"


def is_answer(data: Any) -> None:
    """Asserts that data keeps the contract of an answer."""
    has(data, ANSWER)
    assert set(data) == {*ANSWER, "detail"}
    has(data["coverage"], COVERAGE)
    assert data["coverage"]["count"] == len(data["coverage"]["reports"])
    for citation in data["citations"]:
        has(citation, CITATION)
        assert set(citation) == {*CITATION, "span"}
        if citation["span"] is not None:
            start, end = citation["span"]
            assert 0 <= start < end
        assert citation["stage"] in STAGES
        assert citation["status"] in ("supported", "partly", "unsupported")
        assert f"[{citation['n']}]" in data["answer"]
        assert citation["quote"]
    for rank, passage in enumerate(data["passages"], start=1):
        has(passage, PASSAGE)
        assert set(passage) == set(PASSAGE)
        assert passage["rank"] == rank
    assert {k: type(v) for k, v in data["timings"].items()} == dict.fromkeys(
        ("plan_ms", "retrieve_ms", "answer_ms"), int
    )
    assert {k: type(v) for k, v in data["tokens"].items()} == dict.fromkeys(
        ("prompt", "completion"), int
    )
