"""A PostgreSQL server with pgvector in a temporary folder, run as an ordinary user."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from machine import children

from rag.settings import Settings

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
OPTIONS = "-c listen_addresses= -c fsync=off -c shared_buffers=32MB -c unix_socket_directories="


class Postgres:
    """A server; each database in it is empty at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._databases = 0
        self._user: dict[str, Any] = {}
        if not os.getuid():  # The server refuses to run as root.
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        self._run("initdb", "-D", folder / "data", "-A", "trust", "-U", "asklabs", "-N")
        self.start()

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [BINARIES[-1] / program, *arguments]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, cwd=self.folder, **quiet, **self._user)

    def start(self) -> None:
        options = ["-o", f"{OPTIONS}{self.folder}", "-l", self.folder / "log", "-w", "start"]
        self._run("pg_ctl", "-D", self.folder / "data", *options)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    @contextmanager
    def hung(self) -> Iterator[None]:
        """The server is there and says nothing."""
        (first, *_) = (self.folder / "data" / "postmaster.pid").read_text("utf-8").splitlines()
        processes = [int(first), *children(int(first))]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def sql(self, database: str, query: str) -> str:
        command = [BINARIES[-1] / "psql", "-XAtc", query, self.url(database)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def url(self, database: str) -> str:
        return f"postgresql://asklabs@/{database}?host={self.folder}"

    def new(self) -> str:
        self._databases += 1
        self.sql("postgres", f"CREATE DATABASE d{self._databases}")
        return self.url(f"d{self._databases}")


@contextmanager
def running() -> Iterator[Postgres]:
    if not BINARIES or not (BINARIES[-1].parent / "lib" / "vector.so").exists():
        pytest.skip("PostgreSQL with pgvector is not installed; only root may install it")
    folder = Path(tempfile.mkdtemp(prefix="asklabs-pg-"))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def using(settings: Settings, url: str) -> Settings:
    return Settings(**{**settings.model_dump(exclude_defaults=True), "database": url})
