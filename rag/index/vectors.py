"""Files of vectors that only grow: aligned to the passages, or found by the hash of their text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.models.encoder import Vectors

_TOLERANCE = 0.01  # vectors of other length are none: 8 bits change it by less
# What numbers of a byte are multiplied by: those of the built-in embedding are below 0.15.
_SCALE = 600
_TOGETHER = 1024  # rows that are multiplied at a time
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int32]


def hashes(texts: Iterable[str]) -> Hashes:
    """A hash of 64 bits for each text."""
    digests = (
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in texts
    )
    return np.frombuffer(b"".join(digests), "<u8")


def append(path: Path, size: int, data: bytes) -> None:
    """Put data after the first `size` bytes of a file, in place of whatever is there."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(data)


def in_bytes(vectors: Vectors) -> npt.NDArray[np.void]:
    """Vectors with a byte a number, each beside the factor that gives it unit length again.

    A cosine of two of them is off by 0.0005 (standard deviation).
    """
    rows = np.zeros(len(vectors), row_type(vectors.shape[1]))
    largest = np.abs(vectors).max(axis=1, initial=0, keepdims=True)
    rows["values"] = (vectors * (127 / np.maximum(largest, 1e-9))).round()
    lengths = np.linalg.norm(rows["values"].astype(np.float32), axis=1)
    rows["factor"] = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return rows


def row_type(width: int) -> np.dtype[np.void]:
    """How a vector of `in_bytes` lies in a file."""
    return np.dtype([("factor", "<f4"), ("values", "i1", (width,))])


class Matrix:
    """Some rows of a mapped matrix of vectors, in an order of their own."""

    def __init__(self, path: Path, count: int, width: int, rows: Rows, *, floats: bool) -> None:
        """Map the first rows of a file; with `floats` their numbers have four bytes, else one."""
        kind, shape = (np.dtype("<f4"), (count, width)) if floats else (row_type(width), (count,))
        self._stored: Any = np.zeros(shape, kind)
        if count:
            self._stored = np.asarray(np.memmap(path, kind, "r", shape=shape))
        self._rows = rows
        self._as_they_lie = len(rows) == count and bool((rows == np.arange(count)).all())
        self.shape = (len(rows), width)

    def __len__(self) -> int:
        return len(self._rows)

    def __matmul__(self, other: Any) -> Vectors:
        if self._stored.dtype.names is None:
            product: Vectors = self._stored @ other
        else:
            product = np.zeros((len(self._stored), *np.shape(other)[1:]), np.float32)
            values = self._stored["values"]
            # So few rows as numbers of four bytes stay in the processor's cache; with fewer ones,
            # other threads would go on between two parts too often.
            for at in range(0, len(product), _TOGETHER):
                part = values[at : at + _TOGETHER].astype(np.float32)
                product[at : at + _TOGETHER] = part @ other
            product = (product.T * self._stored["factor"]).T
        return product if self._as_they_lie else product[self._rows]

    def __getitem__(self, which: Any) -> Vectors:
        return self.at(self._rows[which])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Vectors:
        return np.asarray(self[:], dtype)

    def at(self, rows: Any) -> Vectors:
        """The vectors of rows of the file."""
        part = self._stored[rows]
        if part.dtype.names is None:
            return np.asarray(part, np.float32)
        vectors: Vectors = part["values"].astype(np.float32)
        vectors *= part["factor"][..., None]
        return vectors


class VectorMemo:
    """Vectors of unit length by the hashes of their texts.

    It is a memo and no more: a text's vector is the same in any index, and where a file is missing,
    cut or damaged, the vector is made again. In a folder of its own lie a file of hashes and one of
    vectors, whose name tells their kind and dimensions ("i1-512").
    """

    def __init__(self, folder: Path, kind: str = "i1") -> None:
        """Open the memo in a folder; `kind` is that of a new one."""
        path = next(iter(folder.glob("[fi][124]-*")), None)
        self._folder, self._kind = folder, path.name[:2] if path else kind
        self._hashes: Hashes = np.zeros(0, "<u8")
        self._vectors: Any = np.zeros((0, 0), np.float32)
        with suppress(OSError, ValueError):
            width = int(path.name.rpartition("-")[2]) if path else 0
            held = np.fromfile(folder / "hashes", "<u8")
            row = width * np.dtype(self._kind).itemsize
            count = min(len(held), path.stat().st_size // row if path and row else 0)
            if path and count:
                # Mapped: only what is asked for is read, and memory is the system's to take.
                self._vectors = np.memmap(path, f"<{self._kind}", "r", shape=(count, width))
                self._hashes = held[:count]
        self._order = np.argsort(self._hashes, kind="stable")
        self._sorted = self._hashes[self._order]

    def __len__(self) -> int:
        return len(self._hashes)

    def lookup(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], Vectors]:
        """Which of the texts have a vector, and these."""
        rows = self.rows(texts)
        known = np.flatnonzero(rows >= 0)
        return known, self.at(rows[known])

    def rows(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """The row of each text's vector, -1 for a text that has none."""
        rows = np.full(len(texts), -1, np.int64)
        if not len(texts) or not len(self):
            return rows
        wanted = hashes(texts)
        at = np.searchsorted(self._sorted, wanted).clip(max=len(self) - 1)
        known = np.flatnonzero(self._sorted[at] == wanted)
        vectors = self.at(self._order[at[known]])
        good = known[np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1) < _TOLERANCE]
        rows[good] = self._order[at[good]]
        return rows

    def at(self, rows: npt.NDArray[np.integer[Any]]) -> Vectors:
        """The vectors of rows."""
        vectors: Vectors = self._vectors[rows].astype(np.float32)
        return vectors / np.float32(_SCALE) if self._kind == "i1" else vectors

    def find(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of the texts that have one."""
        return {texts[i]: vector for i, vector in zip(*self.lookup(texts), strict=True)}

    def parts(self) -> Iterator[tuple[Hashes, Vectors]]:
        """All hashes with their vectors, part by part."""
        for at in range(0, len(self), 4096):
            rows = self._vectors[at : at + 4096].astype(np.float32)
            yield self._hashes[at : at + 4096], rows / (_SCALE if self._kind == "i1" else 1)

    def add(self, texts: Sequence[str], vectors: npt.ArrayLike) -> None:
        """Add vectors to the files; this memo finds them when it is opened again."""
        rows = np.asarray(vectors, np.float32)
        if self._kind == "i1":
            rows = (rows * _SCALE).round().clip(-127, 127)
        rows = rows.astype(f"<{self._kind}")
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._kind}-{rows.shape[1]}"
        held = self._folder / "hashes"
        row = rows.shape[1] * rows.itemsize
        sizes = [file.stat().st_size if file.exists() else 0 for file in (held, path)]
        # A kill may have left one file longer than the other.
        count = min(sizes[0] // 8, sizes[1] // row)
        append(path, count * row, rows.tobytes())
        append(held, count * 8, hashes(texts).tobytes())

    def copy(self, folder: Path, texts: Sequence[str]) -> None:
        """Copy the vectors of these texts, each once, to a memo in another folder."""
        other = VectorMemo(folder)
        for at in range(0, len(texts), 4096):
            part = texts[at : at + 4096]
            known, vectors = self.lookup(part)
            if len(known):
                other.add([part[i] for i in known], vectors)
