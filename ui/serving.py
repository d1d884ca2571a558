"""Serves the page on a host and port, all of it from this machine."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import gradio as gr

from eval.summary import latest
from rag.errors import SettingsError
from ui import theme
from ui.app import VISITORS, build_app
from ui.speech import translations

if TYPE_CHECKING:
    from rag.engine import Engine


def serve(engine: Engine, host: str, port: int, open_browser: bool = False) -> None:
    """Serve the page until Ctrl+C.

    Raises:
        SettingsError: nothing can listen on this host and port, or the folder of an evaluation
            has none; the message says what to do.
        InputError: that evaluation is damaged.
    """
    if engine.settings.evaluation is not None:
        latest(engine.settings)
    page = build_app(engine)
    print(
        f"Ask the Labs is at {launch(page, host, port, open_browser)} (Ctrl+C stops it)", flush=True
    )
    try:
        while page.is_running:
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    finally:
        page.close(verbose=False)


def launch(page: gr.Blocks, host: str, port: int, open_browser: bool = False) -> str:
    """Start the page in the background and say where it is; all of it comes from this host.

    Raises:
        SettingsError: nothing can listen on this host and port; the message says what to do.
    """
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            run_history=False,
            footer_links=[],
            max_threads=2 * VISITORS + 20,
            max_file_size=1,
            theme=theme.theme(),
            head=theme.head(),
            i18n=translations(page),
        )
    except OSError as error:
        raise SettingsError(
            f"The page can't listen on {host}, port {port}: another program uses the port, or "
            "this machine has no such address. Choose others with --port and --host."
        ) from error
    return str(address).rstrip("/")
