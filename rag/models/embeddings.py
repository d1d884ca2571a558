"""Embedding models: the built-in one, or one of an OpenAI-compatible server."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from rag.errors import ModelError, SettingsError
from rag.models.client import find_server, model_errors, open_client, start
from rag.models.encoder import PACKAGE, Vectors, encode
from rag.settings import Settings
from rag.types import Notice

BUILTIN = f"{PACKAGE} {version(PACKAGE)}"
# From texts to a vector each, in their order.
Embed = Callable[[Sequence[str]], Any]
# The stored vectors of those texts that have one.
Stored = Callable[[Sequence[str]], Mapping[str, Vectors]]
# How many vectors of texts that no ingest has stored are cached, such as those of questions and of
# what a model wrote; 2 KB each.
CACHED = 20_000


_stored: Stored | None = None
_cache: dict[str, Vectors] = {}
_lock = threading.Lock()


def use_stored_vectors(stored: Stored) -> None:
    """From now on take the built-in model's vectors from those that an index has stored."""
    global _stored
    _stored = stored


def encode_cached(texts: Sequence[str]) -> list[Any]:
    """The built-in model's vectors of texts, in order, each encoded once in a while.

    They are shared between callers and threads, and not to be changed.
    """
    unique = dict.fromkeys(texts)
    with _lock:
        vectors = {t: _cache[t] for t in unique if t in _cache}
    if _stored:
        vectors |= _stored([t for t in unique if t not in vectors])
    if new := [t for t in unique if t not in vectors]:
        # Copies: a row would keep the whole array alive.
        encoded = {t: row.copy() for t, row in zip(new, encode(new), strict=True)}
        vectors |= encoded
        with _lock:
            if len(_cache) > CACHED:
                _cache.clear()
            _cache.update(encoded)
    return [vectors[text] for text in texts]


def is_builtin(settings: Settings) -> bool:
    """Whether the settings name the built-in model; a SettingsError if neither it nor another.

    It alone has processes, and stored vectors of sentences.
    """
    kind, _, name = settings.embedding.partition(":")
    if kind != ("openai" if name else "builtin"):
        raise SettingsError(
            f"The embedding {settings.embedding!r} is unknown. Use builtin or openai:MODEL."
        )
    return not name


def _of_server(settings: Settings) -> Embed:
    name, server = settings.embedding.partition(":")[2], find_server(settings)
    client = open_client(server, settings)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        # Indexes have been made without line breaks, as OpenAI once recommended.
        lines = [text.replace("\n", " ") for text in texts]
        with model_errors("embedding model"):
            reply = start(client.embeddings.create(model=name, input=lines)).result()
            vectors = [list(row.embedding) for row in reply.data]
        if len(vectors) != len(texts):
            raise ModelError(Notice("embedding_texts_left_out"))
        return vectors

    return embed


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
    name = embedding_name(settings)
    if is_builtin(settings):
        return Embedding(encode_cached, name, batch=256)
    return Embedding(_of_server(settings), name, batch=100)


def embedding_name(settings: Settings) -> str:
    """What identifies the embedding model in an index: its name, or its package and version."""
    return BUILTIN if is_builtin(settings) else settings.embedding
