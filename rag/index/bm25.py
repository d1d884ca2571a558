"""Keyword search over all passages.

BM25 on stemmed words and pairs of them, context included (Lucene's variant: Kamphuis et al. 2020,
"Which BM25 do you mean?"). The index lies in segments of rows, each a list of the passages of every
term. What a term weighs depends on all passages, so scores are computed when they are asked for:
a report that changes adds a small segment and touches no other. Terms are known by their hashes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.index.vectors import Hashes, Rows, hashes, mapped

K1 = 1.2
B = 0.75
MOST_TIMES = 255  # that a term counts in a passage
Scores = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """The passages of each term in a run of rows."""

    terms: Hashes  # in order
    starts: Numbers  # of each term's part of what follows, and where the last ends
    rows: Rows
    counts: npt.NDArray[np.uint8]  # how often a row has the term

    @classmethod
    def of(cls, terms: Hashes, rows: Rows, counts: npt.NDArray[np.uint8]) -> Segment:
        """The segment in which each of the terms is so often in the row beside it."""
        order = np.argsort(terms, kind="stable")
        held, starts = np.unique(terms[order], return_index=True)
        return cls(held, np.append(starts, len(terms)), rows[order], counts[order])

    @classmethod
    def build(cls, first: int, passages: Sequence[Sequence[str]]) -> Segment:
        """The segment of the terms of passages, whose rows begin with `first`."""
        times = [Counter(terms) for terms in passages]
        rows = np.repeat(np.arange(first, first + len(times), dtype=np.int32), [*map(len, times)])
        counts = np.fromiter(chain.from_iterable(own.values() for own in times), np.int64)
        often = counts.clip(max=MOST_TIMES).astype(np.uint8)
        return cls.of(hashes(chain.from_iterable(times)), rows, often)

    @classmethod
    def merge(cls, segments: Sequence[Segment], moved: Rows) -> Segment:
        """One segment of several; `moved` has for each row its new one, or -1 to leave it out."""
        terms = np.concatenate([np.repeat(s.terms, np.diff(s.starts)) for s in segments])
        rows = moved[np.concatenate([segment.rows for segment in segments])]
        counts = np.concatenate([segment.counts for segment in segments])
        stay = rows >= 0
        return cls.of(terms[stay], rows[stay], counts[stay])

    def packed(self) -> bytes:
        """The segment as it lies in a file: how many terms it has, and its arrays."""
        arrays = (np.array([len(self.terms)]), self.terms, self.starts, self.rows, self.counts)
        return b"".join(array.tobytes() for array in arrays)

    @classmethod
    def load(cls, path: Path) -> Segment:
        """The segment of a file, mapped."""
        data = mapped(path, np.uint8, path.stat().st_size)
        count = int(data[:8].view("<i8")[0])
        terms, starts, found = np.split(data[8:], [8 * count, 16 * count + 8])
        rows, counts = np.split(found, [len(found) // 5 * 4])
        return cls(terms.view("<u8"), starts.view("<i8"), rows.view("<i4"), counts)

    def find(self, terms: Hashes) -> tuple[Numbers, Numbers]:
        """Where the rows of each of the terms begin and end."""
        at = np.searchsorted(self.terms, terms)
        end = np.searchsorted(self.terms, terms, "right")
        return self.starts[at], self.starts[end]


class KeywordIndex:
    """BM25 scores of a fixed sequence of passages, addressed by their position."""

    def __init__(self, segments: Sequence[Segment], lengths: Rows, rows: Rows) -> None:
        """Take segments, the number of terms of each row, and the row of each position."""
        self._size = len(rows)
        self.segments = segments or [Segment.build(0, [])]
        self.positions = np.full(len(lengths), -1, np.int32)
        self.positions[rows] = np.arange(len(rows), dtype=np.int32)
        own = lengths[rows].astype(np.float32)
        usual = max(float(own.mean()), 1e-9) if len(own) else 1.0
        self._norms: Scores = K1 * (1 - B + B * own / usual)

    def scores(self, terms: Iterable[str]) -> Scores:
        """The BM25 score of each passage for the terms of a question."""
        scores = np.zeros(self._size, np.float32)
        for term in dict.fromkeys(terms):
            at, counts = self.passages(term)
            weight = np.float32(np.log1p((self._size - len(at) + 0.5) / (len(at) + 0.5)))
            scores[at] += weight * counts / (counts + self._norms[at])
        return scores

    def passages(self, term: str) -> tuple[Rows, Scores]:
        """The positions of the passages that have a term, and how often each has it."""
        wanted = hashes([term])
        found = [(s, slice(*np.concatenate(s.find(wanted)))) for s in self.segments]
        at = self.positions[np.concatenate([segment.rows[place] for segment, place in found])]
        counts = np.concatenate([segment.counts[place] for segment, place in found])
        return at[at >= 0], counts[at >= 0].astype(np.float32)

    def occurrences(self, terms: Collection[str]) -> tuple[Rows, Rows]:
        """Of some terms in passages: the term's number, and the passage's position."""
        segment = Segment.merge(self.segments, self.positions)
        numbers = np.repeat(np.arange(len(segment.terms), dtype=np.int32), np.diff(segment.starts))
        good = np.isin(segment.terms, hashes(terms))[numbers]
        return numbers[good], segment.rows[good]

    def frequencies(self, terms: Collection[str]) -> list[int]:
        """How many rows have each of the terms, those of the past among them."""
        held, places = np.unique(hashes(terms), return_inverse=True)  # In order: found sooner.
        found = np.array([segment.find(held) for segment in self.segments])
        return [*(found[:, 1] - found[:, 0]).sum(axis=0)[places].tolist()]
