"""The built-in embedding model as llama-index knows models."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding

from rag.index.sentence_vectors import SentenceVectors
from rag.models.encoder import NAME, encode

# Vectors that are remembered: of texts that no ingest has made, such as questions and what a model
# wrote, and of an index without kept sentences those. 2 KB each.
REMEMBERED = 20_000


class Remembering:
    """Encodes like `encode`, but each of the latest texts once; safe to share between threads.

    What is in `kept` is not encoded at all.
    """

    kept = SentenceVectors()

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._vectors: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts, in order."""
        with self._lock:
            found = {text: self._vectors[text] for text in texts if text in self._vectors}
            for text in found:
                self._vectors.move_to_end(text)
        found |= self.kept.find([text for text in dict.fromkeys(texts) if text not in found])
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            vectors = np.asarray(encode(new), dtype=np.float32)
            found |= dict(zip(new, vectors, strict=True))
            self._remember(new, vectors)
        return [found[text].tolist() for text in texts]

    def _remember(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        with self._lock:
            # Copies: a row would keep the whole array it is a part of.
            self._vectors |= {t: v.copy() for t, v in zip(texts, vectors, strict=True)}
            while len(self._vectors) > self._most:
                self._vectors.popitem(last=False)


_shared = Remembering()


def use_sentences(database: Path) -> None:
    """From now on take vectors of sentences from those kept beside a database, if they are good."""
    _shared.kept = SentenceVectors.load(database)


def encode_remembered(texts: Sequence[str]) -> list[list[float]]:
    """The vectors of texts, in order; the latest are remembered."""
    return _shared.encode(texts)


class BuiltinEmbedding(BaseEmbedding):
    """Google's multilingual Universal Sentence Encoder; no key and no network."""

    model_name: str = NAME

    def _get_text_embedding(self, text: str) -> list[float]:
        return encode_remembered([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return encode_remembered(texts)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)
