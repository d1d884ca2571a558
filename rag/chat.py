"""Asks a chat model's server: each time by a connection of its own, closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from llama_index.llms.openai_like import OpenAILike

from rag.endings import PER_TOKEN
from rag.parameters import learn, refused
from rag.servers import Server, async_http_client, not_sent, refusals


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
