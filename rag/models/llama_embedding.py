"""An embedding function as a llama-index embedding model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding


class LlamaEmbedding(BaseEmbedding):
    """Embeds queries and texts alike by a function from texts to a vector each."""

    def __init__(
        self, embed: Callable[[Sequence[str]], Sequence[Sequence[float]]], **options: Any
    ) -> None:
        super().__init__(**options)
        self._embed = embed

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [list(vector) for vector in self._embed(texts)]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)
