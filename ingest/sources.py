"""Finds report files in folders and archives and reads them; nothing is ever unpacked to disk."""

import errno
import gzip
import hashlib
import io
import lzma
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import IO

from ingest.scan import find_tags, hide_private
from rag.errors import InputError
from rag.i18n.labels import notice_words
from rag.index.interface import StoredReport
from rag.types import Notice, Progress

ENDINGS = (".md", ".markdown")
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
MAX_BYTES = 5_000_000  # a report is a few pages: anything beyond this is something else
MAX_ARCHIVE_BYTES = 500_000_000  # unpacked, which are in memory until they are parsed
MAX_MEMBERS = 100_000
INSIDE = "!//"  # between an archive and its member in a place
# Control characters, separators of lines and paragraphs, marks that turn the direction of what
# follows, and halves of surrogate pairs.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]")
# What reading a damaged or encrypted archive raises.
_BROKEN = (
    *(OSError, EOFError, RuntimeError, ValueError, struct.error, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError),
)


class Unreadable(Exception):
    """A file can't be taken for a report; the notice says why and what to do."""

    def __init__(self, code: str, **params: int | str) -> None:
        self.notice = Notice(code, params)
        super().__init__(notice_words([self.notice]))


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A report file: what to call it, where it is, and what it holds.

    `name` and `label` can be shown and stored as they are.
    """

    name: str
    label: str
    place: str  # its absolute path, or that of its archive with the path inside
    # Where it lies, the bytes that an archive has of it, or why there are none.
    content: Path | bytes | Unreadable

    def read(self) -> bytes:
        """Its bytes, at most one more than a report may have; raises Unreadable."""
        path = self.content
        if isinstance(path, Unreadable):
            raise path
        if isinstance(path, bytes):
            return path
        try:
            # A pipe or a device would never end.
            if path.exists() and not path.is_file():
                raise Unreadable("file_not_regular")
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            if path.is_symlink() and error.errno in (errno.ENOENT, errno.ELOOP):
                raise Unreadable("file_dead_link") from error
            raise Unreadable("file_unreadable", why=str(error.strerror)) from error


def printable(text: str) -> str:
    """A name that is safe on a terminal and in a database: "_" for what can't be shown."""
    return _UNSEEN.sub("_", text)


def place_exists(place: str) -> bool:
    """Whether a place's file, or its archive, exists."""
    return Path(place.partition(INSIDE)[0]).exists()


def read_report(data: bytes, known: Collection[str] = ()) -> tuple[str, str]:
    """The text of a report file (UTF-8, or UTF-16 with its mark; its lines end in "\\n"), its hash.

    It is Unreadable where it is empty, too large, binary, or in another encoding; or where it has
    no tag, so that it is no report, and its hash is not `known`.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable("report_too_large", n=MAX_BYTES // 1_000_000)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("file_not_utf8", line=str(line), byte=str(error.start)) from error
    if not text.strip():
        raise Unreadable("file_empty")
    if "\x00" in text:
        raise Unreadable("file_binary")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if digest not in known and not find_tags(text):
        raise Unreadable("file_without_tag")
    return text, digest


def collect(paths: Iterable[Path]) -> Iterator[SourceFile]:
    """The report files at the paths, in a stable order.

    What can't be read, be it a file, a folder or the rest of an archive, is among them: reading
    it raises Unreadable. A path that does not exist, or is of no known kind, is an InputError.
    """
    for path in paths:
        if path.is_dir():
            yield from _folder(path)
        elif not path.exists():
            raise InputError(f"There is no file or folder {path}. Check the path.")
        elif path.name.lower().endswith(ARCHIVES):
            yield from _archive(path)
        elif path.suffix.lower() in ENDINGS:
            yield _source(path)
        else:
            raise InputError(
                f"{path} is no report or archive. Give a folder, a {' or '.join(ENDINGS)} file, "
                f"or an archive ({', '.join(ARCHIVES)})."
            )


def _source(path: Path, content: bytes | Unreadable | None = None, inner: str = "") -> SourceFile:
    # Unlike Path.resolve, realpath does not fail on links that lead in a circle.
    place = os.path.realpath(path) + (f"{INSIDE}{inner}" if inner else "")
    return SourceFile(
        name=printable(PurePosixPath(inner.replace("\\", "/")).stem if inner else path.stem),
        label=printable(f"{path}:{inner}" if inner else str(path)),
        place=place.encode("utf-8", "backslashreplace").decode(),
        content=path if content is None else content,
    )


def _folder(folder: Path) -> Iterator[SourceFile]:
    closed: list[OSError] = []
    # Links to folders are not followed: they may lead in a circle.
    for root, folders, files in os.walk(folder, onerror=closed.append, followlinks=False):
        folders.sort()
        for path in (Path(root, name) for name in sorted(files)):
            if path.suffix.lower() in ENDINGS:
                yield _source(path)
    for error in closed:
        why = Unreadable("folder_unreadable", why=str(error.strerror))
        yield _source(Path(error.filename or folder), why)


def _archive(path: Path) -> Iterator[SourceFile]:
    try:
        yield from _zip(path) if path.name.lower().endswith(".zip") else _tar(path)
    except Unreadable as error:
        yield _source(path, error)
    except _BROKEN as error:
        yield _source(path, Unreadable("archive_unreadable", why=str(error)))


def _zip(path: Path) -> Iterator[SourceFile]:
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if m.filename.lower().endswith(ENDINGS)]
        if sum(member.file_size for member in members) > MAX_ARCHIVE_BYTES:
            raise Unreadable("archive_too_large")
        for member in sorted(members, key=lambda m: m.filename):
            yield _source(path, _unpacked(partial(archive.open, member)), member.filename)


def _tar(path: Path) -> Iterator[SourceFile]:
    total = 0
    unzip = Path.open if path.name.lower().endswith(".tar") else gzip.open
    with unzip(path, "rb") as stream, tarfile.open(fileobj=_Portions(stream), mode="r:") as archive:
        for n, member in enumerate(archive):
            total += member.size
            if total > MAX_ARCHIVE_BYTES:
                raise Unreadable("archive_too_large")
            if n >= MAX_MEMBERS:
                raise Unreadable("archive_too_many_files", n=str(MAX_MEMBERS))
            if member.isfile() and member.name.lower().endswith(ENDINGS):
                content = _unpacked(partial(archive.extractfile, member))
                yield _source(path, content, member.name)


class _Portions(io.BufferedReader):
    """A stream of which no more than a report's size is read at a time.

    A tar's header names the size of what belongs to it, and tarfile reads that at once: of a
    few kilobytes of gzip it could be gigabytes.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_BYTES + tarfile.RECORDSIZE:
            raise Unreadable("archive_unreadable", why="a header of megabytes")
        return super().read(size)


