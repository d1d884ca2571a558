"""Makes the language and embedding models that the settings name, and asks them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rag.encoder import NAME, encode, encoding_processes
from rag.errors import ModelError, SettingsError
from rag.run_record import Writing
from rag.servers import explained, http_client, last_response, server_of
from rag.settings import Settings
from rag.waiting import within

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.llms import LLM

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]

_BATCH = 256
_RETRIES = 2
_EMPTY = "The language model returned an empty answer. Ask again."
_ALL_THOUGHT = "The language model wrote nothing within its tokens. Raise ASKLABS_ANSWER_TOKENS."


def make_embedding(settings: Settings) -> BaseEmbedding:
    """The embedding model that the settings name.

    Raises:
        SettingsError: the name is of no known kind.
    """
    name = settings.embedding
    if name == "builtin":
        from rag.builtin import BuiltinEmbedding

        return BuiltinEmbedding(embed_batch_size=_BATCH)
    if name.startswith("openai:"):
        from llama_index.embeddings.openai import OpenAIEmbedding

        server = server_of(settings, name.removeprefix("openai:"))
        model: BaseEmbedding = OpenAIEmbedding(
            model_name=name.removeprefix("openai:"),
            api_key=server.key,
            api_base=server.url,
            http_client=http_client(server, settings.patience),
            timeout=settings.timeout,
            # The wrapper's own 10 would be squared by the client's: minutes for a dead server.
            max_retries=_RETRIES,
        )
        return model
    raise SettingsError(f"The embedding {name!r} is unknown. Use builtin or openai:MODEL.")


def embedding_name(settings: Settings) -> str:
    """What identifies the embedding model in an index: its name and, if built in, its version."""
    if settings.embedding == "builtin":
        return f"{NAME} {version(NAME)}"
    return settings.embedding


@contextmanager
def open_embed(settings: Settings, many: bool) -> Iterator[Embed]:
    """What turns texts into vectors, for an ingest: the built-in model without llama-index.

    Args:
        settings: names the embedding model, and says how many threads will use it at a time.
        many: whether there are so many texts that starting processes for them pays.

    Raises:
        SettingsError: the name is of no known kind.
    """
    if settings.embedding != "builtin":
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
) -> LLM | None:
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
    from llama_index.llms.openai_like import OpenAILike

    model = name.removeprefix("openai:")
    server = server_of(settings, model)
    llm: LLM = OpenAILike(
        model=model,
        api_key=server.key,
        api_base=server.url,
        is_chat_model=True,
        max_tokens=tokens or settings.answer_tokens,
        temperature=0.0,
        timeout=seconds or settings.timeout,
        max_retries=retries,
        http_client=http_client(server, settings.patience),
    )
    return llm


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
    llm: LLM, messages: Sequence[ChatMessage], writing: Writing | None = None
) -> Generator[str, None, None]:
    """The pieces of a chat completion as they come; why it ended is noted in `writing`.

    Raises:
        ModelError: the server could not be reached, refused, broke off, or said nothing.
    """
    writing = writing or Writing()
    said = False
    response = None
    try:
        with explained("language model"):
            for chunk in llm.stream_chat(list(messages)):
                response = response or last_response()
                writing.finish = _finish(chunk.raw) or writing.finish
                if chunk.delta:
                    said = said or bool(chunk.delta.strip())
                    yield chunk.delta
    finally:
        # The client's stream refers to itself: left alone, it reads on until it is collected.
        if response is not None:
            response.close()
    if not said:
        raise ModelError(_ALL_THOUGHT if writing.finish == "length" else _EMPTY)


def _finish(chunk: Any) -> str:
    """Why a completion ends with this chunk, as its server says; "" if it goes on."""
    choices = getattr(chunk, "choices", None)
    return str(getattr(choices[0], "finish_reason", None) or "") if choices else ""


def complete_chat(llm: LLM, messages: Sequence[ChatMessage], seconds: float) -> str:
    """A whole chat completion, waited for no longer than so many seconds.

    Raises:
        ModelError: the server could not be reached, refused, took too long, or said nothing.
    """
    with explained("language model"):
        reply = within(seconds, lambda: llm.chat(list(messages)))
        said = reply.message.content or ""
    if not said.strip():
        raise ModelError(_EMPTY)
    return said
