"""Makes the language and embedding models; the only module that knows openai and their weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rag.encoder import NAME, encode, encoding_processes
from rag.errors import ModelError, SettingsError
from rag.settings import Settings
from rag.waiting import within

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.llms import LLM

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]

# The window assumed where a server does not say: small enough for common local models.
_CONTEXT_WINDOW = 8192
_BATCH = 256
_RETRIES = 2
_EMPTY = "The language model returned an empty answer. Ask again."


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

        model: BaseEmbedding = OpenAIEmbedding(
            model_name=name.removeprefix("openai:"),
            api_key=_key(settings),
            api_base=settings.openai_base_url,
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
    from openai import DefaultHttpxClient

    llm: LLM = OpenAILike(
        model=name.removeprefix("openai:"),
        api_key=_key(settings),
        api_base=settings.openai_base_url or "https://api.openai.com/v1",
        is_chat_model=True,
        context_window=max(_CONTEXT_WINDOW, settings.context_tokens + 2 * settings.answer_tokens),
        max_tokens=tokens or settings.answer_tokens,
        temperature=0.0,
        timeout=seconds or settings.timeout,
        max_retries=retries,
        http_client=DefaultHttpxClient(event_hooks={"response": [_remember]}),
    )
    return llm


def _key(settings: Settings) -> str:
    if settings.openai_api_key is not None:
        return settings.openai_api_key.get_secret_value()
    if settings.openai_base_url:
        return "none"  # Local servers ask for no key, but the client insists on one.
    raise SettingsError(
        "No key found for openai. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server."
    )


def embed_texts(model: BaseEmbedding, texts: Sequence[str]) -> list[list[float]]:
    """The vectors of texts, in order.

    Raises:
        ModelError: the model's server failed.
    """
    with _explained("embedding model"):
        vectors = model.get_text_embedding_batch(list(texts))
    if len(vectors) != len(texts):
        raise ModelError("The embedding model's server left texts out. Ask again.")
    return vectors


def embed_query(model: BaseEmbedding, text: str) -> list[float]:
    """The vector of a question.

    Raises:
        ModelError: the model's server failed.
    """
    with _explained("embedding model"):
        return model.get_query_embedding(text)


# The last HTTP response of each thread.
_answered = threading.local()


def _remember(response: Any) -> None:
    _answered.response = response


def stream_chat(llm: LLM, messages: Sequence[ChatMessage]) -> Iterator[str]:
    """The pieces of a chat completion as they come.

    Raises:
        ModelError: the server could not be reached, refused, broke off, or said nothing.
    """
    said = False
    response = None
    try:
        with _explained("language model"):
            for chunk in llm.stream_chat(list(messages)):
                response = response or _answered.__dict__.get("response")
                if chunk.delta:
                    said = said or bool(chunk.delta.strip())
                    yield chunk.delta
    finally:
        # The client's stream refers to itself: left alone, it reads on until it is collected.
        if response is not None:
            response.close()
    if not said:
        raise ModelError(_EMPTY)


def complete_chat(llm: LLM, messages: Sequence[ChatMessage], seconds: float) -> str:
    """A whole chat completion, waited for no longer than so many seconds.

    Raises:
        ModelError: the server could not be reached, refused, took too long, or said nothing.
    """
    with _explained("language model"):
        reply = within(seconds, lambda: llm.chat(list(messages)))
        said = reply.message.content or ""
    if not said.strip():
        raise ModelError(_EMPTY)
    return said


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turns what a client raises inside into a ModelError with a sentence for the user."""
    try:
        yield
    except _faults() as error:
        raise ModelError(_explain(what, error)) from error


def _faults() -> tuple[type[Exception], ...]:
    """What a client raises when its server fails or sends what is no reply.

    It does not check what it reads: JSON of another shape ends in any of the built-in errors.
    """
    from httpx import HTTPError
    from openai import OpenAIError

    return OpenAIError, HTTPError, TimeoutError, ValueError, TypeError, AttributeError, LookupError


def _explain(what: str, error: Exception) -> str:
    """One sentence for the user; never the error's own text, which may hold keys or prompts."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return f"The {what}'s server refused the key. Check OPENAI_API_KEY and OPENAI_BASE_URL."
    if status == 404:
        return f"The {what}'s server does not know the model. Check the model's name."
    if status == 429:
        return f"The {what}'s server is over its limit. Wait a minute and ask again."
    if status == 400:
        return f"The {what}'s server refused the request. Lower ASKLABS_CONTEXT_TOKENS."
    if status is not None:
        return f"The {what}'s server failed (HTTP {status}). Ask again."
    if "timeout" in type(error).__name__.lower():
        return f"The {what}'s server took too long. Ask again or raise ASKLABS_TIMEOUT."
    if "connection" in type(error).__name__.lower():
        return f"The {what}'s server can't be reached. Check OPENAI_BASE_URL and that it runs."
    return f"The {what}'s reply broke off or can't be read. Ask again."
