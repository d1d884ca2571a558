"""The server's own routes beside Gradio's: its health, the login, and the ways in for programs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from mcp.server.transport_security import TransportSecuritySettings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.engine import Engine
from rag.i18n.translations import translations_accepted
from ui.api.gate import Gate
from ui.api.mcp import mcp_server
from ui.api.rest import rest_app
from ui.rendering import render
from ui.server import log
from ui.server.guard import HEALTH, LOGIN, LOGOUT, MCP, METRICS, REST, Guard, below_root
from ui.server.login import WINDOW, Check, Secret, Sessions, TooManyLogins, checker
from ui.server.room import Room

_log = logging.getLogger(__name__)


async def _unknown(*_: object) -> Response:
    return PlainTextResponse("The request names what is not there.\n", 404)


# Gradio fails where a request names what it doesn't have, such as a function.
HANDLERS = {KeyError: _unknown, FnIndexInferError: _unknown}


def lifespan(
    engine: Engine, room: Room, logins: Mapping[str, Secret], keys: Mapping[str, Secret]
) -> Callable[[App], AbstractAsyncContextManager[None]]:
    """What puts guard, login and routes around the page of an engine while it is served."""
    settings = engine.settings
    check_login = checker(logins) if logins else None
    check_key = checker(keys) if keys else None
    gate = partial(Gate, keys=keys, check=check_key, visitor=visitor if logins else None)
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
        Route(METRICS, _Metrics(_tell, keys, check_key, lambda _: None)),
    ]
    if check_login:
        routes.append(Route(LOGIN, partial(_log_in, check_login), methods=["POST"]))
        routes.append(Route(LOGOUT, _log_out))

    @asynccontextmanager
    async def guarded(app: App) -> AsyncIterator[None]:
        # Before Gradio's own routes, one of which matches all paths.
        app.router.routes[:0] = routes
        # The layers are built by now, and no request has come yet.
        stack: Any = app.middleware_stack
        if logins:
            file, port = settings.login, settings.port
            kept = file and file.with_name(f"{file.name}.{port}.sessions")
            # Pages on other ports of this host get the same cookies.
            app.state.sessions = Sessions(logins, kept, f"access-token-{port}")
            app.auth_dependency, stack = visitor, login_page(stack)
        app.middleware_stack = Guard(stack, settings)
        async with server.session_manager.run():
            yield

    return guarded


class _Metrics(Gate):
    """Tells the counts to programs of this machine; others pass the gate first."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        # What a proxy of this machine passes on has come from elsewhere.
        forwarded = any("forwarded" in name for name in request.headers)
        own = request.client and request.client.host in ("127.0.0.1", "::1") and not forwarded
        await (_tell if own else super().__call__)(scope, receive, send)


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)(scope, receive, send)


def visitor(request: Request) -> str | None:
    """Who has logged in, by the cookie of a request."""
    sessions: Sessions = request.scope["app"].state.sessions
    return sessions.name(request.cookies.get(sessions.cookie, ""))


def login_page(app: ASGIApp) -> ASGIApp:
    """An application whose page is a form for name and password until somebody has logged in."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        if below_root(scope) == "/" and not visitor(Request(scope)):
            t = translations_accepted(Request(scope).headers.get("accept-language", ""))
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


async def _log_in(check: Check, request: Request) -> Response:
    """Opens the page to who types a right password; a cookie says so from then on."""
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
    sessions: Sessions = request.scope["app"].state.sessions
    token, response = sessions.begin(name.strip()), JSONResponse({"success": True})
    schemes = (request.url.scheme, request.headers.get("x-forwarded-proto"))
    safety: Any = {"httponly": True, "samesite": "lax", "secure": "https" in schemes}
    response.set_cookie(sessions.cookie, token, **safety)
    return response


async def _log_out(request: Request) -> Response:
    """Ends all sessions of who asks."""
    sessions: Sessions = request.scope["app"].state.sessions
    if name := visitor(request):
        sessions.end(name)
    response = Response(status_code=302, headers={"Location": "./"})
    response.delete_cookie(sessions.cookie)
    return response
