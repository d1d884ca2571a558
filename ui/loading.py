"""A page that is up while the index is still being loaded, and gives way to the real one.

It needs none of what takes long to load, Gradio included. Whoever asks before the page is there
sees that something goes on, and for how long; every other request is told to come again (503).
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rag.errors import SettingsError
from rag.translate import Words, code_of, words_for

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
        words = words_for(self.headers.get("Accept-Language", ""))
        body = page(time.monotonic() - self.server.begun, words).encode()
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


def page(seconds: float, words: Words) -> str:
    """The page: what is being done, and for how many seconds already."""
    told = words.gettext("The reports are being loaded. This page opens by itself when they are.")
    took = words.gettext("{seconds} seconds so far")
    shown = escape(took).replace("{seconds}", f'<span id="seconds">{round(seconds)}</span>')
    return (
        f'<!doctype html><html lang="{code_of(words)}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>Ask the Labs</title><style>{STYLE}</style><main><h1>Ask the Labs</h1>"
        f'<p role="status">{escape(told)}</p>'
        f'<progress aria-label="{escape(told)}"></progress><p><small>{shown}</small></p>'
        f"</main><script>{SCRIPT % MARK}</script></html>"
    )
