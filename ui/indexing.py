"""The commands about the index: `asklabs ingest | info`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.errors import AskLabsError, IndexUnusable
from rag.fields import TAGS
from rag.settings import load_settings
from ui.options import Index, Json, engine_of
from ui.printing import print_info, print_json, print_tags, sync_to_dict, tags_to_dict

if TYPE_CHECKING:
    from ingest.files import Skipped

# The filter fields whose values labs have written.
_LISTED = ("country", *TAGS)


def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="Folders (with all below), files, .zip or .tar.gz.")
    ],
    index: Index = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete reports that are no longer at PATHS.")
    ] = False,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Make the index anew; the old one serves until the end."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be done.")
    ] = False,
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Only tell how much of what labs wrote would be taken in."),
    ] = False,
    json: Json = False,
) -> None:
    """Bring the index in line with report files; only what changed is embedded."""
    if audit:
        _audit(paths, json)
        return
    from ingest.sync import sync
    from ui.console import progress

    settings = load_settings(index=index)
    with progress() as shown:
        done = sync(paths, settings, prune=prune, dry_run=dry_run, rebuild=rebuild, progress=shown)
    _tell_skipped(done.skipped)
    if json:
        print_json(sync_to_dict(done, dry_run))
    else:
        would = "would be " if dry_run else ""
        counts = ("added", "updated", "unchanged", "moved", "deleted", "skipped")
        said = ", ".join(f"{len(getattr(done, name))} {name}" for name in counts)
        print(f"{settings.index}: {would}{said}; {done.passages} passages {would}written")
    if done.unpublished:
        print(f"asklabs: {done.unpublished}", file=sys.stderr)
    if done.skipped or done.unpublished:
        raise typer.Exit(1)


def _audit(paths: list[Path], json: bool) -> None:
    from ingest.audit import audit_paths
    from ui.console import progress

    with progress() as shown:
        found, skipped = audit_paths(paths, shown)
    _tell_skipped(skipped)
    if json:
        print_json(found.to_dict())
    else:
        print("\n".join(found.lines()))
    if skipped:
        raise typer.Exit(1)


def _tell_skipped(skipped: Sequence[Skipped]) -> None:
    for file in skipped:
        print(f"skipped {file.path}: {file.reason}", file=sys.stderr)


def info(
    index: Index = None,
    tags: Annotated[
        bool, typer.Option("--tags", help="List the tags' values with their spellings instead.")
    ] = False,
    families: Annotated[
        bool, typer.Option("--families", help="List passages that say the same, word for word.")
    ] = False,
    json: Json = False,
) -> None:
    """Tell what the index holds, which models and settings are in use, and the versions.

    Of an index that can't be used it tells the rest, with exit code 2.
    """
    if not tags and not families:
        _tell_info(index, json)
        return
    engine = engine_of(index)
    if tags:
        values = {field: engine.catalogue.variants(field) for field in _LISTED}
        print_json(tags_to_dict(values)) if json else print_tags(values)
    else:
        from ui.families import families_to_dict, print_families

        print_json(families_to_dict(engine.passages)) if json else print_families(engine.passages)


def _tell_info(index: Path | None, json: bool) -> None:
    from ingest.uploads import older_index
    from rag.support import support

    settings, problem, held = load_settings(index=index), "", {}
    try:
        held = engine_of(index).info()
    except AskLabsError as error:
        problem = str(error)
    # After the engine, which may have written what it tells of the index.
    known = {**held, **support(settings), "problem": problem or older_index(settings)}
    print_json(known) if json else print_info(known)
    if problem:
        raise IndexUnusable(problem)
