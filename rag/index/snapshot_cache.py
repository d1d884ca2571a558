"""The cache of a snapshot beside its database.

It carries the store's revision. One that is stale, damaged or missing is built anew from the
store; it is never trusted over it, and losing it loses nothing.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import orjson

from rag.catalog.fields import ReportInfo
from rag.index.bm25 import KeywordIndex
from rag.index.duplicates import VERSION, Signed
from rag.index.layout import (
    CACHE,
    VECTORS,
    current_database,
    deriving,
)
from rag.index.similar_terms import Lexicon
from rag.index.snapshot import Snapshot, build_snapshot, with_texts
from rag.index.store import (
    Store,
    StoredReport,
    Vector,
    check_made_by,
    info_from_dict,
    open_store,
)
from rag.models.encoder import Vectors
from rag.types import Passage

# Raise when what is cached, or how words are stemmed, changes.
CACHE_VERSION = 9
_log = logging.getLogger(__name__)
_SEAL = "sealed"
_OF = "of.json"
# What reading a cache raises that is missing, damaged or of another kind.
_BAD = (OSError, ValueError, KeyError, TypeError)
_VECTORS = "dense.npy", "static.npy"
_FAMILIES = f"families-{VERSION}"
_LEXICON = "lexicon.npz"


def cached_snapshot(database: Path, made_by: Mapping[str, str]) -> Snapshot | None:
    """The snapshot of a database that counts, if its cache is good; the store is not asked.

    Raises:
        IndexMismatch: it was made by something else than `made_by`.
    """
    for cache in database.glob(f"{CACHE}{CACHE_VERSION}-*-*"):
        try:
            of = orjson.loads((cache / _OF).read_bytes())
            # A copy of a database has the cache of what it was copied from.
            is_its_own = of["database"] == database.name
            _, _, generation, revision = cache.name.split("-")
            found = _load(database, int(generation), revision) if is_its_own else None
        except _BAD:
            continue
        if found:
            check_made_by(database.parent, of["made_by"], made_by)
            return found
    return None


def _cached_made_by(database: Path) -> dict[str, str]:
    """What a database was made with, as its cache tells; empty where it has none."""
    for cache in database.glob(f"{CACHE}{CACHE_VERSION}-*-*"):
        try:
            of = orjson.loads((cache / _OF).read_bytes())
            if of["database"] == database.name:
                return dict(of["made_by"])
        except _BAD:
            continue
    return {}


def made_of(folder: Path) -> Mapping[str, str]:
    """What an index was made with, by name; empty where that isn't known without opening it."""
    database = current_database(folder)
    return _cached_made_by(database) if database else {}


def open_snapshot(store: Store) -> Snapshot:
    """The snapshot of the store's sealed generation, from the cache if that is good.

    Raises:
        IndexDamaged: the store has not all that it should have.
    """
    state = store.state
    found = _load(store.home, state.generation, state.revision)
    if found is None:
        with deriving(store.home):
            found = _load(store.home, state.generation, state.revision)
            if found is None:
                base, vectors = _newest(store), partial(_vectors, store)
                found = build_snapshot(store, state.generation, state.revision, base, vectors)
                _save(found, state.made_by)
    return found


def current_snapshot(folder: Path, made_by: Mapping[str, str]) -> Snapshot:
    """The snapshot of an index as it is now; the store is opened only where the cache is not good.

    Raises:
        IndexMissing, IndexMismatch, IndexDamaged, IndexUnusable: as `open_store` does.
    """
    database = current_database(folder)
    if database and (found := cached_snapshot(database, made_by)):
        return found
    store = open_store(folder, made_by)
    snapshot = open_snapshot(store)
    store.close()
    return snapshot


def sealed_reports(store: Store) -> dict[str, StoredReport]:
    """The reports that count, with their texts; the store is asked where the cache is not good."""
    state = store.state
    cache = _cache(store.home, state.generation, state.revision)
    try:
        if _is_good(cache):
            return _reports(cache)
    except _BAD:
        pass
    with deriving(store.home):
        return with_texts(store, store.reports(state.generation))


def keep_vectors(store: Store, generation: int) -> None:
    """Keep the vectors written in a generation beside the database, for who opens a snapshot.

    They are in Chroma, but its reading them may write, and no reader should.
    """
    found = store.vectors_of(generation)
    rows = np.array(list(found), dtype=np.str_)
    vectors = np.array(list(found.values()), dtype=np.float32)
    np.savez(store.home / f"{VECTORS}{generation}.npz", rows=rows, vectors=vectors)


