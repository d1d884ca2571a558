"""Serves the page on a host and port, and says at /healthz whether it can answer.

`/healthz` needs no login and tells nothing of the collection. All of the page, it included, answers
with status 503 while the index is loading.
"""

from __future__ import annotations

import errno
import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import gradio as gr
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ingest.uploads import LARGEST_UPLOAD
from rag.errors import AskLabsError
from ui.server.login import Secret, checker
from ui.server.start import occupied
from ui.web.app import VISITORS
from ui.web.layout import head, theme, translations

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

HEALTH_PATH = "/healthz"
_log = logging.getLogger(__name__)


def serve(page: gr.Blocks, address: str) -> None:
    """Keep a launched page running at `address` until Ctrl+C."""
    print(f"Ask the Labs is at {address} (Ctrl+C stops it)", flush=True)
    try:
        while page.is_running:
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    finally:
        page.close(verbose=False)


def launch(
    page: gr.Blocks,
    host: str,
    port: int,
    logins: Mapping[str, Secret] | None = None,
    *,
    uploads: bool = False,
    root_path: str = "",
    check: Callable[[], object] = lambda: None,
) -> str:
    """Start the page in the background; returns its address.

    With `logins`, only they see the page or reach what is behind it. Without `uploads`, no file can
    be sent to it. A proxy puts `root_path` before its paths. `check` raises an error if the page
    can't answer.

    Raises:
        SettingsError: nothing can listen on this host and port; the message says what to do.
    """
    try:
        app, address, _ = page.launch(
            server_name=host,
            server_port=port,
            # Gradio awaits a coroutine, though its types don't say so.
            auth=checker(logins) if logins else None,  # type: ignore[arg-type]
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            run_history=False,
            footer_links=[],
            max_threads=2 * VISITORS + 20,
            # Without it Gradio takes the root path of an environment variable.
            root_path=root_path,
            max_file_size=LARGEST_UPLOAD if uploads else 1,
            theme=theme(),
            head=head(),
            i18n=translations(page),
        )
    except OSError as error:
        # Gradio only says that it found no port; the address was free a moment ago.
        in_use = OSError(errno.EADDRINUSE, str(error))
        raise occupied(host, port, in_use) from error
    add_health(app, check)
    return str(address).rstrip("/")


def add_health(app: Starlette, check: Callable[[], object]) -> None:
    """Answer at `HEALTH_PATH`: 503 if `check` raises an error of the product, else 200."""

    async def health(_: Request) -> PlainTextResponse:
        try:
            await run_in_threadpool(check)
        except AskLabsError as error:
            _log.error("The page can't answer: %s", error)
            return PlainTextResponse("The index can't be used; the log says why.\n", 503)
        return PlainTextResponse("ok\n")

    # Before Gradio's own routes, one of which matches all paths.
    app.router.routes.insert(0, Route(HEALTH_PATH, health))