def _unpacked(unpack: Callable[[], IO[bytes] | None]) -> bytes | Unreadable:
    """The bytes of a member, which is unpacked at once: later its archive will be closed."""
    try:
        stream = unpack()
        return stream.read(MAX_BYTES + 1) if stream else b""
    except _BROKEN as error:
        return Unreadable("archive_member_unreadable", why=str(error))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    notice: Notice
    in_index: bool = False  # whether the index still has its report

    @property
    def reason(self) -> str:
        """Why, in English."""
        more = "; the index keeps what it had of it" if self.in_index else ""
        return f"{notice_words([self.notice])}{more}"


@dataclass(frozen=True)
class ReportFile:
    """A readable report."""

    id: str
    place: str
    read: Callable[[], str]
    digest: str  # of its text
    label: str = ""

    @cached_property
    def text(self) -> str:
        """Its text without private tags."""
        return hide_private(self.read())


@dataclass(slots=True)
class ReportFiles:
    """The readable reports, and the files that were left out."""

    files: list[ReportFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # places of what could not be read

    def may_hold(self, place: str) -> bool:
        """Whether a report's file is, or is in, something that could not be read."""
        inside = tuple(unread + sign for unread in self.unread for sign in (INSIDE, os.sep))
        return place in self.unread or place.startswith(inside)


def read_files(
    sources: Iterable[SourceFile], stored: Mapping[str, StoredReport], progress: Progress
) -> ReportFiles:
    """The reports among files, with ids.

    A file keeps the id under which the index has it. A new file's id is its stem; where another
    file has that already, its folder's name goes before it. Which of two new namesakes gets the
    bare stem is decided by their places, so their order does not matter, and no file that comes
    later changes an id. (With paths as ids, a folder that moves would be ingested anew.)
    """
    result = ReportFiles()
    owner = {report.source: report_id for report_id, report in stored.items()}
    known = {report.digest: report for report in stored.values()}
    read: dict[str, tuple[SourceFile, str, str]] = {}
    for n, source in enumerate(sources, start=1):
        progress("reading", n, 0)
        if source.place in read:
            continue
        try:
            read[source.place] = (source, *read_report(source.read(), known))
        except Unreadable as error:
            result.skipped.append(Skipped(source.label, error.notice, source.place in owner))
            result.unread.append(source.place)
    seen: dict[str, str] = {}
    taken: set[str] = set()

    def is_free(report_id: str) -> bool:
        old = stored.get(report_id)
        moved = old is None or old.digest == digest or not place_exists(old.source)
        return report_id not in taken and moved

    for place in sorted(read, key=lambda place: (place not in owner, place)):
        source, text, digest = read[place]
        same = known.get(digest)
        is_copy = same and place not in owner and source.name != same.info.id
        if same and is_copy and place_exists(same.source):
            # Of a file that is not among these: if both were, that one would stay.
            seen.setdefault(digest, same.source)
        if digest in seen:
            notice = Notice("file_same_text", {"name": seen[digest]})
            result.skipped.append(Skipped(source.label, notice))
            continue
        seen[digest] = source.label
        folder = (re.split(r"[\\/:]", source.label)[-2:-1] or ["other"])[0]
        report_id = owner.get(place) or free_name(source.name, folder, is_free)
        taken.add(report_id)
        read_again = partial(str, text)
        result.files.append(ReportFile(report_id, place, read_again, digest, source.label))
    result.files.sort(key=lambda file: file.id)
    return result


def free_name(name: str, folder: str, is_free: Callable[[str], bool]) -> str:
    """The first that is free: a name, its folder's before it, both with a number from 2 on."""
    longer = f"{folder}__{name}" if folder else name
    return next(filter(is_free, chain((name, longer), (f"{longer}__{n}" for n in count(2)))))
