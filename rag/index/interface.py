"""What the rest of the program asks of an index, however it is stored.

Rows are numbers of passages. They hold for one open index, which stays as it was opened.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import TypeAdapter

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.errors import UnknownReport
from rag.index.bm25 import KeywordIndex
from rag.index.topics import TopicCluster
from rag.models.encoder import Vectors
from rag.types import Passage

if TYPE_CHECKING:
    from rag.index.local import Snapshot

# A word of so many letters is frequent if so many passages have it: rarer ones are often slips.
SHORTEST, LEAST_PASSAGES = 3, 3
RECORDS = 4_000  # reports in memory, after which they are forgotten
# Rows with their scores, the best first.
Ranking = Sequence[tuple[int, float]]
Mask = npt.NDArray[np.bool_]  # one value for each passage


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as the index holds it: tags, verbatim text, where it came from."""

    info: ReportInfo
    raw: str
    source: str = ""
    digest: str = ""  # of its text
    form_digest: str = ""  # of all it was parsed from
    passages_digest: str = ""  # of its tags and passages
    passages: int = 0  # how many there are
    unanswered: tuple[str, ...] = ()


Record = tuple[StoredReport, Sequence[Passage]]  # a report with its text, and its passages
# What a packed record has of a passage; its report is beside it.
_OF_PASSAGE = tuple(field.name for field in fields(Passage) if field.name != "report")


@dataclass(frozen=True, slots=True)
class Head:
    """A report without its text, and where that and its passages are in the files."""

    report: StoredReport
    row: int = 0  # of its first passage
    languages: tuple[str, ...] = ()  # of its passages, one each
    text: tuple[int, int] = 0, 0  # where that begins and ends

    @property
    def rows(self) -> slice:
        """Its passages' rows in the files."""
        return slice(self.row, self.row + self.report.passages)


HEAD = TypeAdapter(Head)


def pack(report: StoredReport, passages: Sequence[Passage]) -> bytes:
    """The text and the passages of a report, compressed."""
    rows = [[getattr(passage, name) for name in _OF_PASSAGE] for passage in passages]
    return zlib.compress(orjson.dumps([report.raw, rows]))


def unpack(report: StoredReport, packed: bytes) -> Record:
    """The report with its text, and its passages."""
    raw, rows = orjson.loads(zlib.decompress(packed))
    values: list[dict[str, Any]] = [dict(zip(_OF_PASSAGE, row, strict=True)) for row in rows]
    for own in values:
        own |= {"report": report.info, "spans": tuple(map(tuple, own["spans"]))}
    return replace(report, raw=raw), tuple(Passage(**own) for own in values)


