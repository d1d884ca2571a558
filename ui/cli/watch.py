"""The commands that tell what has changed: `asklabs watch add | run | list | remove`, `diff`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from rag.catalog.tag_fields import Filters
from ui.cli import Index, Json, engine_of, print_json, read_file, show, write_file
from ui.cli.ask import Question, checked_question, with_filters

if TYPE_CHECKING:
    from rag.watch import Watch

app = typer.Typer(no_args_is_help=True, help="Ask standing questions, and tell what has changed.")


@app.command()
@with_filters
def add(question: Question, index: Index = None, filters: Filters = Filters()) -> None:
    """Watch a question: its answer of now is what later ones are compared with."""
    from rag.watch import add_watch

    watch = add_watch(engine_of(index), checked_question(question), filters)
    print(f"{watch.id} {watch.question}")


@app.command()
def remove(watch: Annotated[str, Argument(help="Its id.")], index: Index = None) -> None:
    """Watch a question no more."""
    from rag.watch import remove_watch

    remove_watch(engine_of(index), watch)


@app.command("list")
def list_watches(index: Index = None, json: Json = False) -> None:
    """List the standing questions, with their latest changes."""
    from rag.watch import load_watches

    _print(load_watches(engine_of(index).settings.index), json)


@app.command()
def run(
    index: Index = None,
    atom: Annotated[Path | None, Option(help="Atom feed to write with all changes.")] = None,
    json: Json = False,
) -> None:
    """Ask all standing questions again where the index has changed, and tell what is different.

    It is sent to ASKLABS_WATCH_URL, too, as JSON.
    """
    from rag.watch import atom as feed
    from rag.watch import load_watches, run_watches

    engine = engine_of(index)
    changed = run_watches(engine)
    _print(changed, json)
    if atom is not None:
        write_file(atom, feed(load_watches(engine.settings.index)))
    if changed and engine.settings.watch_url:
        import httpx

        url, document = engine.settings.watch_url, {"watches": list(map(_to_dict, changed))}
        try:
            httpx.post(url, json=document, timeout=engine.settings.patience).raise_for_status()
        except httpx.HTTPError as error:
            print(f"ASKLABS_WATCH_URL was not told: {error}", file=sys.stderr)
            raise typer.Exit(1) from error


def diff(
    answers: Annotated[Path, Argument(help="Answers: what ask --json or batch wrote.")],
    index: Index = None,
    json: Json = False,
) -> None:
    """Ask the questions of earlier answers again, and tell what is different."""
    from rag.export.answer_json import answers_from_json
    from rag.watch import answer_again

    loaded = answers_from_json(read_file(answers), str(answers))
    engine = engine_of(index)
    found = [(answer.question, answer_again(engine, answer)) for answer in loaded]
    if json:
        print_json([{"question": q, "changes": list(map(asdict, cs))} for q, cs in found])
    else:
        show("changes.txt", told=found)


def _to_dict(watch: Watch) -> dict[str, Any]:
    news = [asdict(one) for one in watch.news]
    return {
        "id": watch.id, "question": watch.question, "filters": watch.filters.as_dict(), "news": news
    }  # fmt: skip


def _print(watches: Sequence[Watch], json: bool) -> None:
    if json:
        print_json(list(map(_to_dict, watches)))
        return
    told = [(f"{w.id} {w.question}", w.news[0].changes if w.news else ()) for w in watches]
    show("changes.txt", told=told)
