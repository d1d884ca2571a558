"""What readers think of answers: a JSON line each, in a file of its own in the index's folder.

Nothing in a line says who the reader is. Lines are only added: where a reader changes a vote or
adds a word, another line has the same id, and the last one counts.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from rag.catalog.fields import Filters
from rag.errors import FeedbackNotKept, InputError
from rag.i18n.translations import marked
from rag.types import Intent

FILE = "feedback.jsonl"
LOCK = "feedback.lock"
LONGEST_WORD = 200
LARGEST = 50_000_000  # bytes: some ten thousand votes and more; a stop to endless ones
WAIT = 5.0  # seconds that another writer may take
NO_FOLDER = marked("Thank you, but votes can't be kept here: the index is not a folder.")
NOT_WRITABLE = marked("Thank you, but votes can't be kept here: the index can't be written to.")
FULL = marked("Thank you, but no more votes can be kept here: their file is full.")
Vote = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One vote on an answer, and what it was given for.

    `time` is that of the vote in UTC (ISO 8601). `reports` are the ids that the answer rests on,
    `index` is the fingerprint of the index that answered.
    """

    id: str
    time: str
    vote: Vote
    word: str
    question: str
    standalone: str
    language: str
    filters: Filters
    intent: Intent
    refused: bool
    mode: str
    index: str
    reports: tuple[str, ...]


def feedback_to_dict(one: Feedback) -> dict[str, Any]:
    """A vote as plain values."""
    return {**asdict(one), "filters": one.filters.as_dict()}


def feedback_from_dict(given: dict[str, Any]) -> Feedback:
    """The vote that `feedback_to_dict` wrote.

    Raises:
        InputError: something in it is missing, of the wrong kind, or longer than a vote has it.
    """
    try:
        # JSON, because its lists are the tuples of a vote.
        one = TypeAdapter(Feedback).validate_json(json.dumps(given))
    except ValidationError as error:
        raise InputError("vote: it is none.") from error
    if not re.fullmatch(r"[0-9a-f]{16}", one.id) or len(one.word) > LONGEST_WORD:
        raise InputError("vote: its id or word is none of a vote.")
    return one


def keep_feedback(folder: Path, one: Feedback) -> None:
    """Add a vote to the file of an index; several processes may do so at the same time.

    Raises:
        FeedbackNotKept: the index is no folder, or can't be written to, or the file is full.
    """
    if not folder.is_dir():
        raise FeedbackNotKept(NO_FOLDER)
    # Half a surrogate pair, which a browser can send, has no UTF-8.
    line = (json.dumps(feedback_to_dict(one), ensure_ascii=False) + "\n").encode("utf-8", "replace")
    try:
        with FileLock(folder / LOCK, timeout=WAIT), (folder / FILE).open("a+b") as file:
            _append(file.fileno(), line)
    except (OSError, Timeout) as error:
        raise FeedbackNotKept(NOT_WRITABLE) from error


def _append(file: int, line: bytes) -> None:
    size = os.fstat(file).st_size
    if size + len(line) > LARGEST:
        raise FeedbackNotKept(FULL)
    # A line that was cut short by a stop of the machine must not take this one with it.
    if size and os.lseek(file, -1, os.SEEK_END) >= 0 and os.read(file, 1) != b"\n":
        line = b"\n" + line
    try:
        while line:
            line = line[os.write(file, line) :]
        os.fsync(file)
    except OSError:
        # Half a line would count as damage later.
        with suppress(OSError):
            os.ftruncate(file, size)
        raise


def load_feedback(folder: Path) -> tuple[list[Feedback], int]:
    """The last line of each vote, oldest vote first, and how many lines were of no use.

    Raises:
        InputError: there is no vote yet, or the file can't be read.
    """
    path = folder / FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError as error:
        raise InputError(f"{folder}: nobody has voted on an answer yet.") from error
    except OSError as error:
        raise InputError(f"{path}: not readable ({error}).") from error
    reader = TypeAdapter(Feedback)
    votes: dict[str, Feedback] = {}
    damaged = 0
    for line in filter(bytes.strip, lines):
        try:
            one = reader.validate_json(line)
        except ValidationError:
            damaged += 1
        else:
            votes[one.id] = one
    return list(votes.values()), damaged
