"""The commands that answer: `asklabs ask | search | batch | survey`.

A batch answers a file of questions line by line; run again, it asks those that have no answer.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from typer import Argument, Option

from rag.catalog.tag_fields import TAGS, Filters
from rag.errors import AskLabsError, InputError, first_problem
from rag.export import answer_json
from rag.files import replace_file
from rag.i18n.labels import (
    checked_sentence,
    coverage_sentence,
    format_count,
    notice_words,
    run_sentence,
    tokens_words,
)
from rag.i18n.translations import ENGLISH
from rag.text.sentences import encodable
from rag.types import Answer, Progress, Turn
from ui.cli import Index, Json, engine_of, print_json, progress, show

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.survey.types import Survey

# The beginning of every line of answers.
_LINE_START = b'{"id":'
_ROWS = 20  # rows that are printed
_NEAREST = 3  # rows that are printed where no report speaks of the topic


def _typed(text: str) -> str:
    """A question or topic without spaces around it; an InputError for an empty one."""
    if not text.strip():
        raise InputError("The question is empty. Put it in quotes after the command.")
    return encodable(text.strip())


Topic = Annotated[str, Argument(help="A topic, or a question that has one.", callback=_typed)]
Question = Annotated[
    str, Argument(help="Your question, in any of the reports' languages.", callback=_typed)
]
# The filters that have an option, each with its help.
_FILTERS = {
    "country": "Only reports of this country; repeatable.",
    "year": "Only this year; repeatable.",
    "type": "Only reports tagged so (learningplan, experiment ...).",
    "kind": "Only plan, closing, experiment or solution; repeatable.",
    **{name: f"Only reports with this {tag.singular.lower()}." for name, tag in TAGS.items()},
    "sdg": "Only reports tagged with this goal, by number or name.",
    "language": "Only passages in this language (en, fr, es ...); repeatable.",
}


def _option(name: str) -> Parameter:
    values: Any = list[int] if name == "year" else list[str]
    option = Annotated[values | None, Option(help=_FILTERS[name])]
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=option)


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter `filters` of a command by an option for each filter."""

    @wraps(command)
    def run(**arguments: Any) -> None:
        filters = Filters.of({name: arguments.pop(name) for name in _FILTERS})
        command(filters=filters, **arguments)

    own = signature(command, eval_str=True).parameters.values()
    options = list(map(_option, _FILTERS))
    found = [p for one in own for p in (options if one.name == "filters" else [one])]
    vars(run)["__signature__"] = Signature(found)
    return run


@with_filters
def ask(
    question: Question,
    index: Index = None,
    filters: Filters = Filters(),
    deep: Annotated[bool, Option("--deep", help="Let the language model search further.")] = False,
    json: Json = False,
) -> None:
    """Answer one question, with the sources of each sentence."""
    stream, told = engine_of(index).ask(question, filters=filters, deep=deep), 0
    for _ in stream:
        # What its model looks for.
        for step in stream.steps[told:]:
            print(notice_words([step]), file=sys.stderr)
        told = len(stream.steps)
    if json:
        print_json(answer_json.answer_to_dict(stream.answer))
    else:
        print(stream.answer.text)
        print_sources(stream.answer)


@with_filters
def search(
    question: Question,
    k: Annotated[int, Option("-k", min=1, max=200, help="How many passages.")] = 20,
    index: Index = None,
    filters: Filters = Filters(),
    json: Json = False,
) -> None:
    """Find passages without writing an answer."""
    hits = engine_of(index).search(question, k=k, filters=filters)
    if json:
        passages = [answer_json.found_to_dict(n, hit) for n, hit in enumerate(hits, start=1)]
        print_json({"question": question, "passages": passages})
    elif hits:
        show("hits.txt", hits=hits)
    else:
        print("No passage was found. Try other words or fewer filters.", file=sys.stderr)


