"""Waits for something no longer than so many seconds, or than it is wanted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from rag.stop import Stop

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
