"""Asynchronous work in a thread of its own, which any thread can stop at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Emit = Callable[[T], None]
Work = Callable[[Emit[T]], Coroutine[Any, Any, None]]


class Stop:
    """A wish to stop, which once set stays so. Safe to share between threads."""

    def __init__(self) -> None:
        self._set = False
        self._actions: list[Callable[[], object]] = []
        # Reentrant: a block may be left by the garbage collector while `set` runs in its thread.
        self._lock = threading.RLock()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        """Stop, and run the actions of the blocks that are open."""
        # With the lock held: no action may run once its block has been left.
        with self._lock:
            actions = () if self._set else tuple(self._actions)
            self._set = True
            for action in actions:
                action()

    @contextmanager
    def calls(self, action: Callable[[], object]) -> Iterator[None]:
        """Run an action, once, if this is set before the end of the block.

        It runs in the thread that stops, and may neither wait nor use this object.
        """
        with self._lock:
            if self._set:
                action()
            self._actions.append(action)
        try:
            yield
        finally:
            with self._lock:
                self._actions.remove(action)


def iterate(work: Work[T], stop: Stop) -> Generator[T, None, None]:
    """What asynchronous work emits, as it comes.

    The work is cancelled at once, whatever it waits for, when `stop` is set or this generator is
    closed. Then nothing more is emitted and nothing raised; else what the work raises is.
    """
    items: SimpleQueue[tuple[T] | None] = SimpleQueue()
    future = _start(work(lambda item: items.put((item,))))
    future.add_done_callback(lambda _: items.put(None))
    with stop.calls(future.cancel):
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
