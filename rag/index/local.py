"""The folder of an index, and which version of it counts.

    index/
      current          the version that readers use: which files, and how much of them
      data-6f1c0a2b/   what searching needs, in files that only grow
        texts          of each report the verbatim text and the passages, compressed
        tags           what each ingest changed, compressed: reports that went or are others; of new
                       ones the tags, where passages' rows begin and the text lies; words by terms
        dense          the passages' vectors of unit length, a row each (`rag.index.vectors`)
        static         those of `rag.models.encoder.encode_static`, with the number of terms
        terms-...      segments of the keyword index, each named by how many rows there were
        memo/          vectors of sentences and words by their hash
      chroma/          the same passages and vectors in Chroma, for other programs and for repairs
      topics.npz, sentences.npz   what was made of a version, and is made again where it is missing
      embedded-...     vectors that an unfinished ingest has made
      ingest.lock      held by an ingest that writes
      reports/         report files that came through the page; each ingest reads them too

An ingest adds to the ends of the files and then replaces `current`, which the file system does at
once or not at all. Readers look at nothing beyond what their version says. What an ingest that was
cut short has left the next one cuts off. When much of the data is of the past, all is written anew
into another folder; the old one goes an ingest later.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import TypeAdapter

from rag.errors import IndexMismatch, IndexMissing, IndexUnusable, anew, damaged
from rag.files import append, free_bytes, in_words, replace_file
from rag.index.bm25 import KeywordIndex, Segment
from rag.index.interface import Head, Index, Mask, Query, Ranking, Record, StoredReport, pack, top
from rag.index.topics import TopicCluster, find_topics
from rag.index.vectors import Matrix, VectorMemo, in_bytes, mapped, vector_type
from rag.models.encoder import STATIC_DIMENSIONS, Vectors, encode_static
from rag.settings import Settings
from rag.text.tokenize import terms_and_forms
from rag.types import Passage

POINTER, LOCK, UPLOADED, CHROMA = "current", "ingest.lock", "reports", "chroma"
DATA, EMBEDDED, TERMS = "data-", "embedded-", "terms-"
TOPICS, SENTENCES = "topics.npz", "sentences.npz"
SCHEMA = 7  # raise when the files, or how words are stemmed, change
# How much may be of the past, and in how many pieces the keyword index, before all is written anew.
MOST_PAST, MOST_SEGMENTS, REPORTS_A_SEGMENT = 0.2, 25, 500  # one more piece for so many reports
SEGMENT = 2_000  # reports whose terms are written together
STATIC = np.dtype([("length", "<i4"), *vector_type(STATIC_DIMENSIONS).descr])
Tags = tuple[Mapping[str, Head], Mapping[str, str]]
# What reading files raises that are missing, damaged or of another kind.
BAD = (OSError, ValueError, LookupError, TypeError, zlib.error)


@dataclass(slots=True)
class Version:
    """What counts of a folder."""

    data: str = ""  # the folder of its files
    files: dict[str, tuple[int, int]] = field(default_factory=dict)  # the bytes, and a checksum
    rows: int = 0  # how many passages the files have, those of the past among them
    dimensions: int = 0
    revision: str = ""  # a hash of all content
    made_by: Mapping[str, str] = field(default_factory=dict)  # the parser, chunker and embedding
    schema: int = 0
    gone: int = 0  # how many reports `tags` has that went or are others since

    @classmethod
    def load(cls, folder: Path) -> Version:
        """The version that a folder tells; raises one of BAD."""
        version = _VERSION.validate_json(zlib.decompress((folder / POINTER).read_bytes()))
        if version.schema < SCHEMA:
            raise ValueError("it is of an older kind")
        return version

    def size(self, name: str) -> int:
        """The bytes of a file that count."""
        return self.files.get(name, (0, 0))[0]

    def read(self, path: Path) -> Any:
        """What counts of a file, mapped."""
        return mapped(path, np.uint8, self.size(path.name))

    def tags(self, home: Path) -> Tags:
        """The reports by their ids, and by its term each word as it is written."""
        reports, words, data = dict[str, Head](), dict[str, str](), self.read(home / "tags")
        while len(data):
            stream = zlib.decompressobj()
            gone, new, more = _CHANGE.validate_json(stream.decompress(data))
            data = stream.unused_data
            for name in gone:
                del reports[name]
            reports |= new
            words |= more
        return reports, words

    def checked(self, home: Path, names: Collection[str]) -> Version:
        """This version if those files that it has are as they were written; or ValueError."""
        for name in self.files.keys() & names:
            if zlib.crc32(self.read(home / name)) != self.files[name][1]:
                raise ValueError(f"the file {name} is not as it was written")
        return self


_VERSION = TypeAdapter(Version)
# Of an ingest: the reports that went or are others, those that are there now, and new words.
_CHANGE = TypeAdapter(tuple[list[str], dict[str, Head], dict[str, str]])


def current_version(folder: Path) -> Version:
    """The version that counts; or IndexMissing, IndexDamaged, IndexMismatch or IndexUnusable."""
    try:
        version = Version.load(folder)
    except FileNotFoundError:
        if any(folder.glob(f"{CHROMA}*")):  # An older kind had Chroma's files beside it.
            raise damaged(folder, f"the file {POINTER} is gone") from None
        begun = any(folder.glob(f"{DATA}*")) or any(folder.glob(f"{EMBEDDED}*"))
        yet = " yet: an ingest is at work or was cut short" if begun else ""
        raise IndexMissing(
            f"There is no index in {folder}{yet}. Make one: asklabs ingest PATH --index {folder}"
        ) from None
    except OSError as error:
        raise IndexUnusable(
            f"The index in {folder} can't be read ({error.strerror}). See to its permissions, or "
            "name another folder with --index."
        ) from error
    except BAD as error:
        raise damaged(folder, f"the file {POINTER} is damaged, or of an older kind") from error
    if version.schema > SCHEMA:
        raise IndexMismatch(f"The index in {folder} is of a newer asklabs. {anew(folder)}")
    return version


def check_made_by(folder: Path | str, made: Mapping[str, str], made_by: Mapping[str, str]) -> None:
    """Raise IndexMismatch where an index was made with something else than `made_by`."""
    for name, ours in made_by.items():
        if (theirs := made.get(name, "")) != ours:
            raise IndexMismatch(
                f"The index in {folder} was made with {name} {theirs!r}, this is {ours!r}. "
                f"{anew(folder)}"
            )


def trim(folder: Path, version: Version) -> None:
    """Delete what no reader of a version needs, of the past and of ingests that were cut short."""
    for home in folder.glob(f"{DATA}*"):
        if home.name != version.data:
            shutil.rmtree(home, ignore_errors=True)
        for path in home.glob("[dst]*"):  # dense, static, tags, terms, texts
            os.truncate(path, version.size(path.name))


def write_error(folder: Path, error: Exception) -> IndexUnusable:
    """What to say of an index that couldn't be written."""
    return IndexUnusable(
        f"The index in {folder} can't be written ({error}). What it held is still there. "
        f"Its disk has {in_words(free_bytes(folder))} free. Free space, see to its permissions, "
        "or name another folder with --index."
    )


