"""Asks a chat model's server: each time by a connection of its own, closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from llama_index.llms.openai_like import OpenAILike

from rag.errors import ModelError, SettingsError
from rag.models.cancellation import Stop, given_by
from rag.models.completion import Writing
from rag.models.servers import (
    Server,
    async_http_client,
    explained,
    learn,
    not_sent,
    refusals,
    refused,
    server_of,
)
from rag.models.truncation import PER_TOKEN
from rag.settings import Settings
from rag.types import Notice

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A chat model and how it is asked. Safe to share between threads.

    It may write so many `tokens`; its server is waited for so many `seconds`, asked again so many
    times (`retries`) where it fails, and not where it wants more than `patience` seconds for that.
    """

    name: str
    server: Server
    tokens: int
    seconds: float
    retries: int
    patience: float


class Piece(NamedTuple):
    """A part of a completion, and why it ends with that; "" where it goes on."""

    text: str
    finish: str = ""


async def stream(
    model: ChatModel, messages: Sequence[ChatMessage], give: Callable[[Piece], None]
) -> None:
    """Gives a completion piece by piece, until it ends or is longer than it may be.

    Raises:
        TimeoutError: nothing was written or thought for too long. A server's signs of life don't
            count. What the client raises is raised too.
    """

    async def read(llm: LLM, heard: Callable[[], None]) -> None:
        length = 0
        async for reply in await llm.astream_chat(list(messages)):
            written = (reply.delta or "") + _thought(reply)
            if written:
                heard()
            give(Piece(reply.delta or "", _finish(reply.raw)))
            # Of some servers thoughts have no bounds.
            length += len(written)
            if length > PER_TOKEN * model.tokens:
                give(Piece("", "length"))
                return

    await _ask(model, read)


async def complete(
    model: ChatModel,
    messages: Sequence[ChatMessage],
    seconds: float,
    give: Callable[[Piece], None],
) -> None:
    """Gives a completion whole.

    Raises:
        TimeoutError: it took longer than so many seconds. What the client raises is raised too.
    """

    async def read(llm: LLM, _: Callable[[], None]) -> None:
        reply = await llm.achat(list(messages))
        give(Piece(reply.message.content or ""))

    # The client's own limit begins anew with every byte.
    async with asyncio.timeout(seconds):
        await _ask(model, read)


async def _ask(
    model: ChatModel, read: Callable[[LLM, Callable[[], None]], Awaitable[None]]
) -> None:
    """Asks a model, and again without the parameters that it says it refuses."""
    known = refused(model.server.url, model.name)
    while True:
        try:
            return await _ask_without(model, known, read)
        except refusals() as error:
            before, known = known, learn(model.server.url, model.name, str(error))
            if known == before:
                raise


async def _ask_without(
    model: ChatModel,
    left_out: frozenset[str],
    read: Callable[[LLM, Callable[[], None]], Awaitable[None]],
) -> None:
    now = asyncio.get_running_loop().time
    async with asyncio.timeout(None) as limit:
        # Until an answer begins the client's own limits hold, of each of its attempts.
        def asked() -> None:
            limit.reschedule(None)

        def heard() -> None:
            limit.reschedule(now() + model.seconds)

        async with async_http_client(model.server, model.patience, asked, heard) as client:
            await read(_llm(model, left_out, client), heard)


def _llm(model: ChatModel, left_out: frozenset[str], client: object) -> LLM:
    instead: dict[str, object] = {}
    if "max_tokens" in left_out:
        instead["max_completion_tokens"] = model.tokens
    if "temperature" in left_out:
        instead["temperature"] = not_sent()
    llm: LLM = OpenAILike(
        model=model.name,
        api_key=model.server.key,
        api_base=model.server.url,
        is_chat_model=True,
        max_tokens=None if "max_tokens" in left_out else model.tokens,
        temperature=0.0,
        timeout=model.seconds,
        max_retries=model.retries,
        async_http_client=client,
        additional_kwargs=instead,
    )
    return llm


def _thought(reply: ChatResponse) -> str:
    """What a piece holds of a model's reasoning, where its server tells that apart."""
    return str(reply.additional_kwargs.get("thinking_delta") or "")


def _finish(chunk: Any) -> str:
    """Why a completion ends with this chunk, as its server says; "" if it goes on."""
    choices = getattr(chunk, "choices", None)
    return str(getattr(choices[0], "finish_reason", None) or "") if choices else ""


# Makes the language and embedding models that the settings name, and asks them.


_RETRIES = 2
_EMPTY = Notice("model_answer_empty")
_ALL_THOUGHT = Notice("model_answer_all_reasoning")


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
    pass

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


def stream_chat(
    llm: ChatModel, messages: Sequence[ChatMessage], writing: Writing | None = None
) -> Generator[str, None, None]:
    """The pieces of a chat completion as they come, without what the model thinks first.

    Why it ended is noted in `writing`, which also says when it is no longer wanted.

    Raises:
        ModelError: the server could not be reached, refused, broke off, or said nothing.
    """
    pass

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
    pass

    with explained("language model"):
        work = partial(complete, llm, messages, seconds)
        texts = [piece.text for piece in given_by(work, Stop())]
    said = "".join(without_thoughts(texts))
    if not said.strip():
        raise ModelError(_EMPTY)
    return said


# What a model that reasons writes before its answer, between <think> and </think>.


_OPEN, _CLOSE = "<think>", "</think>"


def without_thoughts(pieces: Iterable[str]) -> Iterator[str]:
    """A model's text without the thoughts that it begins with, and white space around them.

    Thoughts that never end are all of the text: then nothing is left.
    """
    held, thinking, answering = "", False, False
    for piece in pieces:
        if answering:
            yield piece
            continue
        held, thinking = _skipped(held + piece, thinking)
        # What may yet become a tag is held back.
        answering = not thinking and not _OPEN.startswith(held)
        if answering:
            yield held
    if held and not (answering or thinking):
        yield held


def _skipped(text: str, thinking: bool) -> tuple[str, bool]:
    """What still matters of the beginning of a text, and whether that is in a thought."""
    while True:
        if thinking:
            _, closed, rest = text.partition(_CLOSE)
            if not closed:
                return text[1 - len(_CLOSE) :], True
            text = rest
        text = text.lstrip()
        if not text.startswith(_OPEN):
            return text, False
        text, thinking = text.removeprefix(_OPEN), True
