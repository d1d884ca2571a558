"""How many answers are computed at a time, for readers and programs together; the others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from typing import TYPE_CHECKING

from rag.errors import AskLabsError

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.models.client import Stop

WRITTEN = 20  # answers that a model writes at a time
COMPUTED = 2  # the same without: more would only share the interpreter, with the server, too
WAITING = 300  # questions that wait; more are refused
SHED = 2  # while more questions wait, the cross-encoder is left out, and one more is let in
TOLD = 10.0  # seconds after which who waits is told again how many come first
RETRY = "15"  # seconds after which to ask again where there was no room
# Set once the program that made a request has hung up.
GONE: ContextVar[Stop] = ContextVar("GONE")


class Full(AskLabsError):
    """Too many wait already."""


class Room:
    """Lets in a limited number at a time, in the order in which they came."""

    def __init__(self, engine: Engine) -> None:
        self._size = COMPUTED if engine.settings.answer_model == "extractive" else WRITTEN
        # Also who waits, behind the first: each with what is set when somebody has left.
        self._inside: dict[object, asyncio.Event] = {}
        engine.shed_when(lambda: self.waiting > SHED)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, len(self._inside) - self._size)

    @property
    def _places(self) -> int:
        # The cross-encoder keeps all cores busy; without it one is computed here, one by the
        # helper, and one drawn.
        return self._size + (self.waiting > SHED)

    @property
    def is_empty(self) -> bool:
        """Whether nobody asks."""
        return not self._inside

    async def turns(self, who: object) -> AsyncIterator[int]:
        """Yield now and then how many come before `who`, until none do; Full if too many wait."""
        if self.waiting >= WAITING:
            raise Full("Too many wait already. Ask again later.")
        comes = self._inside[who] = asyncio.Event()
        while before := max(0, list(self._inside).index(who) + 1 - self._places):
            yield before
            with suppress(TimeoutError):
                await asyncio.wait_for(comes.wait(), TOLD)
            comes.clear()

    def leave(self, who: object) -> None:
        """Give up the place of `who`, if there is one."""
        self._inside.pop(who, None)
        for comes in islice(self._inside.values(), self._places):
            comes.set()

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
