"""Starts the page: up at once with what goes on, and there for good once the index is loaded."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import TYPE_CHECKING

from rag.errors import SettingsError
from rag.i18n.translations import Translations, language_code, translations_accepted
from rag.settings import Settings
from ui.server import log
from ui.server.login import read_logins

if TYPE_CHECKING:
    from rag.engine import Engine


_log = logging.getLogger(__name__)


def start(settings: Settings, open_browser: bool = False) -> None:
    """Serve the page over an index until Ctrl+C.

    Raises:
        SettingsError: nothing can listen on the host and port, or the logins can't be used.
        IndexUnusable: there is no index, or not one that can be used.
        InputError: the evaluation that the settings name is damaged.
    """
    log.set_up(settings)
    # How a service or a container is stopped; as a container's first process it would be deaf.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logins = read_logins(settings.login) if settings.login else {}
    _one_thread_an_answer()
    print("Loading the index and the page ...", file=sys.stderr, flush=True)
    with loading(settings.host, settings.port):
        if open_browser:
            host = "localhost" if settings.host == "0.0.0.0" else settings.host
            webbrowser.open(f"http://{host}:{settings.port}")
        # Imported here: they take seconds, and load numpy, which reads its threads only then.
        from eval.report.summary import latest
        from ingest.shared import watch
        from rag.engine import open_engine
        from ui.cli.options import fetch_shared
        from ui.server.serve import launch, serve
        from ui.web.app import build_app

        pass

        if settings.evaluation is not None:
            latest(settings)  # Raises where there is none, before anybody looks for it.
        fetch_shared(settings)
        engine = open_engine(settings)
        page = build_app(engine)
    address = launch(
        page,
        settings.host,
        settings.port,
        logins,
        uploads=settings.page_ingest,
        root_path=settings.root_path,
        check=lambda: engine.revision,
    )
    _tell(engine, address, len(logins))
    if settings.chroma:
        watch(settings, lambda: engine.revision)
    serve(page, address)


def _tell(engine: Engine, address: str, logins: int) -> None:
    """Log what is served where, and what whoever runs it should know of."""
    from ingest.uploads import older_index

    settings = engine.settings
    log.event(
        "start",
        "ready",
        version=version("ask-the-labs"),
        address=address,
        host=settings.host,
        root_path=settings.root_path,
        index=settings.index.absolute(),
        fingerprint=engine.revision,
        reports=len(engine.catalog.reports),
        model=settings.answer_model,
        logins=logins or "none",
    )
    if not logins and settings.host not in ("127.0.0.1", "localhost", "::1", "[::1]"):
        _log.warning(
            "Everybody who reaches %s, port %s, may use the page: ASKLABS_LOGIN names no file of "
            "logins.",
            settings.host,
            settings.port,
        )
    if older := older_index(settings):
        _log.warning(older)


def _one_thread_an_answer() -> None:
    """Have numpy's libraries, not loaded yet, compute each answer on one core.

    Several visitors' answers keep all cores busy as it is; threads that wait for each other make
    each of them slower.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


# A page that is up while the index is still being loaded, and gives way to the real one.
#
# It needs none of what takes long to load, Gradio included. Whoever asks before the page is there
# sees that something goes on, and for how long; every other request is told to come again (503).


MARK = "X-Asklabs-Loading"
STYLE = """:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100dvh; display: grid; place-items: center; }
main { max-width: 28rem; padding: 1.5rem; }
h1 { margin: 0 0 .5rem; font-size: 1.25rem; }
p { margin: 0 0 1rem; }
progress { width: 100%; accent-color: #0b5a62; }"""
# Asks until the real page answers; a moment in which nobody does is none to worry about.
SCRIPT = """const seconds = document.getElementById("seconds");
const begun = Date.now() - 1000 * seconds.textContent;
setInterval(() => (seconds.textContent = Math.round((Date.now() - begun) / 1000)), 1000);
setInterval(() => fetch(location.href, { cache: "no-store" }).then(
  (answer) => answer.headers.has("%s") || location.reload(), () => {}), 700);"""


def occupied(host: str, port: int, error: OSError) -> SettingsError:
    """The error of a host and port on which nothing can listen."""
    why = _WHY.get(error.errno or 0, _WHY[errno.EADDRNOTAVAIL])
    if isinstance(error, socket.gaierror):
        why = _WHY[errno.EADDRNOTAVAIL]
    return SettingsError(f"The page can't listen on {host}, port {port}: {why}")


_WHY = {
    errno.EADDRINUSE: "another program uses the port. Choose another with --port.",
    errno.EACCES: "ports below 1024 are the system's. Choose another with --port.",
    errno.EADDRNOTAVAIL: "this machine has no such address. Choose another with --host: 127.0.0.1 "
    "for this machine alone, 0.0.0.0 for the network.",
}


@contextmanager
def loading(host: str, port: int) -> Iterator[None]:
    """Be there on a host and port until the work inside is done.

    Raises:
        SettingsError: nothing can listen on this host and port; the message says what to do.
    """
    try:
        server = _Server((host.strip("[]"), port), _Handler)
    except OSError as error:
        raise occupied(host, port, error) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # who is slow to take the answer doesn't hold up the page

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self.begun = time.monotonic()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    server: _Server

    def do_GET(self) -> None:
        """Say that the page is being loaded."""
        t = translations_accepted(self.headers.get("Accept-Language", ""))
        body = page(time.monotonic() - self.server.begun, t).encode()
        self.send_response(503)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Retry-After", "2"),
            (MARK, "1"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Say it without words."""
        self.do_GET()

    def do_POST(self) -> None:
        """Say the same to a page that was open before."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: requests of visitors are nobody's business."""


def page(seconds: float, t: Translations) -> str:
    """The page: what is being done, and for how many seconds already."""
    told = t.gettext("The reports are being loaded. This page opens by itself when they are.")
    took = t.gettext("{seconds} seconds so far")
    shown = escape(took).replace("{seconds}", f'<span id="seconds">{round(seconds)}</span>')
    return (
        f'<!doctype html><html lang="{language_code(t)}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>Ask the Labs</title><style>{STYLE}</style><main><h1>Ask the Labs</h1>"
        f'<p role="status">{escape(told)}</p>'
        f'<progress aria-label="{escape(told)}"></progress><p><small>{shown}</small></p>'
        f"</main><script>{SCRIPT % MARK}</script></html>"
    )
