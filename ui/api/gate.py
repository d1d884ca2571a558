"""Who may use the programs' ways in: by a key, a login's cookie, or, where there are neither, all.

A key is opaque to who has it: its name and a random secret, of which a file holds the salted hash.
"""

import asyncio
import base64
import hashlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import errors
from rag.models.client import Stop
from ui.api.models import Problem
from ui.server import log
from ui.server.guard import RETRY, below_root
from ui.server.login import Check, Secret, TooManyLogins, set_login
from ui.server.room import Full

PREFIX = "asklabs-"
MINUTE, MOST_REQUESTS = 60.0, 120  # requests of one key, or of one address without keys
OPEN = ("/api/v1/", "/api/v1/openapi.json")  # tell nothing of the collection
TOO_MANY = "Too many wait already. Ask again later."
_STATUS: dict[type[errors.AskLabsError], int] = {
    **{errors.UnknownField: 422, errors.InputError: 400, errors.UnknownReport: 404},
    **{errors.ModelError: 502, errors.IndexUnusable: 503},
}
_log = logging.getLogger(__name__)


def problem_of(error: Exception) -> Problem:
    """What an error is to a program."""
    match error:
        case Full():
            return Problem.of(503, TOO_MANY)
        case RequestValidationError():
            first = error.errors()[0]
            text = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            return Problem.of(422, f"{text}. See openapi.json beside this address.")
        case HTTPException():
            return Problem.of(error.status_code, f"{error.detail}")
        case errors.AskLabsError():
            known = (code for kind, code in _STATUS.items() if isinstance(error, kind))
            return Problem.of(next(known, 500), str(error))
    _log.error("A request of a program failed", exc_info=error)
    return Problem.of(500, "Something went wrong. Ask again; the log of the server tells more.")


async def problem_response(_: Request, error: Exception) -> JSONResponse:
    """An error as a response, which also says when to ask again or how to log in."""
    problem, wait = problem_of(error), {"Retry-After": RETRY}
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: wait, 503: wait}.get(problem.status)
    return JSONResponse(problem.model_dump(), problem.status, headers, "application/problem+json")


def make_key(path: Path, name: str) -> str:
    """A new key for a name, whose hash is written to a file; an earlier one of it ends."""
    secret = secrets.token_urlsafe(32)
    set_login(path, name, secret, "key")
    return PREFIX + base64.urlsafe_b64encode(f"{name}:{secret}".encode()).decode().rstrip("=")


# What is set once the caller of a request has hung up.
GONE: ContextVar[Stop] = ContextVar("GONE")


@dataclass(eq=False)
class Gate:
    """Wraps an ASGI application: lets in who has a key or is logged in, so often a minute.

    `check` knows the `keys`; None: there are none. Without keys and without logins all are let in.
    Who asks is in the scope's state, as `caller`.
    """

    app: ASGIApp
    keys: Mapping[str, Secret]
    check: Check | None
    visitor: Callable[[Request], str | None] | None
    _known: dict[bytes, Secret] = field(default_factory=dict)
    _checking: dict[bytes, asyncio.Future[bool]] = field(default_factory=dict)
    _asked: dict[str, deque[float]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            if below_root(scope) not in OPEN:
                scope.setdefault("state", {})["caller"] = caller = await self._caller(request)
                self._count(caller)
        except HTTPException as error:
            response = await problem_response(request, error)
            await response(scope, receive, send)
        else:
            await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; who hangs up before all is sent sets `GONE`."""
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
            closed = "The page needs a login, and no keys were given out."
            way = "Who runs it makes one (asklabs key NAME, ASKLABS_API_KEYS); send it as "
            why = "This needs a key." if self.check else closed
            raise HTTPException(401, f"{why} {way}Authorization: Bearer KEY.")
        return f"address {address}"

    async def _name(self, check: Check, key: str, address: str) -> str:
        """The name of a key; one that was right before is known while its line stands."""
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
