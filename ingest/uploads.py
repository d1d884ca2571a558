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
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import chain, count
from pathlib import Path, PurePosixPath

import orjson

from ingest.sources import (
    ENDINGS,
    INSIDE,
    Skipped,
    Unreadable,
    collect,
    fail,
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
    """A readable report; `label` is what its sender calls it."""

    name: str
    label: str
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
    placed: list[tuple[Path, Path | None]] = []
    beside: list[str] = []
    try:
        for report in new:
            name = next(
                name
                for name in _numbered(report.name)
                if not (folder / name).exists() or senders.get(name) == own
            )
            beside += [report.label] if name != report.name else []
            placed += [_place(folder, replace(report, name=name))]
            senders[name] = own
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


def _numbered(name: str) -> Iterator[str]:
    """A file's name, then the same with a number from 2 on."""
    yield name
    yield from (f"{name.removesuffix('.md')}__{n}.md" for n in count(2))


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
    """The reports among uploads under names that differ; the others are added to `skipped`."""
    reports: dict[str, _Report] = {}
    seen: dict[str, str] = {}
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
            if digest in seen:
                raise Unreadable("file_same_text", name=seen[digest])
        except Unreadable as error:
            skipped.append(Skipped(label, error.notice))
            continue
        seen[digest] = label
        name = _free(inner, reports)
        reports[name] = _Report(name, label, data, digest)
    return list(reports.values())


def _members(uploads: Sequence[Upload]) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Of each report in uploads what to call it, its path in what was sent, and how to read it."""
    for upload in uploads:
        label = printable(upload.name)
        ending = upload.path.suffix.lower()
        try:
            if ending not in (*ENDINGS, ARCHIVE):
                raise Unreadable("upload_no_report")
            if upload.path.stat().st_size > LARGEST_UPLOAD:
                raise Unreadable("upload_too_large", n=LARGEST_UPLOAD // 1_000_000)
            if ending == ARCHIVE:
                _check_archive(upload.path)
        except Unreadable as error:
            yield label, upload.name, partial(fail, error)
            continue
        for source in collect([upload.path]):
            inner = source.place.partition(INSIDE)[2]
            path = PurePosixPath(inner.replace("\\", "/"))
            # Not what systems leave in an archive beside the files.
            if "__MACOSX" not in path.parts and not path.name.startswith("._"):
                named = f"{label}: {printable(inner)}" if inner else label
                yield named, inner or upload.name, source.read


def _check_archive(path: Path) -> None:
    """Raise Unreadable where an archive is none, holds no report, or too much.

    It can't unpack to more than it says: no more of a member is read than its entry says.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise Unreadable("archive_unreadable", why=str(error)) from error
    reports = [entry for entry in entries if entry.filename.lower().endswith(ENDINGS)]
    if not reports:
        raise Unreadable("archive_without_report")
    if len(reports) > MOST_REPORTS or sum(entry.file_size for entry in reports) > MOST_UNPACKED:
        raise Unreadable(TOO_MANY.code, **TOO_MANY.params)


def _free(inner: str, taken: dict[str, _Report]) -> str:
    """A file's name for a path: its last part, with its folder's name or a number if need be."""
    path = PurePosixPath(inner.replace("\\", "/"))
    stem = _name(path.name)
    wanted = (f"{stem}.md", "__".join(map(_name, path.parts[-2:])) + ".md")
    return next(name for name in chain(wanted, _numbered(f"{stem}.md")) if name not in taken)


def _name(part: str) -> str:
    """A part of a path as a name that every file system takes, without its ending."""
    plain = unicodedata.normalize("NFC", printable(part))
    plain = re.sub(r"\.(?:md|markdown)$", "", plain, flags=re.IGNORECASE)
    plain = re.sub(r'[<>:"|?*\\/]', "_", plain).strip(" .")
    short = plain.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    return short or "report"


def _place(folder: Path, report: _Report) -> tuple[Path, Path | None]:
    """Write a report's file at once or not at all; the earlier one's new name comes with it."""
    # As they were sent they may name people: only the index's owner reads them.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target, earlier = folder / report.name, None
    if target.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        earlier = target.with_name(f"{report.name}.{stamp}")
        shutil.copy(target, earlier)
    replace_file(target, report.data)
    target.chmod(0o600)
    return target, earlier


def _put_back(placed: Sequence[tuple[Path, Path | None]]) -> None:
    """Have the folder as it was: what was written goes, what was there before is there again."""
    for target, earlier in reversed(placed):
        # A disk that fails here has failed already: the error that led here says so.
        with suppress(OSError):
            os.replace(earlier, target) if earlier else target.unlink(missing_ok=True)
