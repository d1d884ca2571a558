"""Files and disks: what is written at once, how much there is, how much room."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file at once or not at all, even if the machine stops."""
    new = path.with_name(f"{path.name}.new")
    try:
        with open(new, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def append(path: Path, size: int, data: bytes) -> None:
    """Put data after the first `size` bytes of a file, in place of whatever is there."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(data)


def free_bytes(folder: Path) -> int | None:
    """The free bytes on the disk of a folder, which need not exist; None where unknown."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        usage = shutil.disk_usage(existing)
    except OSError:
        return None
    # Of some network disks all sizes are 0.
    return usage.free if usage.total else None


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
