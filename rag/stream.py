"""An answer that is read while it is being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rag.stop import Stop
from rag.types import Answer


class AnswerStream:
    """An answer in the making: iterate over its text, then ask it for the answer.

    Closing or stopping it early stops the model; the answer is then what was written so far.
    `stop` is what whoever writes the pieces looks at.
    """

    def __init__(
        self, pieces: Iterator[str], finish: Callable[[str], Answer], stop: Stop | None = None
    ) -> None:
        self._pieces = pieces
        self._finish = finish
        self._written: list[str] = []
        self._answer: Answer | None = None
        self._stop = stop or Stop()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._stop.is_set():
            self.close()
        piece = next(self._pieces)
        self._written.append(piece)
        return piece

    def stop(self) -> None:
        """Stop writing, also while another thread waits for a piece; harmless after the end."""
        self._stop.set()

    def close(self) -> None:
        """Stop writing; harmless after the end. Not for use while another thread reads."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
        self._pieces = iter(())

    @property
    def answer(self) -> Answer:
        """The finished answer; what is not yet written is written first."""
        if self._answer is None:
            for _ in self:
                pass
            self._answer = self._finish("".join(self._written))
        return self._answer
