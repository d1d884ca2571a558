"""The folder of an index: which of the databases in it counts.

    index/
      current          names the database that readers use
      unfinished       names a database that an ingest was writing, and the one it was copied from
      db-6f1c0a2b/     a Chroma database, and what is derived from it: what searching needs,
                       and the vectors of the reports' sentences
      ingest.lock      held by an ingest that writes
      unpublished      is there while the index is shared and not published (`ingest.publish`)
      reports/         report files that came through the page; each ingest reads them too

A database that counts is never written again: an ingest writes a copy and then replaces one small
file, which the file system does at once or not at all. Chroma keeps vectors in files that it
overwrites in place, so a writer in the same database could tear them under a reader, and a kill
could leave them torn. The old database stays until the next ingest, so that an answer in the
making can still read it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from rag.errors import IndexDamaged, IndexUnusable

POINTER = "current"
LOCK = "ingest.lock"
DATABASE = "chroma.sqlite3"
UPLOADED = "reports"
# Derived from a database and never changed, only made and deleted: folders of what searching
# needs, vectors that are in none of these folders yet, and vectors of sentences.
CACHE = "cache-"
VECTORS = "vectors-"
SENTENCES = "sentences-"
UNPUBLISHED = "unpublished"
# Free bytes below which a disk counts as full: a database may want as much at a time.
SCARCE = 64_000_000
# Bytes of a new passage in the database, in what searching needs, and with its sentences' vectors.
A_PASSAGE = 20_000
_UNFINISHED = "unfinished"
_PREFIX = "db-"


def current_database(folder: Path) -> Path | None:
    """The database that counts, or None where there is none yet.

    Raises:
        IndexDamaged: the file that names it is damaged, or gone while there is an index.
        IndexUnusable: the folder can't be read.
    """
    try:
        name = (folder / POINTER).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        begun, _ = _unfinished(folder)
        used = (path for kind in (CACHE, VECTORS) for path in folder.glob(f"{_PREFIX}*/{kind}*"))
        if all(path.parent.name == begun for path in used):
            return None
        name = ""
    except NotADirectoryError as error:
        raise IndexUnusable(f"{folder} is a file. Name a folder with --index.") from error
    except OSError as error:
        raise IndexUnusable(
            f"The index in {folder} can't be read ({error.strerror}). See to its permissions, or "
            "name another folder with --index."
        ) from error
    database = folder / name
    if not name.startswith(_PREFIX) or not database.is_dir():
        raise IndexDamaged(
            f"The file {folder / POINTER} does not name the index's database. Put it back from a "
            f"copy, or make the index anew: asklabs ingest PATH --rebuild --index {folder}"
        )
    return database


def new_database(folder: Path) -> Path:
    """A new, empty folder for a database; it does not count until `make_current`."""
    database = folder / f"{_PREFIX}{secrets.token_hex(4)}"
    database.mkdir(parents=True)
    return database


def copied_database(folder: Path) -> Path:
    """A copy of the database that counts, for a writer; remembered as unfinished."""
    current = current_database(folder)
    if current is None:
        raise FileNotFoundError(folder / POINTER)
    copy = new_database(folder)
    try:
        # While this reads, no reader's housekeeping can change the files that are copied.
        with deriving(current), closing(sqlite3.connect(current / DATABASE)) as held:
            held.execute("BEGIN")
            held.execute("SELECT 1 FROM sqlite_master").fetchall()
            derived = shutil.ignore_patterns(f"{CACHE}*", f"{SENTENCES}*")
            shutil.copytree(current, copy, ignore=derived, dirs_exist_ok=True)
            for cache in current.glob(f"{CACHE}[0-9]*"):
                shutil.copytree(cache, copy / cache.name, copy_function=_link)
            for vectors in current.glob(f"{SENTENCES}*"):
                _link(vectors, copy / vectors.name)
        remember_unfinished(copy)
    except (OSError, sqlite3.Error) as error:
        # Half a copy is of no use to anybody, and may fill the disk.
        shutil.rmtree(copy, ignore_errors=True)
        if isinstance(error, shutil.Error):
            # It lists every file; the first one's reason is that of all.
            raise OSError(error.args[0][0][2]) from error
        raise
    return copy


@contextmanager
def deriving(database: Path) -> Iterator[None]:
    """One at a time makes what is derived from a database: when Chroma reads vectors, it may write.

    Where nothing can be written, nothing need be waited for.
    """
    lock = FileLock(database / "deriving.lock")
    with suppress(OSError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def remember_unfinished(database: Path) -> None:
    """Let the next ingest go on in a database if this one is cut short."""
    base = current_database(database.parent)
    _replace(database.parent / _UNFINISHED, f"{database.name} {base.name if base else ''}")


def unfinished_database(folder: Path) -> Path | None:
    """The database in which an ingest was cut short, if what it was copied from still counts."""
    name, base = _unfinished(folder)
    current = current_database(folder)
    database = folder / name
    is_of_now = base == (current.name if current else "")
    usable = is_of_now and name.startswith(_PREFIX) and database != current and database.is_dir()
    return database if usable else None


def make_current(database: Path) -> None:
    """Let readers use a database from now on."""
    _replace(database.parent / POINTER, database.name)
    (database.parent / _UNFINISHED).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete databases that no longer count, or never did and can't be gone on with."""
    in_use = (current_database(folder), unfinished_database(folder))
    for database in folder.glob(f"{_PREFIX}*"):
        if database not in in_use:
            shutil.rmtree(database, ignore_errors=True)