class Snapshot(Index):
    """One version of an index in a folder."""

    def __init__(self, folder: Path, version: Version, tags: Tags | None = None) -> None:
        """Map the files of a version, whose tags may be known; or raise one of BAD."""
        self.folder, self.version, self.revision = folder, version, version.revision
        self.home = folder / version.data
        heads, self.spellings = tags or version.tags(self.home)
        super().__init__(heads)
        dense = mapped(self.home / "dense", vector_type(version.dimensions), version.rows)
        static = mapped(self.home / "static", STATIC, version.rows)
        self.dense, self.static = Matrix(dense, self.file_rows), Matrix(static, self.file_rows)
        self._texts = version.read(self.home / "texts")
        self.segments = [Segment.load(self.home / n) for n in version.files if n.startswith(TERMS)]
        self.keyword = KeywordIndex(self.segments, static["length"], self.file_rows)
        self.memo = VectorMemo(self.home / "memo")

    @cached_property
    def topics(self) -> tuple[TopicCluster, ...]:
        """The topics of the reports, found at first use: that takes a second or two."""
        infos, words = list(self.catalog.reports.values()), self.frequent_words.items()
        having = ((word, self.keyword.passages(term)[0]) for term, word in words)
        of_passages = self.passages, self.report_numbers, self.dense[:], having
        return find_topics(infos, *of_passages, self.folder / TOPICS)

    @property
    def is_worn(self) -> bool:
        """Whether it is to be written anew: much of it is of the past, or it is in many pieces."""
        version, reports = self.version, len(self.ids)
        past = version.rows - len(self.passages) > MOST_PAST * version.rows
        pieces = len(self.segments) - reports // REPORTS_A_SEGMENT
        return past or pieces >= MOST_SEGMENTS or version.gone > MOST_PAST * reports

    @cached_property
    def means(self) -> Vectors:
        nothing = np.zeros((1, self.version.dimensions), np.float32)
        rows = (self.dense.at(h.rows) if h.languages else nothing for h in self.heads.values())
        return np.array([vectors.mean(axis=0) for vectors in rows])

    def nearest(self, query: Query, masks: Sequence[Mask]) -> Iterable[Mapping[str, Ranking]]:
        scores = {"static": self.static @ query.static, "dense": self.dense @ query.dense}.items()
        for mask in masks:
            yield {name: top(np.where(mask, s, -np.inf), query.depth) for name, s in scores}

    def cosines(self, rows: Sequence[int], dense: Vectors) -> Mapping[int, float]:
        return dict(zip(rows, (self.dense[rows] @ dense).tolist(), strict=True)) if rows else {}

    def keyword_of(self, _: Iterable[str]) -> KeywordIndex:
        return self.keyword

    def vectors(self, texts: Sequence[str]) -> dict[str, Vectors]:
        return self.memo.find(texts)

    def with_files(self, _: Path) -> Snapshot:
        return self

    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        for name in report_ids:
            yield name, self._texts[slice(*self.heads[name].text)].tobytes()

    def read(self, report_ids: Collection[str]) -> Mapping[str, Record]:
        try:
            return super().read(report_ids)
        except BAD as error:
            raise damaged(self.folder, error) from error


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


