"""What tells a container's engine or a monitor whether the page answers: `/healthz`, without login.

It says nothing of the collection. While the index is being loaded, all of the page says 503.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rag.errors import AskLabsError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

PATH = "/healthz"

_log = logging.getLogger(__name__)


def add_health(app: Starlette, check: Callable[[], object]) -> None:
    """Answer at `PATH`: 200 where `check` raises nothing of ours, else 503."""

    async def health(_: Request) -> PlainTextResponse:
        try:
            await run_in_threadpool(check)
        except AskLabsError as error:
            _log.error("The page can't answer: %s", error)
            return PlainTextResponse("The index can't be used; the log says why.\n", 503)
        return PlainTextResponse("ok\n")

    # Before Gradio's own routes, one of which takes all paths.
    app.router.routes.insert(0, Route(PATH, health))
