"""A Chroma server of its own on this machine, as `chroma run` starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from free_port import free_port


class ChromaServer:
    """A server over a folder; it can be stopped, and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = Path(sys.executable).with_name("chroma")
        at = ["--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [command, "run", "--path", self.folder, *at],
            env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self._answers():
            assert self.process.poll() is None
            time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/api/v2/heartbeat", timeout=5):
                return True
        except OSError:
            return False


@contextmanager
def chroma_server(folder: Path) -> Iterator[ChromaServer]:
    """A server that runs until the work inside is done."""
    server = ChromaServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
