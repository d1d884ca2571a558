"""The commands about the index: `asklabs ingest | info`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.catalog.fields import TAGS
from rag.errors import AskLabsError, IndexUnusable
from rag.settings import load_settings
from rag.types import Passage
from ui.cli.options import Index, Json, engine_of
from ui.cli.output import (
    print_info,
    print_json,
    print_tags,
    report_line,
    sync_to_dict,
    tags_to_dict,
)

if TYPE_CHECKING:
    from ingest.sources import Skipped


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
    from ui.cli.output import progress

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
    from ui.cli.output import progress

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
        values = {field: engine.catalog.variants(field) for field in _LISTED}
        print_json(tags_to_dict(values)) if json else print_tags(values)
    else:
        pass

        print_json(families_to_dict(engine.passages)) if json else print_families(engine.passages)


def _tell_info(index: Path | None, json: bool) -> None:
    from ingest.uploads import older_index
    from rag.diagnostics import diagnostics

    settings, problem, held = load_settings(index=index), "", {}
    try:
        held = engine_of(index).info()
    except AskLabsError as error:
        problem = str(error)
    # After the engine, which may have written what it tells of the index.
    known = {**held, **diagnostics(settings), "problem": problem or older_index(settings)}
    print_json(known) if json else print_info(known)
    if problem:
        raise IndexUnusable(problem)


# Prints the families of an index: which passages say the same, word for word.


SHOWN = 50
Family = tuple[Passage, ...]


def families_to_dict(passages: Iterable[Passage]) -> dict[str, Any]:
    """The families that passages carry, and counts of them, as `--json` prints them."""
    from rag.index.duplicates import duplicate_groups

    families = duplicate_groups(passages)
    return {
        **_counts(families),
        "families": [[_place(passage) for passage in family] for family in families],
    }


def print_families(passages: Iterable[Passage]) -> None:
    """The largest families, at most SHOWN, each with its first words and where they stand."""
    from rag.index.duplicates import duplicate_groups

    families = duplicate_groups(passages)
    told = _counts(families)
    sizes = ", ".join(f"{n} of {size}" for size, n in told["sizes"].items())
    print(
        f"{len(families)} families hold {told['passages']} passages of {told['reports']} reports"
        f" (passages a family: {sizes or 'none'}); {told['across_labs']} span two labs or more."
    )
    for family in families[:SHOWN]:
        print(f"\n“{' '.join(family[0].text.split())[:160]}”")
        for passage in family:
            print(f"  {report_line(passage.report)}  [{passage.report.id}]")
    if len(families) > SHOWN:
        print(f"\nand {len(families) - SHOWN} smaller families.")


def _counts(families: Sequence[Family]) -> dict[str, Any]:
    sizes = Counter(map(len, families))
    return {
        "count": len(families),
        "passages": sum(map(len, families)),
        "reports": len({passage.report.id for family in families for passage in family}),
        "across_labs": sum(len({p.report.lab for p in family}) > 1 for family in families),
        "sizes": {str(size): count for size, count in sorted(sizes.items())},
    }


def _place(passage: Passage) -> dict[str, Any]:
    info = passage.report
    return {
        "report": info.id,
        "country": info.lab,
        "year": info.year,
        "kind": info.kind,
        "section": passage.section,
        "prompt": passage.prompt,
        "text": passage.text,
    }
