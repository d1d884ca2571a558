"""An index as readers have it: mapped files, of which only what is asked for is read.

The files of `data-...` only grow, and a version says how much of each counts (`rag.index.layout`):

    heads        a line of JSON for each report or later change of one: tags, where its passages'
                 rows begin and its text lies; the last line of a report counts
    texts        of each line the verbatim text and the passages, compressed
    dense        the passages' vectors of unit length, a row each, as `rag.index.vectors.in_bytes`
    static       those of `rag.models.encoder.encode_static`
    lengths      how many terms each passage has
    words        terms, each with a word as it is written
    terms-...    segments of the keyword index
    extras-N     of version N: which passages are duplicates
    memo         vectors of sentences and words by their hash

So a reader never sees what an ingest adds meanwhile, and many processes share one copy in memory.
"""

from __future__ import annotations

import mmap
import random
import zlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache, partial
from pathlib import Path
from tokenize import TokenError
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import orjson

from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.catalog.topics import TopicCluster, find_topics
from rag.errors import IndexDamaged
from rag.index.bm25 import KeywordIndex, Segment
from rag.index.interface import HEAD, Candidates, Head, Index, Query, Ranking, Record, unpack
from rag.index.layout import IN_FLOATS, Version, again, check_made_by, existing_version
from rag.index.vectors import Matrix, VectorMemo
from rag.models.encoder import STATIC_DIMENSIONS, Vectors
from rag.types import Passage

RECORDS = 4_000  # reports that stay in memory
TOPICS = "topics.npz"
CHECKED = 4_000  # reports that an ingest checks for damage, by chance among more
# What reading files raises that are missing, damaged or of another kind.
BAD = (OSError, ValueError, LookupError, TypeError, SyntaxError, TokenError, zlib.error)


