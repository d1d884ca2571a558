"""Servers of models: their addresses as OpenAI, Azure and others want them, and their failures."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from time import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from rag.errors import ContextOverflow, ModelError, SettingsError
from rag.settings import Settings
from rag.types import Notice

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx import AsyncClient, Client, Request, Response


OPENAI = "https://api.openai.com/v1"
# Of Azure, where its address names no other: the last one that came out before its newer form,
# whose addresses end in /openai/v1 and are like OpenAI's.
API_VERSION = "2024-10-21"
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
# What a portal shows may be the address of one method.
_METHOD = re.compile(r"/(?:chat/completions|embeddings)/?$")
# A server that is there accepts at once; only its answer takes time.
CONNECT = 10.0
# How OpenAI, vLLM, llama.cpp, Ollama and others say that a prompt is too long.
_OVERFLOW = re.compile(
    r"context[ _-]?(?:length|window|size)|prompt is too long|too many (?:input )?tokens"
    r"|max_model_len",
    re.IGNORECASE,
)
_OVERFLOW_STATUS = (None, 400, 413, 422, 500)
# HTTP status -> what the notice's code says after the kind of model.
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
    """A model's server: its base address and key, and what Azure wants in other places.

    `query` is added to the address of each request. `key_header` is the header that the key is
    sent in instead of the usual one, or "".
    """

    url: str
    key: str
    query: Mapping[str, str]
    key_header: str = ""


def server_of(settings: Settings, model: str) -> Server:
    """The server that the settings name, as it is asked for this model.

    Raises:
        SettingsError: the address is none, or the key is missing.
    """
    from httpx import URL, InvalidURL

    try:
        given = URL(settings.openai_base_url or OPENAI)
    except InvalidURL:
        given = URL()
    if given.scheme not in ("http", "https") or not given.host:
        raise SettingsError(
            "OPENAI_BASE_URL is no address. Set it to one such as http://127.0.0.1:11434/v1."
        )
    path = _METHOD.sub("", given.path).rstrip("/")
    query = dict(given.params)
    dated = "api-version" in query or given.host.endswith(_AZURE)
    header = ""
    if dated and not path.endswith("/openai/v1"):
        header = "api-key"
        query.setdefault("api-version", API_VERSION)
        if "/deployments/" not in path and not path.endswith("/models"):
            path = f"{path.removesuffix('/openai')}/openai/deployments/{quote(model, safe='')}"
    url = str(given.copy_with(raw_path=path.encode(), fragment=None))
    return Server(url, _key(settings), query, header)


def _key(settings: Settings) -> str:
    if settings.openai_api_key is not None:
        return settings.openai_api_key.get_secret_value()
    if settings.openai_base_url:
        return "none"  # Local servers ask for no key, but the client insists on one.
    raise SettingsError(
        "No key found for openai. Set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server."
    )


def http_client(server: Server, patience: float) -> Client:
    """What sends a client's requests in the form that the server wants.

    A server that wants to be asked again only after more than `patience` seconds is not.
    """
    from openai import DefaultHttpxClient

    def prepare(request: Request) -> None:
        _prepare(request, server)

    def received(response: Response) -> None:
        _bound(response, patience)

    return DefaultHttpxClient(  # type: ignore[return-value,unused-ignore]
        verify=_trusted(), event_hooks={"request": [prepare], "response": [received]}
    )


def async_http_client(
    server: Server, patience: float, asked: Callable[[], None], heard: Callable[[], None]
) -> AsyncClient:
    """The same for asynchronous clients, which can be cancelled while they wait.

    Each of their attempts tells when it is `asked`, and `heard` when its response begins.
    """
    from openai import DefaultAsyncHttpxClient

    async def prepare(request: Request) -> None:
        _prepare(request, server)
        asked()

    async def received(response: Response) -> None:
        _bound(response, patience)
        heard()

    return DefaultAsyncHttpxClient(  # type: ignore[return-value,unused-ignore]
        verify=_trusted(), event_hooks={"request": [prepare], "response": [received]}
    )


@cache
def _trusted() -> SSLContext:
    """The certificates that are trusted, which take longer to read than a client to make."""
    from httpx import create_ssl_context

    return create_ssl_context()


def _prepare(request: Request, server: Server) -> None:
    request.url = request.url.copy_merge_params(server.query)
    if server.key_header:
        request.headers.pop("authorization", None)
        request.headers[server.key_header] = server.key
    limits = request.extensions.get("timeout", {})
    limits["connect"] = min(limits.get("connect") or CONNECT, CONNECT)


def _bound(response: Response, patience: float) -> None:
    if _retry_after(response.headers.get("retry-after", "")) > patience:
        # The client's own bound is two minutes, each time.
        response.headers["x-should-retry"] = "false"


def _retry_after(value: str) -> float:
    """The seconds that a header tells to wait; 0 where it doesn't."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value).timestamp() - time()
    except (ValueError, OverflowError):
        return 0.0


