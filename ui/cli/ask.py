"""The commands that answer, and what is done with answers: `asklabs ask | search | export`."""

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
    parse_ignored,
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
    from rag.citation.quotes import Rechecked
    from rag.types import Answer

# Characters of a quote that no longer stands which are shown.
_QUOTE_LENGTH = 100


@with_filters
def ask(
    question: Question,
    index: Index = None,
    filters: Filters = Filters(),
    ignore: Ignore = None,
    json: Json = False,
) -> None:
    """Answer one question, with the sources of each sentence."""
    ignored = parse_ignored(ignore)
    stream = engine_of(index).ask(_checked(question), filters=filters, ignored=ignored)
    if json:
        from rag.export.answer_json import answer_to_dict

        print_json(answer_to_dict(stream.answer))
        return
    print_sources(print_answer(stream))


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

    ignored = parse_ignored(ignore)
    engine = engine_of(index)
    plan = engine.plan(_checked(question), filters=filters, ignored=ignored)
    hits = engine.search(_checked(question), k=k, explain=explain, plan=plan)
    if json:
        passages = [
            passage_to_dict(n, hit) | (explained(hit) if explain else {})
            for n, hit in enumerate(hits, start=1)
        ]
        understood = {"understood": plan_to_dict(plan)} if explain else {}
        print_json({"question": question, **understood, "passages": passages})
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

    The ending of the file to write chooses the format. --index and --json belong to --verify.
    """
    from rag.export.answer_json import answers_from_json

    if to is None and not verify:
        raise InputError("Name the file to write with --to, or check the answers with --verify.")
    if json and not verify:
        raise InputError("--json goes with --verify. To write answers as JSON: --to FILE.json")
    try:
        loaded = answers_from_json(answers.read_bytes(), str(answers))
    except OSError as error:
        raise InputError(f"{answers} can't be read ({error}).") from error
    settings = load_settings(index=index)
    if to is not None:
        _write(loaded, to, title, settings.report_url)
    if verify and not quotes_stand(loaded, settings.index, json=json):
        raise typer.Exit(1)


def _write(answers: Sequence[Answer], to: Path, title: str, report_url: str) -> None:
    from rag.export.formats import ending_of
    from rag.export.formats import export as write

    data = write(answers, ending_of(to.name), title, report_url=report_url)
    try:
        to.write_bytes(data)
    except OSError as error:
        raise InputError(f"{to} can't be written ({error}). Name another file.") from error
    print(f"{to}: {len(data)} bytes", file=sys.stderr)


def _checked(question: str) -> str:
    if not question.strip():
        raise InputError("The question is empty. Put it in quotes after the command.")
    return question.strip()


def quotes_stand(answers: Sequence[Answer], index: Path, *, json: bool) -> bool:
    """Print which quotes of answers are still in the index; returns whether all are.

    Raises:
        IndexMissing, IndexMismatch, IndexDamaged: the index can't be used; says what to do.
    """
    from rag.citation.quotes import cited_reports, recheck
    from rag.index.snapshot import current_snapshot

    # No vectors are compared, so it does not matter which model made them.
    snapshot = current_snapshot(index, {})
    texts = snapshot.texts(cited_reports(answers))
    checks = [recheck(answer, texts, snapshot.revision) for answer in answers]
    holds = not any(check.failed for check in checks)
    if json:
        documents = [_check_to_dict(check) for check in checks]
        print_json({"holds": holds, "index": snapshot.revision, "answers": documents})
    else:
        for check in checks:
            _print_check(check)
    return holds


def _check_to_dict(check: Rechecked) -> dict[str, Any]:
    return {
        "question": check.answer.question,
        "index": check.answer.index,
        "same_index": check.same_index,
        "quotes": [
            {
                "n": quote.citation.n,
                "report": quote.citation.passage.report.id,
                "title": quote.citation.passage.report.title,
                "quote": quote.citation.quote,
                "state": quote.state,
                "span": list(quote.span) if quote.span else None,
            }
            for quote in check.quotes
        ],
    }


def _print_check(check: Rechecked) -> None:
    from rag.export.brief import one_line, shortened, who

    index = "the index is the same" if check.same_index else "the index has changed since"
    total = len(check.quotes)
    quotes = "1 quote stands" if total == 1 else f"{total} quotes stand"
    print(one_line(check.answer.question))
    print(f"  {total - len(check.failed)} of {quotes} word for word in the reports; {index}.")
    reasons = {
        "changed": "The report has changed and has this no more",
        "gone": "The report is not in the index any more",
    }
    for failed in check.failed:
        info = failed.citation.passage.report
        quote = shortened(one_line(failed.citation.quote), _QUOTE_LENGTH)
        print(f"  [{failed.citation.n}] {who(info)}: {one_line(info.title)} [{one_line(info.id)}]")
        print(f"      {reasons[failed.state]}: “{quote}”")
