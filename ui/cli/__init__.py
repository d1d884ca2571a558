"""The command line, a module a few commands; here what they share: options, engine, printing."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from rich import progress as bars
from rich.console import Console
from typer import Option

from rag.errors import InputError
from rag.settings import load_settings
from rag.types import Progress

if TYPE_CHECKING:
    from rag.engine import Engine

# Seconds between two plain lines of progress.
_PLAIN_EVERY = 5.0
Index = Annotated[Path | None, Option(help="Folder of the index (ASKLABS_INDEX or asklabs-index).")]
Json = Annotated[bool, Option("--json", help="Print JSON and nothing else.")]


def engine_of(index: Path | None) -> "Engine":
    """The engine over the index that an option or the settings name."""
    from rag.engine import open_engine

    return open_engine(load_settings(index=index))


def write_file(path: Path, content: bytes) -> None:
    """Write a file; an InputError if it can't be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path} can't be written ({error}). Name another file.") from error


def print_json(value: Any) -> None:
    """Print one JSON document on one line."""
    print(orjson.dumps(value).decode())


def show(template: str, **values: Any) -> None:
    """Print what a template of plain text makes of values."""
    from ui.rendering import render_text  # slow to load

    if text := render_text(template, **values):
        print(text)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress on standard error: as bars on a terminal, else as lines.

    A stage has a line when it begins: the first it counts may come minutes later.
    """
    console, printed, told = Console(stderr=True), 0.0, ""
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    is_plain = not console.is_terminal
    with bars.Progress(*columns, console=console, transient=True, disable=is_plain) as display:
        tasks: dict[str, bars.TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            nonlocal printed, told
            if not is_plain:
                if stage not in tasks:
                    tasks[stage] = display.add_task(stage, total=total or None)
                display.update(tasks[stage], completed=done, total=total or None)
            elif stage != told or done == total or time.monotonic() - printed >= _PLAIN_EVERY:
                printed, told = time.monotonic(), stage
                counted = f"{done} of {total}" if total else done or ""
                print(f"{stage} {counted}".rstrip(), file=sys.stderr, flush=True)

        yield show
