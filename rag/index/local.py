"""The folder of an index, and which version of it counts.

    index/
      current          the version that readers use: which files, and how much of them
      data-6f1c0a2b/   what searching needs, in files that only grow
        heads          a line of JSON for each report or later change of one: tags, where its
                       passages' rows begin and its text lies; the last line of a report counts
        texts          of each line the verbatim text and the passages, compressed
        dense          the passages' vectors of unit length, a row each (`rag.index.vectors`)
        static         those of `rag.models.encoder.encode_static`
        lengths        how many terms each passage has
        words          terms, each with a word as it is written
        terms-...      segments of the keyword index, each written once
        memo/          vectors of sentences and words by their hash
      chroma/          the same passages and vectors in Chroma, for other programs and for repairs
      embedded-...     vectors that an unfinished ingest has made
      ingest.lock      held by an ingest that writes
      reports/         report files that came through the page; each ingest reads them too

An ingest adds to the ends of the files and then replaces `current`, which the file system does at
once or not at all. Readers look at nothing beyond what their version says, so they never see what
an ingest adds meanwhile, and many processes share one copy in memory; what an ingest that was cut
short has left there is cut off by the next one. When much of the data is of the past, all is
written anew into another folder; the old one goes with the next ingest.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import TypeAdapter

from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.catalog.topics import TopicCluster, find_topics
from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, IndexUnusable
from rag.files import free_bytes, in_words, replace_file
from rag.index.bm25 import KeywordIndex, Segment
from rag.index.interface import (
    HEAD,
    Candidates,
    Head,
    Index,
    Query,
    Ranking,
    Record,
    StoredReport,
    pack,
)  # fmt: skip
from rag.index.vectors import Matrix, VectorMemo, append, in_bytes, mapped
from rag.models.encoder import STATIC_DIMENSIONS, Vectors, encode_static
from rag.settings import Settings
from rag.text.tokenize import terms_and_forms
from rag.types import Passage

POINTER, LOCK, UPLOADED, CHROMA = "current", "ingest.lock", "reports", "chroma"
DATA, EMBEDDED, TERMS, TOPICS = "data-", "embedded-", "terms-", "topics.npz"
IN_DATABASE = "in-database"  # the revision that the database had when it was last in line
SCHEMA = 5  # raise when the files, or how words are stemmed, change
Small = tuple[Mapping[str, Head], Mapping[str, str]]  # reports, and words as they are written
# What reading files raises that are missing, damaged or of another kind.
BAD = (OSError, ValueError, LookupError, TypeError, zlib.error)


@dataclass(slots=True)
class Version:
    """What counts: a folder of data, and of each of its files the bytes that do, with a checksum.

    `rows` is how many passages the files have, deleted ones among them. `revision` is a hash of all
    content, `made_by` the parser, chunker and embedding that made it.
    """

    data: str
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: int = 0
    dimensions: int = 0
    revision: str = ""
    made_by: Mapping[str, str] = field(default_factory=dict)
    schema: int = 0

    def size(self, name: str) -> int:
        """The bytes of a file that count."""
        return self.files.get(name, (0, 0))[0]

    @property
    def segments(self) -> list[str]:
        """The segments of the keyword index, each named by its first row and the next one's."""
        return [name for name in self.files if name.startswith(TERMS)]


_VERSION = TypeAdapter(Version)


def current_version(folder: Path) -> Version:
    """The version that counts.

    Raises:
        IndexMissing: there is none yet.
        IndexDamaged: the file that tells it is damaged, of an older kind, or gone while there is
            an index; an ingest makes it again from Chroma.
        IndexMismatch: the index is of a newer kind, or of one that can't be brought over.
        IndexUnusable: the folder can't be read.
    """
    try:
        version = _VERSION.validate_json((folder / POINTER).read_bytes())
    except FileNotFoundError:
        # An older kind had Chroma's files in the folder itself.
        if any((folder / name).exists() for name in (CHROMA, "chroma.sqlite3")):
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
    except ValueError as error:
        raise damaged(folder, f"the file {POINTER} is damaged") from error
    if version.schema > SCHEMA:
        raise IndexMismatch(f"The index in {folder} is of a newer asklabs. {anew(folder)}")
    if version.schema < SCHEMA:
        raise damaged(folder, "it is of an older kind")
    return version


