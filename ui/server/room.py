"""How many answers are computed at a time, for readers and programs together; the others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import uniform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.engine import Engine

WRITTEN = 20  # answers that a model writes at a time
COMPUTED = 2  # the same without: more would only share the interpreter, with the server, too
WAITING = 300  # questions that wait; more are refused
SHED = 2  # questions that wait; while more do, the cross-encoder is left out
TOLD = 10.0  # seconds between two tellings of how many come first, half of it more or less


class Full(Exception):
    """Too many wait already."""


class Room:
    """Lets in so many at a time, in the order in which they came."""

    def __init__(self, engine: Engine) -> None:
        self._size = COMPUTED if engine.settings.answer_model == "extractive" else WRITTEN
        # Also who waits, behind the first, each with what tells that it is their turn.
        self._inside: dict[object, asyncio.Event] = {}
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
        """How many come first, every few seconds until none; `who` has to leave at the end.

        Raises:
            Full: too many wait.
        """
        if self.waiting >= WAITING:
            raise Full
        self._inside[who] = turn = asyncio.Event()
        while before := max(0, list(self._inside).index(who) + 1 - self._size):
            yield before
            # Not all at once, which would keep others waiting.
            with suppress(TimeoutError):
                await asyncio.wait_for(turn.wait(), TOLD * uniform(0.5, 1.5))

    def leave(self, who: object) -> None:
        """Make room; harmless for who isn't there."""
        self._inside.pop(who, None)
        for turn in list(self._inside.values())[: self._size]:
            turn.set()

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
