"""The server's own routes beside Gradio's: health, login, and the ways in for programs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from mcp.server.transport_security import TransportSecuritySettings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.engine import Engine
from rag.i18n.translations import translations_accepted
from rag.models.client import Stop
from ui.api.mcp import mcp_server
from ui.api.rest import problem_response, rest_app
from ui.rendering import render
from ui.server import log
from ui.server.guard import HEALTH, LOGIN, LOGOUT, MCP, METRICS, REST, Guard, below_root
from ui.server.login import PREFIX, WINDOW, Check, Secret, Sessions, TooManyLogins, checker
from ui.server.room import GONE, Room

MINUTE, MOST_REQUESTS = 60.0, 120  # requests of one key, or of one address without keys
_log = logging.getLogger(__name__)


async def _unknown(*_: object) -> Response:
    return PlainTextResponse("The request names what is not there.\n", 404)


# Gradio fails where a request names what it doesn't have, such as a function.
HANDLERS = {KeyError: _unknown, FnIndexInferError: _unknown}


def lifespan(
    engine: Engine, room: Room, logins: Mapping[str, Secret], keys: Mapping[str, Secret]
) -> Callable[[App], AbstractAsyncContextManager[None]]:
    """What puts guard, login and routes around the page of an engine while it is served."""
    settings, sessions = engine.settings, None
    if logins:
        file, port = settings.login, settings.port
        kept = file and file.with_name(f"{file.name}.{port}.sessions")
        # Pages on other ports of this host get the same cookies.
        sessions = Sessions(logins, kept, f"access-token-{port}")
    visitor = sessions.visitor if sessions else None
    check = checker(keys) if keys else None
    gate = partial(Gate, keys=keys, check=check, visitor=visitor, is_open=_is_description)
    server = mcp_server(engine, room)
    # The guard looks at hosts and origins.
    trusting = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    tools: Any = server.streamable_http_app(
        stateless_http=True, json_response=True, transport_security=trusting
    ).routes[0]
    log.WAITING.set_function(lambda: room.waiting)
    routes: list[BaseRoute] = [
        Route(HEALTH, partial(_health, engine)),
        Mount(REST, gate(rest_app(engine, room))),
        Route(MCP, gate(tools.endpoint), methods=["POST"]),
        Route(METRICS, gate(_tell, visitor=lambda _: None, is_open=_is_own)),
    ]
    if sessions:
        log_in = partial(_log_in, sessions, checker(logins))
        routes.append(Route(LOGIN, log_in, methods=["POST"]))
        routes.append(Route(LOGOUT, partial(_log_out, sessions)))

    @asynccontextmanager
    async def guarded(app: App) -> AsyncIterator[None]:
        # Before Gradio's own routes, one of which matches all paths.
        app.router.routes[:0] = routes
        # The layers are built by now, and no request has come yet.
        stack: Any = app.middleware_stack
        if sessions:
            app.auth_dependency, stack = sessions.visitor, _login_page(sessions, stack)
        app.middleware_stack = Guard(stack, settings)
        async with server.session_manager.run():
            yield

    return guarded


@dataclass(eq=False)
class Gate:
    """Wraps an ASGI application and lets in callers with a key or a login, so often a minute.

    `check` checks the `keys`; it is None if there are none. Without keys and without logins all
    are let in, and everybody is to what `is_open`. The scope's state tells the `caller`.
    """

    app: ASGIApp
    keys: Mapping[str, Secret]
    check: Check | None
    visitor: Callable[[Request], str | None] | None
    is_open: Callable[[Request], bool]
    _known: dict[bytes, Secret] = field(default_factory=dict)
    _checking: dict[bytes, asyncio.Future[bool]] = field(default_factory=dict)
    _asked: dict[str, deque[float]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            if not self.is_open(request):
                scope.setdefault("state", {})["caller"] = caller = await self._caller(request)
                self._count(caller)
        except HTTPException as error:
            response = await problem_response(request, error)
            await response(scope, receive, send)
        else:
            await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; `GONE` is set if the caller hangs up before all is sent."""
        gone, is_read = Stop(), asyncio.Event()
        GONE.set(gone)

        async def receive_on() -> Message:
            message = await receive()
            if not message.get("more_body"):
                is_read.set()
            return message

        async def watch() -> None:
            await is_read.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()

        watching = asyncio.create_task(watch())
        try:
            await self.app(scope, receive_on, send)
        finally:
            watching.cancel()

    async def _caller(self, request: Request) -> str:
        address = request.client.host if request.client else ""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if self.check and scheme.lower() == "bearer":
            return f"key {await self._name(self.check, key.strip(), address)}"
        if self.visitor and (name := self.visitor(request)):
            return f"login {name}"
        if self.check or self.visitor:
            none = "" if self.check else ", and no keys were given out yet"
            way = "Ask whoever runs this server for one (asklabs key NAME, ASKLABS_API_KEYS)"
            how = "send it as Authorization: Bearer KEY"
            raise HTTPException(401, f"This needs a key{none}. {way}; {how}.")
        return f"address {address}"

    async def _name(self, check: Check, key: str, address: str) -> str:
        """The name of a key. A key that was right is not hashed again while its line stands."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        try:
            coded = key.removeprefix(PREFIX)
            text = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
            name, _, secret = text.partition(":")
            kept = self.keys.get(name)
            if kept and self._known.get(digest) == kept:
                return name
            checking = self._checking.get(digest)
            if checking is None:
                # Many requests at once with a new key are one check.
                checking = asyncio.ensure_future(check(name, secret, address))
                self._checking[digest] = checking
                checking.add_done_callback(lambda _: self._checking.pop(digest))
            if await asyncio.shield(checking) and kept:
                self._known[digest] = kept
                return name
        except TooManyLogins as error:
            log.event("key", "too_many", logging.WARNING, address=address)
            raise HTTPException(429, "Too many wrong keys. Wait five minutes.") from error
        except ValueError:
            pass
        log.event("key", "wrong", logging.WARNING, address=address)
        raise HTTPException(401, "This is no key of this server. Make a new one: asklabs key NAME")

    def _count(self, caller: str) -> None:
        now = time.monotonic()
        for other in [c for c, times in self._asked.items() if times[-1] < now - MINUTE]:
            del self._asked[other]
        asked = self._asked.setdefault(caller, deque(maxlen=MOST_REQUESTS))
        if len(asked) == MOST_REQUESTS and asked[0] > now - MINUTE:
            detail = f"There were more than {MOST_REQUESTS} requests within a minute."
            raise HTTPException(429, f"{detail} Ask again later.")
        asked.append(now)


def _is_description(request: Request) -> bool:
    """Whether a request asks how to ask, which tells nothing of the collection."""
    return below_root(request.scope) in (f"{REST}/", f"{REST}/openapi.json")


def _is_own(request: Request) -> bool:
    """Whether a request comes from a program of this machine."""
    # What a proxy of this machine passes on has come from elsewhere.
    forwarded = any("forwarded" in name for name in request.headers)
    return bool(request.client and request.client.host in ("127.0.0.1", "::1") and not forwarded)


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)(scope, receive, send)


def _login_page(sessions: Sessions, app: ASGIApp) -> ASGIApp:
    """An application whose page is a form for name and password until somebody has logged in."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if below_root(scope) == "/" and not sessions.visitor(request):
            t = translations_accepted(request.headers.get("accept-language", ""))
            await HTMLResponse(render("login.html", t))(scope, receive, send)
        else:
            await app(scope, receive, send)

    return page