@dataclass(frozen=True, slots=True)
class Query:
    """What passages are ranked by, and where."""

    terms: Sequence[str]
    dense: Vectors
    static: Vectors
    scopes: Sequence[Filters]
    depth: int  # how many of each ranking are wanted
    share: float  # of the best keyword score, from which on a passage matches
    stage: str = ""  # if it is given, only passages of it count in scopes that have any


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best rows in each scope by the name of each ranking."""

    rankings: Sequence[Mapping[str, Ranking]]
    similarity: Mapping[int, float]  # the cosine of each of these rows to the dense vector
    matching: frozenset[str]  # the reports of the first scope with a passage that matches


class Index(ABC):
    """An index that is read; all of it is of one revision. Safe to share between threads."""

    revision: str  # a hash of all content
    spellings: Mapping[str, str]  # a word as it is written for each term that is no pair of words

    def __init__(self, heads: Mapping[str, Head]) -> None:
        # The reports by their ids, in the order of these.
        self.heads = {name: heads[name] for name in sorted(heads)}
        self.ids = list(self.heads)
        # How many passages there are up to each report.
        counts = (head.report.passages for head in self.heads.values())
        self.starts = list(accumulate(counts, initial=0))
        # Of each passage its report's number, and its row in the files or in the database.
        sizes = np.diff(self.starts)
        self.report_numbers = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        rows = np.array([head.row for head in self.heads.values()], np.int64) - self.starts[:-1]
        self.file_rows = (np.repeat(rows, sizes) + np.arange(self.starts[-1])).astype(np.int32)
        self._records: dict[str, Record] = {}

    @property
    def passages(self) -> Passages:
        """All passages, ordered by report and id, read when they are asked for."""
        return Passages(self)

    def unlike(self, there: Mapping[str, Head]) -> list[str]:
        """The ids of the reports that are others there, or are here or there alone."""
        one, two = ({n: h.report for n, h in heads.items()} for heads in (self.heads, there))
        return [n for n in two | one if one.get(n) is not two.get(n) and one.get(n) != two.get(n)]

    def place(self, row: int) -> tuple[str, int]:
        """The report of a row, and which of its passages it is; all are numbered in their order."""
        number = bisect(self.starts, row) - 1
        return self.ids[number], row - self.starts[number]

    @abstractmethod
    def with_files(self, folder: Path) -> Snapshot:
        """The same with all of its files; those of a database are copied into the folder."""

    @abstractmethod
    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        """Reports by id as `pack` made them."""

    def read(self, report_ids: Collection[str]) -> Mapping[str, Record]:
        """Reports with their texts and passages by id; unknown ids are left out."""
        found = {name: self._records.get(name) for name in report_ids if name in self.heads}
        missing = [name for name, record in found.items() if record is None]
        for name, packed in self.packed(missing) if missing else ():
            found[name] = self._records[name] = unpack(self.heads[name].report, packed)
        if len(self._records) > RECORDS:
            self._records.clear()
        return {name: record for name, record in found.items() if record}

    def rows(self, rows: Collection[int]) -> Mapping[int, Passage]:
        """Passages by their rows, without those that are not there any more."""
        places = {row: self.place(row) for row in rows}
        records = self.read({name for name, _ in places.values()})
        return {row: records[i][1][n] for row, (i, n) in places.items() if i in records}

    @abstractmethod
    def vectors(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those sentences and words that are stored."""

    @property
    @abstractmethod
    def means(self) -> Vectors:
        """For each report, in the order of their ids, the mean of its passages' vectors."""

    @abstractmethod
    def keyword_of(self, terms: Iterable[str]) -> KeywordIndex:
        """The keyword index, or as much of it as tells of some terms."""

    @abstractmethod
    def nearest(self, query: Query, masks: Sequence[Mask]) -> Iterable[Mapping[str, Ranking]]:
        """The rankings by vectors in each scope, whose passages its mask tells."""

    @abstractmethod
    def cosines(self, rows: Sequence[int], dense: Vectors) -> Mapping[int, float]:
        """The cosine of each of these rows to a dense vector."""

    @cached_property
    def languages(self) -> npt.NDArray[np.str_]:
        """The language of each passage."""
        return np.array([c for head in self.heads.values() for c in head.languages], np.str_)

    @cached_property
    def stages(self) -> npt.NDArray[np.str_]:
        """The stage of each passage."""
        return np.array([passage.stage for passage in self.passages], np.str_)

    def allowed(self, filters: Filters, stage: str = "") -> Mask:
        """For each passage whether it passes the filters and, if any of them is, is of a stage."""
        allowed = np.ones(len(self.passages), np.bool_)
        if filters:
            inside = self.catalog.ids(filters)
            allowed = np.array([i in inside for i in self.ids], np.bool_)[self.report_numbers]
        if filters.language:
            keys = [filter_key("language", value) for value in filters.language]
            allowed &= np.isin(self.languages, keys)
        staged = allowed & (self.stages == stage) if stage else allowed
        return staged if staged.any() else allowed

    def candidates(self, query: Query) -> Candidates:
        """The best rows by each ranking in each scope."""
        masks = [self.allowed(scope, query.stage) for scope in query.scopes]
        scores = self.keyword_of(query.terms).scores(query.terms)
        scores[scores <= 0] = -np.inf
        rankings = [
            {"keyword": top(np.where(mask, scores, -np.inf), query.depth), **near}
            for mask, near in zip(masks, self.nearest(query, masks), strict=True)
        ]
        rows = {row for own in rankings for ranking in own.values() for row, _ in ranking}
        every = self.allowed(query.scopes[0]) if query.stage else masks[0]
        inside = np.where(every, scores, -np.inf)
        over = (inside > 0) & (inside >= query.share * inside.max(initial=0))
        matching = frozenset(self.ids[n] for n in set(self.report_numbers[over].tolist()))
        return Candidates(rankings, self.cosines(list(rows), query.dense), matching)

    def having(self, words: Sequence[Collection[str]], filters: Filters) -> Ranking:
        """The rows that pass the filters and have of each word any of its terms, the best first."""
        terms = list(chain.from_iterable(words))
        keyword = self.keyword_of(terms)
        has = [self.allowed(filters), *(keyword.scores(own) > 0 for own in words)]
        common = np.flatnonzero(np.logical_and.reduce(has))
        scores = keyword.scores(terms)
        ranked = common[np.argsort(-scores[common], kind="stable")]
        return [*zip(ranked.tolist(), scores[ranked].tolist(), strict=True)] if words else []

    def frequencies(self, terms: Collection[str]) -> Sequence[int]:
        """How many passages have each of the terms, in order; those of the past may count."""
        return self.keyword_of(terms).frequencies(terms)

    @cached_property
    def catalog(self) -> Catalog:
        """The reports' tags: exact counts and lists."""
        written = {name: head.languages for name, head in self.heads.items()}
        infos = (head.report.info for head in self.heads.values())
        return Catalog(infos, written, lambda: {t.name: t.reports for t in self.topics})

    @cached_property
    def topics(self) -> Sequence[TopicCluster]:
        """The topics of the reports, found at first use; none where vectors are not at hand."""
        return ()

    @cached_property
    def frequent_words(self) -> Mapping[str, str]:
        """The words that enough passages have, as they are written, by their terms."""
        plain = {t: w for t, w in self.spellings.items() if len(w) >= SHORTEST and w.isalpha()}
        counts = self.frequencies(plain)
        return {t: plain[t] for t, n in zip(plain, counts, strict=True) if n >= LEAST_PASSAGES}

    def passages_of(self, report_id: str) -> Sequence[Passage]:
        """The passages of a report, ordered by id; none of one that is not there."""
        found = self.read([report_id])
        return found[report_id][1] if found else ()

    def texts(self, report_ids: Collection[str]) -> Mapping[str, str]:
        """The verbatim texts of reports by id; unknown ids are left out."""
        return {name: report.raw for name, (report, _) in self.read(report_ids).items()}

    def report(self, report_id: str) -> StoredReport:
        """One report with its verbatim text; raises UnknownReport where there is none."""
        if found := self.read([report_id]):
            return found[report_id][0]
        raise UnknownReport(f"There is no report {report_id!r} in the index.")


def top(scores: npt.NDArray[Any], depth: int) -> Ranking:
    """So many places with the highest scores, without those of minus infinity."""
    depth = min(depth, int(np.count_nonzero(scores > -np.inf)))
    if not depth:
        return []
    best = np.argpartition(-scores, depth - 1)[:depth]
    return [(int(i), float(scores[i])) for i in best[np.lexsort((best, -scores[best]))]]


@dataclass(frozen=True, slots=True)
class Passages(Sequence[Passage]):
    """All passages of an index, ordered by report and id, read when they are asked for."""

    of: Index

    def __len__(self) -> int:
        return self.of.starts[-1]

    def __iter__(self) -> Iterator[Passage]:
        return chain.from_iterable(map(self.of.passages_of, self.of.ids))

    def __getitem__(self, which: Any) -> Any:
        name, n = self.of.place(which)
        return self.of.passages_of(name)[n]
