"""A question of a conversation with its answer, and one whose answer is being written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.errors import AskLabsError, ModelError
from rag.feedback import Feedback
from rag.types import Answer, Notice

if TYPE_CHECKING:
    from rag.answer.pipeline import AnswerStream


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation and what came of it.

    `filters` are those chosen on the page, `ignored` what the visitor took back of what the
    question names. Without an `answer`, `text` is what had been written when the visitor stopped,
    and `error` the sentence that says what went wrong, with its `notice` where it has a code.
    `passages` is how many the answer could read (0: as the settings say), `vote` what the visitor
    thinks of it.
    """

    question: str
    filters: Filters = field(default_factory=Filters)
    answer: Answer | None = None
    text: str = ""
    error: str = ""
    stopped: bool = False
    ignored: Filters = field(default_factory=Filters)
    passages: int = 0
    vote: Feedback | None = None
    notice: Notice | None = None

    @property
    def narrowed(self) -> Filters:
        """What the answer was narrowed to because the question names it."""
        if self.answer is None:
            return Filters()
        used = self.answer.coverage.filters
        same = [n for n in FILTER_FIELDS if getattr(used, n) == getattr(self.filters, n)]
        return replace(used, **dict.fromkeys(same, ()))

    @property
    def first(self) -> Filters:
        """What came first in the answer because the question names it."""
        return self.answer.coverage.first if self.answer else Filters()

    def changed(self, chip: Mapping[str, object]) -> Filters | None:
        """What is ignored once a chip was removed, or taken back (`back`).

        A chip has a `field` and a `value`, or "" for all values of the field. None stands for one
        that this question doesn't have: what a browser sends may be anything.
        """
        name, value = chip.get("field"), chip.get("value")
        if not isinstance(name, str) or name not in FILTER_FIELDS:
            return None
        back, ignored = bool(chip.get("back")), getattr(self.ignored, name)
        before = ignored if back else getattr(self.narrowed.merged(self.first), name)
        values = tuple(v for v in before if value in ("", str(v)))
        if not values:
            return None
        left: Any = tuple(v for v in ignored if v not in values)
        return replace(self.ignored, **{name: left if back else (*left, *values)})


REDRAW = 0.06  # seconds between two drawings of a growing answer: smooth, and cheap to send
LONG = 5000  # characters that make such a pause twice as long: each drawing sends all of the text
GRACE = 1.0  # seconds that a stopped stream has to hand over what it has


class Run:
    """One question being answered for one visitor; `pending` is it before anything came of it.

    A thread of its own reads the stream, so that stopping never waits for a slow model.
    """

    def __init__(self, pending: Exchange, start: Callable[[], AnswerStream]) -> None:
        self.pending = pending
        self.text = ""
        self.stopped = False
        self._stopping = threading.Event()
        self._deltas: SimpleQueue[str] = SimpleQueue()
        self._answer: Future[Answer] = Future()
        self._is_over = threading.Event()  # the answer is there, or nobody waits for it
        self._answer.add_done_callback(lambda _: self._is_over.set())
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
        except Exception as error:  # raised again by result()
            self._answer.set_exception(error)

    @property
    def active(self) -> bool:
        """Whether the answer is still being written and nobody has stopped it."""
        return not self._answer.done() and not self._stopping.is_set()

    def stop(self) -> None:
        """Stop the stream, whatever it waits for; texts() ends at once."""
        self.stopped = self.stopped or not self._answer.done()
        self._stopping.set()
        self._is_over.set()
        if self._stream and not self._answer.done():
            self._stream.stop()

    def texts(self) -> Iterator[str]:
        """The text so far, each time that it has grown, until the stream ends or is stopped."""
        while self.active:
            drawn = time.monotonic()
            if self._take(timeout=REDRAW):
                yield self.text
                pause = REDRAW * (1 + len(self.text) / LONG)
                self._is_over.wait(max(0.0, pause - (time.monotonic() - drawn)))
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

    def result(self) -> Exchange:
        """What came of the question; an error that is meant for the user becomes its sentence."""
        if self._stopping.is_set() and not wait([self._answer], timeout=GRACE).done:
            return replace(self.pending, text=self.text, stopped=True)
        try:
            answer = self._answer.result()
        except AskLabsError as error:
            notice = error.notice if isinstance(error, ModelError) else None
            return replace(self.pending, error=str(error), notice=notice)
        if self.stopped and not answer.text:
            return replace(self.pending, stopped=True)
        return replace(self.pending, answer=answer, stopped=self.stopped)
