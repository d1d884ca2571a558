"""What the rest of the program asks of an index, however it is stored.

Rows are numbers of passages. They hold for one open index, which stays as it was opened.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from bisect import bisect
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.catalog.topics import TopicCluster
from rag.errors import UnknownReport
from rag.models.encoder import Vectors
from rag.types import Passage, Progress

if TYPE_CHECKING:
    from rag.index.local import LocalWriter, Snapshot

# A word is frequent if so many passages have it: rarer ones are names and slips more often.
LEAST_PASSAGES = 3
SHORTEST = 3  # letters of such a word
RECORDS = 4_000  # reports that stay in memory
# Rows with their scores, the best first.
Ranking = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as the index holds it: tags, verbatim text, where it came from.

    `digest` is the hash of its text, `form_digest` of all it was parsed from, `passages_digest` of
    its tags and passages; `passages` is how many there are.
    """

    info: ReportInfo
    raw: str
    source: str = ""
    digest: str = ""
    form_digest: str = ""
    passages_digest: str = ""
    passages: int = 0
    unanswered: tuple[str, ...] = ()


Record = tuple[StoredReport, Sequence[Passage]]  # a report with its text, and its passages
# A report with its text, its passages and a vector for each of these in order.
Embedded = tuple[StoredReport, Sequence[Passage], Vectors]
# What a packed record has of a passage; its report is beside it.
_OF_PASSAGE = tuple(field.name for field in fields(Passage) if field.name != "report")


@dataclass(frozen=True, slots=True)
class Head:
    """A report without its text, and where a folder's files have its passages' rows and its text.

    `languages` are those of its passages, one each; `deleted` says that it is gone.
    """

    report: StoredReport
    row: int = 0
    languages: tuple[str, ...] = ()
    at: int = 0
    size: int = 0
    deleted: bool = False

    @property
    def rows(self) -> slice:
        """Its passages' rows in the files."""
        return slice(self.row, self.row + self.report.passages)

    @property
    def mark(self) -> str:
        """What tells one state of the report from another."""
        report = self.report
        return f"{report.passages_digest} {report.digest} {report.form_digest} {report.source}"

    def line(self) -> bytes:
        """The head as a line of JSON, which HEAD reads."""
        return orjson.dumps(self) + b"\n"


HEAD = TypeAdapter(Head)


def pack(report: StoredReport, passages: Sequence[Passage]) -> bytes:
    """The text and the passages of a report, compressed."""
    rows = [[getattr(passage, name) for name in _OF_PASSAGE] for passage in passages]
    return zlib.compress(orjson.dumps([report.raw, rows]))


def unpack(report: StoredReport, packed: bytes) -> Record:
    """The report with its text, and its passages."""
    raw, rows = orjson.loads(zlib.decompress(packed))
    passages = []
    for row in rows:
        values: dict[str, Any] = dict(zip(_OF_PASSAGE, row, strict=True))
        values["spans"] = tuple(map(tuple, values["spans"]))
        passages.append(Passage(report=report.info, **values))
    return replace(report, raw=raw), tuple(passages)


@dataclass(frozen=True, slots=True)
class Query:
    """What passages are ranked by; with a `stage`, only those of it in scopes that have any."""

    terms: Sequence[str]
    dense: Vectors
    static: Vectors
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best rows in each scope by the name of each ranking.

    `similarity` has the cosine of each of these rows to the dense vector; `matching` the reports of
    the first scope with a passage of at least a share of the best keyword score.
    """

    rankings: Sequence[Mapping[str, Ranking]]
    similarity: Mapping[int, float]
    matching: frozenset[str]


class Index(ABC):
    """An index that is read; all of it is of one revision. Safe to share between threads.

    `revision` is a hash of all content; `heads` has the reports by id, in the order of their ids;
    `spellings` a word as it is written for each term that is no pair of words.
    """

    revision: str
    spellings: Mapping[str, str]

    def __init__(self, heads: Mapping[str, Head]) -> None:
        self.heads = {name: heads[name] for name in sorted(heads)}
        self.ids = list(self.heads)
        # How many passages there are up to each report.
        counts = (head.report.passages for head in self.heads.values())
        self.starts = list(accumulate(counts, initial=0))
        self._records: dict[str, Record] = {}

    @property
    def passages(self) -> Passages:
        """All passages, ordered by report and id, read when they are asked for."""
        return Passages(self)

    def unlike(self, there: dict[str, str]) -> list[str]:
        """The ids of the reports whose marks are others there, or which are here or there alone."""
        here = {name: head.mark for name, head in self.heads.items()}
        return [name for name in there | here if there.get(name) != here.get(name)]

    def place(self, row: int) -> tuple[str, int]:
        """The report of a row, and which of its passages it is.

        If not told otherwise, all passages are numbered in their order.
        """
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
            for oldest in list(self._records)[:-RECORDS]:
                self._records.pop(oldest, None)
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
    def candidates(
        self, query: Query, scopes: Sequence[Filters], depth: int, share: float
    ) -> Candidates:
        """The `depth` best rows by each ranking in each scope."""

    @abstractmethod
    def having(self, words: Sequence[Collection[str]], filters: Filters) -> Ranking:
        """The rows that pass the filters and have all words, of each any of its terms, best first.

        They are ranked by the keyword scores of the terms.
        """

    def reports_with(self, words: Sequence[Collection[str]]) -> frozenset[str]:
        """The ids of the reports that have all words in one passage; of a word any of its terms."""
        return frozenset(self.place(row)[0] for row, _ in self.having(words, Filters()))

    @abstractmethod
    def frequencies(self, terms: Collection[str]) -> Sequence[int]:
        """How many passages have each of the terms, in order; those of the past may count."""

    @cached_property
    def catalog(self) -> Catalog:
        """The reports' tags: exact counts and lists."""
        written = {name: set(head.languages) for name, head in self.heads.items()}
        infos = (head.report.info for head in self.heads.values())
        return Catalog(infos, written, lambda: {t.name: t.reports for t in self.topics})

    @cached_property
    def topics(self) -> Sequence[TopicCluster]:
        """The topics of the reports, found at first use; none where vectors are not at hand."""
        return ()

    @cached_property
    def language_counts(self) -> Mapping[str, int]:
        """The languages of the passages with their numbers, the most used first."""
        counts = Counter(code for head in self.heads.values() for code in head.languages)
        return dict(counts.most_common())

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
        raise UnknownReport(f"There is no report {report_id!r} in the index. See `asklabs info`.")


