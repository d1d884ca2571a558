"""Takes in report files that came through the page: checks them, copies them, ingests them.

They are copied into the index's own folder (`rag.index.local.UPLOADED`), which every ingest reads
beside its paths: neither `--prune` nor `--rebuild` loses them. A file that can't be read
never gets there. One of the same name and sender takes the place of the earlier one, which stays
beside it under a name that no ingest reads; another sender's gets a number. Names inside an archive
are names, never paths.
"""

import os
import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path, PurePosixPath

import orjson

from ingest.sources import (
    ENDINGS,
    INSIDE,
    SourceFile,
    Unreadable,
    collect,
    free_name,
    printable,
    read_files,
)
from ingest.sync import SyncResult, made_by, sync
from rag.errors import IndexMismatch, IndexMissing, IndexUnusable
from rag.files import replace_file
from rag.index.local import UPLOADED, check_made_by, current_index, current_version
from rag.settings import Settings
from rag.types import Progress

LARGEST_UPLOAD = 20_000_000  # bytes of one file that is sent, be it a report or an archive
MOST_UNPACKED = 100_000_000  # bytes of all reports that are sent at once: they are held in memory
MOST_REPORTS = 2000
ARCHIVE = ".zip"
SENDERS = "senders.json"
_LONGEST_NAME = 180  # a name in bytes, with room for what is put before and after it


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent: what its sender calls it, and where it lies."""

    name: str
    path: Path


def take_in(
    uploads: Sequence[Upload], settings: Settings, progress: Progress, sender: str = ""
) -> SyncResult:
    """Bring what can be read of uploads (reports, zip archives) into the index.

    Nothing is deleted from it. `unchanged` has the senders' names of files that it had already.
    Only the same `sender` replaces a file. Where an IndexUnusable is raised all is as it was.
    """
    found = read_files(_sources(uploads), {}, progress)
    known: set[str] = set()
    with suppress(IndexMissing):
        index = current_index(settings, made_by(settings), None)
        known = {head.report.digest for head in index.heads.values()}
    unchanged = [file.label for file in found.files if file.digest in known]
    new = [file for file in found.files if file.digest not in known]
    if not new:
        return SyncResult(unchanged=unchanged, skipped=found.skipped)
    folder = settings.index / UPLOADED
    own = sha256(sender.encode("utf-8", "replace")).hexdigest()
    senders: dict[str, str] = {}
    with suppress(OSError, ValueError, TypeError):  # Else nobody is told of.
        senders = dict(orjson.loads((folder / SENDERS).read_bytes()))
    placed: dict[Path, Path | None] = {}
    beside: list[str] = []

    def is_others(name: str) -> bool:
        return (folder / f"{name}.md").exists() and senders.get(f"{name}.md") != own

    def is_free(name: str) -> bool:
        return folder / f"{name}.md" not in placed and not is_others(name)

    try:
        for file in new:
            name = _name(file.id)
            beside += [file.label] if is_others(name) else []
            target = folder / f"{free_name(name, '', is_free)}.md"
            placed[target] = _place(target, file.read().encode())
            senders[target.name] = own
        # Before the index has them: what fails later leaves a sender of no file, which is harmless.
        replace_file(folder / SENDERS, orjson.dumps(senders))
        done = sync([], settings, progress=progress)
    except BaseException as error:
        for target, earlier in placed.items():
            # A disk that fails here has failed already: this error says so.
            with suppress(OSError):
                os.replace(earlier, target) if earlier else target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise IndexUnusable(f"Nothing can be written to {folder} ({error}).") from error
        raise
    added, skipped = done.added + done.moved, found.skipped + done.skipped
    return replace(done, added=added, unchanged=unchanged, skipped=skipped, beside=beside)


def older_index(settings: Settings) -> str:
    """Why reports can't be added to an index that answers; "" where they can.

    Readers take what an older version made, ingests want it anew.
    """
    try:
        with suppress(IndexMissing):
            made = current_version(settings.index).made_by
            check_made_by(settings.index, made, made_by(settings))
    except IndexMismatch as error:
        return (
            "No reports can be added to an index of another version of asklabs, which answers as "
            f"before. {error}"
        )
    return ""


def _sources(uploads: Sequence[Upload]) -> Iterator[SourceFile]:
    """The report files among uploads; reading what is none, or too much, raises Unreadable."""
    size, numbers = 0, count(1)
    for upload in uploads:
        label, ending = printable(upload.name), upload.path.suffix.lower()
        refused: Unreadable | None = Unreadable("archive_without_report")
        if ending not in (*ENDINGS, ARCHIVE):
            refused = Unreadable("upload_no_report")
        elif upload.path.stat().st_size > LARGEST_UPLOAD:
            refused = Unreadable("upload_too_large", n=LARGEST_UPLOAD // 1_000_000)
        else:
            for source in collect([upload.path]):
                inner = source.place.partition(INSIDE)[2]
                path = PurePosixPath((inner or upload.name).replace("\\", "/"))
                # What systems leave in an archive beside the files.
                if "__MACOSX" in path.parts or path.name.startswith("._"):
                    continue
                refused = None
                named = f"{label}: {printable(inner)}" if inner else label
                with suppress(Unreadable):
                    size += len(source.read())
                if next(numbers) > MOST_REPORTS or size > MOST_UNPACKED:
                    most = {"n": str(MOST_REPORTS), "size": str(MOST_UNPACKED // 1_000_000)}
                    too_many = Unreadable("upload_too_many", **most)
                    yield replace(source, label=named, content=too_many)
                    return
                yield replace(source, name=path.stem, label=named)
        if refused:
            yield SourceFile(label, label, str(upload.path), refused)


def _name(wanted: str) -> str:
    """A name that every file system takes."""
    plain = unicodedata.normalize("NFC", printable(wanted))
    plain = re.sub(r'[<>:"|?*\\/]', "_", plain).strip(" .")
    short = plain.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    return short or "report"


def _place(target: Path, data: bytes) -> Path | None:
    """Write a report's file at once or not at all; gives the earlier one's new name."""
    # As they were sent they may name people: only the index's owner reads them, also where the
    # folder was there before.
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o700)
    earlier = None
    if target.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        earlier = target.with_name(f"{target.name}.{stamp}")
        shutil.copy(target, earlier)
    replace_file(target, data, 0o600)
    return earlier
