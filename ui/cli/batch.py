"""`asklabs batch`: answers a file of questions line by line; an interrupted run can go on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from rag.catalog.tag_fields import Filters
from rag.errors import AskLabsError, InputError
from rag.export.answer_json import answer_to_dict
from rag.types import Progress, Role, Turn
from ui.cli.common import Index, engine_of, parse_filters, progress

if TYPE_CHECKING:
    from rag.engine import Engine

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}
# The beginning of every line of answers.
_LINE_START = b'{"id":'


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question file."""

    id: str
    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters = Filters()


@dataclass(slots=True)
class BatchResult:
    """How many questions were answered now, how many before, and why others failed."""

    answered: int
    answered_before: int
    failures: list[str]


def batch(
    questions: Annotated[Path, typer.Argument(help="JSON lines with id, question, history?")],
    out: Annotated[
        Path, typer.Option("--out", help="File of answers; an interrupted run goes on in it.")
    ],
    index: Index = None,
) -> None:
    """Answer a file of questions, one JSON line each, written as they come; resumable."""
    engine = engine_of(index)
    with progress() as report:
        result = run_batch(engine, questions, out, report)
    for failure in result.failures:
        print(f"failed {failure}", file=sys.stderr)
    before = f", {result.answered_before} were there already" if result.answered_before else ""
    counts = f"{result.answered} answered{before}, {len(result.failures)} failed"
    print(f"{out}: {counts}", file=sys.stderr)
    if result.failures:
        raise typer.Exit(1)


def run_batch(
    engine: Engine, questions: Path, out: Path, progress: Progress = lambda *_: None
) -> BatchResult:
    """Answer each line of `questions` into `out`, in order, each written as it comes.

    Answers that an earlier, interrupted run wrote to `out` stay. Unusable lines are named in the
    result's failures and left out; a question that fails gets a line with its error.

    Raises:
        InputError: a file can't be read, or `out` holds answers to other questions.
    """
    failures: list[str] = []
    lines = list(_read_questions(questions, failures))
    try:
        done = _resume(out, [line.id for line in lines])
        out.parent.mkdir(parents=True, exist_ok=True)
        out.touch()
    except OSError as error:
        raise InputError(f"{out} can't be written ({error}). Name another --out.") from error
    result = BatchResult(0, done, failures)
    with out.open("ab") as sink:
        for n, line in enumerate(lines[done:], start=done + 1):
            sink.write(orjson.dumps(_answer(engine, line, failures)) + b"\n")
            sink.flush()
            result.answered += 1
            progress("asking", n, len(lines))
    return result


def question_from_json(text: str) -> Question:
    """A question line: {"id", "question", "history"?, "filters"?}; other keys are ignored.

    Raises:
        InputError: it is no JSON object, or a field is missing or of the wrong type.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"not JSON ({error}); write one object a line") from error
    if not isinstance(data, dict) or not isinstance(data.get("question"), str):
        raise InputError('no text under "question"')
    if not data["question"].strip() or not data.get("id"):
        raise InputError('"id" or "question" is empty')
    try:
        history = tuple(
            Turn(_ROLES[turn["role"]], str(turn["content"])) for turn in data.get("history") or []
        )
    except (TypeError, KeyError) as error:
        needs = '"history" needs objects with "role" (user or assistant) and "content"'
        raise InputError(needs) from error
    filters = parse_filters(data.get("filters") or {})
    return Question(str(data["id"]), data["question"], history, filters)


def _answer(engine: Engine, line: Question, failures: list[str]) -> dict[str, Any]:
    try:
        stream = engine.ask(line.question, history=line.history, filters=line.filters)
        return answer_to_dict(stream.answer, line.id)
    except AskLabsError as error:
        failures.append(f"{line.id}: {error}")
        return {"id": line.id, "question": line.question, "error": str(error)}


def _read_questions(path: Path, failures: list[str]) -> Iterator[Question]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as UTF-8 text ({error}).") from error
    ids: set[str] = set()
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line = question_from_json(text)
            if line.id in ids:
                raise InputError(f"the id {line.id!r} is taken by a line above")
        except InputError as error:
            failures.append(f"{path}, line {number}: {error}")
            continue
        ids.add(line.id)
        yield line


def _resume(out: Path, ids: list[str]) -> int:
    """The number of answers that an earlier run left in `out`; removes a line that was cut short.

    Raises:
        InputError: the file holds anything but answers to the first of these questions.
    """
    if not out.exists():
        return 0
    size = count = 0
    with out.open("rb") as source:
        for line in source:
            # Only the beginning of an answer is ever removed, never other text.
            if not line.endswith(b"\n") and line[: len(_LINE_START)] == _LINE_START[: len(line)]:
                break
            answered = _answered_id(line)
            if count >= len(ids) or answered != ids[count]:
                content = "is no answer" if answered is None else f"answers {answered!r}"
                raise InputError(
                    f"{out}, line {count + 1} {content}, where question {count + 1} here was "
                    "expected. Name another --out, or delete the file to start anew."
                )
            size += len(line)
            count += 1
    with out.open("r+b") as sink:
        sink.truncate(size)
    return count


def _answered_id(line: bytes) -> str | None:
    """The id of the question that a line answers, or None if it is no answer."""
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(data, dict) or not ("answer" in data or "error" in data):
        return None
    return str(data.get("id"))