def not_sent() -> object:
    """What a client takes for a parameter that is to be left out."""
    from openai import omit

    return omit


def refusals() -> tuple[type[Exception], ...]:
    """What a client raises when its server can do nothing with what a request holds."""
    from openai import BadRequestError, UnprocessableEntityError

    return BadRequestError, UnprocessableEntityError


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns what a client raises inside into a ModelError with a sentence for the user.

    The client's own error is left behind: it may hold keys or prompts.
    """
    try:
        yield
    except _faults() as error:
        status = getattr(error, "status_code", None)
        _log.debug("The %s failed: %s, status %s", what, type(error).__name__, status)
        failure = _failure(what, error)
    else:
        return
    raise failure from None


def _faults() -> tuple[type[Exception], ...]:
    """What a client raises when its server fails or sends what is no reply.

    It does not check what it reads: JSON of another shape ends in any of the built-in errors.
    """
    from httpx import HTTPError
    from openai import OpenAIError

    return OpenAIError, HTTPError, TimeoutError, ValueError, TypeError, AttributeError, LookupError


def _failure(what: str, error: Exception) -> ModelError:
    """What to tell the user; never the error's own text, which may hold keys or prompts."""
    from openai import OpenAIError

    status = getattr(error, "status_code", None)
    overflow = status in _OVERFLOW_STATUS and _OVERFLOW.search(str(error))
    kind = what.replace(" ", "_")
    if overflow and isinstance(error, OpenAIError):
        return ContextOverflow(Notice(f"{kind}_window_too_small"))
    if status in _STATUS_CODES:
        return ModelError(Notice(f"{kind}_{_STATUS_CODES[status]}"))
    if status is not None:
        return ModelError(Notice(f"{kind}_server_failed", {"status": str(status)}))
    kinds = f"{type(error).__name__} {type(error.__cause__).__name__}".lower()
    if "timeout" in kinds and "connecttimeout" not in kinds:
        return ModelError(Notice(f"{kind}_too_slow"))
    if "connect" in kinds:
        return ModelError(Notice(f"{kind}_unreachable"))
    return ModelError(Notice(f"{kind}_reply_broken"))


# Parameters that a model refuses, as its server says; remembered while the process lives.
#
# Models that reason want `max_completion_tokens` in place of `max_tokens`, and some no
# `temperature`. Their names don't tell which: a deployment is called as its owner likes.


_NOT_TAKEN = r"(?:(?:is|are|was|does)(?: not|n't) (?:support|allow)|is (?:unsupported|deprecated))"
_REFUSALS = {
    # Not "'max_tokens' or 'max_completion_tokens' is too large", which is about the prompt.
    "max_tokens": re.compile(
        rf"unsupported parameter\W+max_tokens\b|\bmax_tokens\W+{_NOT_TAKEN}"
        r"|\buse\W+max_completion_tokens\b",
        re.IGNORECASE,
    ),
    "temperature": re.compile(
        rf"unsupported (?:parameter|value)\W+temperature\b|\btemperature\W+{_NOT_TAKEN}"
        r"|not support(?:ed)? parameters?\b[^.]{0,80}\btemperature\b",
        re.IGNORECASE,
    ),
}
_refused: dict[tuple[str, str], frozenset[str]] = {}


def refused(url: str, model: str) -> frozenset[str]:
    """Those of `max_tokens` and `temperature` that a model of a server is known to refuse."""
    return _refused.get((url, model), frozenset())


def learn(url: str, model: str, message: str) -> frozenset[str]:
    """What is known to be refused, now that the server has said this of a request."""
    named = {name for name, words in _REFUSALS.items() if words.search(message)}
    _refused[url, model] = refused(url, model) | named
    return _refused[url, model]