def check_made_by(folder: Path | str, made: Mapping[str, str], made_by: Mapping[str, str]) -> None:
    """Raise IndexMismatch where an index was made with something else than `made_by`."""
    for name, ours in made_by.items():
        if (theirs := made.get(name, "")) != ours:
            raise IndexMismatch(
                f"The index in {folder} was made with {name} {theirs!r}, this is {ours!r}. "
                f"{anew(folder)}"
            )


def anew(folder: Path | str) -> str:
    """What to do about an index that must be made anew; a database has no folder."""
    where = f" --index {folder}" if isinstance(folder, Path) else ""
    return f"Make it anew: asklabs ingest PATH --rebuild{where}"


def damaged(folder: Path, error: Exception | str) -> IndexDamaged:
    """What to say of an index whose files can't be read: an ingest makes them from Chroma's."""
    return IndexDamaged(
        f"The index in {folder} can't be read ({error}). Run asklabs ingest PATH --index {folder} "
        "to repair it; if that fails, with --rebuild."
    )


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Tell of files that are not good as of an index that is damaged."""
    try:
        yield
    except BAD as error:
        raise damaged(folder, error) from error


def trim(folder: Path) -> None:
    """Delete what no reader needs: data of the past, and of an ingest that was cut short."""
    version = Version("")
    with suppress(IndexMissing):
        version = current_version(folder)
    for home in folder.glob(f"{DATA}*"):
        if home.name != version.data:
            shutil.rmtree(home, ignore_errors=True)
    for path in (folder / version.data).iterdir() if version.data else ():
        if path.name in version.files:
            os.truncate(path, version.size(path.name))
        elif path.name.startswith(TERMS):
            path.unlink()


def write_error(folder: Path, error: Exception) -> IndexUnusable:
    """What to say of an index that couldn't be written."""
    return IndexUnusable(
        f"The index in {folder} can't be written ({error}). What it held is still there. "
        f"Its disk has {in_words(free_bytes(folder))} free. Free space, see to its permissions, "
        "or name another folder with --index."
    )


class Snapshot(Index):
    """One version of an index in a folder."""

    def __init__(self, folder: Path, version: Version, small: Small | None = None) -> None:
        """Map the files of a version, of which the small ones may be known; or raise one of BAD."""
        self.folder, self.version, self.revision = folder, version, version.revision
        self.home = folder / version.data
        heads, self.spellings = small or self._read_small()
        super().__init__(heads)
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

    def _read_small(self) -> Small:
        """The reports that count, and the words with how they are written."""
        heads, words = (
            mapped(self.home / name, np.uint8, self.version.size(name)).tobytes().splitlines()
            for name in ("heads", "words")
        )
        last = {head.report.info.id: head for head in map(HEAD.validate_json, heads)}
        there = {name: head for name, head in last.items() if not head.deleted}
        return there, dict(line.split("\t", 1) for line in map(bytes.decode, words))

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
    def stages(self) -> npt.NDArray[np.str_]:
        """The stage of each passage."""
        return np.array([passage.stage for passage in self.passages], np.str_)

    @cached_property
    def means(self) -> Vectors:
        nothing = np.zeros((1, self.version.dimensions), np.float32)
        rows = (self.dense.at(h.rows) if h.languages else nothing for h in self.heads.values())
        return np.array([vectors.mean(axis=0) for vectors in rows])

    def allowed(self, filters: Filters, stage: str = "") -> npt.NDArray[np.bool_]:
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

    def candidates(
        self, query: Query, scopes: Sequence[Filters], depth: int, share: float
    ) -> Candidates:
        keyword = self.keyword.scores(query.terms)
        dense = self.dense @ query.dense
        scores = {
            "keyword": np.where(keyword > 0, keyword, -np.inf),
            "static": self.static @ query.static,
            "dense": dense,
        }
        masks = [self.allowed(scope, query.stage) for scope in scopes]
        rankings = [
            {name: _top(np.where(mask, s, -np.inf), depth) for name, s in scores.items()}
            for mask in masks
        ]
        rows = {row for ranking in rankings for best in ranking.values() for row, _ in best}
        inside = np.where(self.allowed(scopes[0]), keyword, 0)
        over = (inside > 0) & (inside >= share * inside.max(initial=0))
        matching = frozenset(self.ids[n] for n in np.unique(self.report_numbers[over]))
        return Candidates(rankings, {row: float(dense[row]) for row in rows}, matching)

    def having(self, words: Sequence[Collection[str]], filters: Filters) -> Ranking:
        allowed = self.allowed(filters)
        return [(row, score) for row, score in self.keyword.having(words) if allowed[row]]

    def frequencies(self, terms: Collection[str]) -> list[int]:
        return self.keyword.frequencies(terms)

    def vectors(self, texts: Sequence[str]) -> dict[str, Vectors]:
        return self.memo.find(texts)

    def with_files(self, _: Path) -> Snapshot:
        return self

    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        for name in report_ids:
            head = self.heads[name]
            yield name, self._texts[head.at : head.at + head.size].tobytes()

    def read(self, report_ids: Collection[str]) -> Mapping[str, Record]:
        with _named(self.folder):
            return super().read(report_ids)

    def check(self) -> None:
        """Compare all files with their checksums; raises IndexDamaged."""
        with _named(self.folder):
            for name, (size, expected) in self.version.files.items():
                if zlib.crc32(mapped(self.home / name, np.uint8, size)) != expected:
                    raise ValueError(f"the file {name} is not as it was written")


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
    """The index in a folder as it is now.

    Raises:
        IndexMissing, IndexDamaged: there is none; its files can't be read.
        IndexMismatch: it was made by something else than `made_by`.
    """
    version = current_version(folder)
    check_made_by(folder, version.made_by, made_by)
    with _named(folder):
        try:
            return Snapshot(folder, version)
        except BAD:
            # Two ingests may have ended since its version was read.
            if current_version(folder) == version:
                raise
    return current_snapshot(folder, made_by)


