"""The commands about the index: `asklabs ingest | info`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from rag.catalog.tag_fields import TAGS
from rag.errors import AskLabsError, IndexUnusable
from rag.settings import load_settings
from ui.cli import Index, Json, engine_of, print_info, print_json, progress

if TYPE_CHECKING:
    from ingest.sources import Skipped
    from rag.catalog.catalog import TagValue

_CHANGES = ("added", "updated", "unchanged", "moved", "deleted")


def ingest(
    paths: Annotated[list[Path], Argument(help="Folders, files, .zip or .tar.gz.")],
    index: Index = None,
    prune: Annotated[bool, Option("--prune", help="Delete reports no longer at PATHS.")] = False,
    rebuild: Annotated[bool, Option("--rebuild", help="Make the index anew.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Only tell what would be done.")] = False,
    audit: Annotated[
        bool, Option("--audit", help="Only tell how much of what labs wrote is taken in.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring the index in line with report files; only what changed is embedded."""
    if audit:
        from ingest.audit import audit_paths

        with progress() as report:
            result, skipped = audit_paths(paths, report)
        _print_skipped(skipped)
        print_json(result.to_dict()) if json else print("\n".join(result.lines()))
        if skipped:
            raise typer.Exit(1)
        return
    from ingest.sync import sync

    settings = load_settings(index=index)
    with progress() as report:
        done = sync(paths, settings, prune=prune, dry_run=dry_run, rebuild=rebuild, progress=report)
    _print_skipped(done.skipped)
    changes = {name: getattr(done, name) for name in _CHANGES}
    if json:
        skips = [{"path": s.path, "reason": s.reason} for s in done.skipped]
        facts = {"passages": done.passages, "index": done.revision, "dry_run": dry_run}
        print_json({**changes, "skipped": skips, **facts})
    else:
        would = "would be " if dry_run else ""
        lists = {**changes, "skipped": done.skipped}
        counts = ", ".join(f"{len(reports)} {name}" for name, reports in lists.items())
        print(f"{settings.index}: {would}{counts}; {done.passages} passages {would}written")
    if done.skipped:
        raise typer.Exit(1)


def _print_skipped(skipped: Sequence[Skipped]) -> None:
    for file in skipped:
        print(f"skipped {file.path}: {file.reason}", file=sys.stderr)


def info(
    index: Index = None,
    tags: Annotated[bool, Option("--tags", help="List the tags' values instead.")] = False,
    json: Json = False,
) -> None:
    """Tell what the index holds, which models and settings are in use, and the versions.

    If the index can't be used, it tells the rest, with exit code 2.
    """
    if tags:
        catalog = engine_of(index).catalog
        values = {field: catalog.variants(field) for field in ("country", *TAGS)}
        print_json(_tags_to_dict(values)) if json else _print_tags(values)
    else:
        from ingest.uploads import older_index
        from rag.diagnostics import diagnostics

        settings, problem, contents = load_settings(index=index), "", {}
        try:
            contents = engine_of(index).info()
        except AskLabsError as error:
            problem = str(error)
        # After opening the engine, which may write files that diagnostics read.
        facts = {**contents, **diagnostics(settings), "problem": problem or older_index(settings)}
        print_json(facts) if json else print_info(facts)
        if problem:
            raise IndexUnusable(problem)


def _tags_to_dict(tags: Mapping[str, Sequence[TagValue]]) -> dict[str, list[dict[str, Any]]]:
    return {
        field: [{"name": v.name, "reports": v.reports, "variants": dict(v.variants)} for v in vs]
        for field, vs in tags.items()
    }


def _print_tags(tags: Mapping[str, Sequence[TagValue]]) -> None:
    for field, values in tags.items():
        merged = sum(len(value.variants) > 1 for value in values)
        print(f"{field}: {len(values)} values, {merged} of them in several spellings")
        for value in values:
            print(f"{value.reports:6,} {value.name}")
            for spelling, number in value.variants if len(value.variants) > 1 else ():
                print(f"{'':6s}   {number:5,} {spelling}")
        print()
