"""Embedding models by name, and the vectors of texts.

To add a model, write a function that makes its `Embed` and add that to EMBEDDINGS.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from rag.errors import ModelError, SettingsError
from rag.models.client import RETRIES, find_server, model_errors, open_client, run
from rag.models.encoder import NAME, Vectors, encode, encoding_processes
from rag.settings import Settings
from rag.types import Notice

# From texts to a vector each, in their order.
Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
# The stored vectors of those texts that have one.
Stored = Callable[[Sequence[str]], Mapping[str, Vectors]]
# How many vectors of texts that no ingest has stored are cached, such as those of questions and of
# what a model wrote; 2 KB each.
CACHED = 20_000


class CachedEncoder:
    """Encodes the latest texts once, and none that has a vector in `stored`. Safe to share."""

    def __init__(self, encode: Embed = encode) -> None:
        self._encode = encode
        self.stored: Stored = lambda _: {}
        self._cache: dict[str, Vectors] = {}
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> list[Any]:
        """The vectors of texts, in order; they are shared, and not to be changed."""
        unique = dict.fromkeys(texts)
        with self._lock:
            # Put in again as the latest.
            vectors = {t: self._cache.pop(t) for t in unique if t in self._cache}
            self._cache |= vectors
        vectors |= self.stored([t for t in unique if t not in vectors])
        if new := [t for t in unique if t not in vectors]:
            # Copies: a row would keep the whole array alive.
            rows = (row.copy() for row in np.asarray(self._encode(new), np.float32))
            encoded = dict(zip(new, rows, strict=True))
            vectors |= encoded
            with self._lock:
                self._cache |= encoded
                for oldest in list(self._cache)[: max(0, len(self._cache) - CACHED)]:
                    del self._cache[oldest]
        return [vectors[text] for text in texts]


_shared = CachedEncoder()


def use_stored_vectors(stored: Stored) -> None:
    """From now on take the built-in model's vectors from those that an index has stored."""
    _shared.stored = stored


def encode_cached(texts: Sequence[str]) -> list[Any]:
    """The built-in model's vectors of texts, in order; the latest are cached."""
    return _shared.encode(texts)


@dataclass(frozen=True, slots=True)
class EmbeddingKind:
    """A kind of embedding model, by the word before the colon in its name.

    `make` takes the settings and the name after the colon. `batch` is how many texts it embeds at
    a time. `package`, where the weights come in one, identifies the model in an index with its
    version. Only a `builtin` kind has processes, stored vectors of sentences and a threshold.
    """

    make: Callable[[Settings, str], Embed]
    batch: int
    package: str = ""
    builtin: bool = False


def _openai(settings: Settings, name: str) -> Embed:
    server = find_server(settings)
    client = open_client(server, settings.timeout, RETRIES, settings.patience)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        # Indexes have been made without line breaks, as OpenAI once recommended.
        lines = [text.replace("\n", " ") for text in texts]
        with model_errors("embedding model"):
            reply = run(client.embeddings.create(model=name, input=lines))
            vectors = [list(row.embedding) for row in reply.data]
        if len(vectors) != len(texts):
            raise ModelError(Notice("embedding_texts_left_out"))
        return vectors

    return embed


EMBEDDINGS = {
    "builtin": EmbeddingKind(lambda *_: encode_cached, batch=256, package=NAME, builtin=True),
    "openai": EmbeddingKind(_openai, batch=100),
}


def embedding_kind(settings: Settings) -> EmbeddingKind:
    """The kind of the embedding model that the settings name; else a SettingsError."""
    word, _, name = settings.embedding.partition(":")
    kind = EMBEDDINGS.get(word)
    if kind is None or bool(name) == bool(kind.package):
        known = " or ".join(w if k.package else f"{w}:MODEL" for w, k in EMBEDDINGS.items())
        raise SettingsError(f"The embedding {settings.embedding!r} is unknown. Use {known}.")
    return kind


@dataclass(frozen=True, slots=True)
class Embedding:
    """Embeds questions and texts alike; its methods raise ModelError if the model fails."""

    embed: Embed
    name: str
    batch: int

    def get_text_embedding_batch(self, texts: Sequence[str]) -> list[Any]:
        """A vector for each text, in their order."""
        parts = (texts[at : at + self.batch] for at in range(0, len(texts), self.batch))
        return [vector for part in parts for vector in self.embed(part)]

    def get_query_embedding(self, query: str) -> list[float]:
        """The vector of a question, as other programs take it."""
        return [float(value) for value in self.get_text_embedding_batch([query])[0]]


def make_embedding(settings: Settings) -> Embedding:
    """The embedding model that the settings name."""
    kind = embedding_kind(settings)
    embed = kind.make(settings, settings.embedding.partition(":")[2])
    return Embedding(embed, embedding_name(settings), kind.batch)


_version = cache(version)


def embedding_name(settings: Settings) -> str:
    """What identifies the embedding model in an index: its name, or its package and version."""
    package = embedding_kind(settings).package
    return f"{package} {_version(package)}" if package else settings.embedding


@contextmanager
def open_embed(settings: Settings, processes: int) -> Iterator[Embed]:
    """What turns texts into vectors, for an ingest: the built-in model in so many processes."""
    if not embedding_kind(settings).builtin:
        yield make_embedding(settings).get_text_embedding_batch
    elif processes:
        with encoding_processes(processes) as embed:
            yield embed
    else:
        yield encode
