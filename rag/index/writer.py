"""Writes a local index: adds to its files and publishes them as a new version."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rag.index.bm25 import Segment, terms_of
from rag.index.duplicates import find_duplicates, nearest_duplicate
from rag.index.interface import StoredReport
from rag.index.layout import DATA, SCHEMA, Version, make_current, replace_file
from rag.index.snapshot import Head, Snapshot, head_line, pack
from rag.index.vectors import VectorMemo, append
from rag.models.embeddings import encode_cached
from rag.models.encoder import STATIC_DIMENSIONS, Vectors, encode_static
from rag.types import Passage

# The share of rows that may be of the past before all is written anew.
MOST_PAST = 0.2
# With a larger share of new rows all passages are compared for duplicates, else the new ones with
# those that are nearest to them.
MANY_NEW, NEAREST = 0.02, 30
# The vectors of so small a share of the frequent words may be missing: a changed report need not
# load a model for the sake of three rare words.
LATE = 0.02
SEGMENT = 50_000  # rows of a segment of the keyword index that is made at a time
_COPIED = 500  # reports that are copied together


class LocalWriter:
    """One ingest's work on the index in a folder."""

    def __init__(
        self, folder: Path, base: Snapshot | None, made_by: Mapping[str, str], fresh: bool
    ) -> None:
        """Go on from a version, or from nothing; with `fresh`, all is written anew."""
        self.folder, self._base, self._fresh = folder, base, fresh or base is None
        self._version = Version(f"{DATA}{secrets.token_hex(4)}")
        if base and not fresh:
            self._version = base.version
        self._version = replace(self._version, made_by={"schema": SCHEMA, **made_by})
        self.home = folder / self._version.data
        self.home.mkdir(parents=True, exist_ok=True)
        self._heads: dict[str, Head] = {} if self._fresh or not base else dict(base.heads)
        self._touched: set[str] = set()
        self._forms: dict[str, str] = {} if self._fresh or not base else dict(base.keyword.forms)
        self._updates: dict[str, tuple[StoredReport, Sequence[Passage]]] = {}
        # The terms of the rows after those of the segments.
        self._terms: list[list[str]] = []

    @property
    def memo(self) -> Path:
        """The folder of the vectors of sentences and words."""
        return self.home / "memo"

    def add(
        self, reports: Sequence[tuple[StoredReport, Sequence[Passage]]], vectors: Vectors
    ) -> None:
        """Add reports, or replace them, with a vector for each of their passages in order."""
        if not reports:
            return
        passages = [passage for _, own in reports for passage in own]
        forms: dict[str, str] = {}
        found = []
        for passage in passages:
            terms, written = terms_of(passage)
            found.append(terms)
            forms = written | forms
        static = encode_static([passage.in_context for passage in passages])
        row = self._version.rows
        self._append_rows(vectors, static, list(map(len, found)))
        self._terms += found
        self._append_words(forms)
        if len(self._terms) >= SEGMENT:
            self._write_segment()
        for report, own in reports:
            self._append_heads([(report, own, row)])
            row += len(own)

    def update(self, reports: Sequence[tuple[StoredReport, Sequence[Passage]]]) -> None:
        """Replace reports, but not their passages' vectors."""
        if self._fresh or not self._base:
            self._updates |= {report.info.id: (report, own) for report, own in reports}
        else:
            self._append_heads((r, own, self._base.heads[r.info.id].row) for r, own in reports)

    def delete(self, report_ids: Collection[str]) -> None:
        """Delete reports; what the files had of them goes when all is written anew."""
        self._touched.update(report_ids)
        for report_id in report_ids:
            if head := self._heads.pop(report_id, None):
                self._append("heads", head_line(replace(head, deleted=True)))

    def publish(self, forms: str) -> str:
        """Let readers see the work; returns the new revision."""
        if self._fresh and self._base:
            self._copy(self._base, [i for i in self._base.heads if i not in self._touched])
        self._write_segment()
        self._merge_segments()
        revision = revision_of(self._version.made_by, self._heads)
        self._version = replace(self._version, number=self._version.number + 1, revision=revision)
        self._write_extras({}, forms)
        for name in ("heads", "texts", "words", "lengths"):
            (self.home / name).touch()
        snapshot = Snapshot(self.folder, self._version)
        self._encode_words(snapshot)
        self._write_extras(self._families(snapshot), forms)
        make_current(self.folder, self._version)
        self._clean()
        self.snapshot = Snapshot(self.folder, self._version)
        return revision

    def discard(self) -> None:
        """Give up what was written, so that it takes no room."""
        if self._fresh or not self._base:
            shutil.rmtree(self.home, ignore_errors=True)
            return
        before = self._base.version
        sizes = {name: getattr(before, name) for name in ("heads", "texts", "words")}
        widths = {"dense": before.dimensions, "static": STATIC_DIMENSIONS, "lengths": 1}
        sizes |= {name: 4 * before.rows * width for name, width in widths.items()}
        for name, size in sizes.items():
            os.truncate(self.home / name, size)

    def _copy(self, base: Snapshot, ids: Sequence[str]) -> None:
        """Copy reports with their rows."""
        self._write_segment()
        moved = np.full(base.version.rows, -1, np.int32)
        lengths = np.fromfile(base.home / "lengths", "<i4", base.version.rows)
        for at in range(0, len(ids), _COPIED):
            part = ids[at : at + _COPIED]
            heads = [base.heads[i] for i in part]
            rows = np.concatenate([np.arange(h.row, h.row + h.report.passages) for h in heads])
            row = self._version.rows
            moved[rows] = np.arange(row, row + len(rows))
            self._append_rows(base.dense.all[rows], base.static.all[rows], lengths[rows])
            for name, head in zip(part, heads, strict=True):
                own = self._updates.get(name) or (base.report(name), base.passages_of(name))
                self._append_heads([(*own, row)])
                row += head.report.passages
        if ids and base.version.terms:
            segments = [Segment.load(base.home / f"terms-{a}-{b}") for a, b in base.version.terms]
            merged = Segment.merge([segment.moved(moved) for segment in segments])
            self._save_segment(merged, self._segments_end(), self._version.rows)
        self._append_words(base.keyword.forms)

    def _append(self, name: str, data: bytes) -> int:
        """Put data at the end of a file that is counted in bytes; returns where it begins."""
        start: int = getattr(self._version, name)
        size = append(self.home / name, start, data)
        changed: dict[str, Any] = {name: size}
        self._version = replace(self._version, **changed)
        return start

    def _append_rows(self, dense: Vectors, static: Vectors, lengths: Sequence[int]) -> None:
        rows = self._version.rows
        width = dense.shape[1] if len(dense) else self._version.dimensions
        for name, values, row in (
            ("dense", np.asarray(dense, "<f4"), 4 * width),
            ("static", np.asarray(static, "<f4"), 4 * STATIC_DIMENSIONS),
            ("lengths", np.asarray(lengths, "<i4"), 4),
        ):
            append(self.home / name, rows * row, values.tobytes())
        self._version = replace(self._version, rows=rows + len(lengths), dimensions=width)

    def _append_heads(self, reports: Iterable[tuple[StoredReport, Sequence[Passage], int]]) -> None:
        lines = []
        for report, passages, row in reports:
            record = pack(report, passages)
            at = self._append("texts", record)
            languages = tuple(passage.language for passage in passages)
            head = Head(replace(report, raw=""), row, languages, at, len(record))
            lines.append(head_line(head))
            self._heads[report.info.id] = head
            self._touched.add(report.info.id)
        self._append("heads", b"".join(lines))

    def _append_words(self, forms: Mapping[str, str]) -> None:
        new = {term: form for term, form in forms.items() if term not in self._forms}
        self._forms |= new
        self._append("words", "".join(f"{t}\t{f}\n" for t, f in new.items()).encode())

    # The keyword index.

    def _segments_end(self) -> int:
        return self._version.terms[-1][1] if self._version.terms else 0

    def _write_segment(self) -> None:
        if self._terms:
            end = self._segments_end()
            self._save_segment(Segment.build(end, self._terms), end, self._version.rows)
            self._terms = []

    def _save_segment(self, segment: Segment, first: int, end: int) -> None:
        path = self.home / f"terms-{first}-{end}"
        # What an ingest that was cut short has left.
        shutil.rmtree(path, ignore_errors=True)
        segment.save(path)
        self._version = replace(self._version, terms=(*self._version.terms, (first, end)))

    def _merge_segments(self) -> None:
        """Merge small segments with larger ones, so that there are few and most stay."""
        terms = list(self._version.terms)
        count = 1
        while count < len(terms) and (
            2 * (terms[-1][1] - terms[-count][0]) >= terms[-count - 1][1] - terms[-count - 1][0]
        ):
            count += 1
        if count > 1:
            merged = [Segment.load(self.home / f"terms-{a}-{b}") for a, b in terms[-count:]]
            self._version = replace(self._version, terms=tuple(terms[:-count]))
            self._save_segment(Segment.merge(merged), terms[-count][0], terms[-1][1])

    # What each version has for itself.

    def _write_extras(self, families: Mapping[int, str], forms: str) -> None:
        extras = {"families": {str(n): first for n, first in families.items()}, "forms": forms}
        content = orjson.dumps(extras)
        replace_file(self.home / f"extras-{self._version.number}", content)
        self._version = replace(self._version, extras=zlib.crc32(content))

    def _families(self, snapshot: Snapshot) -> dict[int, str]:
        """The rows that have duplicates, with the id of the first passage of their group."""
        start = 0 if self._fresh or not self._base else self._base.version.rows
        new = np.flatnonzero(snapshot.file_rows >= start)
        if start == 0 or len(new) > MANY_NEW * len(snapshot.passages):
            firsts = find_duplicates(list(snapshot.passages))
            rows = snapshot.file_rows.tolist()
            return {row: first for row, first in zip(rows, firsts, strict=True) if first}
        assert self._base
        families = dict(self._base.families)
        similar = snapshot.dense @ snapshot.dense[new].T
        for n, position in enumerate(new.tolist()):
            order = np.argsort(-similar[:, n])[: NEAREST + 1]
            near = [int(i) for i in order if i != position]
            passage = snapshot.passages[position]
            other = nearest_duplicate(passage, [snapshot.passages[i] for i in near])
            if other is not None:
                row = int(snapshot.file_rows[near[other]])
                first = families.setdefault(row, snapshot.passages[near[other]].id)
                families[int(snapshot.file_rows[position])] = first
        return families

    def _encode_words(self, snapshot: Snapshot) -> None:
        """Add the vectors of frequent words that have none."""
        words = list(snapshot.keyword.frequent_words.values())
        known, _ = snapshot.memo.lookup(words)
        new = sorted(set(words) - {words[i] for i in known})
        if new and (self._fresh or len(new) > LATE * len(words)):
            VectorMemo(self.memo).add(new, encode_cached(new))

    def _clean(self) -> None:
        """Delete the files of versions before the last one."""
        before = self._base.version if self._base and not self._fresh else self._version
        numbers = {self._version.number, before.number}
        terms = {*self._version.terms, *before.terms}
        keep = {*(f"extras-{n}" for n in numbers), *(f"terms-{a}-{b}" for a, b in terms)}
        for path in (*self.home.glob("extras-*"), *self.home.glob("terms-*")):
            if path.name not in keep:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def is_past(base: Snapshot) -> bool:
    """Whether so much of an index's files is of the past that all should be written anew."""
    return len(base.passages) < (1 - MOST_PAST) * base.version.rows


def revision_of(made_by: Mapping[str, str], heads: Mapping[str, Head]) -> str:
    """The hash of all content of an index: what made it, and its reports."""
    lines = [f"{k}={v}" for k, v in sorted(made_by.items())]
    # The file's hash too: its text is shown, and facts of it that are in no passage.
    reports = sorted((name, head.report) for name, head in heads.items())
    lines += [f"{name} {r.passages_digest} {r.digest}" for name, r in reports]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
