"""An index as readers have it: mapped files (`rag.index.layout`), read where they are asked for."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.catalog.topics import TopicCluster, find_topics
from rag.index.bm25 import KeywordIndex, Segment
from rag.index.interface import HEAD, Candidates, Head, Index, Query, Ranking, Record
from rag.index.layout import Version, check_made_by, current_version, damaged
from rag.index.vectors import Matrix, VectorMemo, mapped
from rag.models.encoder import STATIC_DIMENSIONS, Vectors
from rag.settings import Settings

TOPICS = "topics.npz"
# What reading files raises that are missing, damaged or of another kind.
BAD = (OSError, ValueError, LookupError, TypeError, zlib.error)


class Snapshot(Index):
    """One version of an index in a folder."""

    def __init__(
        self,
        folder: Path,
        version: Version,
        heads: Mapping[str, Head],
        spellings: Mapping[str, str],
    ) -> None:
        """Map the files of a version, of which the small ones have been read."""
        super().__init__(heads)
        self.folder, self.version, self.revision = folder, version, version.revision
        self.home = folder / version.data
        self.spellings = spellings
        counts = np.diff(self.starts)
        # Of each passage its report's number, and its row in the files.
        self.report_numbers = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        rows = np.array([head.row for head in self.heads.values()], np.int64) - self.starts[:-1]
        self.file_rows = (np.repeat(rows, counts) + np.arange(self.starts[-1])).astype(np.int32)
        shape = version.rows, version.dimensions
        self.dense = Matrix(self.home / "dense", *shape, self.file_rows)
        self.static = Matrix(self.home / "static", shape[0], STATIC_DIMENSIONS, self.file_rows)
        self._texts = mapped(self.home / "texts", np.uint8, version.size("texts"))
        self.segments = [Segment.load(self.home / name) for name in version.segments]
        self.lengths = mapped(self.home / "lengths", "<i4", version.rows)
        self.keyword = KeywordIndex(self.segments, self.lengths, self.file_rows)
        self.memo = VectorMemo(self.home / "memo")

    @classmethod
    def open(cls, folder: Path, version: Version) -> Snapshot:
        """A version of the index in a folder; raises one of BAD where its files are not good."""
        heads, words = (
            mapped(folder / version.data / name, np.uint8, version.size(name)).tobytes()
            for name in ("heads", "words")
        )
        last = {h.report.info.id: h for h in map(HEAD.validate_json, heads.splitlines())}
        there = {name: head for name, head in last.items() if not head.deleted}
        lines = map(bytes.decode, words.splitlines())
        return cls(folder, version, there, dict(line.split("\t", 1) for line in lines))

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
        heads = self.heads.values()
        return np.array([code for head in heads for code in head.languages], np.str_)

    @cached_property
    def findings(self) -> npt.NDArray[np.bool_]:
        """For each passage whether it tells what happened or was learned."""
        return np.array([passage.stage == "finding" for passage in self.passages], np.bool_)

    @cached_property
    def means(self) -> Vectors:
        nothing = np.zeros((1, self.version.dimensions), np.float32)
        rows = (self.dense.at(h.rows) if h.languages else nothing for h in self.heads.values())
        return np.array([vectors.mean(axis=0) for vectors in rows])

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

        def of_stage(allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
            own = allowed & self.findings if query.stage == "finding" else allowed
            return own if own.any() else allowed

        inside = [self.allowed(scope) for scope in scopes]
        rankings = [
            {name: _top(np.where(mask, s, -np.inf), depth) for name, s in scores.items()}
            for mask in map(of_stage, inside)
        ]
        rows = {row for ranking in rankings for best in ranking.values() for row, _ in best}
        in_scope = np.where(inside[0], keyword, 0)
        highest = float(in_scope.max(initial=0))
        over = np.flatnonzero((in_scope > 0) & (in_scope >= share * highest))
        matching = frozenset(self.ids[n] for n in np.unique(self.report_numbers[over]))
        return Candidates(rankings, {row: float(dense[row]) for row in rows}, matching)

    def having(self, words: Sequence[Collection[str]], filters: Filters) -> Ranking:
        allowed = self.allowed(filters)
        return [(row, score) for row, score in self.keyword.having(words) if allowed[row]]

    def frequencies(self, terms: Collection[str]) -> list[int]:
        return self.keyword.frequencies(terms)

    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        for name in report_ids:
            head = self.heads[name]
            yield name, self._texts[head.at : head.at + head.size].tobytes()

    def read(self, report_ids: Collection[str]) -> Mapping[str, Record]:
        try:
            return super().read(report_ids)
        except BAD as error:
            raise damaged(self.folder, error) from error

    def check(self) -> None:
        """Compare all files with their checksums; raises IndexDamaged."""
        for name, (left, expected) in self.version.files.items():
            checksum = 0
            with suppress(OSError), (self.home / name).open("rb") as file:
                while part := file.read(min(left, 1 << 24)):
                    checksum = zlib.crc32(part, checksum)
                    left -= len(part)
            if left or checksum != expected or not (self.home / name).exists():
                error = ValueError(f"the file {name} is not as it was written")
                raise damaged(self.folder, error)


def current_index(settings: Settings, made_by: Mapping[str, str], before: Index | None) -> Index:
    """The index as it is now, the one before if nothing has changed; raises IndexUnusable."""
    if settings.database:
        # The libraries of databases take time to import, and most need none.
        from rag.index.postgres import PostgresIndex

        opened = before if isinstance(before, PostgresIndex) else None
        return PostgresIndex.current(settings.database.get_secret_value(), made_by, opened)
    if isinstance(before, Snapshot) and before.version == current_version(settings.index):
        return before
    return current_snapshot(settings.index, made_by)


def with_files(index: Index, settings: Settings) -> Snapshot:
    """An index with all of its files; those of a database are copied into the folder."""
    if isinstance(index, Snapshot):
        return index
    from rag.index.postgres_writer import copy_database

    assert settings.database
    return copy_database(settings.database.get_secret_value(), settings.index)


def current_snapshot(folder: Path, made_by: Mapping[str, str]) -> Snapshot:
    """The index in a folder as it is now.

    Raises:
        IndexMissing, IndexDamaged: there is none; its files can't be read.
        IndexMismatch: it was made by something else than `made_by`.
    """
    version = current_version(folder)
    check_made_by(folder, version.made_by, made_by)
    try:
        return Snapshot.open(folder, version)
    except BAD as error:
        # Two ingests may have ended since its version was read.
        if current_version(folder) != version:
            return current_snapshot(folder, made_by)
        raise damaged(folder, error) from error


def _top(scores: npt.NDArray[Any], depth: int) -> Ranking:
    depth = min(depth, int(np.count_nonzero(scores > -np.inf)))
    if not depth:
        return []
    top = np.argpartition(-scores, depth - 1)[:depth]
    return [(int(i), float(scores[i])) for i in top[np.lexsort((top, -scores[top]))]]
