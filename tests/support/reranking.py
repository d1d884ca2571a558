"""Rerankers for tests: an object that remembers what it was asked, and an endpoint's reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from openai_server import Reply


class Scores:
    """A reranker that scores by a function of the text, and remembers what it was asked."""

    def __init__(self, score: Callable[[str], float]) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self._score = score

    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        self.asked.append((question, list(texts)))
        return [self._score(text) for text in texts]


def by_length(body: Any) -> Reply:
    """Scores as Cohere's endpoint gives them: the best first."""
    if "documents" not in body:
        return Reply(status=422)
    texts = enumerate(body["documents"])
    rows = [{"index": i, "relevance_score": len(text) / 1000} for i, text in texts]
    rows.sort(key=lambda row: -row["relevance_score"])
    return Reply(body=json.dumps({"results": rows[: body["top_n"]]}), headers={})
