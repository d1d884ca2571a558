"""The built-in embedding model as llama-index knows models."""

from __future__ import annotations

from llama_index.core.base.embeddings.base import BaseEmbedding

from rag.encoder import NAME, encode


class BuiltinEmbedding(BaseEmbedding):
    """Google's multilingual Universal Sentence Encoder; no key and no network."""

    model_name: str = NAME

    def _get_text_embedding(self, text: str) -> list[float]:
        return encode([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return encode(texts)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)
