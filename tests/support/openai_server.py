"""A scripted OpenAI-compatible server of chat and embeddings, which replies as a test says."""

import json
import math
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zlib import crc32

from rag.engine import Engine, open_engine
from rag.models.chat import ChatModel, make_chat
from rag.settings import Settings

KEY = "sk-secret-4711"
MESSAGES = [{"role": "user", "content": "Hello?"}]
DIMENSIONS = 64
# Clients wait this long before they try again, so that no test waits for their patience.
SOON = {"retry-after-ms": "1", "retry-after": "0.001"}


@dataclass(frozen=True)
class Reply:
    """What it does with a chat request; without streaming all is one completion."""

    pieces: tuple[str, ...] = ()  # content deltas
    status: int = 200
    body: str = '{"error": {"message": "scripted", "type": "scripted"}}'  # if the status isn't 200
    headers: Mapping[str, str] = field(default_factory=lambda: SOON)
    raw: tuple[str, ...] = ()  # lines of server-sent events after the pieces
    delay: float = 0.0  # seconds before each piece
    stall: float = 0.0  # seconds of silence after the pieces
    mute: float = 0.0  # seconds of silence before anything is sent
    finish: str = "stop"  # why the model stopped
    gated: bool = False  # each piece waits for a release of the gate
    cut: bool = False  # the connection is closed without an end


TOO_LONG = Reply(status=400, body='{"error": {"message": "maximum context length is 4096"}}')


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: Any

    def is_for(self, endpoint: str) -> bool:
        return self.path.partition("?")[0].endswith(endpoint)


class ScriptedServer:
    """Answers chat requests by script: each takes the next reply, the last one stays."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.hung_up = threading.Event()
        self.say("Yes.")
        handler = type("Handler", (_Handler,), {"scripted": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def settings(self, **more: Any) -> Settings:
        values = {"model": "openai:test-model", "openai_api_key": KEY, "openai_base_url": self.url}
        return Settings(**(values | more))

    def engine(self, index: Path, **more: Any) -> Engine:
        return open_engine(self.settings(index=index, **more))

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.is_for("/chat/completions")]

    def script(self, *replies: Reply) -> None:
        """Forget all requests, and answer the next ones with these replies."""
        self._replies = deque(replies)
        self.requests.clear()
        self.hung_up.clear()
        self.gate = threading.Semaphore(0)
        # What the embeddings' endpoint does instead of giving vectors, while it is set.
        self.embeddings_fail: Reply | None = None

    def say(self, *pieces: str) -> None:
        self.script(Reply(pieces))

    def next_reply(self) -> Reply:
        return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]


@contextmanager
def running() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.http.shutdown()
    server.http.server_close()


def chat_at(url: str, model: str = "test-model", retries: int = 2, **more: Any) -> ChatModel:
    values = {"openai_api_key": KEY, "openai_base_url": url} | more
    chat = make_chat(Settings(model=f"openai:{model}", **values), retries)
    assert chat is not None
    return chat


def vector(text: str) -> list[float]:
    values = [0.0] * DIMENSIONS
    for word in text.casefold().split() or [""]:
        values[crc32(word.encode()) % DIMENSIONS] += 1.0
    return [value / math.hypot(*values) for value in values]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: ScriptedServer

    def handle(self) -> None:
        with suppress(ConnectionError):  # Clients hang up.
            super().handle()

    def log_message(self, *_: Any) -> None:
        """Say nothing: a test's output is its own."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.scripted.requests.append(request)
        if request.is_for("/embeddings"):
            self._send(self.scripted.embeddings_fail or _embeddings(body))
        elif not request.is_for("/chat/completions"):
            self._send(Reply(status=404))
        elif (reply := self.scripted.next_reply()).status != 200:
            self._send(reply)
        else:
            self._chat(reply, bool(body.get("stream")))

    def _send(self, reply: Reply) -> None:
        data = reply.body.encode()
        self._head(reply.status, {**reply.headers, "content-length": str(len(data))})
        self.wfile.write(data)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _chat(self, reply: Reply, stream: bool) -> None:
        ends = [] if reply.cut else ["data: [DONE]"]
        if reply.finish and not reply.cut:
            ends.insert(0, event(reply.finish, content=""))
        try:
            self._quiet(reply.mute)
            kind = "text/event-stream" if stream else "application/json"
            self._head(200, {"content-type": kind, "transfer-encoding": "chunked"})
            pieces = [event(content=piece) for piece in reply.pieces]
            self._write(reply, _lines(pieces) if stream else _parts(reply))
            self._quiet(reply.stall)
            if stream:
                self._write(reply, _lines(reply.raw))
                self._write(Reply(), _lines(ends))
            if not reply.cut:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = reply.cut
        except OSError:
            self.scripted.hung_up.set()
            self.close_connection = True

    def _write(self, reply: Reply, chunks: Sequence[bytes]) -> None:
        for chunk in chunks:
            if reply.gated:
                self.scripted.gate.acquire(timeout=10)
            time.sleep(reply.delay)
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()

    def _quiet(self, seconds: float) -> None:
        """Send nothing for so long, but notice when the client hangs up."""
        readable = seconds and select.select([self.connection], [], [], seconds)[0]
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError


def _lines(lines: Sequence[str]) -> list[bytes]:
    return [f"{line}\n\n".encode() for line in lines]


def _parts(reply: Reply) -> list[bytes]:
    """A completion in as many parts as the reply has pieces."""
    message = {"role": "assistant", "content": "".join(reply.pieces)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    data = ("\n".join(reply.raw) or _chat("chat.completion", choice)).encode()
    size = -(-len(data) // max(1, len(reply.pieces)))
    return [data[start : start + size] for start in range(0, len(data), size)]


def _embeddings(body: Any) -> Reply:
    vectors = map(vector, body["input"])
    data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
    reply = {"object": "list", "data": data, "model": body["model"], "usage": {}}
    return Reply(body=json.dumps(reply), headers={})


def event(finish: str | None = None, **delta: str) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {_chat('chat.completion.chunk', choice)}"


def calls(*made: tuple[str, object]) -> Reply:
    """A reply that calls tools by their names, each with arguments for JSON, or a text."""
    listed = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": text}}
        for n, (name, given) in enumerate(made)
        for text in [given if isinstance(given, str) else json.dumps(given)]
    ]
    message = {"role": "assistant", "content": None, "tool_calls": listed}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return Reply(raw=(_chat("chat.completion", choice),))


def _chat(kind: str, choice: Mapping[str, Any]) -> str:
    reply = {"id": "scripted", "object": kind, "created": 0, "model": "test-model"}
    return json.dumps(reply | {"choices": [choice]})
