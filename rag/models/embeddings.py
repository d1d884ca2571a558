"""Makes the language and embedding models that the settings name, and asks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from rag.errors import ModelError, SettingsError
from rag.models.chat import _RETRIES
from rag.models.encoder import NAME, encode, encoding_processes
from rag.models.servers import explained, http_client, server_of
from rag.settings import Settings
from rag.types import Notice

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding


Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
_BATCH = 256


@dataclass(frozen=True, slots=True)
class EmbeddingKind:
    """A kind of embedding model, by the word before the colon in its name.

    `make` takes the settings and the name after the colon. `package`, where the weights come in
    one, identifies the model in an index with its version. Only `ours` has what was made and
    measured for it: processes for an ingest, kept vectors of sentences, the threshold of answers.
    """

    make: Callable[[Settings, str], BaseEmbedding]
    package: str = ""
    ours: bool = False


def _builtin(_settings: Settings, _name: str) -> BaseEmbedding:
    from rag.models.builtin import BuiltinEmbedding

    return BuiltinEmbedding(embed_batch_size=_BATCH)


def _of_server(settings: Settings, name: str) -> BaseEmbedding:
    from llama_index.embeddings.openai import OpenAIEmbedding

    server = server_of(settings, name)
    model: BaseEmbedding = OpenAIEmbedding(
        model_name=name,
        api_key=server.key,
        api_base=server.url,
        http_client=http_client(server, settings.patience),
        timeout=settings.timeout,
        # The wrapper's own 10 would be squared by the client's: minutes for a dead server.
        max_retries=_RETRIES,
    )
    return model


EMBEDDINGS = {
    "builtin": EmbeddingKind(_builtin, package=NAME, ours=True),
    "openai": EmbeddingKind(_of_server),
}


def embedding_kind(settings: Settings) -> EmbeddingKind:
    """The kind of the embedding model that the settings name.

    Raises:
        SettingsError: the name is of no known kind.
    """
    word, _, name = settings.embedding.partition(":")
    kind = EMBEDDINGS.get(word)
    if kind is None or bool(name) == bool(kind.package):
        known = " or ".join(w if k.package else f"{w}:MODEL" for w, k in EMBEDDINGS.items())
        raise SettingsError(f"The embedding {settings.embedding!r} is unknown. Use {known}.")
    return kind


def make_embedding(settings: Settings) -> BaseEmbedding:
    """The embedding model that the settings name.

    Raises:
        SettingsError: the name is of no known kind.
    """
    return embedding_kind(settings).make(settings, settings.embedding.partition(":")[2])


def embedding_name(settings: Settings) -> str:
    """What identifies the embedding model in an index: its name, or its package and version.

    Raises:
        SettingsError: the name is of no known kind.
    """
    package = embedding_kind(settings).package
    return f"{package} {version(package)}" if package else settings.embedding


@contextmanager
def open_embed(settings: Settings, many: bool) -> Iterator[Embed]:
    """What turns texts into vectors, for an ingest: the built-in model without llama-index.

    Args:
        settings: names the embedding model, and says how many threads will use it at a time.
        many: whether there are so many texts that starting processes for them pays.

    Raises:
        SettingsError: the name is of no known kind.
    """
    if not embedding_kind(settings).ours:
        yield partial(embed_texts, make_embedding(settings))
    elif many:
        with encoding_processes(settings.embedding_threads) as embed:
            yield embed
    else:
        yield encode


def embed_texts(model: BaseEmbedding, texts: Sequence[str]) -> list[list[float]]:
    """The vectors of texts, in order.

    Raises:
        ModelError: the model's server failed.
    """
    with explained("embedding model"):
        vectors = model.get_text_embedding_batch(list(texts))
    if len(vectors) != len(texts):
        raise ModelError(Notice("embedding_texts_left_out"))
    return vectors


def embed_query(model: BaseEmbedding, text: str) -> list[float]:
    """The vector of a question.

    Raises:
        ModelError: the model's server failed.
    """
    with explained("embedding model"):
        return model.get_query_embedding(text)
