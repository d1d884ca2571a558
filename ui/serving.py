"""Serves the page on a host and port, all of it from this machine."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Mapping

import gradio as gr

from ingest.uploads import LARGEST_UPLOAD
from ui import theme
from ui.app import VISITORS
from ui.health import add_health
from ui.loading import occupied
from ui.login import Secret, checker
from ui.speech import translations


def serve(page: gr.Blocks, address: str) -> None:
    """Serve a launched page, which is at `address`, until Ctrl+C."""
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
    """Start the page in the background and say where it is; all of it comes from this host.

    With `logins`, nobody else sees the page or reaches what is behind it. Without `uploads`, no
    file can be sent to it. `root_path` is what a proxy puts before its paths; `check` is asked at
    /healthz whether the page can answer.

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
            # Without it Gradio takes that of an environment variable.
            root_path=root_path,
            max_file_size=LARGEST_UPLOAD if uploads else 1,
            theme=theme.theme(),
            head=theme.head(),
            i18n=translations(page),
        )
    except OSError as error:
        # Gradio says no more than that it found no port; the address was good a moment ago.
        in_use = OSError(errno.EADDRINUSE, str(error))
        raise occupied(host, port, in_use) from error
    add_health(app, check)
    return str(address).rstrip("/")
