"""Answers a file of questions, line by line, so that an interrupted run can go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from rag.catalog.fields import FILTER_FIELDS, Filters
from rag.engine import Engine
from rag.errors import AskLabsError, InputError
from rag.export.answer_json import answer_to_dict
from rag.types import Progress, Role, Turn

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}
# How every line of answers begins.
_START = b'{"id":'


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of a question file."""

    id: str
    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters = Filters()


@dataclass(slots=True)
class BatchResult:
    """How many questions were answered now, were there already, or failed, with the reasons."""

    answered: int
    kept: int
    failures: list[str]


def run_batch(
    engine: Engine,
    questions: Path,
    out: Path,
    progress: Progress = lambda *_: None,
) -> BatchResult:
    """Answer each line of `questions` into `out`, in order, each written as it comes.

    What an earlier, interrupted run wrote to `out` is kept. Lines that can't be used are named
    in the result's failures and left out; a question that fails gets a line with its error.

    Raises:
        InputError: a file can't be read, or `out` holds answers to other questions.
    """
    failures: list[str] = []
    asked = list(_read(questions, failures))
    try:
        kept = _resume(out, [line.id for line in asked])
        out.parent.mkdir(parents=True, exist_ok=True)
        out.touch()
    except OSError as error:
        raise InputError(f"{out} can't be written ({error}). Name another --out.") from error
    result = BatchResult(0, kept, failures)
    with out.open("ab") as sink:
        for n, line in enumerate(asked[kept:], start=kept + 1):
            sink.write(orjson.dumps(_answer(engine, line, failures)) + b"\n")
            sink.flush()
            result.answered += 1
            progress("asking", n, len(asked))
    return result


def _answer(engine: Engine, line: Asked, failures: list[str]) -> dict[str, Any]:
    try:
        stream = engine.ask(line.question, history=line.history, filters=line.filters)
        return answer_to_dict(stream.answer, line.id)
    except AskLabsError as error:
        failures.append(f"{line.id}: {error}")
        return {"id": line.id, "question": line.question, "error": str(error)}


def _read(path: Path, failures: list[str]) -> Iterator[Asked]:
    seen: set[str] = set()
    for number, text in enumerate(_lines(path), start=1):
        if not text.strip():
            continue
        try:
            line = question_from_json(text)
            if line.id in seen:
                raise InputError(f"the id {line.id!r} is taken by a line above")
        except InputError as error:
            failures.append(f"{path}, line {number}: {error}")
            continue
        seen.add(line.id)
        yield line


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as UTF-8 text ({error}).") from error


def question_from_json(text: str) -> Asked:
    """A question line: {"id", "question", "history"?, "filters"?}; other keys are ignored.

    Raises:
        InputError: it is no JSON object or a field is missing or of the wrong type.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"not JSON ({error}); write one object a line") from error
    if not isinstance(data, dict) or not isinstance(data.get("question"), str):
        raise InputError('no text under "question"')
    if not data["question"].strip() or not data.get("id"):
        raise InputError('"id" or "question" is empty')
    history = data.get("history") or []
    try:
        turns = tuple(Turn(_ROLES[turn["role"]], str(turn["content"])) for turn in history)
    except (TypeError, KeyError) as error:
        needs = '"history" needs objects with "role" (user or assistant) and "content"'
        raise InputError(needs) from error
    return Asked(str(data["id"]), data["question"], turns, filters_from(data.get("filters") or {}))


def filters_from(data: Any) -> Filters:
    """Filters from their JSON form: field -> value or list of values.

    Raises:
        InputError: a field is unknown, or a year is no number.
    """
    if not isinstance(data, dict):
        raise InputError('"filters" needs an object')
    values: dict[str, tuple[Any, ...]] = {}
    for field, given in data.items():
        if field not in FILTER_FIELDS:
            raise InputError(f"no filter {field!r}; there are {', '.join(FILTER_FIELDS)}")
        items = given if isinstance(given, list) else [given]
        try:
            values[field] = tuple(int(x) if field == "year" else str(x) for x in items)
        except (TypeError, ValueError) as error:
            raise InputError(f"{field} needs a number") from error
    return Filters(**values)


def _resume(out: Path, ids: list[str]) -> int:
    """How many answers of an earlier run stand in `out`; a line cut short is removed."""
    if not out.exists():
        return 0
    whole = 0
    count = 0
    with out.open("rb") as source:
        for line in source:
            # Only what looks like the beginning of an answer is removed: never another file.
            if not line.endswith(b"\n") and line[: len(_START)] == _START[: len(line)]:
                break
            found = _answered(line)
            if count >= len(ids) or found != ids[count]:
                is_of = "is no answer" if found is None else f"answers {found!r}"
                raise InputError(
                    f"{out}, line {count + 1} {is_of}, where question {count + 1} here was "
                    "expected. Name another --out, or delete the file to start anew."
                )
            whole += len(line)
            count += 1
    with out.open("r+b") as sink:
        sink.truncate(whole)
    return count


def _answered(line: bytes) -> str | None:
    """The id of the question that a line answers, or None where it is no answer."""
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(data, dict) or not ("answer" in data or "error" in data):
        return None
    return str(data.get("id"))
