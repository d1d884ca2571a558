"""An index as readers have it: mapped files, of which only what is asked for is read.

The files of `data-...` only grow, and a version says how much of each counts (`rag.index.layout`):

    heads        a line of JSON for each report or later change of one: tags, where its passages'
                 rows begin and its text lies; the last line of a report counts
    texts        of each line the verbatim text and the passages, compressed
    dense        the passages' vectors, a row each, of unit length
    static       those of `rag.models.encoder.encode_static`
    lengths      how many terms each passage has
    words        terms, each with a word as it is written
    terms-...    segments of the keyword index
    extras-N     of version N: which passages are duplicates, the forms
    memo         vectors of sentences and words by their hash

So a reader never sees what an ingest adds meanwhile, and many processes share one copy in memory.
"""

from __future__ import annotations

import mmap
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from tokenize import TokenError
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import TypeAdapter

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.errors import IndexDamaged, UnknownReport
from rag.index.bm25 import KeywordIndex, Lexicon, Segment
from rag.index.interface import Candidates, Query, Ranking, StoredReport
from rag.index.layout import Version, again, check_made_by, existing_version
from rag.index.topics import TopicCluster, find_topics
from rag.index.vectors import Matrix, VectorMemo
from rag.models.encoder import STATIC_DIMENSIONS
from rag.types import Alike, Passage

RECORDS = 4_000  # reports whose passages stay in memory
# What reading files raises that are missing, damaged or of another kind.
BAD = (OSError, ValueError, LookupError, TypeError, SyntaxError, TokenError, zlib.error)
# What a record has of a passage; its report is beside it, its duplicates are the version's.
_OF_PASSAGE = tuple(f.name for f in fields(Passage) if f.name not in ("report", "family"))


@dataclass(frozen=True, slots=True)
class Head:
    """A line of `heads`: a report without its text; where its rows and its text are.

    `languages` are those of its passages, one each; `deleted` says that it is gone.
    """

    report: StoredReport
    row: int = 0
    languages: tuple[str, ...] = ()
    at: int = 0
    size: int = 0
    deleted: bool = False


HEAD = TypeAdapter(Head)


def pack(report: StoredReport, passages: Sequence[Passage]) -> bytes:
    """The record of a report: all of it but vectors."""
    rows = [[getattr(passage, name) for name in _OF_PASSAGE] for passage in passages]
    return zlib.compress(orjson.dumps([report.raw, rows]))


def unpack(report: StoredReport, record: bytes) -> tuple[StoredReport, list[Passage]]:
    """The report, with its text, and the passages of a record."""
    raw, rows = orjson.loads(zlib.decompress(record))
    passages = []
    for row in rows:
        values: dict[str, Any] = dict(zip(_OF_PASSAGE, row, strict=True))
        values["spans"] = tuple(map(tuple, values["spans"]))
        passages.append(Passage(report=report.info, **values))
    return replace(report, raw=raw), passages


def mark(head: Head) -> str:
    """What tells one state of a report from another."""
    report = head.report
    return f"{report.passages_digest} {report.digest} {report.form_digest} {report.source}"


class OfHeads(ABC):
    """What every index knows from its heads, by report and in their order, and frequent words."""

    heads: Mapping[str, Head]
    memo: VectorMemo

    @property
    @abstractmethod
    def frequent_words(self) -> Mapping[str, str]:
        """The words that enough passages have, as they are written, by their terms."""

    @cached_property
    def catalog(self) -> Catalog:
        """The reports' tags."""
        written = {name: set(head.languages) for name, head in self.heads.items()}
        infos = (head.report.info for head in self.heads.values())
        return Catalog(infos, written, lambda: {t.name: t.reports for t in self.topics})

    @cached_property
    def topics(self) -> tuple[TopicCluster, ...]:
        """The topics of the reports; none where their vectors are not at hand."""
        return ()

    @cached_property
    def language_counts(self) -> Mapping[str, int]:
        """The languages of the passages with their numbers, the most used first."""
        counts = Counter(code for head in self.heads.values() for code in head.languages)
        return dict(counts.most_common())

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon.of(self.frequent_words, self.memo)

    def alike(self, text: str, language: str) -> tuple[Alike, ...]:
        """For each content word of a question what else in the collection means nearly that."""
        return self._lexicon.alike(text, language)


