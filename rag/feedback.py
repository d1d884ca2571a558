"""Readers' votes on answers, kept as JSON lines in a file in the index's folder.

A line does not say who the reader is. Lines are only appended: when a reader changes a vote or adds
a comment, a new line has the same id, and the last one counts.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from filelock import FileLock
from pydantic import StringConstraints, TypeAdapter, ValidationError

from rag.catalog.tag_fields import Filters
from rag.errors import FeedbackNotKept, InputError
from rag.i18n.translations import marked
from rag.types import Intent

FILE, LOCK = "feedback.jsonl", "feedback.lock"
MAX_COMMENT = 200  # characters
MAX_BYTES = 50_000_000  # of the file: ten thousand votes and more
FULL = marked("Thank you, but no more votes can be kept here: their file is full.")
NO_FOLDER = marked("Thank you, but votes can't be kept here: the index is not a folder.")
NOT_WRITABLE = marked("Thank you, but votes can't be kept here: the index can't be written to.")
Vote = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One vote on an answer, and the question and answer that it is about."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    time: str  # UTC, ISO 8601
    vote: Vote
    word: Annotated[str, StringConstraints(max_length=MAX_COMMENT)]  # the reader's comment
    question: str
    standalone: str
    language: str
    filters: Filters
    intent: Intent
    refused: bool
    mode: str
    index: str  # the fingerprint of the one that answered
    reports: tuple[str, ...]  # ids of those that the answer rests on


_READER = TypeAdapter(Feedback)


def keep_feedback(folder: Path, vote: Feedback) -> None:
    """Append a vote to the file of an index, or raise FeedbackNotKept where that can't be.

    Several processes may do so at the same time.
    """
    if not folder.is_dir():
        raise FeedbackNotKept(NO_FOLDER)
    # On lines of its own, also where a crash cut one short. Half a surrogate pair, which browsers
    # can send, has no UTF-8.
    values = _READER.dump_python(vote, mode="json", exclude_defaults=True)
    data = f"\n{json.dumps(values, ensure_ascii=False)}\n".encode("utf-8", "replace")
    try:
        with FileLock(folder / LOCK, timeout=5), (folder / FILE).open("ab", 0) as file:
            size = file.tell()
            if size + len(data) > MAX_BYTES:
                raise FeedbackNotKept(FULL)
            if file.write(data) < len(data):
                # Half a vote would count as damaged later.
                file.truncate(size)
                raise FeedbackNotKept(NOT_WRITABLE)
    except OSError as error:  # also where the lock isn't got
        raise FeedbackNotKept(NOT_WRITABLE) from error


def load_feedback(folder: Path) -> tuple[list[Feedback], int]:
    """The last line of each vote, oldest vote first, and how many are damaged; or an InputError."""
    path = folder / FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError as error:
        raise InputError(f"{folder}: nobody has voted on an answer yet.") from error
    except OSError as error:
        raise InputError(f"{path}: not readable ({error}).") from error
    votes: dict[str, Feedback] = {}
    damaged = 0
    for line in filter(bytes.strip, lines):
        try:
            vote = _READER.validate_json(line)
            votes[vote.id] = vote
        except ValidationError:
            damaged += 1
    return list(votes.values()), damaged
