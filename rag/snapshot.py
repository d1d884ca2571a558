"""What searching needs in memory, derived from the store and cached beside it.

The cache carries the store's revision. One that is stale, damaged or missing is built anew
from the store; it is never trusted over it, and losing it loses nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from rag.catalogue import Catalogue
from rag.keyword import KeywordIndex
from rag.rows import info_from_json
from rag.store import Store
from rag.types import Filters, Passage, ReportInfo

# Raise when what is cached, or how words are stemmed, changes.
CACHE_VERSION = 3
_SEAL = "sealed"


@dataclass(frozen=True)
class Snapshot:
    """All reports and passages of one revision of the store, with their keyword index."""

    revision: str
    catalogue: Catalogue
    passages: Sequence[Passage]
    keyword: KeywordIndex

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Where in `passages` each id is."""
        return {p.id: i for i, p in enumerate(self.passages)}

    def allowed(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """For each passage whether its report passes the filters."""
        inside = self.catalogue.ids(filters)
        flags = np.fromiter((i in inside for i in self._report_ids), bool, len(self._report_ids))
        chosen: npt.NDArray[np.bool_] = flags[self._report_numbers]
        return chosen

    @cached_property
    def _report_ids(self) -> tuple[str, ...]:
        return tuple(self.catalogue.reports)

    @cached_property
    def _report_numbers(self) -> npt.NDArray[np.int32]:
        numbers = {report_id: n for n, report_id in enumerate(self._report_ids)}
        found = (numbers[p.report.id] for p in self.passages)
        return np.fromiter(found, np.int32, len(self.passages))


def open_snapshot(store: Store, folder: Path) -> Snapshot:
    """The snapshot of the store's present revision, from the cache if that is good."""
    revision = store.revision
    cache = folder / f"cache-{CACHE_VERSION}-{revision}"
    try:
        return _load(cache, revision)
    except (OSError, ValueError, KeyError, TypeError):
        # Missing or damaged: the store has it all.
        snapshot = _build(store, revision)
        _save(snapshot, folder, cache)
        return snapshot


def _build(store: Store, revision: str) -> Snapshot:
    reports = {r.info.id: r.info for r in store.reports()}
    passages = tuple(store.passages(reports))
    return Snapshot(revision, Catalogue(reports.values()), passages, KeywordIndex.build(passages))


def _load(cache: Path, revision: str) -> Snapshot:
    if (cache / _SEAL).read_text(encoding="ascii") != _digest(cache):
        raise ValueError("damaged")
    lines = (cache / "reports.jsonl").read_bytes().splitlines()
    reports = {info.id: info for info in map(info_from_json, lines)}
    rows = orjson.loads((cache / "passages.json").read_bytes())
    passages = tuple(_passage(row, reports) for row in rows)
    keyword = KeywordIndex.load(cache / "keyword", len(passages))
    return Snapshot(revision, Catalogue(reports.values()), passages, keyword)


def _save(snapshot: Snapshot, folder: Path, cache: Path) -> None:
    """Write the cache beside its place and move it there; older ones go."""
    try:
        temporary = Path(tempfile.mkdtemp(prefix="cache-new-", dir=folder))
        infos = snapshot.catalogue.reports.values()
        (temporary / "reports.jsonl").write_bytes(
            b"\n".join(orjson.dumps(asdict(info)) for info in infos)
        )
        rows = [_row(passage) for passage in snapshot.passages]
        (temporary / "passages.json").write_bytes(orjson.dumps(rows))
        snapshot.keyword.save(temporary / "keyword")
        (temporary / _SEAL).write_text(_digest(temporary), encoding="ascii")
        for old in folder.glob("cache-*"):
            if old != temporary:
                shutil.rmtree(old, ignore_errors=True)
        temporary.rename(cache)
    except OSError:
        # A read-only or full disk costs the next start some seconds, no more.
        return


def _digest(cache: Path) -> str:
    """A hash of all files: half a cache can be readable, and would hide reports."""
    found = hashlib.sha256()
    for path in sorted(p for p in cache.rglob("*") if p.is_file() and p.name != _SEAL):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _row(passage: Passage) -> list[object]:
    return [
        passage.id,
        passage.report.id,
        passage.section,
        passage.prompt,
        passage.text,
        passage.spans,
        passage.stage,
        passage.language,
        passage.part,
        passage.parts,
    ]


def _passage(row: list[Any], reports: Mapping[str, ReportInfo]) -> Passage:
    row_id, report, section, prompt, text, spans, *rest = row
    return Passage(
        row_id,
        reports[report],
        section,
        prompt,
        text,
        tuple(map(tuple, spans)),
        *rest,
    )
