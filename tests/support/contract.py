"""The command line's JSON contract as keys and types, and what must hold between them."""

from typing import Any, get_args

from rag.types import Stage, Status

ANSWER = {
    "id": str, "question": str, "standalone": str, "answer": str, "refused": bool,
    "citations": list, "passages": list, "coverage": dict, "mode": str, "timings": dict,
    "tokens": dict, "index": str, "detail": dict,
}  # fmt: skip
CITATION = {
    "n": int, "report": str, "title": str, "country": str, "year": int, "type": str,
    "kind": str, "section": str, "prompt": str, "stage": str, "quote": str, "status": str,
    "author": str,
}  # fmt: skip
PASSAGE = {
    "rank": int, "report": str, "section": str, "prompt": str, "text": str, "spans": list,
    "score": float,
}  # fmt: skip
COVERAGE = {
    "intent": str, "reports": list, "count": int, "labs": list, "matched_reports": int,
    "filters": dict, "also_mentioned": list,
}  # fmt: skip
TIMINGS = {"plan_ms": int, "retrieve_ms": int, "answer_ms": int}
TOKENS = {"prompt": int, "completion": int}


def has(data: Any, shape: dict[str, type]) -> None:
    assert {key: type(data.get(key)) for key in shape} == shape


def is_answer(data: Any) -> None:
    for part, shape in ((data, ANSWER), (data["timings"], TIMINGS), (data["tokens"], TOKENS)):
        assert {key: type(value) for key, value in part.items()} == shape
    has(data["coverage"], COVERAGE)
    assert data["coverage"]["count"] == len(data["coverage"]["reports"])
    for citation in data["citations"]:
        has(citation, CITATION)
        assert set(citation) == {*CITATION, "span"}
        start, end = citation["span"] or (0, 1)
        assert 0 <= start < end
        assert citation["stage"] in get_args(Stage)
        assert citation["status"] in get_args(Status)
        assert f"[{citation['n']}]" in data["answer"]
        assert citation["quote"]
    for rank, passage in enumerate(data["passages"], start=1):
        assert {key: type(value) for key, value in passage.items()} == PASSAGE
        assert passage["rank"] == rank
