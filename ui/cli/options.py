"""The options and arguments that several commands share, with their help texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.catalog.fields import TAGS, Filters
from rag.errors import InputError
from rag.settings import Settings, load_settings

if TYPE_CHECKING:
    from rag.engine import Engine


Index = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index (default: ASKLABS_INDEX or asklabs-index)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Texts = list[str] | None
Ignore = Annotated[
    Texts,
    typer.Option(
        "--ignore",
        metavar="FIELD[=VALUE]",
        help="Don't take this value from the question (country=Peru), or none of a field (year); "
        "repeatable.",
    ),
]
Question = Annotated[str, typer.Argument(help="Your question, in any of the reports' languages.")]
# The filters that have an option, each with its help.
_FILTERS = {
    "country": "Only labs of this country; repeatable.",
    "year": "Only this year; repeatable.",
    "type": "Only reports tagged so (learningplan, experiment ...).",
    "kind": "Only plan, closing, experiment or solution; repeatable.",
    **{
        name: f"Only reports tagged with this {tag.singular.lower()}." for name, tag in TAGS.items()
    },
    "sdg": "Only reports tagged with this goal, by number or name.",
    "language": "Only passages in this language (en, fr, es ...); repeatable.",
}


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """A command with an option for each filter in the place of its parameter `filters`."""

    @wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: tuple(given.pop(name) or ()) for name in _FILTERS}
        command(filters=Filters(**chosen), **given)

    parameters = [
        one
        for parameter in signature(command, eval_str=True).parameters.values()
        for one in (_options() if parameter.name == "filters" else [parameter])
    ]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(run)["__signature__"] = Signature(parameters)
    return run


def _options() -> Iterator[Parameter]:
    for name, said in _FILTERS.items():
        values: Any = list[int] | None if name == "year" else Texts
        option = Annotated[values, typer.Option(f"--{name}", help=said)]
        yield Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=option)


def engine_of(index: Path | None) -> Engine:
    """The engine over the index that an option or the settings name."""
    # Imported here, so that `--help` answers at once.
    from rag.engine import open_engine

    settings = load_settings(index=index)
    fetch_shared(settings)
    return open_engine(settings)


def fetch_shared(settings: Settings) -> None:
    """Bring the index up to what is published, if the settings name where, and show how far it is.

    Raises:
        IndexUnusable: it can't be, and there is no index yet.
    """
    if settings.chroma:
        from ingest.shared import fetch_at_start
        from ui.cli.output import progress

        with progress() as shown:
            fetch_at_start(settings, shown)


def ignored_of(given: Texts) -> Filters:
    """What `--ignore` keeps from being taken from a question: "country=Peru", or "country".

    Raises:
        InputError: a field is unknown, or a year is no number.
    """
    # Imported here, so that `--help` answers at once.
    from ui.cli.batch import filters_from

    values: dict[str, list[str]] = {}
    for text in given or ():
        field, _, value = (part.strip() for part in text.partition("="))
        # An empty value, for a year 0, stands for all of its field.
        values.setdefault(field, []).append(value or ("0" if field == "year" else ""))
    try:
        return filters_from(values)
    except InputError as error:
        raise InputError(f"--ignore: {error}. Write FIELD or FIELD=VALUE.") from error