class Snapshot(OfHeads):
    """One version of an index. Safe to share between threads."""

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
        self.forms: str = extras["forms"]
        self.keyword = self._keyword(version)
        self.memo = VectorMemo(self.home / "memo")
        self._passages_of = lru_cache(RECORDS)(self._read_passages)
        self.passages = Passages(self)

    def _matrix(self, name: str, width: int) -> Matrix:
        return Matrix(self.home / name, self.version.rows, width, self.file_rows)

    def _keyword(self, version: Version) -> KeywordIndex:
        with (self.home / "words").open("rb") as file:
            lines = file.read(version.words).decode().splitlines()
        forms = dict(line.split("\t", 1) for line in lines)
        segments = [Segment.load(self.home / f"terms-{a}-{b}") for a, b in version.terms]
        lengths = np.fromfile(self.home / "lengths", "<i4", version.rows)
        return KeywordIndex(segments, lengths, self.file_rows, forms)

    @property
    def frequent_words(self) -> Mapping[str, str]:
        """The words that enough passages have, as they are written, by their terms."""
        return self.keyword.frequent_words

    @cached_property
    def topics(self) -> tuple[TopicCluster, ...]:
        """The topics of the reports, found at first use: that takes a second or two."""
        return find_topics(self)

    @cached_property
    def languages(self) -> npt.NDArray[np.str_]:
        """The language of each passage."""
        return np.array([code for head in self._heads for code in head.languages], np.str_)

    @cached_property
    def findings(self) -> npt.NDArray[np.bool_]:
        """For each passage whether it tells what happened or was learned."""
        return np.array([passage.stage == "finding" for passage in self.passages], np.bool_)

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
        """The `depth` best rows by each ranking in each scope."""
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
        ids = list(self.heads)
        matching = frozenset(ids[n] for n in np.unique(self.report_numbers[over]))
        return Candidates(rankings, {row: float(dense[row]) for row in rows}, matching)

    def _of_stage(self, stage: str, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        inside = allowed & self.findings if stage == "finding" else allowed
        return inside if inside.any() else allowed

    def having(self, terms: Collection[str], filters: Filters) -> Ranking:
        """The rows that pass the filters and have all terms, with their keyword scores."""
        allowed = self.allowed(filters)
        return [(row, score) for row, score in self.keyword.having(terms) if allowed[row]]

    def frequency(self, term: str) -> int:
        """How many passages have a term."""
        return self.keyword.frequency(term)

    def written(self, term: str) -> str:
        """A word of a term as the reports have it; "" for an unknown term."""
        return self.keyword.written(term)

    def rows(self, rows: Collection[int]) -> dict[int, Passage]:
        """Passages by their rows."""
        return {row: self.passages[row] for row in rows}

    def passages_of(self, report_id: str) -> Sequence[Passage]:
        """The passages of a report, ordered by id; none of one that is not there."""
        return self._passages_of(report_id) if report_id in self.heads else ()

    def texts(self, report_ids: Collection[str]) -> dict[str, str]:
        """The verbatim texts of reports by id; unknown ids are left out."""
        return {i: self.report(i).raw for i in report_ids if i in self.heads}

    def report(self, report_id: str) -> StoredReport:
        """One report with its verbatim text; raises UnknownReport where there is none."""
        if report_id not in self.heads:
            raise UnknownReport(
                f"There is no report {report_id!r} in the index. See `asklabs info`."
            )
        return self._unpacked(report_id)[0]

    def record(self, report_id: str) -> bytes:
        """The record of a report, as `pack` made it."""
        head = self.heads[report_id]
        return bytes(self._texts[head.at : head.at + head.size])

    def check(self) -> None:
        """Read what a damaged disk would have spoilt; raises IndexDamaged."""
        for report_id in self.heads:
            self._unpacked(report_id)
        for matrix in (self.dense, self.static):
            lengths = np.einsum("ij,ij->i", matrix.all, matrix.all)
            if not (np.isclose(lengths, 1, atol=1e-3) | (lengths == 0)).all():
                raise damaged(self.folder, ValueError("vectors are not those that were written"))

    def _unpacked(self, report_id: str) -> tuple[StoredReport, list[Passage]]:
        try:
            return unpack(self.heads[report_id].report, self.record(report_id))
        except BAD as error:
            raise damaged(self.folder, error) from error

    def _read_passages(self, report_id: str) -> tuple[Passage, ...]:
        row = self.heads[report_id].row
        _, passages = self._unpacked(report_id)
        firsts = (self.families.get(row + n, "") for n in range(len(passages)))
        return tuple(
            replace(p, family=first) if first else p
            for p, first in zip(passages, firsts, strict=True)
        )

    def at(self, position: int) -> Passage:
        """The passage at a position."""
        number = int(self.report_numbers[position])
        passages = self._passages_of(self._heads[number].report.info.id)
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

    def __iter__(self) -> Iterator[Passage]:
        for report_id in self._snapshot.heads:
            yield from self._snapshot.passages_of(report_id)


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


def head_line(head: Head) -> bytes:
    """A line of `heads`."""
    plain = replace(head, report=replace(head.report, raw=""))
    return orjson.dumps(asdict(plain)) + b"\n"


def _top(scores: npt.NDArray[Any], depth: int) -> Ranking:
    depth = min(depth, int(np.count_nonzero(scores > -np.inf)))
    if not depth:
        return []
    top = np.argpartition(-scores, depth - 1)[:depth]
    return [(int(i), float(scores[i])) for i in top[np.lexsort((top, -scores[top]))]]
