"""Tells, from any thread, whoever works on something that it is no longer wanted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar


class Stop:
    """A wish to stop, which once set stays so. Safe to share between threads."""

    def __init__(self) -> None:
        self._set = False
        self._acts: list[Callable[[], object]] = []
        # A block may be left while this is set in the same thread: garbage is collected anywhere.
        self._lock = threading.RLock()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._set

    def set(self) -> None:
        """Stop, and do at once what is to be done then."""
        # With the lock held: nothing may be done any more once its block has been left.
        with self._lock:
            acts = () if self._set else tuple(self._acts)
            self._set = True
            for act in acts:
                act()

    @contextmanager
    def calls(self, act: Callable[[], object]) -> Iterator[None]:
        """Does something, once, where this is set before the end of the block.

        It is done in the thread that stops, and may neither wait nor use this object.
        """
        with self._lock:
            if self._set:
                act()
            self._acts.append(act)
        try:
            yield
        finally:
            with self._lock:
                self._acts.remove(act)


# Waits for something no longer than so many seconds, or than it is wanted.


T = TypeVar("T")
Give = Callable[[T], None]
Work = Callable[[Give[T]], Coroutine[Any, Any, None]]


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


def given_by(work: Work[T], stop: Stop) -> Generator[T, None, None]:
    """What asynchronous work gives, as it comes; it runs in a thread of its own.

    The work is cancelled at once, whatever it waits for, where `stop` is set or this generator
    is closed. Then nothing more is given and nothing raised.

    Raises:
        Exception: what the work raises.
    """
    given: SimpleQueue[tuple[T] | Exception | None] = SimpleQueue()
    left = Stop()

    async def working() -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        with left.calls(lambda: loop.call_soon_threadsafe(task.cancel)):
            await work(lambda item: given.put((item,)))

    def run() -> None:
        try:
            asyncio.run(working())
        except asyncio.CancelledError:
            given.put(None)
        except Exception as error:  # handed over to whoever takes what is given
            given.put(error)
        else:
            given.put(None)

    with stop.calls(left.set), stop.calls(lambda: given.put(None)):
        try:
            threading.Thread(target=run, daemon=True).start()
            while isinstance(item := given.get(), tuple):
                yield item[0]
        finally:
            left.set()
    if item is not None and not stop.is_set():
        raise item