def _top(scores: npt.NDArray[Any], depth: int) -> Ranking:
    depth = min(depth, int(np.count_nonzero(scores > -np.inf)))
    if not depth:
        return []
    top = np.argpartition(-scores, depth - 1)[:depth]
    return [(int(i), float(scores[i])) for i in top[np.lexsort((top, -scores[top]))]]


SEGMENT = 25_000  # rows of a segment of the keyword index that is made at a time
LARGEST = 200_000  # rows of a segment that several are merged into
_COPIED = 500  # reports that are copied together


class LocalWriter:
    """One ingest's work on the index in a folder."""

    def __init__(self, folder: Path, base: Snapshot | None, made_by: Mapping[str, str]) -> None:
        """Go on from a version, or begin anew beside what is there."""
        self.folder, self.base = folder, base
        version = base.version if base else Version(f"{DATA}{secrets.token_hex(4)}")
        files = dict(version.files)
        self._version = replace(version, files=files, made_by=dict(made_by), schema=SCHEMA)
        self.home = folder / version.data
        self._heads: dict[str, Head] = dict(base.heads) if base else {}
        self._forms: dict[str, str] = dict(base.spellings) if base else {}
        # The terms of the rows after those of the segments.
        self._terms: list[list[str]] = []
        self.home.mkdir(parents=True, exist_ok=True)

    def add(self, report: StoredReport, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Add a report, or replace it, with a vector for each of its passages in order."""
        found = [terms_and_forms(passage.in_context, passage.language) for passage in passages]
        self._append_head(report, passages, self._version.rows)
        static = encode_static([passage.in_context for passage in passages])
        self._append_rows(vectors, static, [len(terms) for terms, _ in found])
        # The first passage that has a word tells how it is written.
        written = (forms.items() for _, forms in reversed(found))
        self._append_words(dict(chain.from_iterable(written)))
        self._terms += [terms for terms, _ in found]
        if len(self._terms) >= SEGMENT:
            self._write_segment()

    def update(self, report: StoredReport, passages: Sequence[Passage]) -> None:
        """Replace a report, but not its passages' vectors."""
        self._append_head(report, passages, self._heads[report.info.id].row)

    def delete(self, report_ids: Iterable[str]) -> None:
        """Delete reports; what the files had of them goes when all is written anew."""
        for head in filter(None, (self._heads.pop(name, None) for name in report_ids)):
            self._append("heads", replace(head, deleted=True).line())

    def copy(self, other: Snapshot, ids: Sequence[str]) -> None:
        """Begin with these reports of another version."""
        moved = np.full(other.version.rows, -1, np.int32)
        for at in range(0, len(ids), _COPIED):
            part = ids[at : at + _COPIED]
            heads = [other.heads[i] for i in part]
            rows = np.concatenate([np.arange(h.rows.start, h.rows.stop) for h in heads])
            row = self._version.rows
            moved[rows] = np.arange(row, row + len(rows))
            self._append_rows(other.dense.at(rows), other.static.at(rows), other.lengths[rows])
            for report, passages in other.read(part).values():
                self._append_head(report, passages, row)
                row += len(passages)
        if other.segments:
            self._save_segment(Segment.merge(other.segments, moved), 0)
        self._append_words(other.spellings)

    def publish(self) -> Snapshot:
        """Let readers see the work, a new version of the index."""
        self._write_segment()
        self._merge_segments()
        lines = [f"{k}={v}" for k, v in sorted(self._version.made_by.items())]
        # The file's hash too: its text is shown, and facts of it that are in no passage.
        reports = sorted((name, head.report) for name, head in self._heads.items())
        lines += [f"{name} {r.passages_digest} {r.digest}" for name, r in reports]
        self._version.revision = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        there = self.base.version.files if self.base else {}
        for name in (name for name, size in self._version.files.items() if there.get(name) != size):
            with (self.home / name).open("ab") as file:
                os.fsync(file.fileno())
        replace_file(self.folder / POINTER, orjson.dumps(self._version))
        return Snapshot(self.folder, self._version, (self._heads, self._forms))

    def _append(self, name: str, data: bytes) -> None:
        """Put data after what counts of a file."""
        size, checksum = self._version.files.get(name, (0, 0))
        append(self.home / name, size, data)
        self._version.files[name] = size + len(data), zlib.crc32(data, checksum)

    def _append_rows(self, dense: Vectors, static: Vectors, lengths: Sequence[int]) -> None:
        if len(lengths):
            self._version.dimensions = dense.shape[1]
            self._append("dense", in_bytes(dense).tobytes())
            self._append("static", in_bytes(static).tobytes())
            self._append("lengths", np.asarray(lengths, "<i4").tobytes())
            self._version.rows += len(lengths)

    def _append_head(self, report: StoredReport, passages: Sequence[Passage], row: int) -> None:
        """Write a report the rows of whose passages begin with `row`."""
        at, packed = self._version.size("texts"), pack(report, passages)
        self._append("texts", packed)
        languages = tuple(passage.language for passage in passages)
        head = Head(replace(report, raw=""), row, languages, at, len(packed))
        self._append("heads", head.line())
        self._heads[report.info.id] = head

    def _append_words(self, forms: Mapping[str, str]) -> None:
        new = {term: form for term, form in forms.items() if term not in self._forms}
        self._forms |= new
        lines = (f"{term}\t{form}\n" for term, form in new.items())
        self._append("words", "".join(lines).encode())

    # The keyword index.

    def _write_segment(self) -> None:
        if self._terms:
            first = self._version.rows - len(self._terms)
            self._save_segment(Segment.build(first, self._terms), first)
            self._terms = []

    def _save_segment(self, segment: Segment, first: int) -> None:
        """Write the segment of the rows from `first` on."""
        self._append(f"{TERMS}{first}-{self._version.rows}", segment.packed())

    def _merge_segments(self) -> None:
        """Merge segments with those before them that are not much larger, so that there are few."""
        names, end = self._version.segments, self._version.rows
        firsts = [int(name.split("-")[1]) for name in names]
        while firsts[1:] and end - firsts[-2] <= min(LARGEST, 3 * (end - firsts[-1])):
            firsts.pop()
        merged = names[len(firsts) - 1 :]
        if len(merged) > 1:
            segments = [Segment.load(self.home / name) for name in merged]
            for name in merged:
                del self._version.files[name]
            rows = np.arange(end, dtype=np.int32)
            self._save_segment(Segment.merge(segments, rows), firsts[-1])
