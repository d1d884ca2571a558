"""Writes a local index: adds to its files and publishes them as a new version."""

from __future__ import annotations

import hashlib
import os
import secrets
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import orjson

from rag.files import replace_file
from rag.index.bm25 import Segment, terms_of
from rag.index.interface import Head, StoredReport, pack
from rag.index.layout import DATA, POINTER, SCHEMA, TERMS, Version
from rag.index.snapshot import Snapshot
from rag.index.vectors import VectorMemo, append, in_bytes
from rag.models.embeddings import encode_cached
from rag.models.encoder import Vectors, encode_static
from rag.types import Passage, Progress

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
        self.memo = self.home / "memo"  # the folder of the vectors of sentences and words
        self._heads: dict[str, Head] = dict(base.heads) if base else {}
        self._forms: dict[str, str] = dict(base.spellings) if base else {}
        # The terms of the rows after those of the segments.
        self._terms: list[list[str]] = []
        self.home.mkdir(parents=True, exist_ok=True)

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
        lines = [f"{k}={v}" for k, v in sorted(self._version.made_by.items())]
        # The file's hash too: its text is shown, and facts of it that are in no passage.
        reports = sorted((name, head.report) for name, head in self._heads.items())
        lines += [f"{name} {r.passages_digest} {r.digest}" for name, r in reports]
        self._version.revision = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        self._encode_words()
        there = self._base.version.files if self._base else {}
        for name in (name for name, size in self._version.files.items() if there.get(name) != size):
            with (self.home / name).open("ab") as file:
                os.fsync(file.fileno())
        replace_file(self.folder / POINTER, orjson.dumps(asdict(self._version)))
        return Snapshot(self.folder, self._version, self._heads, self._forms)

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
            self._save_segment(Segment.build(first, self._terms), first, self._version.rows)
            self._terms = []

    def _save_segment(self, segment: Segment, first: int, end: int) -> None:
        self._append(f"{TERMS}{first}-{end}", segment.packed())

    def _merge_segments(self) -> None:
        """Merge segments with those before them that are not much larger, so that there are few."""
        names, end = self._version.segments, self._version.rows
        firsts = [int(name.split("-")[1]) for name in names]
        n = len(names) - 1
        while n > 0 and end - firsts[n - 1] <= min(LARGEST, 3 * (end - firsts[n])):
            n -= 1
        if names[n + 1 :]:
            segments = [Segment.load(self.home / name) for name in names[n:]]
            for name in names[n:]:
                del self._version.files[name]
            rows = np.arange(end, dtype=np.int32)
            self._save_segment(Segment.merge(segments, rows), firsts[n], end)

    def _encode_words(self) -> None:
        """Add the vectors of frequent words that have none, which is looked at now and then."""
        if self._base and self._base.version.rows // LOOKED_AT == self._version.rows // LOOKED_AT:
            return
        snapshot = Snapshot(self.folder, self._version, self._heads, self._forms)
        if new := snapshot.memo.missing(sorted({*snapshot.frequent_words.values()})):
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
