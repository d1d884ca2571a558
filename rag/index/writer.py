"""Writes a local index: adds to its files and publishes them as a new version."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import orjson

from rag.files import replace_file
from rag.index.bm25 import Segment, terms_of
from rag.index.duplicates import find_duplicates
from rag.index.interface import Head, StoredReport, pack
from rag.index.layout import DATA, POINTER, SCHEMA, TERMS, Version
from rag.index.snapshot import Snapshot
from rag.index.vectors import VectorMemo, append, in_bytes
from rag.models.embeddings import encode_cached
from rag.models.encoder import Vectors, encode_static
from rag.types import Passage, Progress

# The share of rows that may be of the past before all is written anew.
MOST_PAST = 0.2
# With a larger share of new rows all passages are compared for duplicates, else the new ones with
# those that share most of their rare words.
MANY_NEW, NEAREST = 0.02, 30
# Rows that are added between two looks for frequent words without vectors: a changed report need
# not load a model for the sake of three rare words.
LOOKED_AT = 500
# Rows of a segment of the keyword index that is made at a time, and of one that several are merged
# into.
SEGMENT, LARGEST = 25_000, 200_000
_COPIED = 500  # reports that are copied together


class LocalWriter:
    """One ingest's work on the index in a folder."""

    def __init__(self, folder: Path, base: Snapshot | None, made_by: Mapping[str, str]) -> None:
        """Go on from a version, or begin anew beside what is there."""
        self.folder, self._base = folder, base
        version = base.version if base else Version(f"{DATA}{secrets.token_hex(4)}")
        files = dict(version.files)
        self._version = replace(version, files=files, made_by=dict(made_by), schema=SCHEMA)
        self.home = folder / version.data
        self._heads: dict[str, Head] = dict(base.heads) if base else {}
        self._forms: dict[str, str] = dict(base.spellings) if base else {}
        # The terms of the rows after those of the segments.
        self._terms: list[list[str]] = []
        self.home.mkdir(parents=True, exist_ok=True)

    @property
    def memo(self) -> Path:
        """The folder of the vectors of sentences and words."""
        return self.home / "memo"

    def add(self, report: StoredReport, passages: Sequence[Passage], vectors: Vectors) -> None:
        """Add a report, or replace it, with a vector for each of its passages in order."""
        forms: dict[str, str] = {}
        found = []
        for passage in passages:
            terms, written = terms_of(passage)
            found.append(terms)
            forms = written | forms
        static = encode_static([passage.in_context for passage in passages])
        self._append_head(report, passages, self._version.rows)
        self._append_rows(vectors, static, list(map(len, found)))
        self._append_words(forms)
        self._terms += found
        if len(self._terms) >= SEGMENT:
            self._write_segment()

    def update(self, report: StoredReport, passages: Sequence[Passage]) -> None:
        """Replace a report, but not its passages' vectors."""
        self._append_head(report, passages, self._heads[report.info.id].row)

    def delete(self, report_ids: Collection[str]) -> None:
        """Delete reports; what the files had of them goes when all is written anew."""
        for report_id in report_ids:
            if head := self._heads.pop(report_id, None):
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
            self._save_segment(Segment.merge(other.segments, moved), 0, self._version.rows)
        self._append_words(other.spellings)

    def publish(self) -> Snapshot:
        """Let readers see the work, a new version of the index."""
        self._write_segment()
        self._merge_segments()
        self._version.revision = revision_of(self._version.made_by, self._heads)
        snapshot = Snapshot(self.folder, self._version, self._base)
        self._encode_words(snapshot)
        families = self._families(snapshot)
        changed = dict.fromkeys(map(str, snapshot.families.keys() - families.keys()), "")
        changed |= {str(n): f for n, f in families.items() if snapshot.families.get(n) != f}
        self._append_table("families", changed)
        snapshot.regroup(families)
        there = self._base.version.files if self._base else {}
        for name in (name for name, size in self._version.files.items() if there.get(name) != size):
            with (self.home / name).open("ab") as file:
                os.fsync(file.fileno())
        replace_file(self.folder / POINTER, orjson.dumps(asdict(self._version)))
        self._delete_segments(self._version, self._base.version if self._base else self._version)
        snapshot.memo = VectorMemo(self.memo)
        return snapshot

    def discard(self) -> None:
        """Give up what was written, so that it takes no room."""
        if not self._base:
            shutil.rmtree(self.home, ignore_errors=True)
            return
        self._delete_segments(self._base.version)
        for name, (size, _) in self._base.version.files.items():
            os.truncate(self.home / name, size)

    def _delete_segments(self, *versions: Version) -> None:
        """Delete those that none of these versions has."""
        for path in self.home.glob(f"{TERMS}*"):
            if not any(path.name in version.files for version in versions):
                path.unlink()

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
        self._append_table("words", new)

    def _append_table(self, name: str, lines: Mapping[str, str]) -> None:
        self._append(name, "".join(f"{key}\t{value}\n" for key, value in lines.items()).encode())

    # The keyword index.

    def _write_segment(self) -> None:
        if self._terms:
            first = self._version.rows - len(self._terms)
            self._save_segment(Segment.build(first, self._terms), first, self._version.rows)
            self._terms = []

    def _save_segment(self, segment: Segment, first: int, end: int) -> None:
        self._append(f"{TERMS}{first}-{end}", segment.packed())

    def _merge_segments(self) -> None:
        """Merge segments with those before them that are not much larger, so that there are few."""
        bounds = [tuple(map(int, name.split("-")[1:])) for name in self._version.segments]
        last, bounds = bounds[-1:], bounds[:-1]
        while bounds and last[-1][1] - bounds[-1][0] <= min(
            LARGEST, 3 * (last[-1][1] - last[0][0])
        ):
            last.insert(0, bounds.pop())
        if len(last) > 1:
            names = [f"{TERMS}{first}-{end}" for first, end in last]
            merged = Segment.merge([Segment.load(self.home / name) for name in names])
            for name in names:
                del self._version.files[name]
            self._save_segment(merged, last[0][0], last[-1][1])

    # What is known of passages only when all are there.

    def _families(self, snapshot: Snapshot) -> dict[int, str]:
        """The rows that have duplicates, with the id of the first passage of their group."""
        start = self._base.version.rows if self._base else 0
        new = np.flatnonzero(snapshot.file_rows >= start)
        if start == 0 or len(new) > MANY_NEW * len(snapshot.passages):
            firsts = find_duplicates(snapshot.passages)
            pairs = zip(snapshot.file_rows.tolist(), snapshot.passages, strict=True)
            return {row: firsts[p.id] for row, p in pairs if p.id in firsts}
        families = dict(snapshot.families)
        for position in new.tolist():
            passage = snapshot.passages[position]
            near = snapshot.keyword.alike(passage.text, passage.language, NEAREST)
            passages = snapshot.rows(sorted({position, *near}))
            firsts = find_duplicates(list(passages.values()))
            if first := firsts.get(passage.id):
                group = [i for i, p in passages.items() if firsts.get(p.id) == first]
                rows: list[int] = snapshot.file_rows[group].tolist()
                first = next((families[row] for row in rows if row in families), first)
                families |= dict.fromkeys(rows, first)
        return families

    def _encode_words(self, snapshot: Snapshot) -> None:
        """Add the vectors of frequent words that have none, which is looked at now and then."""
        if self._base and self._base.version.rows // LOOKED_AT == self._version.rows // LOOKED_AT:
            return
        words = list(snapshot.frequent_words.values())
        known, _ = snapshot.memo.lookup(words)
        new = sorted(set(words) - {words[i] for i in known})
        if new:
            VectorMemo(self.memo).add(new, encode_cached(new))


def write_all(
    writer: LocalWriter,
    reports: Iterable[tuple[StoredReport, Sequence[Passage], Vectors]],
    progress: Progress,
    stage: str,
) -> Snapshot:
    """Publish an index with these reports."""
    for n, report in enumerate(reports, start=1):
        progress(stage, n, 0)
        writer.add(*report)
    return writer.publish()


def is_past(base: Snapshot) -> bool:
    """Whether so much of an index's files is of the past that all is written anew."""
    return len(base.passages) < (1 - MOST_PAST) * base.version.rows


def revision_of(made_by: Mapping[str, str], heads: Mapping[str, Head]) -> str:
    """The hash of all content of an index: what made it, and its reports."""
    lines = [f"{k}={v}" for k, v in sorted(made_by.items())]
    # The file's hash too: its text is shown, and facts of it that are in no passage.
    reports = sorted((name, head.report) for name, head in heads.items())
    lines += [f"{name} {r.passages_digest} {r.digest}" for name, r in reports]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
