"""Takes in report files that came through the page: checks them, copies them, ingests them.

They are copied into the index's own folder (`rag.index.layout.UPLOADED`), which every ingest reads
beside its paths: neither `--prune` nor `--rebuild` loses them. A file that can't be read
never gets there. One of the same name and sender takes the place of the earlier one, which stays
beside it under a name that no ingest reads; another sender's gets a number. Names inside an archive
are names, never paths.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath

import orjson

from ingest.sources import (
    ENDINGS,
    INSIDE,
    Skipped,
    Unreadable,
    collect,
    fail,
    free_name,
    printable,
    read_report,
)
from ingest.sync import SyncResult, made_by, sync
from rag.errors import IndexMismatch, IndexMissing, IndexUnusable
from rag.files import replace_file
from rag.index.layout import UPLOADED, check_made_by, current_version
from rag.index.snapshot import current_index
from rag.settings import Settings
from rag.types import Notice, Progress

LARGEST_UPLOAD = 20_000_000  # bytes of one file that is sent, be it a report or an archive
MOST_UNPACKED = 100_000_000  # bytes of all reports that are sent at once: they are held in memory
MOST_REPORTS = 2000
ARCHIVE = ".zip"
SENDERS = "senders.json"
TOO_MANY = Notice(
    "upload_too_many", {"n": str(MOST_REPORTS), "size": str(MOST_UNPACKED // 1_000_000)}
)
_LONGEST_NAME = 180  # a name in bytes, with room for what is put before and after it


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent: what its sender calls it, and where it lies."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class _Report:
    """A readable report: what its sender calls it, its path in what was sent, its bytes."""

    label: str
    inner: PurePosixPath
    data: bytes
    digest: str


def take_in(
    uploads: Sequence[Upload], settings: Settings, progress: Progress, sender: str = ""
) -> SyncResult:
    """Bring what can be read of uploads (reports, zip archives) into the index.

    Nothing is deleted from it. `unchanged` has the senders' names of files that it had already.
    Only the same `sender` replaces a file.

    Raises:
        IndexBusy: another ingest is writing to this index.
        IndexUnusable: it can't be read or written. In both cases all is as it was before.
    """
    skipped: list[Skipped] = []
    reports = _readable(uploads, skipped, progress)
    if not reports:
        return SyncResult(skipped=skipped)
    known: set[str] = set()
    with suppress(IndexMissing):
        index = current_index(settings, made_by(settings), None)
        known = {head.report.digest for head in index.heads.values()}
    unchanged = [report.label for report in reports if report.digest in known]
    new = [report for report in reports if report.digest not in known]
    if not new:
        return SyncResult(unchanged=unchanged, skipped=skipped)
    folder = settings.index / UPLOADED
    senders, own = _senders(folder), sha256(sender.encode("utf-8", "replace")).hexdigest()
    placed: dict[Path, Path | None] = {}
    beside: list[str] = []

    def is_others(name: str) -> bool:
        return (folder / f"{name}.md").exists() and senders.get(f"{name}.md") != own

    def is_free(name: str) -> bool:
        return folder / f"{name}.md" not in placed and not is_others(name)

    try:
        for report in new:
            name, above = _name(report.inner.name), "__".join(map(_name, report.inner.parts[-2:-1]))
            beside += [report.label] if is_others(name) else []
            target = folder / f"{free_name(name, above, is_free)}.md"
            placed[target] = _place(target, report.data)
            senders[target.name] = own
        done = sync([], settings, progress=progress)
        replace_file(folder / SENDERS, orjson.dumps(senders))
    except BaseException as error:
        _put_back(placed)
        if isinstance(error, OSError):
            raise IndexUnusable(f"Nothing can be written to {folder} ({error}).") from error
        raise
    added = [*done.added, *done.moved]
    skipped += done.skipped
    return replace(done, added=added, unchanged=unchanged, skipped=skipped, beside=beside)


def _senders(folder: Path) -> dict[str, str]:
    """Who sent each file, as a hash; a file that is not there, or damaged, tells of nobody."""
    with suppress(OSError, ValueError, TypeError):
        return dict(orjson.loads((folder / SENDERS).read_bytes()))
    return {}


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


def _readable(
    uploads: Sequence[Upload], skipped: list[Skipped], progress: Progress
) -> list[_Report]:
    """The reports among uploads; the others are added to `skipped`."""
    reports: dict[str, _Report] = {}
    size = 0
    for n, (label, inner, read) in enumerate(_members(uploads), start=1):
        progress("reading", n, 0)
        try:
            data = read()
            size += len(data)
            if n > MOST_REPORTS or size > MOST_UNPACKED:
                skipped.append(Skipped(label, TOO_MANY))
                break
            _, digest = read_report(data)
            if digest in reports:
                raise Unreadable("file_same_text", name=reports[digest].label)
        except Unreadable as error:
            too_many = error.notice.code == "archive_too_large"
            skipped.append(Skipped(label, TOO_MANY if too_many else error.notice))
        else:
            reports[digest] = _Report(label, inner, data, digest)
    return list(reports.values())


def _members(
    uploads: Sequence[Upload],
) -> Iterator[tuple[str, PurePosixPath, Callable[[], bytes]]]:
    """Of each report in uploads what to call it, its path in what was sent, and how to read it."""
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
                # Not what systems leave in an archive beside the files.
                if "__MACOSX" not in path.parts and not path.name.startswith("._"):
                    refused = None
                    named = f"{label}: {printable(inner)}" if inner else label
                    yield named, path, source.read
        if refused:
            yield label, PurePosixPath(), partial(fail, refused)


def _name(part: str) -> str:
    """A part of a path as a name that every file system takes, without its ending."""
    plain = unicodedata.normalize("NFC", printable(part))
    plain = re.sub(r"\.(?:md|markdown)$", "", plain, flags=re.IGNORECASE)
    plain = re.sub(r'[<>:"|?*\\/]', "_", plain).strip(" .")
    short = plain.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    return short or "report"


def _place(target: Path, data: bytes) -> Path | None:
    """Write a report's file at once or not at all; gives the earlier one's new name."""
    # As they were sent they may name people: only the index's owner reads them.
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    earlier = None
    if target.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        earlier = target.with_name(f"{target.name}.{stamp}")
        shutil.copy(target, earlier)
    replace_file(target, data)
    target.chmod(0o600)
    return earlier


def _put_back(placed: Mapping[Path, Path | None]) -> None:
    """Have the folder as it was: what was written goes, what was there before is there again."""
    for target, earlier in placed.items():
        # A disk that fails here has failed already: the error that led here says so.
        with suppress(OSError):
            os.replace(earlier, target) if earlier else target.unlink(missing_ok=True)
