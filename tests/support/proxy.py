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
                self._head(301, [("Location", f"{path}/"), ("Content-Length", "0")])
                return
            if not self.path.startswith(f"{path}/"):
                self.send_error(404)
                return
            size = int(self.headers.get("Content-Length", 0))
            with httpx.stream(
                self.command,
                address + self.path.removeprefix(path),
                headers=dict(self.headers),
                content=self.rfile.read(size) if size else None,
                timeout=60,
            ) as answer:
                headers = answer.headers.multi_items()
                self._head(answer.status_code, [pair for pair in headers if pair[0] not in HOP])
                # Bytes as they come: events must not wait for the last one.
                for piece in answer.iter_raw():
                    self.wfile.write(piece)
                    self.wfile.flush()

        do_POST = do_GET  # noqa: N815

        def _head(self, status: int, headers: list[tuple[str, str]]) -> None:
            self.send_response(status)
            for header in headers:
                self.send_header(*header)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{path}"
        server.shutdown()
