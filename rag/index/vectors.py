"""Files of vectors that only grow: aligned to the passages, or found by the hash of their text.

A number takes a byte, and each vector has the factor that gives it unit length again. A cosine of
two of them is off by 0.0005 (standard deviation).
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.files import append
from rag.models.encoder import Vectors

_TOLERANCE = 0.01  # vectors of other length are damaged
_TOGETHER = 2048  # rows that are multiplied at a time
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int32]


def hashes(texts: Iterable[str]) -> Hashes:
    """A hash of 64 bits for each text."""
    digests = (
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in texts
    )
    return np.frombuffer(b"".join(digests), "<u8")


def mapped(path: Path, kind: npt.DTypeLike, count: int) -> Any:
    """The first so many numbers of a file, which are read where they are asked for."""
    # As a plain array: a memmap takes ten times as long to give a number.
    return np.asarray(np.memmap(path, kind, "r", shape=(count,)) if count else np.zeros(0, kind))


def vector_type(width: int) -> np.dtype[np.void]:
    """How a vector lies in a file."""
    return np.dtype([("factor", "<f4"), ("values", "i1", (width,))])


def in_bytes(vectors: Vectors, kind: np.dtype[np.void] | None = None) -> npt.NDArray[np.void]:
    """Vectors as they lie in a file, in rows of a kind that may have more."""
    rows = np.zeros(len(vectors), kind or vector_type(vectors.shape[1]))
    largest = np.abs(vectors).max(axis=1, initial=0, keepdims=True)
    rows["values"] = (vectors * (127 / np.maximum(largest, 1e-9))).round()
    lengths = np.linalg.norm(rows["values"].astype(np.float32), axis=1)
    rows["factor"] = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return rows


@dataclass(eq=False)
class Matrix:
    """Some vectors of a mapped file, in an order of their own.

    Only what is asked for is read, and memory is the system's to take.
    """

    stored: npt.NDArray[np.void]
    order: Rows

    def __matmul__(self, other: Any) -> Vectors:
        product = np.zeros((len(self.stored), *np.shape(other)[1:]), np.float32)
        room = np.empty((_TOGETHER, self.stored["values"].shape[1]), np.float32)
        # Fewer rows at a time take longer, and other threads would go on between parts too often.
        for at in range(0, len(product), _TOGETHER):
            part = room[: len(product) - at]
            part[:] = self.stored["values"][at : at + _TOGETHER]
            product[at : at + _TOGETHER] = part @ other
        scaled: Vectors = (product.T * self.stored["factor"]).T
        return scaled[self.order]

    def __getitem__(self, which: Any) -> Vectors:
        return self.at(self.order[which])

    def at(self, rows: Any) -> Vectors:
        """The vectors of rows of the file."""
        stored = self.stored[rows]
        vectors: Vectors = stored["values"].astype(np.float32)
        vectors *= stored["factor"][..., None]
        return vectors


class VectorMemo(Matrix):
    """Vectors of unit length by the hashes of their texts, in the order of these.

    It is a memo and no more: a text's vector is the same in any index, and where a file is missing,
    cut or damaged, the vector is made again. In a folder of its own lie a file of hashes and one of
    vectors, whose name tells their dimensions ("rows-512").
    """

    def __init__(self, folder: Path) -> None:
        """Open the memo in a folder."""
        self._folder = folder
        self.hashes: Hashes = np.zeros(0, "<u8")
        super().__init__(in_bytes(np.zeros((0, 0), np.float32)), np.zeros(0, np.int32))
        with suppress(OSError, ValueError, StopIteration):
            path = next(folder.glob("rows-*"))
            width = int(path.name.removeprefix("rows-"))
            held = np.fromfile(folder / "hashes", "<u8")
            # A kill may have left one file longer than the other.
            count = min(len(held), path.stat().st_size // vector_type(width).itemsize)
            order = np.argsort(held[:count], kind="stable").astype(np.int32)
            super().__init__(mapped(path, vector_type(width), count), order)
            self.hashes = held[order]
        self._count = len(self.hashes)

    def rows(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """The row of each text's vector, -1 for a text that has none."""
        wanted, rows = hashes(texts), np.full(len(texts), -1, np.int64)
        at = np.searchsorted(self.hashes, wanted)
        known = np.flatnonzero(np.searchsorted(self.hashes, wanted, "right") > at)
        vectors = self[at[known]]
        good = known[np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1) < _TOLERANCE]
        rows[good] = at[good]
        return rows

    def find(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of the texts that have one."""
        rows = self.rows(texts)
        known = (text for text, row in zip(texts, rows.tolist(), strict=True) if row >= 0)
        return dict(zip(known, self[rows[rows >= 0]], strict=True))

    def add(self, own: Hashes, vectors: Any) -> None:
        """Add vectors of texts by their hashes; this memo finds them when it is opened again."""
        rows = in_bytes(np.asarray(vectors, np.float32))
        self._folder.mkdir(parents=True, exist_ok=True)
        width = rows.dtype["values"].shape[0]
        for name, data in ((f"rows-{width}", rows), ("hashes", own)):
            append(self._folder / name, self._count * data.itemsize, data.tobytes())
        self._count += len(rows)
