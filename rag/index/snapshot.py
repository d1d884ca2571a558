"""What searching needs in memory, derived from one generation of the store, and its cache on disk.

Queries use only this snapshot: Chroma writes to disk even on reads, and many may ask at once.

The cache lies beside the database and is named after the store's generation and revision. A cache
that is stale, damaged or missing is built anew from the store; losing it loses nothing.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import orjson

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.errors import IndexDamaged, UnknownReport
from rag.index.bm25 import KeywordIndex, Lexicon
from rag.index.duplicates import find_duplicates
from rag.index.layout import CACHE, VECTORS, current_database, deriving
from rag.index.store import REPORT, Store, StoredReport, Vector, check_made_by, open_store
from rag.models.encoder import Vectors, encode_static, unit
from rag.types import Passage

CACHE_VERSION = 10  # raise when what is cached, or how words are stemmed, changes
_log = logging.getLogger(__name__)
_SEAL = "sealed"
_MADE_BY = "of.json"
_LEXICON = "lexicon.npz"
# What reading a cache raises that is missing, damaged or of another kind.
_BAD = (OSError, ValueError, KeyError, TypeError)
# What the cache has of a passage beside its report.
_OF_PASSAGE = tuple(f.name for f in fields(Passage) if f.name != "report")


@dataclass(frozen=True)
class Snapshot:
    """All reports (by id, with their texts) and passages of one generation, and what finds them.

    `home` is the database it was made of. `dense` are the passages' vectors from there, of unit
    length, `static` those of `rag.models.encoder`: a row each.
    """

    home: Path
    generation: int
    revision: str
    reports: Mapping[str, StoredReport]
    passages: Sequence[Passage]
    keyword: KeywordIndex
    dense: Vectors
    static: Vectors
    known_words: dict[str, bool]
    lexicon: Lexicon

    @cached_property
    def catalog(self) -> Catalog:
        """The reports' tags."""
        written: dict[str, set[str]] = defaultdict(set)
        for passage in self.passages:
            written[passage.report.id].add(passage.language)
        infos = (report.info for report in self.reports.values())
        return Catalog(infos, self.known_words, written)

    @cached_property
    def findings(self) -> npt.NDArray[np.bool_]:
        """For each passage whether it tells what happened or was learned."""
        return np.array([passage.stage == "finding" for passage in self.passages], np.bool_)

    def allowed(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """For each passage whether its report, and its language, pass the filters."""
        if not filters:
            return np.ones(len(self.passages), np.bool_)
        inside = self.catalog.ids(filters)
        allowed = np.array([passage.report.id in inside for passage in self.passages], np.bool_)
        if filters.language:
            keys = [filter_key("language", value) for value in filters.language]
            allowed &= np.isin(self.languages, keys)
        return allowed

    @cached_property
    def languages(self) -> npt.NDArray[np.str_]:
        """The language of each passage."""
        return np.array([passage.language for passage in self.passages] or [""])

    @cached_property
    def language_counts(self) -> Mapping[str, int]:
        """The languages of the passages with their numbers, the most used first."""
        return dict(Counter(passage.language for passage in self.passages).most_common())

    def texts(self, report_ids: Collection[str]) -> dict[str, str]:
        """The verbatim texts of reports by id; unknown ids are left out."""
        return {i: self.reports[i].raw for i in report_ids if i in self.reports}

    def report(self, report_id: str) -> StoredReport:
        """One report with its verbatim text.

        Raises:
            UnknownReport: there is none of that id.
        """
        if report_id not in self.reports:
            raise UnknownReport(
                f"There is no report {report_id!r} in the index. See `asklabs info`."
            )
        return self.reports[report_id]


def current_snapshot(folder: Path, made_by: Mapping[str, str]) -> Snapshot:
    """The snapshot of an index as it is now; raises what `open_store` does.

    Where its cache is good, the store is not opened.
    """
    for cache, made in _own_caches(folder):
        if snapshot := _load(cache):
            check_made_by(folder, made, made_by)
            return snapshot
    store = open_store(folder, made_by)
    snapshot = open_snapshot(store)
    store.close()
    return snapshot


def index_made_by(folder: Path) -> Mapping[str, str]:
    """What an index was made with; empty where only opening it could tell."""
    return next((made for _, made in _own_caches(folder)), {})


def open_snapshot(store: Store) -> Snapshot:
    """The snapshot of the store's sealed generation, from the cache if that is good.

    Raises:
        IndexDamaged: the store has not all that it should have.
    """
    cache = _cache_of(store)
    if snapshot := _load(cache):
        return snapshot
    with deriving(store.home):
        # Another process may have made it while this one waited.
        if snapshot := _load(cache):
            return snapshot
        snapshot = _build(store, _newest(store))
        _save(snapshot, cache, store.state.made_by)
        return snapshot


def sealed_reports(store: Store) -> dict[str, StoredReport]:
    """The reports that count, with their texts; the store is asked where the cache is not good."""
    with suppress(*_BAD):
        if _is_good(cache := _cache_of(store)):
            return _load_reports(cache)
    with deriving(store.home):
        return _with_texts(store, store.reports(store.state.generation), None)


def save_vectors(store: Store, generation: int) -> None:
    """Keep a generation's vectors beside the database: Chroma may write when it reads them."""
    page = store.passage_rows.get(where={"generation": generation}, include=[])
    vectors = store.vectors(page["ids"])
    values = np.array(list(vectors.values()), np.float32)
    path = store.home / f"{VECTORS}{generation}.npz"
    np.savez(path, rows=np.array(list(vectors), np.str_), vectors=values)


def _build(store: Store, base: Snapshot | None) -> Snapshot:
    """The snapshot of the sealed generation; what `base`, an earlier one, has is not read again."""
    state = store.state
    reports = _with_texts(store, store.reports(state.generation), base)
    passages = _passages(store, reports, base)
    if len(passages) != sum(report.passages for report in reports.values()):
        raise IndexDamaged(
            f"The index in {store.home.parent} has lost passages. Make it anew: "
            f"asklabs ingest PATH --rebuild --index {store.home.parent}"
        )
    rows = _rows(passages, reports)
    earlier = _rows(base.passages, base.reports) if base else []
    position = {row: i for i, row in enumerate(earlier)}
    known = [position.get(row, -1) for row in rows]
    new = [i for i, at in enumerate(known) if at < 0]
    vectors = _vectors(store, [rows[i] for i in new])
    dense = unit([vectors[rows[i]] for i in new])
    static = encode_static([passages[i].in_context for i in new])
    keyword = KeywordIndex.build(passages, base.keyword if base else None, known)
    return Snapshot(
        store.home,
        state.generation,
        state.revision,
        reports,
        passages,
        keyword,
        _merged(base.dense if base else None, known, dense),
        _merged(base.static if base else None, known, static),
        dict(base.known_words) if base else {},
        Lexicon.build(keyword, base.lexicon if base else None),
    )


def _with_texts(
    store: Store, reports: Mapping[str, StoredReport], base: Snapshot | None
) -> dict[str, StoredReport]:
    """Reports with their verbatim texts; those that `base` has come from there."""
    known = {r.digest: r.raw for r in base.reports.values()} if base else {}
    read = store.texts(report for report in reports.values() if report.digest not in known)
    return {
        i: replace(report, raw=known.get(report.digest, read.get(i, "")))
        for i, report in reports.items()
    }


def _passages(
    store: Store, reports: Mapping[str, StoredReport], base: Snapshot | None
) -> list[Passage]:
    """The passages of reports; those of reports that `base` has unchanged come from there."""
    generations = {i: report.passages_generation for i, report in reports.items()}
    old = {i: report.passages_generation for i, report in base.reports.items()} if base else {}
    same = {i for i, _ in generations.items() & old.items()}
    passages = [p for p in base.passages if p.report.id in same] if base else []
    passages += store.passages(reports, only=reports.keys() - same if base else None)
    passages.sort(key=lambda p: p.id)
    firsts = zip(passages, find_duplicates(passages), strict=True)
    return [p if p.family == first else replace(p, family=first) for p, first in firsts]


def _rows(passages: Iterable[Passage], reports: Mapping[str, StoredReport]) -> list[str]:
    return [reports[passage.report.id].row_of(passage.id) for passage in passages]


def _vectors(store: Store, rows: Collection[str]) -> dict[str, Vector]:
    """The vectors of rows: those that `save_vectors` kept, and Chroma's of the others."""
    cached: dict[str, Vector] = {}
    for path in store.home.glob(f"{VECTORS}*.npz"):
        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(path) as file:
            cached.update(zip(file["rows"].tolist(), file["vectors"], strict=True))
    cached = {row: cached[row] for row in rows if row in cached}
    return cached | store.vectors(set(rows) - cached.keys())


def _merged(base: Vectors | None, known: Sequence[int], new: Vectors) -> Vectors:
    """A row for each of `known`: that of `base` at its position, or, where it is -1, a new one."""
    at = np.asarray(known, np.int64)
    width = new.shape[1] if len(new) or base is None else base.shape[1]
    vectors = np.empty((len(at), width), np.float32)
    # Rounded as the cache has them, so that the first answers are those of later ones.
    vectors[at < 0] = new.astype(np.float16)
    if base is not None:
        vectors[at >= 0] = base[at[at >= 0]]
    return vectors


# The cache: a folder beside the database.


def _cache_of(store: Store) -> Path:
    state = store.state
    return store.home / f"{CACHE}{CACHE_VERSION}-{state.generation}-{state.revision}"


def _generation(cache: Path) -> int:
    return int(cache.name.split("-")[2])


def _own_caches(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The caches made of the database that counts, and what it was made with.

    A copy of a database has its base's caches too.
    """
    database = current_database(folder)
    for cache in database.glob(f"{CACHE}{CACHE_VERSION}-*-*") if database else ():
        with suppress(*_BAD):
            made = orjson.loads((cache / _MADE_BY).read_bytes())
            if made["database"] == cache.parent.name:
                yield cache, dict(made["made_by"])


def _newest(store: Store) -> Snapshot | None:
    """The newest earlier snapshot in the cache that is good."""
    caches = store.home.glob(f"{CACHE}{CACHE_VERSION}-[0-9]*-*")
    earlier = [cache for cache in caches if _generation(cache) < store.state.generation]
    return next(filter(None, map(_load, sorted(earlier, key=_generation, reverse=True))), None)


def _load(cache: Path) -> Snapshot | None:
    """The snapshot in a cache; None where there is none or it is damaged."""
    try:
        if not _is_good(cache):
            return None
        reports = _load_reports(cache)
        passages = []
        for report_id, *row in orjson.loads((cache / "passages.json").read_bytes()):
            values: dict[str, Any] = dict(zip(_OF_PASSAGE, row, strict=True))
            values["spans"] = tuple(map(tuple, values["spans"]))
            passages.append(Passage(report=reports[report_id].info, **values))
        return Snapshot(
            cache.parent,
            _generation(cache),
            cache.name.split("-")[3],
            reports,
            passages,
            KeywordIndex.load(cache / "keyword"),
            np.load(cache / "dense.npy", allow_pickle=False).astype(np.float32),
            np.load(cache / "static.npy", allow_pickle=False).astype(np.float32),
            orjson.loads((cache / "words.json").read_bytes()),
            Lexicon.load(cache / _LEXICON),
        )
    except _BAD:
        return None


def _is_good(cache: Path) -> bool:
    return (cache / _SEAL).read_text(encoding="ascii") == _digest(cache)


def _load_reports(cache: Path) -> dict[str, StoredReport]:
    reports = map(REPORT.validate_json, (cache / "reports.jsonl").read_bytes().splitlines())
    return {report.info.id: report for report in reports}


def _save(snapshot: Snapshot, cache: Path, made_by: Mapping[str, str]) -> None:
    """Write a cache and move it to its place; others are deleted."""
    home = snapshot.home
    temporary = home / f"{CACHE}new-{secrets.token_hex(4)}"
    try:
        temporary.mkdir()
        reports = (orjson.dumps(asdict(report)) for report in snapshot.reports.values())
        (temporary / "reports.jsonl").write_bytes(b"\n".join(reports))
        rows = list(map(attrgetter("report.id", *_OF_PASSAGE), snapshot.passages))
        (temporary / "passages.json").write_bytes(orjson.dumps(rows))
        snapshot.keyword.save(temporary / "keyword")
        # Half the bits keep the ranking, at half the time to read them.
        np.save(temporary / "dense.npy", snapshot.dense.astype(np.float16))
        np.save(temporary / "static.npy", snapshot.static.astype(np.float16))
        snapshot.lexicon.save(temporary / _LEXICON)
        snapshot.catalog.prepare()
        (temporary / "words.json").write_bytes(orjson.dumps(snapshot.known_words))
        made = {"database": home.name, "made_by": dict(made_by)}
        (temporary / _MADE_BY).write_bytes(orjson.dumps(made))
        (temporary / _SEAL).write_text(_digest(temporary), encoding="ascii")
        for old in home.glob(f"{CACHE}*"):
            if old != temporary:
                shutil.rmtree(old, ignore_errors=True)
        temporary.rename(cache)
        for path in home.glob(f"{VECTORS}*"):
            path.unlink(missing_ok=True)
    except OSError as error:
        # A full disk makes the next start some seconds slower, no more.
        _log.warning("What searching needs can't be kept in %s: %s", home, error)
        shutil.rmtree(temporary, ignore_errors=True)


def _digest(cache: Path) -> str:
    """A hash of all files: half a cache can be readable, and would hide reports."""
    digest = hashlib.sha256()
    for path in sorted(p for p in cache.rglob("*") if p.is_file() and p.name != _SEAL):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
