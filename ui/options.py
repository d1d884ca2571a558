"""The options and arguments that several commands share, with their help texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.errors import InputError
from rag.settings import load_settings
from rag.types import Filters

if TYPE_CHECKING:
    from rag.engine import Engine

Index = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index (default: ASKLABS_INDEX or asklabs-index)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Texts = list[str] | None
Country = Annotated[Texts, typer.Option("--country", help="Only labs of this country; repeatable.")]
Year = Annotated[list[int] | None, typer.Option("--year", help="Only this year; repeatable.")]
Type = Annotated[
    Texts, typer.Option("--type", help="Only reports tagged so (learningplan, experiment ...).")
]
Kind = Annotated[
    Texts, typer.Option("--kind", help="Only plan, closing, experiment or solution; repeatable.")
]
Method = Annotated[Texts, typer.Option("--method", help="Only reports tagged with this method.")]
Source = Annotated[
    Texts, typer.Option("--datasource", help="Only reports tagged with this data source.")
]
Sdg = Annotated[
    Texts, typer.Option("--sdg", help="Only reports tagged with this goal, by number or name.")
]
Theme = Annotated[
    Texts, typer.Option("--theme", help="Only reports tagged with this thematic area.")
]
Language = Annotated[
    Texts,
    typer.Option("--language", help="Only passages in this language (en, fr, es ...); repeatable."),
]
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


def engine_of(index: Path | None) -> Engine:
    """The engine over the index that an option or the settings name."""
    # Imported here, so that `--help` answers at once.
    from rag.engine import open_engine

    return open_engine(load_settings(index=index))


def filters_of(
    country: Texts,
    year: list[int] | None,
    type_: Texts,
    kind: Texts,
    method: Texts,
    datasource: Texts,
    sdg: Texts,
    theme: Texts,
    language: Texts = None,
) -> Filters:
    """The filters that the options of a command give."""
    return Filters(
        country=tuple(country or ()),
        year=tuple(year or ()),
        type=tuple(type_ or ()),
        kind=tuple(kind or ()),
        method=tuple(method or ()),
        datasource=tuple(datasource or ()),
        sdg=tuple(sdg or ()),
        theme=tuple(theme or ()),
        language=tuple(language or ()),
    )


def ignored_of(given: Texts) -> Filters:
    """What `--ignore` keeps from being taken from a question: "country=Peru", or "country".

    Raises:
        InputError: a field is unknown, or a year is no number.
    """
    # Imported here, so that `--help` answers at once.
    from ui.batch import filters_from

    values: dict[str, list[str]] = {}
    for text in given or ():
        field, _, value = (part.strip() for part in text.partition("="))
        # An empty value, for a year 0, stands for all of its field.
        values.setdefault(field, []).append(value or ("0" if field == "year" else ""))
    try:
        return filters_from(values)
    except InputError as error:
        raise InputError(f"--ignore: {error}. Write FIELD or FIELD=VALUE.") from error
