"""Waits for something no longer than so many seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """What some work comes to, if it is done in time.

    A client's own limit begins anew with every byte. Work that is given up goes on in a thread
    that holds no process back; it should have a limit of its own.

    Raises:
        TimeoutError: it is not done in time. What the work raises is raised too.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done.result(seconds)