class Passages(Sequence[Passage]):
    """All passages of an index, ordered by report and id, read when they are asked for."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __len__(self) -> int:
        return self._index.starts[-1]

    def __iter__(self) -> Iterator[Passage]:
        return chain.from_iterable(map(self._index.passages_of, self._index.ids))

    def __getitem__(self, which: Any) -> Any:
        name, n = Index.place(self._index, which)
        return self._index.passages_of(name)[n]


class Replica(ABC):
    """What else holds the reports of an index, from which its files can be made again.

    Its database has a table `report` with the id, mark and head of each, and its packed record.
    """

    stage: str  # what is told while it is written
    together: int  # reports that are written at a time
    parameter: str  # what stands for a value in a query

    def __init__(self, database: Any) -> None:
        """Take a connection."""
        self.database = database

    @abstractmethod
    def write(self, snapshot: Snapshot, report_ids: Sequence[str]) -> None:
        """Hold these reports as a snapshot has them; those that it has not are deleted."""

    @abstractmethod
    def read(self, report_id: str) -> Embedded:
        """A report with its passages and the vectors of these."""

    def marks(self) -> dict[str, str]:
        """The mark of each report's head."""
        return dict(self.database.execute("SELECT id, mark FROM report ORDER BY id").fetchall())

    def records(self, report_ids: Iterable[str]) -> Iterator[Record]:
        """Those of the reports that are here."""
        query = f"SELECT head, record FROM report WHERE id = {self.parameter}"
        for report_id in report_ids:
            for head, record in self.database.execute(query, [report_id]).fetchall():
                yield unpack(HEAD.validate_json(head).report, record)

    def put(self, snapshot: Snapshot, report_ids: Sequence[str]) -> None:
        """Write the rows of these reports anew."""
        p = self.parameter
        query = f"INSERT INTO report (id, mark, head, record) VALUES ({p}, {p}, {p}, {p})"
        for report_id in report_ids:
            self.database.execute(f"DELETE FROM report WHERE id = {p}", [report_id])
        for report_id, record in snapshot.packed([i for i in report_ids if i in snapshot.heads]):
            head = snapshot.heads[report_id]
            row = [report_id, head.mark, head.line().decode(), record]
            self.database.execute(query, row)

    def follow(self, snapshot: Snapshot, progress: Progress) -> None:
        """Hold what a snapshot has."""
        stale = snapshot.unlike(self.marks())
        for at in range(0, len(stale), self.together):
            progress(self.stage, at, len(stale))
            self.write(snapshot, stale[at : at + self.together])

    def fill(self, writer: LocalWriter, progress: Progress) -> Snapshot:
        """Publish files that hold what is here; nothing is embedded."""
        ids = [row[0] for row in self.database.execute("SELECT id FROM report ORDER BY id")]
        stale = writer.base.unlike(self.marks()) if writer.base else ids
        writer.delete(set(stale).difference(ids))
        for n, report_id in enumerate(there := sorted(set(ids).intersection(stale))):
            progress("copying", n, len(there))
            writer.add(*self.read(report_id))
        return writer.publish()
