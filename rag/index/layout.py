"""The folder of an index, and which version of it counts.

    index/
      current          the version that readers use: which files, and how much of them
      data-6f1c0a2b/   what searching needs, in files that only grow
        heads          a line of JSON for each report or later change of one: tags, where its
                       passages' rows begin and its text lies; the last line of a report counts
        texts          of each line the verbatim text and the passages, compressed
        dense          the passages' vectors of unit length, a row each (`rag.index.vectors`)
        static         those of `rag.models.encoder.encode_static`
        lengths        how many terms each passage has
        words          terms, each with a word as it is written
        terms-...      segments of the keyword index, each written once
        memo/          vectors of sentences and words by their hash
      chroma/          the same passages and vectors in Chroma, for other programs and for repairs
      embedded-...     vectors that an unfinished ingest has made
      ingest.lock      held by an ingest that writes
      reports/         report files that came through the page; each ingest reads them too

An ingest adds to the ends of the files and then replaces `current`, which the file system does at
once or not at all. Readers look at nothing beyond what their version says, so they never see what
an ingest adds meanwhile, and many processes share one copy in memory; what an ingest that was cut
short has left there is cut off by the next one. When much of the data is of the past, all is
written anew into another folder; the old one goes with the next ingest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.files import free_bytes, in_words

POINTER = "current"
LOCK = "ingest.lock"
UPLOADED = "reports"
CHROMA = "chroma"
DATA = "data-"
EMBEDDED = "embedded-"
TERMS = "terms-"
IN_DATABASE = "in-database"  # the revision that the database had when it was last in line
SCHEMA = 5  # raise when the files, or how words are stemmed, change
# Bytes of a new passage in all files, those that an ingest deletes at its end among them.
A_PASSAGE = 16_000


@dataclass(slots=True)
class Version:
    """What counts: a folder of data, and of each of its files the bytes that do, with a checksum.

    `rows` is how many passages the files have, deleted ones among them. `revision` is a hash of all
    content, `made_by` the parser, chunker and embedding that made it.
    """

    data: str
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: int = 0
    dimensions: int = 0
    revision: str = ""
    made_by: Mapping[str, str] = field(default_factory=dict)
    schema: int = 0

    def size(self, name: str) -> int:
        """The bytes of a file that count."""
        return self.files.get(name, (0, 0))[0]

    @property
    def segments(self) -> list[str]:
        """The segments of the keyword index, each named by its first row and the next one's."""
        return [name for name in self.files if name.startswith(TERMS)]


_VERSION = TypeAdapter(Version)


def current_version(folder: Path) -> Version:
    """The version that counts.

    Raises:
        IndexMissing: there is none yet.
        IndexDamaged: the file that tells it is damaged, of an older kind, or gone while there is
            an index; an ingest makes it again from Chroma.
        IndexMismatch: the index is of a newer kind, or of one that can't be brought over.
        IndexUnusable: the folder can't be read.
    """
    try:
        version = _VERSION.validate_json((folder / POINTER).read_bytes())
    except FileNotFoundError:
        if (folder / CHROMA).exists():
            raise damaged(folder, f"the file {POINTER} is gone") from None
        if (folder / "chroma.sqlite3").is_file():
            raise IndexMismatch(
                f"The index in {folder} is of an older kind. {anew(folder)}"
            ) from None
        if any(folder.glob(f"{DATA}*")) or any(folder.glob(f"{EMBEDDED}*")):
            raise IndexMissing(
                f"The index in {folder} holds nothing yet: an ingest is at work or was cut short. "
                "Run asklabs ingest PATH and wait until it is done."
            ) from None
        raise IndexMissing(
            f"There is no index in {folder}. Make one: asklabs ingest PATH --index {folder}"
        ) from None
    except NotADirectoryError as error:
        raise IndexUnusable(f"{folder} is a file. Name a folder with --index.") from error
    except OSError as error:
        raise IndexUnusable(
            f"The index in {folder} can't be read ({error.strerror}). See to its permissions, or "
            "name another folder with --index."
        ) from error
    except ValueError as error:
        raise damaged(folder, f"the file {POINTER} is damaged") from error
    if version.schema > SCHEMA:
        raise IndexMismatch(f"The index in {folder} is of a newer asklabs. {anew(folder)}")
    if version.schema < SCHEMA:
        raise damaged(folder, "it is of an older kind")
    return version


def check_made_by(folder: Path | str, made: Mapping[str, str], made_by: Mapping[str, str]) -> None:
    """Raise IndexMismatch where an index was made with something else than `made_by`."""
    for name, ours in made_by.items():
        if (theirs := made.get(name, "")) != ours:
            raise IndexMismatch(
                f"The index in {folder} was made with {name} {theirs!r}, this is {ours!r}. "
                f"{anew(folder)}"
            )


def anew(folder: Path | str) -> str:
    """What to do about an index that must be made anew; a database has no folder."""
    where = f" --index {folder}" if isinstance(folder, Path) else ""
    return f"Make it anew: asklabs ingest PATH --rebuild{where}"


def damaged(folder: Path, error: Exception | str) -> IndexDamaged:
    """What to say of an index whose files can't be read: an ingest makes them from Chroma's."""
    return IndexDamaged(
        f"The index in {folder} can't be read ({error}). Run asklabs ingest PATH --index {folder} "
        "to repair it; if that fails, with --rebuild."
    )


def trim(folder: Path) -> None:
    """Delete what no reader needs: data of the past, and of an ingest that was cut short."""
    version: Version | None = None
    with suppress(IndexMissing):
        version = current_version(folder)
    for path in folder.glob(f"{DATA}*"):
        if version is None or path.name != version.data:
            shutil.rmtree(path, ignore_errors=True)
    if version:
        home = folder / version.data
        for path in home.glob(f"{TERMS}*"):
            if path.name not in version.files:
                path.unlink()
        for name, (size, _) in version.files.items():
            if (home / name).stat().st_size > size:
                os.truncate(home / name, size)


def check_room(folder: Path, passages: int, copied: int) -> None:
    """Raise IndexUnusable where so many new passages and bytes don't fit on the disk."""
    free, needed = free_bytes(folder), passages * A_PASSAGE + copied
    if free is not None and free < needed:
        raise IndexUnusable(
            f"The disk of {folder} has {in_words(free)} free, and this needs about "
            f"{in_words(needed)}. Free space, or name a folder on another disk with --index."
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
