"""Runs an ingest in a process of its own that may be killed at any moment."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import chromadb  # noqa: F401  (loaded before the process is forked, to save time)

import ingest.embed
import ingest.sync
from rag.settings import Settings


def run(index: Path, reports: Path, stage: str, delay: float, rebuild: bool = False) -> None:
    """Ingest with `prune`; `delay` seconds after a stage has begun the process is killed."""
    ingest.embed.BATCH = 16  # small, so that there are many moments between two writes
    killer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL))

    def progress(now: str, _done: int, _total: int) -> None:
        if now == stage and killer.ident is None:
            killer.start()

    settings = Settings(index=index, threads=1)
    ingest.sync.sync([reports], settings, prune=True, rebuild=rebuild, progress=progress)
    # The timer must not outlive the work: what comes after it is no moment of an ingest.
    os._exit(0)
