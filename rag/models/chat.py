"""Chat models: one completion a request, streamed or whole, that any thread can stop at once.

Each request has a connection of its own, which is closed whatever happens.
"""

import asyncio
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError, SettingsError
from rag.models.client import (
    OVERFLOW,
    RETRIES,
    Emit,
    Server,
    Stop,
    find_server,
    iterate,
    model_errors,
    open_client,
)
from rag.models.prompts import Message
from rag.models.tokens import list_price
from rag.settings import Settings
from rag.text.sentences import encodable, sentences
from rag.types import GenerationRecord, Notice

if TYPE_CHECKING:
    from openai import AsyncOpenAI


# Why a server says that it stopped -> the code of the notice.
_DEADLINE, _BROKEN = "deadline", "broken"  # no server's words: it wrote for too long, or gave none
CUT_SHORT = {
    _DEADLINE: "language_model_too_slow",
    _BROKEN: "cut_short_by_server",
    "length": "cut_short_by_tokens",
    "content_filter": "cut_short_by_filter",
}
_CHARACTERS_PER_TOKEN = 12  # more of them stop a completion
_OPEN, _CLOSE = "<think>", "</think>"


@dataclass(slots=True)
class Generation:
    """What becomes known of an answer while a model writes it, besides its text."""

    model: str = ""
    priced: bool = False  # whether the model's list price holds at its server
    read: int | None = None  # how many of the passages the model was given; None is all
    end: int | None = None  # how many characters of its text the answer keeps; None is all
    prompt: int = 0  # tokens of its prompts
    completion: int = 0  # tokens that it wrote besides the text
    window: int = 0  # tokens that a prompt could have
    steps: list[Notice] = field(default_factory=list)  # what it looked for before it wrote
    counted: str = ""  # how many reports of all there are on what is asked
    speaking: tuple[str, ...] = ()  # the ids of these
    finish: str = ""  # why it stopped, as its server says
    notices: list[Notice] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)  # setting it stops it

    def record(self, prompt_version: str, completion: int) -> GenerationRecord:
        """The record of an answer of so many tokens."""
        if not self.model:
            return GenerationRecord()
        cost, month = None, ""
        if self.priced:
            cost, month = list_price(self.model, self.prompt, completion)
        return GenerationRecord(
            self.model,
            prompt_version,
            passages=self.read or 0,
            tokens=self.prompt,
            window=self.window,
            steps=tuple(self.steps),
            cost_usd=cost,
            prices_of=month,
        )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a model calls, and the JSON that it gives to it."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A chat model at its server. Safe to share between threads.

    It may write `max_tokens`. By the settings its server is waited for `timeout` seconds: for its
    answer to begin, then for each next word, and for a stream no longer than `deadline` seconds in
    all. A failing server is asked again `retries` times, as `open_client` says, for `patience`
    seconds more.
    A ModelError says that it can't be reached, refuses, breaks off, is too slow or sends no text.
    """

    name: str
    server: Server
    settings: Settings
    max_tokens: int
    retries: int

    def stream(
        self, messages: Sequence[Message], generation: Generation | None = None
    ) -> Generator[str, None, None]:
        """A completion's text as it comes, without reasoning; `generation` notes why it ended."""
        state = generation or Generation()
        work = partial(self._read_stream, messages, state)
        has_text = False
        with model_errors("language model"), closing(iterate(work, state.stop)) as pieces:
            for text in without_reasoning(pieces):
                has_text = has_text or bool(text.strip())
                yield text
        if not has_text and not state.stop.is_set():
            why = "all_reasoning" if state.finish == "length" else "empty"
            raise ModelError(Notice(f"model_answer_{why}"))

    def complete(
        self,
        messages: Sequence[Message],
        seconds: float,
        schema: Mapping[str, Any] | None = None,
        stop: Stop | None = None,
    ) -> str:
        """A completion without the model's reasoning, waited for no longer than so many seconds.

        It is JSON by a `schema` where the server takes one. Setting `stop` ends the wait.
        """
        with model_errors("language model"):
            replies = self._replies(messages, seconds, stop or Stop(), schema=schema)
            texts = (encodable(reply.content or "") for reply in replies)
            text = "".join(without_reasoning(texts))
        if not text.strip():
            raise ModelError(Notice("model_answer_empty"))
        return text

    def call_tools(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], stop: Stop
    ) -> list[ToolCall]:
        """Which tools the model calls, whose arguments may be anything; none once `stop` is set."""
        with model_errors("language model"):
            replies = self._replies(messages, self.settings.timeout, stop, tools=tools)
            called = [call.function for reply in replies for call in reply.tool_calls or ()]
            return [ToolCall(encodable(f"{c.name}"), encodable(f"{c.arguments}")) for c in called]

    def _replies(
        self, messages: Sequence[Message], seconds: float, stop: Stop, **options: Any
    ) -> Iterator[Any]:
        """The one message that a server replies with, whole; none once `stop` is set."""

        async def read(emit: Emit[Any]) -> None:
            # The client's own limit begins anew with every byte.
            client = open_client(self.server, self.settings, self.retries)
            async with asyncio.timeout(seconds), client:
                reply = await self._create(client, messages, stream=False, **options)
                emit(reply.choices[0].message)

        return iterate(read, stop)

    async def _read_stream(
        self, messages: Sequence[Message], generation: Generation, emit: Emit[str]
    ) -> None:
        now = asyncio.get_running_loop().time
        timeout, deadline = self.settings.timeout, self.settings.deadline
        # Retries fit into `patience`, so that a server that hangs is not waited for anew.
        longest = timeout + self.settings.patience
        length, end = 0, now() + deadline
        async with (
            asyncio.timeout(min(longest, deadline)) as limit,
            open_client(self.server, self.settings, self.retries) as client,
            await self._create(client, messages, stream=True) as chunks,
        ):
            limit.reschedule(min(now() + timeout, end))
            async for chunk in chunks:
                for choice in chunk.choices[:1]:
                    text, reasoning = _texts(choice.delta)
                    # Comments and empty pieces are no progress.
                    if text or reasoning:
                        # A last word may come late; the deadline itself is looked at below.
                        limit.reschedule(now() + timeout)
                    generation.finish = choice.finish_reason or generation.finish
                    if text:
                        emit(text)
                    length += len(text) + len(reasoning)
                if length and now() > end:
                    generation.finish = _DEADLINE
                    return
                # Some servers set no bound to reasoning.
                if length > _CHARACTERS_PER_TOKEN * self.max_tokens:
                    generation.finish = "length"
                    return
        generation.finish = generation.finish or _BROKEN

    async def _create(
        self,
        client: "AsyncOpenAI",
        messages: Sequence[Message],
        stream: bool,
        schema: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> Any:
        """The server's reply; it is asked again without the parameters that it says it refuses."""
        from openai import BadRequestError, UnprocessableEntityError

        request: dict[str, Any] = {"model": self.name, "messages": list(messages), "stream": stream}
        if tools:
            request["tools"] = tools
        server = self.server.url, self.name
        refused = set(_refused.get(server, ()))
        while True:
            bound = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
            parameters: dict[str, Any] = {bound: self.max_tokens}
            if "temperature" not in refused:
                parameters["temperature"] = 0.0
            if schema and "response_format" not in refused:
                form = {"name": "reply", "strict": True, "schema": schema}
                parameters["response_format"] = {"type": "json_schema", "json_schema": form}
            try:
                reply = await client.chat.completions.create(**request, **parameters)
            except (BadRequestError, UnprocessableEntityError) as error:
                named = {name for name, words in _OPTIONAL.items() if words.search(str(error))}
                if named <= refused or OVERFLOW.search(str(error)):
                    raise
                refused |= named
            else:
                _refused[server] = frozenset(refused)
                return reply


def make_chat(settings: Settings, retries: int = RETRIES) -> ChatModel | None:
    """The chat model that the settings name, None for extractive answers; else a SettingsError."""
    kind, _, name = settings.answer_model.partition(":")
    if settings.answer_model == "extractive":
        return None
    if kind != "openai" or not name:
        raise SettingsError(
            f"The model {settings.answer_model!r} is unknown. Use extractive, auto or openai:MODEL "
            "(any OpenAI-compatible server, its address in OPENAI_BASE_URL)."
        )
    return ChatModel(name, find_server(settings), settings, settings.answer_tokens, retries)


# Parameters that some models refuse, and how their servers name them: models that reason want
# `max_completion_tokens` in place of `max_tokens`, and some no `temperature`; some servers take no
# schema of a reply. What a model answered without is remembered while the process lives.
_OPTIONAL = {
    "max_tokens": re.compile("max_(?:completion_)?tokens"),
    "temperature": re.compile("temperature"),
    "response_format": re.compile(
        r"response_?format|json_?schema|structured.?outputs?|grammar", re.IGNORECASE
    ),
}
_refused: dict[tuple[str, str], frozenset[str]] = {}


def _texts(delta: Any) -> tuple[str, str]:
    """The text of a piece, and the reasoning that some servers send apart from it."""
    if delta is None:
        return "", ""
    reasoning = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
    return encodable(delta.content or ""), reasoning if isinstance(reasoning, str) else ""


def without_reasoning(pieces: Iterable[str]) -> Iterator[str]:
    """A model's text without the <think> blocks that it begins with, and white space around them.

    A block that never ends is all of the text: then nothing is left.
    """
    start, answering = "", False
    for piece in pieces:
        if answering:
            yield piece
            continue
        start = (start + piece).lstrip()
        while start.startswith(_OPEN) and _CLOSE in start:
            start = start.partition(_CLOSE)[2].lstrip()
        # What may yet become a tag is held back.
        answering = not start.startswith(_OPEN) and not _OPEN.startswith(start)
        if answering:
            yield start
    if start and not answering and not start.startswith(_OPEN):
        yield start


# A text is repetition if it ends in so many equal parts that have together so many characters:
# lists and tables have fewer.
_TIMES = 4
_REPEATED_CHARACTERS = 160
_TAIL = 2400  # characters in which repetition is sought
_COMPLETE = re.compile(r"[.!?؟。…][\"'”’»)\]*_]*(?:\s*\[\d+\])*$|^(?:\[\d+\]\s*)+$")


def truncate(pieces: Iterator[str], generation: Generation, max_tokens: int) -> Iterator[str]:
    """A model's text until it ends, repeats itself, or is longer than it may be.

    How much of it the answer keeps, and a notice that says so, is noted in `generation`. Where that
    is no whole sentence, a ModelError is raised.
    """
    text, longest, too_long = "", _CHARACTERS_PER_TOKEN * max_tokens, False
    for piece in pieces:
        # A server may send all in one piece, and the check of each sentence takes its time.
        piece, too_long = piece[: longest - len(text)], len(piece) > longest - len(text)
        text += piece
        yield piece
        if too_long:
            break
        if period := _period(text[-_TAIL:]):
            # With the end of its line, where it has one.
            generation.end = len(complete_sentences(text[: _first_end(text, period) + 1]))
            generation.notices.append(Notice("model_repeated_itself"))
            if not generation.end:
                raise ModelError(Notice("model_only_repeated_itself"))
            return
    code = CUT_SHORT.get("length" if too_long else generation.finish)
    if code:
        generation.end = len(complete_sentences(text))
        if not generation.end:
            raise ModelError(Notice(code))
        generation.notices.append(Notice(code))


def complete_sentences(text: str) -> str:
    """A text without its last sentence, if that has no end."""
    spans = sentences(text)
    # The end of a line ends a sentence too: an item of a list may have no full stop.
    if spans and not (_COMPLETE.search(text[slice(*spans[-1])]) or "\n" in text[spans[-1][1] :]):
        spans.pop()
    return text[: spans[-1][1]] if spans else ""


def _period(tail: str) -> int:
    """The length of the part that a text ends in repeatedly; 0 if it is no repetition."""
    reverse = tail[::-1]
    for period in range(1, len(reverse) // _TIMES + 1):
        length = max(_TIMES * period, _REPEATED_CHARACTERS)
        if len(reverse) >= length and reverse.startswith(reverse[period:length]):
            return period
    return 0


def _first_end(text: str, period: int) -> int:
    """Where the first of the repeated sentences ends in a text that ends in repetition."""
    start = len(text) - period
    while start and text[start - 1] == text[start - 1 + period]:
        start -= 1
    # A sentence that itself has no end goes on through the repetition, and is cut here.
    return max(b for a, b in sentences(text[: start + 2 * period]) if a < start + period)
