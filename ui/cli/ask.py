"""The commands that answer: `asklabs ask | batch | search | export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.catalog.fields import Filters
from rag.errors import InputError
from rag.settings import load_settings
from ui.cli.options import (
    Ignore,
    Index,
    Json,
    Question,
    engine_of,
    ignored_of,
    with_filters,
)
from ui.cli.output import (
    print_answer,
    print_hits,
    print_json,
    print_plan,
    print_sources,
)

if TYPE_CHECKING:
    from rag.citation.quotes import CheckedQuote, Rechecked
    from rag.types import Answer


@with_filters
def ask(
    question: Question,
    index: Index = None,
    filters: Filters = Filters(),
    ignore: Ignore = None,
    json: Json = False,
) -> None:
    """Answer one question, with the sources of each sentence."""
    ignored = ignored_of(ignore)
    stream = engine_of(index).ask(_asked(question), filters=filters, ignored=ignored)
    if json:
        from rag.export.answer_json import answer_to_dict

        print_json(answer_to_dict(stream.answer))
        return
    print_sources(print_answer(stream))


def batch(
    questions: Annotated[Path, typer.Argument(help="JSON lines with id, question, history?")],
    out: Annotated[Path, typer.Option("--out", help="File of answers; a run goes on in it.")],
    index: Index = None,
) -> None:
    """Answer a file of questions, one JSON line each, written as they come; resumable."""
    from ui.cli.batch import run_batch
    from ui.cli.output import progress

    engine = engine_of(index)
    with progress() as shown:
        done = run_batch(engine, questions, out, shown)
    for failure in done.failures:
        print(f"failed {failure}", file=sys.stderr)
    kept = f", {done.kept} were there already" if done.kept else ""
    print(f"{out}: {done.answered} answered{kept}, {len(done.failures)} failed", file=sys.stderr)
    if done.failures:
        raise typer.Exit(1)


@with_filters
def search(
    question: Question,
    k: Annotated[int, typer.Option("-k", min=1, max=200, help="How many passages.")] = 20,
    index: Index = None,
    filters: Filters = Filters(),
    ignore: Ignore = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why each passage ranks where it does.")
    ] = False,
    json: Json = False,
) -> None:
    """Find passages without writing an answer."""
    from rag.export.answer_json import explained, passage_to_dict, plan_to_dict

    ignored = ignored_of(ignore)
    engine = engine_of(index)
    plan = engine.plan(_asked(question), filters=filters, ignored=ignored)
    hits = engine.search(_asked(question), k=k, explain=explain, plan=plan)
    if json:
        found = [
            passage_to_dict(n, hit) | (explained(hit) if explain else {})
            for n, hit in enumerate(hits, start=1)
        ]
        understood = {"understood": plan_to_dict(plan)} if explain else {}
        print_json({"question": question, **understood, "passages": found})
        return
    if explain:
        print_plan(plan)
    print_hits(hits)


def export(
    answers: Annotated[Path, typer.Argument(help="Answers: what ask --json or batch wrote.")],
    to: Annotated[
        Path | None,
        typer.Option("--to", help="File to write, such as brief.docx; a wrong ending lists all."),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the brief.")] = "",
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Check each quote against the reports of today; exit code 1 if one is gone.",
        ),
    ] = False,
    index: Index = None,
    json: Json = False,
) -> None:
    """Turn answers into a brief or a list of sources, or check that their quotes still stand.

    The ending of the file to write says what it becomes. --index and --json belong to --verify.
    """
    from rag.export.answer_json import answers_from_json

    if to is None and not verify:
        raise InputError("Name the file to write with --to, or check the answers with --verify.")
    if json and not verify:
        raise InputError("--json goes with --verify. To write answers as JSON: --to FILE.json")
    try:
        given = answers_from_json(answers.read_bytes(), str(answers))
    except OSError as error:
        raise InputError(f"{answers} can't be read ({error}).") from error
    settings = load_settings(index=index)
    if to is not None:
        _write(given, to, title, settings.report_url)
    if verify and not all_stand(given, settings.index, json=json):
        raise typer.Exit(1)


def _write(answers: Sequence[Answer], to: Path, title: str, report_url: str) -> None:
    from rag.export.formats import ending_of
    from rag.export.formats import export as write

    made = write(answers, ending_of(to.name), title, report_url=report_url)
    try:
        to.write_bytes(made)
    except OSError as error:
        raise InputError(f"{to} can't be written ({error}). Name another file.") from error
    print(f"{to}: {len(made)} bytes", file=sys.stderr)


def _asked(question: str) -> str:
    if not question.strip():
        raise InputError("The question is empty. Put it in quotes after the command.")
    return question.strip()


# `asklabs export --verify`: checks saved answers against the index as it is now.


_QUOTE = 100


def all_stand(answers: Sequence[Answer], index: Path, *, json: bool) -> bool:
    """Print what became of the quotes of answers; returns whether all of them stand.

    Raises:
        IndexMissing, IndexMismatch, IndexDamaged: the index can't be used; says what to do.
    """
    from rag.citation.quotes import cited_reports, recheck
    from rag.index.snapshot import current_snapshot

    # Whatever made its vectors: none is compared.
    now = current_snapshot(index, {})
    texts = now.texts(cited_reports(answers))
    checked = [recheck(answer, texts, now.revision) for answer in answers]
    if json:
        print_json(rechecked_to_dict(checked, now.revision))
    else:
        for one in checked:
            _print(one)
    return not any(one.failed for one in checked)


def rechecked_to_dict(checked: Sequence[Rechecked], index: str) -> dict[str, Any]:
    """Checked answers as `asklabs export --verify --json` prints them."""
    return {
        "holds": not any(one.failed for one in checked),
        "index": index,
        "answers": [
            {
                "question": one.answer.question,
                "index": one.answer.index,
                "same_index": one.same_index,
                "quotes": [_quote(quote) for quote in one.quotes],
            }
            for one in checked
        ],
    }


def _quote(one: CheckedQuote) -> dict[str, Any]:
    info = one.citation.passage.report
    return {
        "n": one.citation.n,
        "report": info.id,
        "title": info.title,
        "quote": one.citation.quote,
        "state": one.state,
        "span": list(one.span) if one.span else None,
    }


def _print(one: Rechecked) -> None:
    from rag.export.brief import one_line, shortened, who

    index = "the index is the same" if one.same_index else "the index has changed since"
    standing = len(one.quotes) - len(one.failed)
    print(one_line(one.answer.question))
    print(f"  {standing} of {_quotes(len(one.quotes))} word for word in the reports; {index}.")
    said = {
        "changed": "The report has changed and has this no more",
        "gone": "The report is not in the index any more",
    }
    for failed in one.failed:
        info = failed.citation.passage.report
        print(f"  [{failed.citation.n}] {who(info)}: {one_line(info.title)} [{one_line(info.id)}]")
        print(f"      {said[failed.state]}: “{shortened(one_line(failed.citation.quote), _QUOTE)}”")


def _quotes(n: int) -> str:
    return "1 quote stands" if n == 1 else f"{n} quotes stand"