class Snapshot(Index):
    """One version of an index in a folder."""

    def __init__(self, folder: Path, version: Version) -> None:
        """Open the files of a version; raises one of BAD where they are not good."""
        self.folder, self.version, self.revision = folder, version, version.revision
        self.home = folder / version.data
        newest: dict[str, Head] = {}
        with (self.home / "heads").open("rb") as file:
            for line in file.read(version.heads).splitlines():
                head = HEAD.validate_json(line)
                newest[head.report.info.id] = head
        self.heads = {i: newest[i] for i in sorted(newest) if not newest[i].deleted}
        self._heads = list(self.heads.values())
        counts = np.array([head.report.passages for head in self._heads], np.int64)
        self._ids = list(self.heads)
        self._first = np.concatenate(([0], np.cumsum(counts)))
        # Of each passage its report's number, and its row in the files.
        self.report_numbers = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        starts = np.array([head.row for head in self._heads], np.int64) - self._first[:-1]
        self.file_rows = (np.repeat(starts, counts) + np.arange(self._first[-1])).astype(np.int32)
        self.dense = self._matrix("dense", version.dimensions)
        self.static = self._matrix("static", STATIC_DIMENSIONS)
        self._texts: bytes | mmap.mmap = b""
        if version.texts:
            with (self.home / "texts").open("rb") as file:
                self._texts = mmap.mmap(file.fileno(), version.texts, access=mmap.ACCESS_READ)
        content = (self.home / f"extras-{version.number}").read_bytes()
        if zlib.crc32(content) != version.extras:
            raise ValueError("a file is not the one that was written")
        extras = orjson.loads(content)
        self.families = {int(row): first for row, first in extras["families"].items()}
        with (self.home / "words").open("rb") as file:
            lines = file.read(version.words).decode().splitlines()
        self.spellings = dict(line.split("\t", 1) for line in lines)
        segments = [Segment.load(self.home / f"terms-{a}-{b}") for a, b in version.terms]
        self.lengths = np.fromfile(self.home / "lengths", "<i4", version.rows)
        self.keyword = KeywordIndex(segments, self.lengths, self.file_rows)
        self.memo = VectorMemo(self.home / "memo")
        self._record = lru_cache(RECORDS)(self._unpacked)

    def _matrix(self, name: str, width: int) -> Matrix:
        floats = self.version.made_by.get("schema") == IN_FLOATS
        return Matrix(self.home / name, self.version.rows, width, self.file_rows, floats=floats)

    @cached_property
    def topics(self) -> tuple[TopicCluster, ...]:
        """The topics of the reports, found at first use: that takes a second or two."""
        infos, terms = list(self.catalog.reports.values()), self.frequent_words.items()
        words = ((word, self.keyword.passages_with(term)) for term, word in terms)
        path = self.folder / TOPICS
        return find_topics(infos, self.passages, self.report_numbers, self.dense[:], words, path)

    @cached_property
    def languages(self) -> npt.NDArray[np.str_]:
        """The language of each passage."""
        return np.array([code for head in self._heads for code in head.languages], np.str_)

    @cached_property
    def findings(self) -> npt.NDArray[np.bool_]:
        """For each passage whether it tells what happened or was learned."""
        return np.array([passage.stage == "finding" for passage in self.passages], np.bool_)

    @cached_property
    def means(self) -> Vectors:
        nothing = np.zeros(self.version.dimensions, np.float32)
        return np.array(
            [self.dense.at(h.rows).mean(axis=0) if h.languages else nothing for h in self._heads]
        )

    def allowed(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """For each passage whether its report, and its language, pass the filters."""
        if not filters:
            return np.ones(len(self.passages), np.bool_)
        inside = self.catalog.ids(filters)
        allowed = np.array([name in inside for name in self.heads], np.bool_)[self.report_numbers]
        if filters.language:
            keys = [filter_key("language", value) for value in filters.language]
            allowed &= np.isin(self.languages, keys)
        return allowed

    def candidates(
        self, query: Query, scopes: Sequence[Filters], depth: int, share: float
    ) -> Candidates:
        keyword = self.keyword.scores(query.text, query.language, query.pairs)
        dense = self.dense @ query.dense
        scores = {
            "keyword": np.where(keyword > 0, keyword, -np.inf),
            "static": self.static @ query.static,
            "dense": dense,
        }
        inside = [self.allowed(scope) for scope in scopes]
        rankings = [
            {name: _top(np.where(mask, s, -np.inf), depth) for name, s in scores.items()}
            for mask in map(partial(self._of_stage, query.stage), inside)
        ]
        rows = {row for ranking in rankings for best in ranking.values() for row, _ in best}
        in_scope = np.where(inside[0], keyword, 0)
        highest = float(in_scope.max(initial=0))
        over = np.flatnonzero((in_scope > 0) & (in_scope >= share * highest))
        matching = frozenset(self._ids[n] for n in np.unique(self.report_numbers[over]))
        return Candidates(rankings, {row: float(dense[row]) for row in rows}, matching)

    def _of_stage(self, stage: str, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        inside = allowed & self.findings if stage == "finding" else allowed
        return inside if inside.any() else allowed

    def having(self, terms: Collection[str], filters: Filters) -> Ranking:
        allowed = self.allowed(filters)
        return [(row, score) for row, score in self.keyword.having(terms) if allowed[row]]

    def reports_with(self, words: Sequence[Collection[str]]) -> frozenset[str]:
        """The ids of the reports that have all words in one passage; of a word any of its terms."""
        rows = self.keyword.with_all(words)
        return frozenset(self._ids[n] for n in np.unique(self.report_numbers[rows]))

    def frequency(self, term: str) -> int:
        return len(self.keyword.passages_with(term))

    def frequencies(self, terms: Collection[str]) -> list[int]:
        return self.keyword.frequencies(terms)

    @property
    def passages(self) -> Passages:
        """All passages, ordered by report and id, read when they are asked for."""
        return Passages(self)

    def rows(self, rows: Collection[int]) -> dict[int, Passage]:
        return {row: self.passages[row] for row in rows}

    def read(self, report_ids: Collection[str]) -> dict[str, Record]:
        return {name: self._record(name) for name in report_ids if name in self.heads}

    def packed(self, report_id: str) -> bytes:
        """The record of a report, as `pack` made it."""
        head = self.heads[report_id]
        return bytes(self._texts[head.at : head.at + head.size])

    def regroup(self, families: dict[int, str]) -> None:
        """Take these rows for duplicates, each with the id of the first of its group."""
        self.families = families
        self._record.cache_clear()

    def families_of(self, report_id: str) -> list[str]:
        """Of each passage of a report the id of the first of its duplicates, or ""."""
        rows = self.heads[report_id].rows
        return [self.families.get(row, "") for row in range(rows.start, rows.stop)]

    def _unpacked(self, report_id: str) -> Record:
        report, families = self.heads[report_id].report, self.families_of(report_id)
        try:
            return unpack(report, self.packed(report_id), families)
        except BAD as error:
            raise damaged(self.folder, error) from error

    def check(self) -> None:
        """Read what a damaged disk would have spoilt, a part of much; raises IndexDamaged."""
        ids = random.sample(self._ids, CHECKED) if len(self._ids) > CHECKED else self._ids
        if not (len(ids) < len(self._ids) or self.keyword.adds_up_to(self.lengths)):
            raise damaged(self.folder, ValueError("numbers of words are not those of the texts"))
        for name in ids:
            self._unpacked(name)
            for matrix in (self.dense, self.static):
                lengths = np.linalg.norm(matrix.at(self.heads[name].rows), axis=1)
                if not (np.isclose(lengths, 1, atol=1e-3) | (lengths == 0)).all():
                    raise damaged(self.folder, ValueError("vectors are not those written"))

    def at(self, position: int) -> Passage:
        """The passage at a position."""
        number = int(self.report_numbers[position])
        _, passages = self._record(self._ids[number])
        return passages[position - int(self._first[number])]


class Passages(Sequence[Passage]):
    """All passages of a snapshot, ordered by report and id, read when they are asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __len__(self) -> int:
        return len(self._snapshot.file_rows)

    @overload
    def __getitem__(self, which: int) -> Passage: ...
    @overload
    def __getitem__(self, which: slice) -> list[Passage]: ...
    def __getitem__(self, which: int | slice) -> Passage | list[Passage]:
        if isinstance(which, slice):
            return [self[n] for n in range(*which.indices(len(self)))]
        return self._snapshot.at(which)


def current_snapshot(folder: Path, made_by: Mapping[str, str]) -> Snapshot:
    """The index in a folder as it is now.

    Raises:
        IndexMissing, IndexDamaged: there is none; its files can't be read.
        IndexMismatch: it was made by something else than `made_by`.
    """
    version = existing_version(folder)
    check_made_by(folder, version.made_by, made_by)
    try:
        return Snapshot(folder, version)
    except BAD as error:
        # Two ingests may have ended since its version was read.
        if (now := existing_version(folder)) != version:
            with suppress(*BAD):
                return Snapshot(folder, now)
        raise damaged(folder, error) from error


def damaged(folder: Path, error: Exception) -> IndexDamaged:
    """What to say of an index whose files can't be read."""
    return IndexDamaged(f"The index in {folder} can't be read ({error}). {again(folder)}")


def _top(scores: npt.NDArray[Any], depth: int) -> Ranking:
    depth = min(depth, int(np.count_nonzero(scores > -np.inf)))
    if not depth:
        return []
    top = np.argpartition(-scores, depth - 1)[:depth]
    return [(int(i), float(scores[i])) for i in top[np.lexsort((top, -scores[top]))]]
