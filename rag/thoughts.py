"""What a model that reasons writes before its answer, between <think> and </think>."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_OPEN, _CLOSE = "<think>", "</think>"


def without_thoughts(pieces: Iterable[str]) -> Iterator[str]:
    """A model's text without the thoughts that it begins with, and white space around them.

    Thoughts that never end are all of the text: then nothing is left.
    """
    held, thinking, answering = "", False, False
    for piece in pieces:
        if answering:
            yield piece
            continue
        held, thinking = _skipped(held + piece, thinking)
        # What may yet become a tag is held back.
        answering = not thinking and not _OPEN.startswith(held)
        if answering:
            yield held
    if held and not (answering or thinking):
        yield held


def _skipped(text: str, thinking: bool) -> tuple[str, bool]:
    """What still matters of the beginning of a text, and whether that is in a thought."""
    while True:
        if thinking:
            _, closed, rest = text.partition(_CLOSE)
            if not closed:
                return text[1 - len(_CLOSE) :], True
            text = rest
        text = text.lstrip()
        if not text.startswith(_OPEN):
            return text, False
        text, thinking = text.removeprefix(_OPEN), True
