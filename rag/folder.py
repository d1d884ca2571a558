"""The folder of an index: which of the databases in it counts.

    index/
      current          names the database that readers use
      db-6f1c0a2b/     a Chroma database, and the search caches derived from it
      ingest.lock      held by the one who writes

A database that is made anew is made beside the current one. One small file is then replaced,
which the file system does at once or not at all; the old database stays until the next ingest,
so that an answer in the making can still read it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

POINTER = "current"
LOCK = "ingest.lock"
_PREFIX = "db-"


def current_database(folder: Path) -> Path | None:
    """The database that counts, or None where there is none yet."""
    try:
        name = (folder / POINTER).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    database = folder / name
    return database if name.startswith(_PREFIX) and database.is_dir() else None


def new_database(folder: Path) -> Path:
    """A new, empty folder for a database; it does not count until `make_current`."""
    database = folder / f"{_PREFIX}{secrets.token_hex(4)}"
    database.mkdir(parents=True)
    return database


def make_current(database: Path) -> None:
    """Let a database count from now on."""
    if current_database(database.parent) == database:
        return
    pointer = database.parent / POINTER
    new = pointer.with_suffix(".new")
    new.write_text(database.name, encoding="ascii")
    os.replace(new, pointer)


def sweep(folder: Path) -> None:
    """Delete databases that no longer count, or never did because their making was cut short."""
    kept = current_database(folder)
    for database in folder.glob(f"{_PREFIX}*"):
        if database != kept:
            shutil.rmtree(database, ignore_errors=True)
