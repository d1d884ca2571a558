"""Reads and writes the files of an evaluation; says what to do where that can't be done."""

from __future__ import annotations

from pathlib import Path

from rag.errors import InputError

# Half a surrogate pair, which a model's server may send, is written as the JSON escape it was.
ESCAPED = "backslashreplace"


def read_text(path: Path, remedy: str) -> str:
    """What a file holds.

    Raises:
        InputError: it can't be read; the message ends with the remedy.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read ({error}). {remedy}") from error


def write_text(path: Path, text: str) -> None:
    """Write a file, and its folder where there is none.

    Raises:
        InputError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors=ESCAPED, newline="\n")
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error}). Name another place.") from error
