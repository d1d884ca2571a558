"""A scripted OpenAI-compatible server on loopback, which replies and fails as a test says.

It has chat, embeddings and rerank endpoints.
"""

from __future__ import annotations

import hashlib
import json
import math
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 64
# Clients wait this long before they try again, so that no test waits for their patience.
SOON = {"retry-after-ms": "1", "retry-after": "0.001"}


@dataclass(frozen=True)
class Reply:
    """What the server does with one chat request.

    It first sends nothing for `mute` seconds, then streams `pieces` as content deltas, each after
    `delay` seconds, or after a release of the gate if `gated`. After the pieces it sends nothing
    for `stall` seconds, then `raw` lines of server-sent events, then why the model stopped
    (`finish`). `cut` closes the connection without an end. A status other than 200 sends `body`.
    A request without streaming gets the pieces as one completion, in as many parts, or the `raw`
    lines in its place.
    """

    pieces: tuple[str, ...] = ()
    status: int = 200
    body: str = '{"error": {"message": "scripted", "type": "scripted"}}'
    headers: Mapping[str, str] = field(default_factory=lambda: SOON)
    raw: tuple[str, ...] = ()
    delay: float = 0.0
    stall: float = 0.0
    mute: float = 0.0
    finish: str = ""
    gated: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Request:
    """A request that the server got."""

    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def method(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]


class ScriptedServer:
    """Answers chat requests by script: each takes the next reply, the last one stays."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.gate = threading.Semaphore(0)
        self.hung_up = threading.Event()
        # What the embeddings' endpoint does instead of giving vectors, while it is set.
        self.embeddings_fail: Reply | None = None
        # What the rerank endpoint does with the body of a request.
        self.reranks: Callable[[Any], Reply] = lambda _: Reply(status=404)
        self._replies: deque[Reply] = deque([Reply(("Yes.",))])
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.scripted = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def chats(self) -> list[Request]:
        """The chat requests, oldest first."""
        return [r for r in self.requests if r.method.endswith("/chat/completions")]

    def script(self, *replies: Reply) -> None:
        """Forget all requests, and answer the next ones with these replies."""
        with self._lock:
            self._replies = deque(replies)
            self.requests.clear()
        self.hung_up.clear()
        self.gate = threading.Semaphore(0)
        self.embeddings_fail = None

    def say(self, *pieces: str) -> None:
        """Answer every following request with these pieces."""
        self.script(Reply(pieces))

    def next_reply(self) -> Reply:
        """The reply of the request that came in."""
        with self._lock:
            return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def running() -> Iterator[ScriptedServer]:
    """A server for as long as the block runs."""
    server = ScriptedServer()
    try:
        yield server
    finally:
        server.close()


def vector(text: str) -> list[float]:
    """A vector of unit length that depends on the text's words alone."""
    values = [0.0] * DIMENSIONS
    for word in text.casefold().split():
        values[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
    length = math.sqrt(sum(v * v for v in values)) or 1.0
    return [v / length for v in values] if any(values) else [1.0] + [0.0] * (DIMENSIONS - 1)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _scripted(self) -> ScriptedServer:
        return self.server.scripted  # type: ignore[attr-defined,no-any-return]

    def handle(self) -> None:
        with suppress(ConnectionError):  # Clients hang up.
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: a test's output is its own."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, body)
        self._scripted.requests.append(request)
        if request.method.endswith("/embeddings"):
            failing = self._scripted.embeddings_fail
            self._send(failing) if failing else self._embeddings(body)
        elif request.method.endswith("/rerank"):
            self._send(self._scripted.reranks(body))
        elif request.method.endswith("/chat/completions"):
            reply = self._scripted.next_reply()
            if reply.status != 200:
                self._send(reply)
            elif body.get("stream"):
                self._stream(reply)
            else:
                self._whole(reply)
        else:
            self._send(Reply(status=404))

    def _send(self, reply: Reply) -> None:
        data = reply.body.encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _embeddings(self, body: Any) -> None:
        data = [
            {"object": "embedding", "index": i, "embedding": vector(text)}
            for i, text in enumerate(body["input"])
        ]
        reply = {"object": "list", "data": data, "model": body["model"], "usage": {}}
        self._send(Reply(body=json.dumps(reply), headers={}))

    def _stream(self, reply: Reply) -> None:
        try:
            self._quiet(reply.mute)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces:
                self._wait(reply)
                self._chunk(f"{event(content=piece)}\n\n")
            self._quiet(reply.stall)
            for line in reply.raw:
                self._wait(reply)
                self._chunk(f"{line}\n\n")
            if reply.finish:
                self._chunk(f"{event(reply.finish, content='')}\n\n")
            if reply.cut:
                self.close_connection = True
                return
            self._chunk("data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self._scripted.hung_up.set()
            self.close_connection = True

    def _whole(self, reply: Reply) -> None:
        data = ("\n".join(reply.raw) or _completion("".join(reply.pieces))).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data) + reply.cut))
        self.end_headers()
        size = -(-len(data) // max(1, len(reply.pieces)))
        try:
            self._quiet(reply.mute)
            for start in range(0, len(data), size):
                self._wait(reply)
                self.wfile.write(data[start : start + size])
                self.wfile.flush()
        except OSError:
            self._scripted.hung_up.set()
        self.close_connection = reply.cut

    def _wait(self, reply: Reply) -> None:
        if reply.gated:
            self._scripted.gate.acquire(timeout=10)
        threading.Event().wait(reply.delay)

    def _quiet(self, seconds: float) -> None:
        """Send nothing for so long, but notice when the client hangs up."""
        readable = seconds and select.select([self.connection], [], [], seconds)[0]
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def event(finish: str | None = None, **delta: str) -> str:
    """A line of a stream with a delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {_chat('chat.completion.chunk', choice)}"


def _completion(content: str) -> str:
    message = {"role": "assistant", "content": content}
    return _chat("chat.completion", {"index": 0, "message": message, "finish_reason": "stop"})


def _chat(kind: str, choice: Mapping[str, Any]) -> str:
    reply = {"id": "scripted", "object": kind, "created": 0, "model": "test-model"}
    return json.dumps(reply | {"choices": [choice]})
