"""OpenAI-compatible servers: addresses, clients, what goes wrong, and how a request is stopped.

The only importer of `openai`, and only when a server is asked: it takes a second to load.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from rag.errors import ContextOverflow, ModelError, SettingsError
from rag.settings import Settings
from rag.types import Notice

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
Emit = Callable[[T], None]
Work = Callable[[Emit[T]], Coroutine[Any, Any, None]]
OPENAI = "https://api.openai.com/v1"
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_METHOD = re.compile(r"/(?:chat/completions|embeddings)/?$")
RETRIES = 2  # how often a failing server is asked again
CONNECT = 10.0  # seconds: a running server accepts at once, only its answer takes time
# How OpenAI, vLLM, llama.cpp, Ollama and others say that a prompt is too long.
OVERFLOW = re.compile(
    r"context[ _-]?(?:length|window|size)|prompt is too long|too many (?:input )?tokens"
    r"|max_model_len",
    re.IGNORECASE,
)
_OVERFLOW_STATUS = (None, 400, 413, 422, 500)
# HTTP status -> the code of the notice, after the kind of model.
_STATUS_CODES = {
    400: "request_refused",
    401: "key_refused",
    403: "key_refused",
    404: "unknown",
    429: "over_limit",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """A models' server: its base address, its key, and what is added to each address (`query`)."""

    url: str
    key: str
    query: Mapping[str, str]


def find_server(settings: Settings) -> Server:
    """The server of models; a SettingsError where its address is none or its key is missing."""
    from httpx import URL, InvalidURL

    try:
        address = URL(settings.openai_base_url or OPENAI)
    except InvalidURL:
        address = URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise SettingsError(
            "OPENAI_BASE_URL is no address. Set it to one such as http://127.0.0.1:11434/v1."
        )
    path, query = _METHOD.sub("", address.path).rstrip("/"), dict(address.params)
    if address.host.endswith(_AZURE):
        # This path takes what OpenAI's servers take; the portal shows others, of single methods.
        path, query = "/openai/v1", {}
    url = str(address.copy_with(raw_path=path.encode(), fragment=None))
    key = "none"  # The client insists on one.
    if settings.openai_api_key is not None:
        key = settings.openai_api_key.get_secret_value()
    elif not settings.openai_base_url:
        raise SettingsError(
            "No key found for openai. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server."
        )
    return Server(url, key, query)


def open_client(server: Server, settings: Settings, retries: int = RETRIES) -> "AsyncOpenAI":
    """A client, whose requests can be cancelled while they wait.

    Each attempt waits `timeout` seconds for the response to begin. A failing server is asked again
    `retries` times, unless it asks for a wait of more than `patience` seconds.
    """
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

    async def limit_wait(response: Any) -> None:
        with suppress(ValueError):
            if float(response.headers.get("retry-after", 0)) > settings.patience:
                # The client's own limit is two minutes.
                response.headers["x-should-retry"] = "false"

    return AsyncOpenAI(
        base_url=server.url,
        api_key=server.key,
        default_query=server.query,
        timeout=Timeout(settings.timeout, connect=min(settings.timeout, CONNECT)),
        max_retries=retries,
        # A redirect would take the key and the passages to another server.
        http_client=DefaultAsyncHttpxClient(
            event_hooks={"response": [limit_wait]}, follow_redirects=False
        ),
    )


@contextmanager
def model_errors(model: str) -> Iterator[None]:
    """Turn what a client raises into a ModelError about this "language model", say.

    The client's own error is dropped: it may hold keys or prompts. Replies are not validated by
    the client, so JSON of another shape ends in any of the built-in errors.
    """
    from openai import OpenAIError

    builtin = (TimeoutError, ValueError, TypeError, AttributeError, LookupError)
    try:
        yield
    except (OpenAIError, *builtin) as error:
        status = getattr(error, "status_code", None)
        _log.debug("The %s failed: %s, status %s", model, type(error).__name__, status)
        kind = model.replace(" ", "_")
        overflow = status in _OVERFLOW_STATUS and OVERFLOW.search(str(error))
        if overflow and isinstance(error, OpenAIError):
            failure: ModelError = ContextOverflow(Notice(f"{kind}_window_too_small"))
        elif code := _problem(error) if status is None else _STATUS_CODES.get(status):
            failure = ModelError(Notice(f"{kind}_{code}"))
        else:
            failure = ModelError(Notice(f"{kind}_server_failed", {"status": str(status)}))
    else:
        return
    raise failure from None


def _problem(error: Exception) -> str:
    kinds = f"{type(error).__name__} {type(error.__cause__).__name__}".lower()
    if "connecterror" in kinds or "connecttimeout" in kinds:
        return "unreachable"
    return "too_slow" if "timeout" in kinds else "reply_broken"


class Stop:
    """A wish to stop, which once set stays so. Safe to share between threads."""

    def __init__(self) -> None:
        self._wish: Future[None] = Future()

    def is_set(self) -> bool:
        return self._wish.done()

    def set(self) -> None:
        """Stop, and cancel the work that waits for this."""
        with suppress(InvalidStateError):
            self._wish.set_result(None)

    def cancels(self, work: Future[Any]) -> None:
        """Cancel work, unless it is done, once this is set."""
        self._wish.add_done_callback(lambda _: work.cancel())


def iterate(work: Work[T], stop: Stop) -> Generator[T, None, None]:
    """What asynchronous work emits, as it comes.

    The work is cancelled at once, whatever it waits for, when `stop` is set or this generator is
    closed. Then nothing more is emitted and nothing raised; else what the work raises is.
    """
    items: SimpleQueue[tuple[T] | None] = SimpleQueue()
    future = start(work(lambda item: items.put((item,))))
    future.add_done_callback(lambda _: items.put(None))
    stop.cancels(future)
    try:
        while (item := items.get()) is not None:
            yield item[0]
    finally:
        future.cancel()
    if not stop.is_set():
        future.result()


@cache
def _background_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="model requests", daemon=True).start()
    return loop


def start(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Begin asynchronous work in the background."""
    return asyncio.run_coroutine_threadsafe(work, _background_loop())
