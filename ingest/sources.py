"""Finds report files in folders and archives and reads them; nothing is ever unpacked to disk."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag.errors import InputError

ENDINGS = (".md", ".markdown")
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
# A report is a few pages: anything beyond this is something else.
MAX_BYTES = 5_000_000
MAX_ARCHIVE_BYTES = 2_000_000_000


class Unreadable(Exception):
    """A file can't be taken for a report; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A report file that was found: what to call it, and how to get its bytes."""

    name: str
    label: str
    read: Callable[[], bytes]

    def text(self) -> str:
        """The file's text with "\\n" line ends.

        Raises:
            Unreadable: it is empty, too large, binary, or in no encoding that is known for sure.
        """
        try:
            data = self.read()
        except (OSError, RuntimeError, zipfile.BadZipFile, tarfile.TarError) as error:
            raise Unreadable(f"can't be read ({error}); check its permissions") from error
        return decode(data)


def decode(data: bytes) -> str:
    """Text from the bytes of a report file: UTF-8, or UTF-16 with its mark.

    Raises:
        Unreadable: it is empty, too large, binary, or in another encoding.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"larger than {MAX_BYTES // 1_000_000} MB; split it into reports")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if not text.strip():
        raise Unreadable("empty")
    if "\x00" in text:
        raise Unreadable("binary, not text; export the report as Markdown")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def collect(paths: Iterable[Path]) -> Iterator[SourceFile]:
    """The report files at the paths, in a stable order.

    Raises:
        InputError: a path does not exist or is of no known kind.
    """
    for path in paths:
        if path.is_dir():
            yield from _folder(path)
        elif not path.exists():
            raise InputError(f"There is no file or folder {path}. Check the path.")
        elif path.name.lower().endswith(ARCHIVES):
            yield from _archive(path)
        elif path.suffix.lower() in ENDINGS:
            yield SourceFile(path.stem, str(path), path.read_bytes)
        else:
            raise InputError(
                f"{path} is no report or archive. Give a folder, a {' or '.join(ENDINGS)} file, "
                f"or an archive ({', '.join(ARCHIVES)})."
            )


def _folder(folder: Path) -> Iterator[SourceFile]:
    # Links to folders are not followed: they may lead in a circle.
    for root, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(files):
            path = Path(root, name)
            if path.suffix.lower() in ENDINGS:
                yield SourceFile(path.stem, str(path), path.read_bytes)


def _archive(path: Path) -> Iterator[SourceFile]:
    try:
        yield from _zip(path) if path.name.lower().endswith(".zip") else _tar(path)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{path} is no readable archive ({error}). Pack it again.") from error


def _zip(path: Path) -> Iterator[SourceFile]:
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda m: m.filename):
            inner = PurePosixPath(member.filename)
            if not member.is_dir() and inner.suffix.lower() in ENDINGS:
                data = b"" if member.file_size > MAX_BYTES else archive.read(member)
                yield _member(path, inner, data, member.file_size)


def _tar(path: Path) -> Iterator[SourceFile]:
    total = 0
    with tarfile.open(path) as archive:
        for member in archive:
            total += member.size
            if total > MAX_ARCHIVE_BYTES:
                raise InputError(f"{path} unpacks to over 2 GB. Give it as a folder.")
            inner = PurePosixPath(member.name)
            if member.isfile() and inner.suffix.lower() in ENDINGS:
                stream = archive.extractfile(member) if member.size <= MAX_BYTES else None
                data = stream.read(MAX_BYTES + 1) if stream else b""
                yield _member(path, inner, data, member.size)


def _member(path: Path, inner: PurePosixPath, data: bytes, size: int) -> SourceFile:
    def read() -> bytes:
        # What the archive says is too large was not read at all.
        return data if size <= MAX_BYTES else b"x" * (MAX_BYTES + 1)

    return SourceFile(inner.stem, f"{path}:{inner}", read)
