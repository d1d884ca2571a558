"""The outermost layer of the server: which requests reach the page, and what answers carry.

It refuses, before a body is read, other hosts, requests that other sites make, paths that the page
does not use, and bodies that are too large; heads and bodies that come too slowly are given up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rag.settings import Settings
from ui.api.models import Problem
from ui.server.log import REFUSALS
from ui.server.room import RETRY

REFUSED = (401, 403, 404, 408, 413, 421, 429, 503)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_BYTES = 1_000_000  # of a body
MOST_OF_ANSWERS = 8_000_000  # of one that brings back a conversation of fifty long answers
MOST_HELD = 100_000_000  # bytes of all bodies that are still coming
MOST_HEAD, MOST_OPEN = 65_536, 4000  # bytes of a head; connections
SLOWEST_HEAD, SLOWEST = 15.0, 30.0  # seconds until a head, and then a body, is there
SLOWEST_UPLOAD = 600.0
# Bytes of uploads within an hour (Gradio deletes sooner what nobody took in): of one address,
# and of all.
HOUR, MOST_SENT, MOST_SENT_BY_ALL = 3600.0, 200_000_000, 1_000_000_000
ENTERING = 2  # events, and requests that wait for their answers, that are let in at a time
API = "/gradio_api"
JOIN, DATA = f"{API}/queue/join", f"{API}/queue/data"
HEALTH, LOGIN, LOGOUT, UPLOAD = "/healthz", "/login", "/logout", f"{API}/upload"
REST, MCP, METRICS = "/api/v1", "/mcp", "/metrics"
# The paths that are used, by method; one that ends in "/" stands for those below it.
READ = (
    *("/", HEALTH, "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json"),
    *(LOGOUT, "/assets/", "/static/", f"{API}/info", DATA, f"{API}/heartbeat/"),
    *(f"{API}/startup-events", f"{API}/app_id", f"{API}/login_check", f"{API}/theme.css"),
    *(f"{REST}/", MCP, METRICS),
)
WRITE = (LOGIN, UPLOAD, JOIN, f"{API}/run/", f"{API}/cancel", f"{API}/reset", f"{REST}/", MCP)
# What is large and comes at once, beside what events outside the queue give.
PACKED = ("/", "/config")
ANSWERS = (JOIN, f"{REST}/export")
PATHS = {"GET": READ, "HEAD": READ, "POST": WRITE, "DELETE": (f"{REST}/survey/", MCP)}
# Gradio's page runs scripts that stand in it, and compiles those of events.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self' {frames}"
)


class Guard:
    """Wraps an ASGI application, which is reached as loopback and by the hosts of the settings.

    The settings also say whether files can be sent, and which pages may show it in a frame.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        # Gradio packs its files alone, by their endings.
        self._packed = GZipMiddleware(app, minimum_size=1000, compresslevel=4)
        self._hosts = {*LOOPBACK, settings.host.strip("[]"), *settings.host_names}
        self._entering = asyncio.Semaphore(ENTERING)
        self._held = 0
        self._sent: deque[tuple[float, str, int]] = deque()
        self._headers = {
            "Content-Security-Policy": _POLICY.format(frames=settings.frames).strip(),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in [n for n in headers if n.startswith("access-control-")]:
                    del headers[name]
                headers.update(self._headers)
                if message["status"] in REFUSED:
                    REFUSALS.labels(message["status"]).inc()
                if message["status"] == 503:
                    headers.setdefault("Retry-After", RETRY)
            await send(message)

        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        headers, path = Headers(scope=scope), scope["path"]
        # A proxy takes the root path off, some leave it; what is mounted looks for it.
        path = path if _is_used(scope["method"], path) else below_root(scope)
        scope = {**scope, "path": scope.get("root_path", "") + path}
        try:
            self._check(scope["method"], path, headers)
            if path == UPLOAD:
                self._count_upload(scope, headers)
                body = _in_time(receive, SLOWEST_UPLOAD)
            else:
                body = await self._read(_in_time(receive, SLOWEST), receive, _most(path))
        except HTTPException as error:
            await _reply(path, error)(scope, receive, send_guarded)
            return
        is_packed = path in PACKED or path.startswith(f"{API}/run/")
        app = self._packed if is_packed else self._app
        async with AsyncExitStack() as entering:
            if path in (JOIN, DATA):
                await entering.enter_async_context(self._entering)

            async def send_entered(message: Message) -> None:
                await entering.aclose()
                await send_guarded(message)

            await app(scope, body, send_entered)

    async def _read(self, receive: Receive, after: Receive, limit: int) -> Receive:
        """Read a body of at most `limit` bytes, else raise an HTTPException; what hands it on."""
        parts: list[Message] = []
        size = 0
        try:
            while not parts or parts[-1].get("more_body"):
                parts.append(await receive())
                size += (n := len(parts[-1].get("body", b"")))
                self._held += n
                if size > limit:
                    raise HTTPException(413, f"A request may have {limit} bytes at most.")
                if self._held > MOST_HELD:
                    raise HTTPException(503, "Too much is being sent just now.")
        finally:
            self._held -= size
        ready = deque(parts)

        async def receive_read() -> Message:
            return ready.popleft() if ready else await after()

        return receive_read

    def _count_upload(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Count an upload among those of the last hour; an HTTPException for one too many."""
        now, address = time.monotonic(), (scope.get("client") or ("",))[0]
        while self._sent and self._sent[0][0] < now - HOUR:
            self._sent.popleft()
        length = _length(headers)
        size = max(length, 10_000)  # Files without content take room too.
        own = sum(n for _, sender, n in self._sent if sender == address)
        by_all = sum(n for *_, n in self._sent)
        if length < 0 or own + size > MOST_SENT or by_all + size > MOST_SENT_BY_ALL:
            text = "Too much was sent within the last hour, or without its length."
            raise HTTPException(429, text, {"Retry-After": RETRY})
        self._sent.append((now, address, size))

    def _check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raise an HTTPException for a request that is refused."""
        if path == HEALTH and method in ("GET", "HEAD"):
            return  # Probes name the machine as they like, and learn nothing.
        named = (headers.get(name) for name in ("host", "x-forwarded-host"))
        own = [_netloc(name) for name in named if name]
        for name in map(_name, own or [""]):
            if not name:
                raise HTTPException(400, "The request names no host.")
            if name not in self._hosts:
                text = f"This page is not served as {name}. Who runs it can allow that: "
                raise HTTPException(421, f"{text}ASKLABS_HOSTS={name}")
        origin = headers.get("origin")
        is_own = origin is None or _netloc(origin.partition("://")[2]) in own
        site, target = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-dest", "")
        is_link = method == "GET" and path == "/" and headers.get("sec-fetch-mode") == "navigate"
        is_link &= target == "document" or (target == "iframe" and self._settings.frames != "")
        if not is_own or (site in ("cross-site", "same-site") and not is_link):
            raise HTTPException(403, "Another site may not ask this page.")
        if not _is_used(method, path) or (path == UPLOAD and not self._settings.page_ingest):
            raise HTTPException(404, "There is no such path.")
        if path != UPLOAD and _length(headers) > _most(path):
            raise HTTPException(413, f"A request may have {_most(path)} bytes at most.")


def _reply(path: str, error: HTTPException) -> Response:
    """A refusal, which a program gets as a problem (RFC 9457)."""
    if not path.startswith(f"{REST}/"):
        return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
    problem = Problem.of(error.status_code, error.detail).model_dump()
    return JSONResponse(problem, error.status_code, error.headers, "application/problem+json")


class Connection(HttpToolsProtocol):
    """A connection that is closed if the head of a request is too long in coming, or too large."""

    _patience: asyncio.TimerHandle | None = None
    _came = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST_OPEN:
            transport.close()

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(SLOWEST_HEAD, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience:
            self._patience.cancel()
        self._patience, self._came = None, 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._came += len(data) if self._patience else 0
        if self._came > MOST_HEAD:
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)


def below_root(scope: Scope) -> str:
    """The path of a request without the root path that it may begin with."""
    path: str = scope["path"]
    below = path.removeprefix(scope.get("app_root_path", scope.get("root_path", "")))
    return below if below.startswith("/") else path


def _is_used(method: str, path: str) -> bool:
    paths = PATHS.get(method, ())
    return path in paths or any(p[-1] == "/" != p and path.startswith(p) for p in paths)


def _most(path: str) -> int:
    return MOST_OF_ANSWERS if path in ANSWERS else MOST_BYTES


def _length(headers: Mapping[str, str]) -> int:
    """The bytes of a body as its head tells them; -1 if it doesn't."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else -1


def _netloc(text: str) -> str:
    """A host with its port, in lower case and without the ports that browsers leave out."""
    first = text.partition(",")[0].strip().lower()
    return first.removesuffix(":80").removesuffix(":443")


def _name(netloc: str) -> str:
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _in_time(receive: Receive, seconds: float) -> Receive:
    """A `receive` that raises an HTTPException after so many seconds."""
    until = asyncio.get_running_loop().time() + seconds

    async def receive_in_time() -> Message:
        try:
            async with asyncio.timeout_at(until):
                return await receive()
        except TimeoutError as error:
            raise HTTPException(408, "The request came too slowly.") from error

    return receive_in_time
