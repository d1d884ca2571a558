"""An answer that is read while it is being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rag.types import Answer


class AnswerStream:
    """An answer in the making: iterate over its text, then ask it for the answer.

    Closing it early stops the model; the answer is then what was written so far.
    """

    def __init__(self, pieces: Iterator[str], finish: Callable[[str], Answer]) -> None:
        self._pieces = pieces
        self._finish = finish
        self._written: list[str] = []
        self._answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        piece = next(self._pieces)
        self._written.append(piece)
        return piece

    def close(self) -> None:
        """Stop writing; harmless after the end."""
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