def current_snapshot(folder: Path, made_by: Mapping[str, str]) -> Snapshot:
    """The index in a folder as it is now; IndexMismatch also where not `made_by` made it."""
    version = current_version(folder)
    check_made_by(folder, version.made_by, made_by)
    try:
        # A search reads most of it anyway, and a checksum takes a quarter of a second per gigabyte.
        return Snapshot(folder, version.checked(folder / version.data, version.files))
    except BAD as error:
        # Two ingests may have ended since its version was read.
        if current_version(folder) == version:
            raise damaged(folder, error) from error
    return current_snapshot(folder, made_by)


class LocalWriter:
    """One ingest's work on the index in a folder."""

    def __init__(self, folder: Path, base: Snapshot | None, made_by: Mapping[str, str]) -> None:
        """Go on from a version, or begin anew beside what is there."""
        v = base.version if base else Version(f"{DATA}{secrets.token_hex(4)}")
        self._version = replace(v, files={**v.files}, made_by=dict(made_by), schema=SCHEMA)
        heads, words = (base.heads, base.spellings) if base else ({}, {})
        self._reports, self._words = dict(heads), dict(words)
        self._told: Tags = heads, words  # what `tags` has of them
        self.folder, self.home = folder, folder / v.data
        self._new: list[Segment] = []  # of the reports after those of the segments
        self.home.mkdir(parents=True, exist_ok=True)

    def add(self, report: StoredReport, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Add a report, or replace it, with a vector for each of its passages in order."""
        self.update(report, passages, self._version.rows)
        if not passages:
            return
        found = [terms_and_forms(passage.in_context, passage.language) for passage in passages]
        static = in_bytes(encode_static([passage.in_context for passage in passages]), STATIC)
        static["length"] = [len(terms) for terms, _ in found]
        self._new.append(Segment.build(self._version.rows, [terms for terms, _ in found]))
        self._append_rows(in_bytes(vectors), static)
        # The first passage that has a word tells how it is written.
        for term, form in chain.from_iterable(forms.items() for _, forms in found):
            self._words.setdefault(term, form)
        if len(self._new) == SEGMENT:
            self._write_segment()

    def update(self, report: StoredReport, passages: Sequence[Passage], row: int = -1) -> None:
        """Replace a report, but not its passages' vectors, which begin with a row of the files."""
        name, languages = report.info.id, tuple(passage.language for passage in passages)
        row = self._reports[name].row if row < 0 else row
        text = self._append("texts", pack(report, passages))
        self._reports[name] = Head(replace(report, raw=""), row, languages, text)

    def delete(self, report_ids: Iterable[str]) -> None:
        """Delete reports; what the files had of them goes when all is written anew."""
        for name in report_ids:
            self._reports.pop(name, None)

    def copy(self, other: Snapshot, ids: Sequence[str]) -> None:
        """Begin with these reports of another version."""
        moved = np.full(other.version.rows, -1, np.int32)
        for name, packed in other.packed(ids):
            head, row = other.heads[name], self._version.rows
            moved[head.rows] = np.arange(row, row + head.report.passages)
            self._append_rows(other.dense.stored[head.rows], other.static.stored[head.rows])
            text = self._append("texts", packed)
            self._reports[name] = replace(head, row=row, text=text)
        self._new = [Segment.merge(other.segments, moved)] if other.segments else []
        self._words.update(other.spellings)

    def publish(self) -> Snapshot:
        """Let readers see the work, a new version of the index."""
        self._write_segment()
        lines = [f"{k}={v}" for k, v in sorted(self._version.made_by.items())]
        # The file's hash too: its text is shown, and facts of it that are in no passage.
        reports = sorted((name, head.report) for name, head in self._reports.items())
        lines += [f"{name} {r.passages_digest} {r.digest}" for name, r in reports]
        self._version.revision = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        heads, words = self._told
        gone = [name for name, head in heads.items() if self._reports.get(name) is not head]
        new = {name: h for name, h in self._reports.items() if heads.get(name) is not h}
        more = {term: word for term, word in self._words.items() if term not in words}
        self._append("tags", zlib.compress(orjson.dumps((gone, new, more)), 1))
        self._version.gone += len(gone)
        for name in self._version.files:
            with (self.home / name).open("ab") as file:
                os.fsync(file.fileno())
        replace_file(self.folder / POINTER, zlib.compress(orjson.dumps(self._version), 1))
        # It has words of reports that may be gone.
        (self.folder / SENTENCES).unlink(missing_ok=True)
        return Snapshot(self.folder, self._version, (self._reports, self._words))

    def _append(self, name: str, data: bytes) -> tuple[int, int]:
        """Put data after what counts of a file; gives where they begin and end."""
        size, checksum = self._version.files.get(name, (0, 0))
        append(self.home / name, size, data)
        self._version.files[name] = size + len(data), zlib.crc32(data, checksum)
        return size, size + len(data)

    def _append_rows(self, dense: npt.NDArray[np.void], static: npt.NDArray[np.void]) -> None:
        self._append("dense", dense.tobytes())
        self._append("static", static.tobytes())
        self._version.dimensions = dense.dtype["values"].shape[0]
        self._version.rows += len(dense)

    def _write_segment(self) -> None:
        if self._new:
            merged = Segment.merge(self._new, np.arange(self._version.rows, dtype=np.int32))
            self._append(f"{TERMS}{self._version.rows}", merged.packed())
            self._new = []
