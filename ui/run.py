"""One question being answered for one visitor: read in a thread of its own, stoppable at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from rag.errors import AskLabsError
from rag.types import Answer
from ui.exchange import Exchange

if TYPE_CHECKING:
    from rag.stream import AnswerStream

REDRAW = 0.06  # seconds between two drawings of a growing answer: smooth, and cheap to send
LONG = 5000  # characters that make such a pause twice as long: each drawing sends all of the text
GRACE = 1.0  # seconds that a stopped stream has to hand over what it has


class Run:
    """One question being answered for one visitor; `asked` is it before anything came of it.

    A thread of its own reads the stream, so that stopping never waits for a slow model.
    """

    def __init__(self, asked: Exchange, start: Callable[[], AnswerStream]) -> None:
        self.asked = asked
        self.text = ""
        self.stopped = False
        self._stopping = threading.Event()
        self._deltas: SimpleQueue[str] = SimpleQueue()
        self._answer: Future[Answer] = Future()
        self._over = threading.Event()  # the answer is there, or nobody waits for it
        self._answer.add_done_callback(lambda _: self._over.set())
        self._stream: AnswerStream | None = None
        threading.Thread(target=self._read, args=(start,), daemon=True).start()

    def _read(self, start: Callable[[], AnswerStream]) -> None:
        try:
            stream = self._stream = start()
            if self._stopping.is_set():
                # It was stopped when there was nothing yet to stop.
                stream.stop()
            for delta in stream:
                self._deltas.put(delta)
            self._answer.set_result(stream.answer)
        except Exception as error:  # handed over to whoever asks for the answer
            self._answer.set_exception(error)

    @property
    def active(self) -> bool:
        """Whether the answer is still being written and nobody has stopped it."""
        return not self._answer.done() and not self._stopping.is_set()

    def stop(self) -> None:
        """Stop the stream, whatever it waits for; texts() ends at once."""
        self.stopped = self.stopped or not self._answer.done()
        self._stopping.set()
        self._over.set()
        if self._stream and not self._answer.done():
            self._stream.stop()

    def texts(self) -> Iterator[str]:
        """The text so far, each time that it has grown, until the stream ends or is stopped."""
        while self.active:
            drawn = time.monotonic()
            if self._take(timeout=REDRAW):
                yield self.text
                pause = REDRAW * (1 + len(self.text) / LONG)
                self._over.wait(max(0.0, pause - (time.monotonic() - drawn)))
        self._take(timeout=0)

    def _take(self, timeout: float) -> bool:
        new = []
        try:
            new.append(self._deltas.get(timeout=timeout) if timeout else self._deltas.get_nowait())
            while True:
                new.append(self._deltas.get_nowait())
        except Empty:
            self.text += "".join(new)
            return any(new)

    def exchange(self) -> Exchange:
        """What came of the question; an error that is meant for the user becomes its sentence."""
        if self._stopping.is_set() and not wait([self._answer], timeout=GRACE).done:
            return replace(self.asked, text=self.text, stopped=True)
        try:
            answer = self._answer.result()
        except AskLabsError as error:
            return replace(self.asked, error=str(error))
        if self.stopped and not answer.text:
            return replace(self.asked, stopped=True)
        return replace(self.asked, answer=answer, stopped=self.stopped)
