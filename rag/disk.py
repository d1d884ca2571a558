"""The disk that a folder lies on: what is free, in words too."""

from __future__ import annotations

import shutil
from pathlib import Path

# Below so many bytes a disk counts as full: a database may want as much at a time.
SCARCE = 64_000_000


def free_bytes(folder: Path) -> int | None:
    """What is free on the disk of a folder, which need not exist; None where nobody can tell."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    try:
        usage = shutil.disk_usage(there)
    except OSError:
        return None
    # Some network disks tell nothing: of these all sizes are 0.
    return usage.free if usage.total else None


def is_scarce(folder: Path) -> bool:
    """Whether the disk of a folder is as good as full."""
    free = free_bytes(folder)
    return free is not None and free < SCARCE


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder."""
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue  # It has gone meanwhile.
    return size


def in_words(size: int | None) -> str:
    """A number of bytes for people: "12 MB"."""
    if size is None:
        return "unknown"
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:,.{0 if size >= 10 * bytes_ else 1}f} {unit}"
    return f"{size} bytes"
