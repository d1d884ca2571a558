"""Asynchronous work in a thread of its own, which any thread can stop at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Emit = Callable[[T], None]
Work = Callable[[Emit[T]], Coroutine[Any, Any, None]]


class Stop:
    """A wish to stop, which once set stays so. Safe to share between threads."""

    def __init__(self) -> None:
        self._wish: Future[None] = Future()

    def is_set(self) -> bool:
        return self._wish.done()

    def set(self) -> None:
        """Stop, and cancel the work that waits for this."""
        with suppress(InvalidStateError):
            self._wish.set_result(None)

    def cancels(self, work: Future[Any]) -> None:
        """Cancel work, unless it is done, once this is set."""
        self._wish.add_done_callback(lambda _: work.cancel())


def iterate(work: Work[T], stop: Stop) -> Generator[T, None, None]:
    """What asynchronous work emits, as it comes.

    The work is cancelled at once, whatever it waits for, when `stop` is set or this generator is
    closed. Then nothing more is emitted and nothing raised; else what the work raises is.
    """
    items: SimpleQueue[tuple[T] | None] = SimpleQueue()
    future = _start(work(lambda item: items.put((item,))))
    future.add_done_callback(lambda _: items.put(None))
    stop.cancels(future)
    try:
        while (item := items.get()) is not None:
            yield item[0]
    finally:
        future.cancel()
    if not stop.is_set():
        future.result()


@cache
def _background_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="model requests", daemon=True).start()
    return loop


def _start(work: Coroutine[Any, Any, T]) -> Future[T]:
    return asyncio.run_coroutine_threadsafe(work, _background_loop())


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of asynchronous work, which this thread waits for."""
    return _start(work).result()
