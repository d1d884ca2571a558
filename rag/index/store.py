"""An index's passages in Chroma, embedded. The only importer of chromadb.

The collection `passages` holds a row for each passage: its id, vector, text, and metadata by which
other programs can filter. Beside it lie copies of `current`, texts and tags of the version that it
holds. Readers never open Chroma, which overwrites its files in place and writes even on reads. What
a kill has torn is made again from the published files, and they from it, without embedding. It is
brought in line after each ingest.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import IndexDamaged, anew
from rag.files import append, replace_file
from rag.index import local
from rag.index.interface import unpack
from rag.index.local import BAD, CHROMA, POINTER, LocalWriter, Snapshot, Version
from rag.types import Progress

STAGE, TOGETHER = "writing to Chroma", 100  # reports that are written at a time
KEPT = ("texts", "tags")  # what lies beside it


def chromadb() -> Any:
    """The library, imported where it is needed: that takes a second.

    It wants a home folder, which a user that runs a service may not have.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.mkdtemp()
    import chromadb

    return chromadb


@contextmanager
def _opened(home: Path) -> Iterator[Any]:
    """The collection; what Chroma has still to write is written at the end."""
    chroma = chromadb()
    # Chroma keeps a client of each path for ever, also of one whose files are gone.
    chroma.api.shared_system_client.SharedSystemClient.clear_system_cache()
    kinds, schema = chroma.api.types, chroma.Schema()
    # Ten close neighbours are found as surely as by comparing all. Chroma writes vectors to the
    # disk after so many changes, and keeps as many twice.
    hnsw = kinds.HnswIndexConfig(ef_search=300, sync_threshold=1_000)
    schema.create_index(kinds.VectorIndexConfig(space="cosine", hnsw=hnsw))
    schema.delete_index(kinds.FtsIndexConfig(), key="#document")
    with closing(chroma.PersistentClient(str(home))) as client:
        yield client.get_or_create_collection("passages", embedding_function=None, schema=schema)


def _write(collection: Any, snapshot: Snapshot, names: list[str], held: Collection[str]) -> None:
    """Hold the passages of reports as a snapshot has them, in place of those of reports `held`."""
    from chromadb.utils.batch_utils import create_batches

    new = snapshot.read(names)
    passages = [passage for _, own in new.values() for passage in own]
    ids, texts = [p.id for p in passages], [p.text for p in passages]
    if old := [name for name in names if name in held]:
        found = collection.get(where={"report": {"$in": old}}, include=[])["ids"]
        if gone := list(set(found).difference(ids)):
            for batch, *_ in create_batches(collection._client, gone):
                collection.delete(batch)
    if passages:
        vectors: Any = np.concatenate([snapshot.dense.at(snapshot.heads[i].rows) for i in new])
        tags: Any = [
            {"report": p.report.id, "lab": p.report.lab, "year": p.report.year}
            | {"kind": p.report.kind, "prompt": p.prompt, "stage": p.stage, "language": p.language}
            for p in passages
        ]
        for part in create_batches(collection._client, ids, vectors, tags, texts):
            collection.upsert(*part)


def _delete_indexes(home: Path, *, shrink: bool) -> None:
    """Delete what Chroma keeps of texts beside them, which takes five times their room.

    It fills a full-text index, though the collection's schema has none, and orders all texts with
    the other metadata. Filters work without that order, only slower.
    """
    with closing(sqlite3.connect(home / "chroma.sqlite3")) as database:
        query = "SELECT sql FROM sqlite_master WHERE name = 'embedding_fulltext_search'"
        # Another version of Chroma may have none.
        made = "".join(f"{sql};" for (sql,) in database.execute(query))
        database.executescript(
            f"""BEGIN; DROP TABLE IF EXISTS embedding_fulltext_search; {made}
            DROP INDEX IF EXISTS embedding_metadata_string_value; COMMIT"""
        )
        if shrink:
            database.execute("VACUUM")


def bring_in_line(new: Snapshot, old: Snapshot | None, progress: Progress, afresh: bool) -> None:
    """Have Chroma hold what a snapshot has; `afresh`, or after a kill, all is written anew."""
    home, held = new.folder / CHROMA, Version()
    with suppress(*BAD):
        held = Version.load(home).checked(home, KEPT)
    if afresh or held.made_by != new.version.made_by:
        shutil.rmtree(home, ignore_errors=True)
        held = Version()
    if held == new.version:
        return
    try:
        heads = old.heads if old and old.version == held else held.tags(home)[0]
        if stale := new.unlike(heads):
            (home / POINTER).unlink(missing_ok=True)
            with _opened(home) as collection:
                for at in range(0, len(stale), TOGETHER):
                    progress(STAGE, at, len(stale))
                    _write(collection, new, stale[at : at + TOGETHER], heads)
            _delete_indexes(home, shrink=not heads)
        tell(new, held)
    except (sqlite3.Error, chromadb().errors.ChromaError) as error:
        raise local.write_error(new.folder, error) from error


def tell(snapshot: Snapshot, held: Version) -> None:
    """Tell that Chroma holds what a snapshot has, beside that for which it has no place."""
    home, version = snapshot.folder / CHROMA, snapshot.version
    home.mkdir(exist_ok=True)
    for name in KEPT:
        there = held.size(name) if held.data == version.data else 0
        append(home / name, there, version.read(snapshot.home / name)[there:])
    replace_file(home / POINTER, (snapshot.folder / POINTER).read_bytes())


def restore(folder: Path, progress: Progress) -> Snapshot:
    """The published files made again from Chroma without embedding; or IndexDamaged."""
    home, before = folder / CHROMA, set(folder.glob(f"{local.DATA}*"))
    try:
        version = Version.load(home).checked(home, KEPT)
        texts, (heads, _) = version.read(home / "texts"), version.tags(home)
        writer = LocalWriter(folder, None, version.made_by)
        for memo in list(folder.glob(f"{local.DATA}*/memo"))[:1]:
            shutil.copytree(memo, writer.home / "memo")
        with _opened(home) as collection:
            for n, head in enumerate(heads.values()):
                progress("copying", n, len(heads))
                report, passages = unpack(head.report, texts[slice(*head.text)].tobytes())
                ids = [passage.id for passage in passages]
                found = collection.get(ids or ["none"], include=["embeddings"])
                vectors = dict(zip(found["ids"], found["embeddings"], strict=True))
                writer.add(report, passages, np.array([vectors[i] for i in ids], np.float32))
        return writer.publish()
    except (*BAD, sqlite3.Error, chromadb().errors.ChromaError) as error:
        for begun in set(folder.glob(f"{local.DATA}*")) - before:
            shutil.rmtree(begun, ignore_errors=True)
        raise IndexDamaged(
            f"The index in {folder} can't be read, and what Chroma holds of it is not complete. "
            f"{anew(folder)}"
        ) from error