async def _health(engine: Engine, _: Request) -> Response:
    """503 if the index can't be used, else 200."""
    try:
        await run_in_threadpool(lambda: engine.revision)
    except Exception as error:
        _log.error("The page can't answer: %s", error)
        return PlainTextResponse("The index can't be used; the log says why.\n", 503)
    return PlainTextResponse("ok\n")


async def _log_in(sessions: Sessions, check: Check, request: Request) -> Response:
    """Log in whoever types a right password; a cookie tells it from then on."""
    form = await request.form()
    name, password = (str(form.get(key, "")) for key in ("username", "password"))
    address = request.client.host if request.client else ""
    try:
        is_right = await check(name.strip(), password, address)
    except TooManyLogins:
        log.event("login", "too_many", logging.WARNING, address=address)
        wait = {"Retry-After": str(round(WINDOW))}
        return JSONResponse({"detail": "Too many passwords; wait."}, 429, wait)
    if not is_right:
        log.event("login", "wrong", logging.WARNING, address=address)
        return JSONResponse({"detail": "Incorrect credentials."}, 400)
    token, response = sessions.begin(name.strip()), JSONResponse({"success": True})
    schemes = (request.url.scheme, request.headers.get("x-forwarded-proto"))
    safety: Any = {"httponly": True, "samesite": "lax", "secure": "https" in schemes}
    response.set_cookie(sessions.cookie, token, **safety)
    return response


async def _log_out(sessions: Sessions, request: Request) -> Response:
    """End all sessions of the visitor."""
    if name := sessions.visitor(request):
        sessions.end(name)
    response = Response(status_code=302, headers={"Location": "./"})
    response.delete_cookie(sessions.cookie)
    return response
