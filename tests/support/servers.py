"""Ports and servers of this machine: a Chroma server of its own, as `chroma run` starts it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx


class ChromaServer:
    """A server over a folder; it can be stopped, and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        program = Path(sys.executable).with_name("chroma")
        at = ("--host", "127.0.0.1", "--port", str(self.port))
        self.command = (program, "run", "--path", folder, *at)

    def start(self) -> None:
        quiet = os.environ | {"ANONYMIZED_TELEMETRY": "False"}
        nowhere = subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, env=quiet, stdout=nowhere, stderr=nowhere)
        while True:
            assert self.process.poll() is None
            try:
                httpx.get(f"{self.address}/api/v2/heartbeat", timeout=5).raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def chroma_server(folder: Path) -> Iterator[ChromaServer]:
    """A server that runs until the work inside is done."""
    server = ChromaServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    """A port of this machine that is free just now."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
