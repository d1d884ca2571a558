"""The room that an ingest needs on the disk, and what is said and done where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rag.errors import IndexDamaged, IndexUnusable
from rag.index.layout import (
    free_bytes,
    in_words,
    is_scarce,
    size_of,
)
from rag.index.store import Store, database_errors, write_errors

# Bytes of a new passage in the database, in what searching needs, and with its sentences' vectors.
A_PASSAGE = 20_000


def unwritable() -> tuple[type[Exception], ...]:
    """What is raised where a database or a folder can't be written."""
    return write_errors()


def check_room(folder: Path, base: Path | None, passages: int) -> None:
    """See that there is room in an index's folder for a copy of a database and new passages.

    Raises:
        IndexUnusable: there is too little; nothing has been written yet.
    """
    free = free_bytes(folder)
    needed = passages * A_PASSAGE + (size_of(base) if base else 0)
    if free is not None and free < needed:
        raise IndexUnusable(
            f"The disk of {folder} has {in_words(free)} free, and this needs about "
            f"{in_words(needed)}: the index is written anew beside the old one, which readers "
            "keep until it is whole. Free space, or name a folder on another disk with --index."
        )


@contextmanager
def giving_back(store: Store) -> Iterator[None]:
    """Where the disk is full, what was begun is given up: it would keep the disk full."""
    try:
        yield
    except unwritable():
        if is_scarce(store.home):
            # Else what has been deleted keeps its room until the process ends.
            with suppress(*unwritable()):
                store.close()
            shutil.rmtree(store.home, ignore_errors=True)
        raise


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Say what is the matter with an index whose database can't be read."""
    try:
        yield
    except database_errors() as error:
        if is_scarce(folder):
            raise cant_write(folder, error) from error
        raise IndexDamaged(
            f"The index in {folder} can't be read ({error}). Make it anew: "
            f"asklabs ingest PATH --rebuild --index {folder}"
        ) from error


def cant_write(folder: Path, error: Exception) -> IndexUnusable:
    """What to tell of an ingest that couldn't write."""
    if folder.exists() and not folder.is_dir():
        return IndexUnusable(f"{folder} is a file. Name a folder with --index.")
    return IndexUnusable(
        f"The index in {folder} can't be written ({error}). What it held is still there. "
        f"Its disk has {in_words(free_bytes(folder))} free. Free space, see to its permissions, "
        "or name another folder with --index."
    )
