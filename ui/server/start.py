"""Starts the page: a loading page answers at once, the real one when the index is loaded.

The loading page needs nothing that is slow to import. Visitors see how long loading has taken;
every request gets status 503 until then.
"""

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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader

from rag.errors import SettingsError
from rag.i18n.translations import Translations, language_code, translations_accepted
from rag.settings import Settings
from ui.server import log
from ui.server.login import read_logins

if TYPE_CHECKING:
    from rag.engine import Engine


# Tells the script of the loading page that the real page does not answer yet.
LOADING_HEADER = "X-Asklabs-Loading"
_REASONS = {
    errno.EADDRINUSE: "another program uses the port. Choose another with --port.",
    errno.EACCES: "ports below 1024 are the system's. Choose another with --port.",
    errno.EADDRNOTAVAIL: "this machine has no such address. Choose another with --host: 127.0.0.1 "
    "for this machine alone, 0.0.0.0 for the network.",
}
_log = logging.getLogger(__name__)


def start(settings: Settings, open_browser: bool = False) -> None:
    """Serve the page over an index until Ctrl+C.

    Raises:
        SettingsError: nothing can listen on the host and port, or the logins can't be used.
        IndexUnusable: there is no index, or not one that can be used.
        InputError: the evaluation that the settings name is damaged.
    """
    log.set_up(settings)
    # Services and containers are stopped by SIGTERM; the first process of a container ignores it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logins = read_logins(settings.login) if settings.login else {}
    # numpy's libraries, not loaded yet, compute each answer on one core: several visitors' answers
    # keep all cores busy, and more threads would only slow each of them.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    print("Loading the index and the page ...", file=sys.stderr, flush=True)
    with loading(settings.host, settings.port):
        if open_browser:
            host = "localhost" if settings.host == "0.0.0.0" else settings.host
            webbrowser.open(f"http://{host}:{settings.port}")
        # Imported here, because they take seconds and load numpy, which then reads its threads.
        from eval.report.summary import latest
        from ingest.publish import watch
        from rag.engine import open_engine
        from ui.cli.common import fetch_shared
        from ui.server.serve import launch, serve
        from ui.web.app import build_app

        if settings.evaluation is not None:
            latest(settings)  # Raises if there is none.
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
    _log_start(engine, address, len(logins))
    if settings.chroma:
        watch(settings, lambda: engine.revision)
    serve(page, address)


def _log_start(engine: Engine, address: str, logins: int) -> None:
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


def occupied(host: str, port: int, error: OSError) -> SettingsError:
    """The error for a host and port on which nothing can listen."""
    code = errno.EADDRNOTAVAIL if isinstance(error, socket.gaierror) else error.errno
    reason = _REASONS.get(code or 0, _REASONS[errno.EADDRNOTAVAIL])
    return SettingsError(f"The page can't listen on {host}, port {port}: {reason}")


@contextmanager
def loading(host: str, port: int) -> Iterator[None]:
    """Answer on a host and port with the loading page until the work inside is done.

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
    block_on_close = False  # slow readers must not delay the page

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self.started = time.monotonic()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    server: _Server

    def do_GET(self) -> None:
        """Send the loading page."""
        t = translations_accepted(self.headers.get("Accept-Language", ""))
        body = loading_page(time.monotonic() - self.server.started, t).encode()
        self.send_response(503)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Retry-After", "2"),
            (LOADING_HEADER, "1"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # A page that was open before posts.
    do_HEAD = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing, for the privacy of visitors."""


def loading_page(seconds: float, t: Translations) -> str:
    """The page that says for how many seconds the reports have been loading."""
    before, _, after = t.gettext("{seconds} seconds so far").partition("{seconds}")
    template = Environment(loader=PackageLoader("ui"), autoescape=True).get_template("loading.html")
    return template.render(
        language=language_code(t),
        message=t.gettext("The reports are being loaded. This page opens by itself when they are."),
        before=before,
        seconds=round(seconds),
        after=after,
        header=LOADING_HEADER,
    )