def _vectors(store: Store, rows: Collection[str]) -> dict[str, Vector]:
    """The vectors of rows: those that were kept, and of others Chroma's."""
    found: dict[str, Vector] = {}
    for path in store.home.glob(f"{VECTORS}*.npz"):
        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(path) as kept:
            found.update(zip(kept["rows"].tolist(), kept["vectors"], strict=True))
    found = {row: found[row] for row in rows if row in found}
    return found | store.vectors(set(rows) - found.keys())


def _newest(store: Store) -> Snapshot | None:
    """The newest earlier snapshot in the cache that is good."""
    earlier = []
    for cache in store.home.glob(f"{CACHE}{CACHE_VERSION}-*-*"):
        _, _, generation, revision = cache.name.split("-")
        if generation.isdigit() and int(generation) < store.state.generation:
            earlier.append((int(generation), revision))
    loaded = (_load(store.home, *which) for which in sorted(earlier, reverse=True))
    return next((snapshot for snapshot in loaded if snapshot), None)


def _cache(home: Path, generation: int, revision: str) -> Path:
    return home / f"{CACHE}{CACHE_VERSION}-{generation}-{revision}"


def _load(home: Path, generation: int, revision: str) -> Snapshot | None:
    """The snapshot in the cache; None where there is none or it is damaged."""
    cache = _cache(home, generation, revision)
    try:
        if not _is_good(cache):
            return None
        reports = _reports(cache)
        infos = {report_id: report.info for report_id, report in reports.items()}
        rows = orjson.loads((cache / "passages.json").read_bytes())
        passages = [_passage(row, infos) for row in rows]
        keyword = KeywordIndex.load(cache / "keyword", len(passages))
        dense, static = (_load_vectors(cache / name, len(passages)) for name in _VECTORS)
        signed = Signed.load(cache / _FAMILIES, len(passages))
        words = orjson.loads((cache / "words.json").read_bytes())
        lexicon = Lexicon.load(cache / _LEXICON)
    except _BAD:
        return None
    return Snapshot(
        home,
        generation,
        revision,
        reports,
        passages,
        keyword,
        dense,
        static,
        signed,
        words,
        lexicon,
    )


def _is_good(cache: Path) -> bool:
    return (cache / _SEAL).read_text(encoding="ascii") == _digest(cache)


def _reports(cache: Path) -> dict[str, StoredReport]:
    lines = (cache / "reports.jsonl").read_bytes().splitlines()
    reports = (_report(orjson.loads(line)) for line in lines)
    return {report.info.id: report for report in reports}


def _load_vectors(path: Path, size: int) -> Vectors:
    vectors: Vectors = np.load(path, allow_pickle=False).astype(np.float32)
    if len(vectors) != size:
        raise ValueError(f"{len(vectors)} vectors, not {size}")
    return vectors


def _save(snapshot: Snapshot, made_by: Mapping[str, str]) -> None:
    """Write the cache beside its place and move it there; others go."""
    home = snapshot.home
    cache = _cache(home, snapshot.generation, snapshot.revision)
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f"{CACHE}new-", dir=home))
        lines = (orjson.dumps(asdict(report)) for report in snapshot.reports.values())
        (temporary / "reports.jsonl").write_bytes(b"\n".join(lines))
        rows = [_row(passage) for passage in snapshot.passages]
        (temporary / "passages.json").write_bytes(orjson.dumps(rows))
        snapshot.keyword.save(temporary / "keyword")
        for name, vectors in zip(_VECTORS, (snapshot.dense, snapshot.static), strict=True):
            # Half the bits keep the ranking, at half the time to read them.
            np.save(temporary / name, vectors.astype(np.float16))
        snapshot.signed.save(temporary / _FAMILIES)
        snapshot.lexicon.save(temporary / _LEXICON)
        snapshot.catalog.prepare()
        (temporary / "words.json").write_bytes(orjson.dumps(snapshot.known_words))
        of = {"database": home.name, "made_by": dict(made_by)}
        (temporary / _OF).write_bytes(orjson.dumps(of))
        (temporary / _SEAL).write_text(_digest(temporary), encoding="ascii")
        for old in home.glob(f"{CACHE}*"):
            if old != temporary:
                shutil.rmtree(old, ignore_errors=True)
        temporary.rename(cache)
        for path in home.glob(f"{VECTORS}*"):
            path.unlink(missing_ok=True)
    except OSError as error:
        # A full disk costs the next start some seconds, no more.
        _log.warning("What searching needs can't be kept in %s: %s", home, error)
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


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