def _unfinished(folder: Path) -> tuple[str, str]:
    """The names of the unfinished database and of its base; "" for none."""
    try:
        name, _, base = (folder / _UNFINISHED).read_text(encoding="utf-8").partition(" ")
    except (OSError, UnicodeDecodeError):
        return "", ""
    return name, base


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)  # Not every file system has links.


def _replace(path: Path, text: str) -> None:
    """Write a file at once or not at all, even if the machine stops."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def free_bytes(folder: Path) -> int | None:
    """The free bytes on the disk of a folder, which need not exist; None where unknown."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        usage = shutil.disk_usage(existing)
    except OSError:
        return None
    # Of some network disks all sizes are 0.
    return usage.free if usage.total else None


def is_scarce(folder: Path) -> bool:
    """Whether the disk of a folder is as good as full."""
    free = free_bytes(folder)
    return free is not None and free < SCARCE


def check_room(folder: Path, base: Path | None, passages: int) -> None:
    """Raise IndexUnusable where a copy of a database and new passages don't fit on the disk."""
    free = free_bytes(folder)
    needed = passages * A_PASSAGE + (size_of(base) if base else 0)
    if free is not None and free < needed:
        raise IndexUnusable(
            f"The disk of {folder} has {in_words(free)} free, and this needs about "
            f"{in_words(needed)}: the index is written anew beside the old one, which readers "
            "keep until it is whole. Free space, or name a folder on another disk with --index."
        )


def write_error(folder: Path, error: Exception) -> IndexUnusable:
    """What to say of an index that couldn't be written."""
    if folder.exists() and not folder.is_dir():
        return IndexUnusable(f"{folder} is a file. Name a folder with --index.")
    return IndexUnusable(
        f"The index in {folder} can't be written ({error}). What it held is still there. "
        f"Its disk has {in_words(free_bytes(folder))} free. Free space, see to its permissions, "
        "or name another folder with --index."
    )


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # It may be gone by now.
            size += path.stat().st_size if path.is_file() else 0
    return size


def in_words(size: int | None) -> str:
    """A number of bytes for people: "12 MB"."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size and size >= bytes_:
            return f"{size / bytes_:,.{0 if size >= 10 * bytes_ else 1}f} {unit}"
    return "unknown" if size is None else f"{size} bytes"
