"""How many answers are computed at a time, for readers and programs together; the others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.engine import Engine

WRITTEN = 20  # answers that a model writes at a time
COMPUTED = 2  # the same without: more would only share the interpreter, with the server, too
WAITING = 300  # questions that wait; more are refused
SHED = 2  # questions that wait; while more do, the cross-encoder is left out
POLL = 0.1  # seconds between two looks of the first who waits; those behind look less often


class Full(Exception):
    """Too many wait already."""


class Room:
    """Lets in so many at a time, in the order in which they came."""

    def __init__(self, engine: Engine) -> None:
        self._size = COMPUTED if engine.settings.answer_model == "extractive" else WRITTEN
        self._inside: list[object] = []  # Also who waits, behind the first.
        engine.shed_when(lambda: self.waiting > SHED)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, len(self._inside) - self._size)

    @property
    def is_empty(self) -> bool:
        """Whether nobody asks."""
        return not self._inside

    async def turns(self, who: object) -> AsyncIterator[int]:
        """How many come first, until it is 0; `who` leaves at the end. Too many raise `Full`."""
        if self.waiting >= WAITING:
            raise Full
        self._inside.append(who)
        while before := max(0, self._inside.index(who) + 1 - self._size):
            yield before
            await asyncio.sleep(POLL * min(before, 10))

    def leave(self, who: object) -> None:
        """Make room; harmless for who isn't there."""
        if who in self._inside:
            self._inside.remove(who)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place inside, when one is free."""
        who = object()
        try:
            async for _ in self.turns(who):
                pass
            yield
        finally:
            self.leave(who)