def print_sources(answer: Answer) -> None:
    """Print the sources of an answer; what was read and checked goes to standard error."""
    show("sources.txt", answer=answer)
    steps = run_sentence(answer, ENGLISH) if answer.generation.steps else ""
    lines = (
        f"{coverage_sentence(answer)} Answered by: {answer.mode}.".lstrip(),
        *(steps, checked_sentence(answer.checked), notice_words(answer.notices)),
    )
    print("", *filter(None, lines), sep="\n", file=sys.stderr)


def _listed(filters: Any) -> Any:
    """Filters with a list for each single value."""
    if not isinstance(filters, dict):
        return filters or {}
    return {name: value if isinstance(value, list) else [value] for name, value in filters.items()}


class BatchQuestion(BaseModel):
    """One line of a question file; its other keys are ignored."""

    id: str = Field(min_length=1, coerce_numbers_to_str=True)
    question: str = Field(pattern=r"\S")
    history: tuple[Turn, ...] | None = None
    filters: Annotated[Filters, BeforeValidator(_listed)] = Filters()


def batch(
    questions: Annotated[
        Path, Argument(help="JSON lines with id and question; history and filters may follow.")
    ],
    out: Annotated[Path, Option(help="File of answers; an interrupted run goes on in it.")],
    index: Index = None,
) -> None:
    """Answer a file of questions, one a line; run again, it asks those that have no answer."""
    engine = engine_of(index)
    with progress() as report:
        answered, before, failures = run_batch(engine, questions, out, report)
    for failure in failures:
        print(f"failed {failure}", file=sys.stderr)
    known = f", {before} were there already" if before else ""
    print(f"{out}: {answered} answered{known}, {len(failures)} failed", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def run_batch(
    engine: "Engine", questions: Path, out: Path, progress: Progress = lambda *_: None
) -> tuple[int, int, list[str]]:
    """Answer each line of `questions` into `out`, in order, but those an earlier run answered.

    Tells how many are asked now, how many were answered before, and what failed: unusable lines,
    which are left out, and questions whose line has an error. An InputError names an unusable file.
    """
    failures: list[str] = []
    lines = list(_read_questions(questions, failures))
    try:
        rows = _resume(out, [line.id for line in lines])
        out.parent.mkdir(parents=True, exist_ok=True)
        out.touch()
    except OSError as error:
        raise InputError(f"{out} can't be written ({error}). Name another --out.") from error
    failed = (n for n, row in enumerate(rows) if "error" in orjson.loads(row))
    wanted = [*failed, *range(len(rows), len(lines))]
    done = len(lines) - len(wanted)
    for count, n in enumerate(wanted, start=done + 1):
        row = _row(engine, lines[n], failures)
        if n < len(rows):
            rows[n] = row
            replace_file(out, b"".join(rows))
        else:
            with out.open("ab") as sink:
                sink.write(row)
        progress("asking", count, len(lines))
    return len(wanted), done, failures


def _row(engine: "Engine", line: BatchQuestion, failures: list[str]) -> bytes:
    """The line of answers for a question: its answer, or the error that is added to `failures`."""
    try:
        stream = engine.ask(line.question, history=line.history or (), filters=line.filters)
        answer = answer_json.answer_to_dict(stream.answer, line.id)
    except AskLabsError as error:
        failures.append(f"{line.id}: {error}")
        answer = {"id": line.id, "question": line.question, "error": str(error)}
    return orjson.dumps(answer) + b"\n"


def _read_questions(path: Path, failures: list[str]) -> Iterator[BatchQuestion]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as UTF-8 text ({error}).") from error
    ids: set[str] = set()
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line = BatchQuestion.model_validate_json(text)
        except ValidationError as error:
            failures.append(f"{path}, line {number}: {first_problem(error)}")
            continue
        if line.id in ids:
            failures.append(f"{path}, line {number}: the id {line.id!r} is taken by a line above")
            continue
        ids.add(line.id)
        yield line


def _resume(out: Path, ids: list[str]) -> list[bytes]:
    """The lines that an earlier run left in `out`; removes one that was cut short."""
    whole, _, cut_short = (out.read_bytes() if out.exists() else b"").rpartition(b"\n")
    try:
        rows = [orjson.loads(line) for line in whole.splitlines()]
        answered = [str(row["id"]) for row in rows if "answer" in row or "error" in row]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        rows, answered = [None], []
    # Only the beginning of an answer is ever removed, never other text.
    is_ours = cut_short[: len(_LINE_START)] == _LINE_START[: len(cut_short)]
    if len(answered) < len(rows) or answered != ids[: len(answered)] or not is_ours:
        raise InputError(
            f"{out} holds something else than answers to the first of these questions. Name "
            "another --out, or delete the file to start anew."
        )
    if cut_short:
        os.truncate(out, len(whole) + bool(whole))
    return [line + b"\n" for line in whole.splitlines()]


@with_filters
def survey(
    question: Topic,
    index: Index = None,
    filters: Filters = Filters(),
    without: Annotated[
        list[str] | None, Option(help="A near word that is not to stand for the topic; repeatable.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        Option(help="What else to read of each report: a question or a tag; repeatable."),
    ] = None,
    judge: Annotated[
        bool,
        Option("--judge", help="Let the language model judge likely rows, and fill the columns."),
    ] = False,
    claim: Annotated[
        str, Option(help="A claim, such as “nudges work”: what do the reports say to it?")
    ] = "",
    fast: Annotated[bool, Option("--fast", help="Leave the cross-encoder out.")] = False,
    out: Annotated[
        Path | None,
        Option(help="File for all rows: .csv, .xlsx, .docx, .pdf, .md or .json."),
    ] = None,
    json: Json = False,
) -> None:
    """Read every report for a topic: which are about it, which mention it, in what words."""
    from rag.export import survey_files
    from rag.export.answer_json import survey_to_dict
    from rag.survey.columns import checked_names, with_columns
    from rag.survey.evidence import consensus
    from rag.survey.types import STANCES
    from ui.cli.verify import resumed, write_survey

    ending = out.suffix.lower().removeprefix(".") if out else "json"
    if out and ending not in survey_files.FORMATS:
        raise InputError(f"{out.name} should end in .{', .'.join(survey_files.FORMATS)}.")
    wanted = checked_names(columns or ())
    engine = engine_of(index)
    with progress() as report:
        stream = engine.survey(
            question, filters=filters, without=without or (), judged=not fast, progress=report
        )
        made = with_columns(stream.survey, wanted, engine.report_measure(), report)
        if judge:
            if out and ending == "json" and out.exists():
                made = resumed(made, out.read_bytes(), engine.report_measure().snapshot)
            made = _judged(engine, made, claim, report)
    if out is not None:
        write_survey(out, made, engine.catalog, engine.settings.report_url)
    if json:
        print_json(survey_to_dict(made))
        if made.notices:
            print(notice_words(made.notices), file=sys.stderr)
        return
    rows = made.found[:_ROWS]
    nearest = () if rows else stream.nearest(_NEAREST)
    said = consensus(made, claim) if claim else None
    show("survey.txt", survey=made, rows=rows, nearest=nearest, said=said, stances=STANCES)
    if len(made.found) > len(rows):
        more = format_count(len(made.found) - len(rows), "more report")
        print(f"{more}; write all of them with --out FILE.", file=sys.stderr)


def _judged(engine: "Engine", survey: "Survey", claim: str, progress: Progress) -> "Survey":
    """The survey judged by the model; what that takes is said before; Ctrl-C keeps what is done."""
    from rag.models.client import Stop

    stop = Stop()
    judge = engine.survey_judge(survey, claim=claim)
    needed = judge.estimate()
    cost = "" if needed.cost_usd is None else f", about {needed.cost_usd:.2f} USD at list prices"
    print(
        f"Judging {format_count(needed.reports, 'report')} in {needed.calls} calls: about "
        f"{needed.prompt + needed.completion:,} tokens{cost}. Ctrl-C stops; what is done is kept.",
        file=sys.stderr,
    )
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        made = judge.judge(progress, stop)
        print(f"Tokens in all: {tokens_words(made.tokens, ENGLISH)}", file=sys.stderr)
        return made
    finally:
        signal.signal(signal.SIGINT, before)
