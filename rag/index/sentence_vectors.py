"""Vectors of the reports' sentences, made by an ingest and kept in one file beside its database.

The file is named after the model and holds a count, so many hashes of texts (64 bits each, sorted)
and as many vectors of 16-bit numbers, in their order. It is a memo and no more: a text's vector is
the same in any index, and where the file is missing, cut or damaged, answers take longer.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.index.layout import SENTENCES
from rag.models.encoder import DIMENSIONS, NAME

_log = logging.getLogger(__name__)
_HASH = np.dtype("<u8")
_NUMBER = np.dtype("<f2")
_ROW = _HASH.itemsize + DIMENSIONS * _NUMBER.itemsize
_TOLERANCE = 0.01  # vectors of other length are none: 16 bits change it by less
# Vectors put in order and written at a time.
_WRITTEN = 4096
Hashes = npt.NDArray[np.uint64]
Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class SentenceVectors:
    """The kept vectors of texts, a row for each of their sorted hashes. Safe to share."""

    _hashes: Hashes = field(default_factory=lambda: np.zeros(0, _HASH))
    _vectors: Vectors = field(default_factory=lambda: np.zeros((0, DIMENSIONS), _NUMBER))

    @classmethod
    def load(cls, database: Path) -> SentenceVectors:
        """Those that are kept beside a database; none where their file is missing or damaged."""
        path = _path(database)
        try:
            with path.open("rb") as file:
                count = int.from_bytes(file.read(_HASH.itemsize), "little")
                if not count or os.fstat(file.fileno()).st_size != _HASH.itemsize + count * _ROW:
                    return cls()
                hashes = np.fromfile(file, _HASH, count)
                # Mapped: only what answers ask for is read, and memory is the system's to take.
                vectors = np.memmap(file, _NUMBER, "r", file.tell(), (count, DIMENSIONS))
        except (OSError, ValueError):
            return cls()
        return cls(hashes, vectors) if (hashes[1:] > hashes[:-1]).all() else cls()

    def find(self, texts: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        """The vectors of those of the texts that are kept."""
        if not texts or not len(self._hashes):
            return {}
        hashes = _hashes(texts)
        at = np.searchsorted(self._hashes, hashes).clip(max=len(self._hashes) - 1)
        known = np.flatnonzero(self._hashes[at] == hashes)
        vectors = self._vectors[at[known]].astype(np.float32)
        good = np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1) < _TOLERANCE
        return {texts[i]: v for i, v in zip(known[good], vectors[good], strict=True)}

    def only(self, texts: Sequence[str]) -> SentenceVectors:
        """Those of these texts and no others."""
        inside = np.isin(self._hashes, _hashes(texts))
        return SentenceVectors(self._hashes[inside], self._vectors[inside])

    def save(self, database: Path, texts: Sequence[str], vectors: Vectors) -> None:
        """Keep these and the vectors of more texts beside a database, if it can be written."""
        hashes = np.concatenate((_hashes(texts), self._hashes))
        hashes, order = np.unique(hashes, return_index=True)
        both = np.concatenate((vectors, self._vectors)).astype(_NUMBER, copy=False)
        path = _path(database)
        new = path.with_name(f"{path.name}.new")
        try:
            with new.open("wb") as file:
                file.write(len(hashes).to_bytes(_HASH.itemsize, "little"))
                file.write(hashes.tobytes())
                for at in range(0, len(order), _WRITTEN):
                    file.write(both[order[at : at + _WRITTEN]].tobytes())
            new.replace(path)
        except OSError as error:
            # A full disk costs answers some time, no more.
            _log.warning("Vectors of sentences can't be kept in %s: %s", database, error)
            with suppress(OSError):
                new.unlink(missing_ok=True)


def _path(database: Path) -> Path:
    return database / f"{SENTENCES}{NAME}-{version(NAME)}"


def _hashes(texts: Sequence[str]) -> Hashes:
    digests = (
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH.itemsize).digest()
        for text in texts
    )
    return np.frombuffer(b"".join(digests), _HASH)
