"""A reverse proxy that shows another server under a path of its own, as nginx would."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

# Of a connection, not of a message.
HOP = {"connection", "transfer-encoding", "keep-alive"}


@contextmanager
def proxied(address: str, path: str) -> Iterator[str]:
    """Where a server is shown under a path, which is taken off before it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == path:
                self.send_response(301)
                self.send_header("Location", f"{path}/")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if not self.path.startswith(f"{path}/"):
                self.send_error(404)
                return
            size = int(self.headers.get("Content-Length", 0))
            with httpx.stream(
                self.command,
                address + self.path.removeprefix(path),
                headers=dict(self.headers.items()),
                content=self.rfile.read(size) if size else None,
                timeout=60,
            ) as answer:
                self.send_response(answer.status_code)
                for name, value in answer.headers.multi_items():
                    if name not in HOP:
                        self.send_header(name, value)
                self.end_headers()
                # Bytes as they come: events must not wait for the last one.
                for piece in answer.iter_raw():
                    self.wfile.write(piece)
                    self.wfile.flush()

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
