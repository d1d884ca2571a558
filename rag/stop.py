"""Tells, from any thread, whoever works on something that it is no longer wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
