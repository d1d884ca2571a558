"""What searching needs in memory, derived from one generation of the store and cached beside it.

The cache carries the store's revision. One that is stale, damaged or missing is built anew
from the store; it is never trusted over it, and losing it loses nothing. A snapshot stays what
it is while the store is written to: what it looks up there is addressed by its own generation.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from rag.catalogue import Catalogue
from rag.errors import UnknownReport
from rag.families import VERSION, Signed, find_families, sign
from rag.keyword import KeywordIndex
from rag.rows import StoredReport, info_from_dict
from rag.static import Vectors, encode_static, unit
from rag.store import Store
from rag.types import Filters, Passage, ReportInfo

# Raise when what is cached, or how words are stemmed, changes.
CACHE_VERSION = 5
_SEAL = "sealed"
_VECTORS = "dense.npy", "static.npy"
_FAMILIES = f"families-{VERSION}"


@dataclass(frozen=True)
class Snapshot:
    """All reports (by id) and passages of one generation, with what finds them fast.

    `dense` are the passages' vectors from the store, of unit length, `static` those of
    `rag.static`: a row each. `signed` is what tells their families.
    """

    store: Store
    generation: int
    revision: str
    reports: Mapping[str, StoredReport]
    passages: Sequence[Passage]
    keyword: KeywordIndex
    dense: Vectors
    static: Vectors
    signed: Signed
    known_words: dict[str, bool]

    @cached_property
    def catalogue(self) -> Catalogue:
        """The reports' tags."""
        infos = (report.info for report in self.reports.values())
        return Catalogue(infos, self.known_words)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Where in `passages` the passage of each row is."""
        return {_row_of(passage, self.reports): i for i, passage in enumerate(self.passages)}

    def allowed(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """For each passage whether its report passes the filters."""
        if not filters:
            return np.ones(len(self.passages), np.bool_)
        inside = self.catalogue.ids(filters)
        flags = np.fromiter((i in inside for i in self.reports), bool, len(self.reports))
        chosen: npt.NDArray[np.bool_] = flags[self._report_numbers]
        return chosen

    @cached_property
    def languages(self) -> npt.NDArray[np.str_]:
        """The language of each passage."""
        return np.array([passage.language for passage in self.passages] or [""])

    @cached_property
    def _report_numbers(self) -> npt.NDArray[np.int32]:
        numbers = {report_id: n for n, report_id in enumerate(self.reports)}
        found = (numbers[p.report.id] for p in self.passages)
        return np.fromiter(found, np.int32, len(self.passages))

    def texts(self, report_ids: Collection[str]) -> dict[str, str]:
        """The verbatim texts of reports by id; ids that are not here are left out."""
        return self.store.texts(self.reports[i] for i in report_ids if i in self.reports)

    def report(self, report_id: str) -> StoredReport:
        """One report with its verbatim text.

        Raises:
            UnknownReport: there is none of that id.
        """
        text = self.texts([report_id])
        if report_id not in text:
            raise UnknownReport(
                f"There is no report {report_id!r} in the index. See `asklabs info`."
            )
        return replace(self.reports[report_id], raw=text[report_id])


def open_snapshot(store: Store, base: Snapshot | None = None) -> Snapshot:
    """The snapshot of the store's sealed generation, from the cache if that is good.

    `base` is an earlier snapshot of the same database: what it has need not be made again.
    """
    state = store.state
    found = _load(store, state.generation, state.revision)
    if found is None:
        base = base if base and base.store.home == store.home else _newest(store)
        found = _build(store, state.generation, state.revision, base)
        _save(found)
    return found


def _newest(store: Store) -> Snapshot | None:
    """The newest earlier snapshot in the cache that is good."""
    earlier = []
    for cache in store.home.glob(f"cache-{CACHE_VERSION}-*-*"):
        _, _, generation, revision = cache.name.split("-")
        if generation.isdigit() and int(generation) < store.state.generation:
            earlier.append((int(generation), revision))
    loaded = (_load(store, *which) for which in sorted(earlier, reverse=True))
    return next((snapshot for snapshot in loaded if snapshot), None)


def _build(store: Store, generation: int, revision: str, base: Snapshot | None) -> Snapshot:
    """The snapshot of a generation; what `base` has of it is not read again."""
    reports = store.reports(generation)
    if base is None:
        passages, signed = _in_families(store.passages(reports), None)
        known, words = [-1] * len(passages), {}
    else:
        passages, signed = _in_families(_passages(store, reports, base), base.signed)
        known = [base.position.get(_row_of(p, reports), -1) for p in passages]
        words = dict(base.known_words)
    keyword = KeywordIndex.build(passages, base.keyword if base else None, known)
    new = [p for p, at in zip(passages, known, strict=True) if at < 0]
    found = store.vectors([_row_of(p, reports) for p in new])
    dense = [found[_row_of(p, reports)] for p in new]
    static = encode_static([f"{p.context}\n{p.text}" for p in new])
    return Snapshot(
        store,
        generation,
        revision,
        reports,
        passages,
        keyword,
        _merged(base.dense if base else None, known, unit(dense)),
        _merged(base.static if base else None, known, static),
        signed,
        words,
    )


def _passages(
    store: Store, reports: Mapping[str, StoredReport], base: Snapshot
) -> Sequence[Passage]:
    """The passages of reports; those of reports that `base` has as they are come from there."""
    same = {
        i
        for i, old in base.reports.items()
        if i in reports and reports[i].passages_generation == old.passages_generation
    }
    kept = [p for p in base.passages if p.report.id in same]
    new = store.passages(reports, only=reports.keys() - same)
    return sorted(kept + new, key=lambda p: p.id)


def _row_of(passage: Passage, reports: Mapping[str, StoredReport]) -> str:
    return reports[passage.report.id].row_of(passage.id)


def _merged(base: Vectors | None, known: Sequence[int], new: Vectors) -> Vectors:
    """A row for each of `known`: that of `base` at its position, or, where it is -1, a new one."""
    at = np.asarray(known, np.int64)
    width = new.shape[1] if len(new) or base is None else base.shape[1]
    vectors = np.empty((len(at), width), np.float32)
    vectors[at < 0] = new
    if base is not None:
        vectors[at >= 0] = base[at[at >= 0]]
    return vectors


def _in_families(passages: Sequence[Passage], known: Signed | None) -> tuple[list[Passage], Signed]:
    """Passages that carry their family, and their signatures; `known` ones are not made again."""
    signed = sign([passage.text for passage in passages], known)
    named = zip(passages, find_families(passages, signed), strict=True)
    return [p if p.family == name else replace(p, family=name) for p, name in named], signed


def _cache(store: Store, generation: int, revision: str) -> Path:
    return store.home / f"cache-{CACHE_VERSION}-{generation}-{revision}"


def _load(store: Store, generation: int, revision: str) -> Snapshot | None:
    """The snapshot in the cache; None where there is none or it is damaged."""
    cache = _cache(store, generation, revision)
    try:
        if (cache / _SEAL).read_text(encoding="ascii") != _digest(cache):
            return None
        reports = {
            report.info.id: report
            for line in (cache / "reports.jsonl").read_bytes().splitlines()
            for report in [_report(orjson.loads(line))]
        }
        infos = {report_id: report.info for report_id, report in reports.items()}
        rows = orjson.loads((cache / "passages.json").read_bytes())
        passages = [_passage(row, infos) for row in rows]
        keyword = KeywordIndex.load(cache / "keyword", len(passages))
        dense, static = (_load_vectors(cache / name, len(passages)) for name in _VECTORS)
        signed = Signed.load(cache / _FAMILIES, len(passages))
        words = orjson.loads((cache / "words.json").read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Snapshot(
        store, generation, revision, reports, passages, keyword, dense, static, signed, words
    )


def _load_vectors(path: Path, size: int) -> Vectors:
    vectors: Vectors = np.load(path, allow_pickle=False).astype(np.float32)
    if len(vectors) != size:
        raise ValueError(f"{len(vectors)} vectors, not {size}")
    return vectors


def _save(snapshot: Snapshot) -> None:
    """Write the cache beside its place and move it there; others go."""
    home = snapshot.store.home
    cache = _cache(snapshot.store, snapshot.generation, snapshot.revision)
    try:
        temporary = Path(tempfile.mkdtemp(prefix="cache-new-", dir=home))
        lines = (orjson.dumps(asdict(report)) for report in snapshot.reports.values())
        (temporary / "reports.jsonl").write_bytes(b"\n".join(lines))
        rows = [_row(passage) for passage in snapshot.passages]
        (temporary / "passages.json").write_bytes(orjson.dumps(rows))
        snapshot.keyword.save(temporary / "keyword")
        for name, vectors in zip(_VECTORS, (snapshot.dense, snapshot.static), strict=True):
            # Half the bits keep the ranking, at half the time to read them.
            np.save(temporary / name, vectors.astype(np.float16))
        snapshot.signed.save(temporary / _FAMILIES)
        snapshot.catalogue.prepare()
        (temporary / "words.json").write_bytes(orjson.dumps(snapshot.known_words))
        (temporary / _SEAL).write_text(_digest(temporary), encoding="ascii")
        for old in home.glob("cache-*"):
            if old != temporary:
                shutil.rmtree(old, ignore_errors=True)
        temporary.rename(cache)
    except OSError:
        # A full disk costs the next start some seconds, no more.
        return


def _digest(cache: Path) -> str:
    """A hash of all files: half a cache can be readable, and would hide reports."""
    found = hashlib.sha256()
    for path in sorted(p for p in cache.rglob("*") if p.is_file() and p.name != _SEAL):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _report(data: dict[str, Any]) -> StoredReport:
    lists = {name: tuple(data[name]) for name in ("links", "images", "unanswered")}
    return StoredReport(**{**data, **lists, "info": info_from_dict(data["info"])})


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
        passage.family,
    ]


def _passage(row: list[Any], infos: Mapping[str, ReportInfo]) -> Passage:
    row_id, report, section, prompt, text, spans, *rest = row
    return Passage(
        row_id,
        infos[report],
        section,
        prompt,
        text,
        tuple(map(tuple, spans)),
        *rest,
    )
