"""What several commands share: options, the engine, and what they print."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich import progress as bars
from rich.console import Console

from rag.catalog.tag_fields import FILTER_FIELDS, Filters, ReportInfo
from rag.errors import InputError
from rag.index.layout import in_words
from rag.settings import Settings, load_settings
from rag.types import Progress

if TYPE_CHECKING:
    from rag.engine import Engine

# Seconds between two plain lines of progress.
PLAIN_EVERY = 5.0
Index = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index (default: ASKLABS_INDEX or asklabs-index)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def engine_of(index: Path | None) -> Engine:
    """The engine over the index that an option or the settings name."""
    # Imported here, so that `--help` answers at once.
    from rag.engine import open_engine

    settings = load_settings(index=index)
    fetch_shared(settings)
    return open_engine(settings)


def fetch_shared(settings: Settings) -> None:
    """Fetch the published index, if the settings name a server, and show the progress.

    Raises:
        IndexUnusable: that fails, and there is no index yet.
    """
    if settings.chroma:
        from ingest.publish import fetch_at_start

        with progress() as report:
            fetch_at_start(settings, report)


def parse_filters(data: Any) -> Filters:
    """Filters from their JSON form: field -> value or list of values.

    Raises:
        InputError: a field is unknown, or a year is no number.
    """
    if not isinstance(data, dict):
        raise InputError('"filters" needs an object')
    filters: dict[str, tuple[Any, ...]] = {}
    for field, value in data.items():
        if field not in FILTER_FIELDS:
            raise InputError(f"no filter {field!r}; there are {', '.join(FILTER_FIELDS)}")
        values = value if isinstance(value, list) else [value]
        try:
            filters[field] = tuple(int(x) if field == "year" else str(x) for x in values)
        except (TypeError, ValueError) as error:
            raise InputError(f"{field} needs a number") from error
    return Filters(**filters)


def print_json(value: Any) -> None:
    """Print one JSON document on one line."""
    print(orjson.dumps(value).decode())


def report_line(info: ReportInfo) -> str:
    """A report on one line: its lab, year, kind and title."""
    return f"{info.lab} ({info.year or '?'}, {info.kind}) {info.title}"


def print_info(facts: Mapping[str, Any]) -> None:
    """Print facts, one a line; empty ones are left out."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yes_no = {True: "yes", False: "no"}
            pairs = ((k, yes_no[v] if isinstance(v, bool) else v) for k, v in value.items())
            text = ", ".join(f"{k} {v}" for k, v in pairs)
        elif isinstance(value, list):
            text = ", ".join(value)
        else:
            text = in_words(value) if name in ("size", "disk_free") else str(value)
        if text:
            print(f"{name.replace('_', ' ') + ':':15s} {text}")


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress through named stages on standard error: as bars on a terminal, else as lines.

    A call with total 0 only says that work goes on.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_progress()
        return
    tasks: dict[str, bars.TaskID] = {}
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as display:

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = display.add_task(stage, total=total or None)
            display.update(tasks[stage], completed=done, total=total or None)

        yield show


def _plain_progress() -> Progress:
    printed = 0.0

    def show(stage: str, done: int, total: int) -> None:
        nonlocal printed
        now = time.monotonic()
        if total and (done == total or now - printed >= PLAIN_EVERY):
            printed = now
            print(f"{stage} {done} of {total}", file=sys.stderr, flush=True)

    return show
