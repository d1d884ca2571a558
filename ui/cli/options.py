"""The options and arguments that several commands share, with their help texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.catalog.fields import FILTER_FIELDS, TAGS, Filters
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
    """Replace the parameter `filters` of a command by an option for each filter."""

    @wraps(command)
    def run(**arguments: Any) -> None:
        chosen = {name: tuple(arguments.pop(name) or ()) for name in _FILTERS}
        command(filters=Filters(**chosen), **arguments)

    parameters: list[Parameter] = []
    for parameter in signature(command, eval_str=True).parameters.values():
        parameters += _filter_options() if parameter.name == "filters" else [parameter]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run)["__signature__"] = Signature(parameters)
    return run


def _filter_options() -> Iterator[Parameter]:
    for name, text in _FILTERS.items():
        values: Any = list[int] | None if name == "year" else Texts
        option = Annotated[values, typer.Option(f"--{name}", help=text)]
        yield Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=option)


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
        from ingest.shared import fetch_at_start
        from ui.cli.output import progress

        with progress() as report:
            fetch_at_start(settings, report)


def parse_ignored(texts: Texts) -> Filters:
    """The filters of `--ignore`: "country=Peru" is one value, "country" the whole field.

    Raises:
        InputError: a field is unknown, or a year is no number.
    """
    values: dict[str, list[str]] = {}
    for text in texts or ():
        field, _, value = (part.strip() for part in text.partition("="))
        # An empty value, for a year 0, stands for the whole field.
        values.setdefault(field, []).append(value or ("0" if field == "year" else ""))
    try:
        return parse_filters(values)
    except InputError as error:
        raise InputError(f"--ignore: {error}. Write FIELD or FIELD=VALUE.") from error


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
