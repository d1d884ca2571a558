"""Makes the language and embedding models that the settings name, and asks them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from rag.encoder import NAME, encode, encoding_processes
from rag.errors import ModelError, SettingsError
from rag.run_record import Writing
from rag.servers import explained, http_client, server_of
from rag.settings import Settings
from rag.stop import Stop
from rag.thoughts import without_thoughts
from rag.waiting import given_by

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.base.llms.types import ChatMessage

    from rag.chat import ChatModel, Piece

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]

_BATCH = 256
_RETRIES = 2
_EMPTY = "The language model returned an empty answer. Ask again."
_ALL_THOUGHT = "The language model wrote nothing within its tokens. Raise ASKLABS_ANSWER_TOKENS."


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
    from rag.builtin import BuiltinEmbedding

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


def make_llm(
    settings: Settings,
    *,
    tokens: int | None = None,
    seconds: float | None = None,
    retries: int = _RETRIES,
) -> ChatModel | None:
    """The chat model that the settings name, or None for extractive answers.

    Args:
        settings: name the model and its server.
        tokens: how many it may write, where those of an answer are not meant.
        seconds: how long to wait for its server, where not as long as for an answer.
        retries: how often a failing server is asked again.

    Raises:
        SettingsError: the name is of no known kind, or the key is missing.
    """
    name = settings.answer_model
    if name == "extractive":
        return None
    if not name.startswith("openai:"):
        raise SettingsError(
            f"The model {name!r} is unknown. Use extractive, auto or openai:MODEL "
            "(any OpenAI-compatible server, its address in OPENAI_BASE_URL)."
        )
    # Its client takes a second to load, which answers without a model do without.
    from rag.chat import ChatModel

    model = name.removeprefix("openai:")
    return ChatModel(
        name=model,
        server=server_of(settings, model),
        tokens=tokens or settings.answer_tokens,
        seconds=seconds or settings.timeout,
        retries=retries,
        patience=settings.patience,
    )


def known_window(model: str) -> int:
    """How many tokens the window of one of OpenAI's models has; 0 for another model."""
    from llama_index.llms.openai.utils import openai_modelname_to_contextsize

    try:
        return openai_modelname_to_contextsize(model)
    except ValueError:
        return 0


def embed_texts(model: BaseEmbedding, texts: Sequence[str]) -> list[list[float]]:
    """The vectors of texts, in order.

    Raises:
        ModelError: the model's server failed.
    """
    with explained("embedding model"):
        vectors = model.get_text_embedding_batch(list(texts))
    if len(vectors) != len(texts):
        raise ModelError("The embedding model's server left texts out. Ask again.")
    return vectors


def embed_query(model: BaseEmbedding, text: str) -> list[float]:
    """The vector of a question.

    Raises:
        ModelError: the model's server failed.
    """
    with explained("embedding model"):
        return model.get_query_embedding(text)


def stream_chat(
    llm: ChatModel, messages: Sequence[ChatMessage], writing: Writing | None = None
) -> Generator[str, None, None]:
    """The pieces of a chat completion as they come, without what the model thinks first.

    Why it ended is noted in `writing`, which also says when it is no longer wanted.

    Raises:
        ModelError: the server could not be reached, refused, broke off, or said nothing.
    """
    from rag.chat import stream

    writing = writing or Writing()
    said = False
    with (
        explained("language model"),
        closing(given_by(partial(stream, llm, messages), writing.stop)) as pieces,
    ):
        for text in without_thoughts(_texts(pieces, writing)):
            said = said or bool(text.strip())
            yield text
    if not said and not writing.stop.is_set():
        raise ModelError(_ALL_THOUGHT if writing.finish == "length" else _EMPTY)


def _texts(pieces: Iterable[Piece], writing: Writing) -> Iterator[str]:
    for piece in pieces:
        writing.finish = piece.finish or writing.finish
        if piece.text:
            yield piece.text


def complete_chat(llm: ChatModel, messages: Sequence[ChatMessage], seconds: float) -> str:
    """A whole chat completion, waited for no longer than so many seconds.

    Raises:
        ModelError: the server could not be reached, refused, took too long, or said nothing.
    """
    from rag.chat import complete

    with explained("language model"):
        work = partial(complete, llm, messages, seconds)
        texts = [piece.text for piece in given_by(work, Stop())]
    said = "".join(without_thoughts(texts))
    if not said.strip():
        raise ModelError(_EMPTY)
    return said
