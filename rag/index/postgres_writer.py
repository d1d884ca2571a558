"""Writes an index in PostgreSQL: brings it in line with a folder's, or a folder with it."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import orjson
from filelock import FileLock
from pgvector import HalfVector
from psycopg.types.json import Jsonb

from rag.errors import IndexBusy, IndexUnusable
from rag.index.bm25 import terms_of
from rag.index.interface import HEAD, StoredReport, unpack
from rag.index.layout import LOCK, write_error
from rag.index.postgres import (
    MOST_TIMES,
    PLACES,
    SESSION,
    VERSION,
    Connection,
    Database,
    check_version,
    configure,
    one,
)  # fmt: skip
from rag.index.snapshot import Snapshot, current_snapshot
from rag.index.writer import LocalWriter, write_all
from rag.models.encoder import STATIC_DIMENSIONS, Vectors, unit
from rag.types import Passage, Progress

STAGE = "writing to the database"
MANY = 200  # written reports from which on the database counts its values anew
LONGEST = 500  # characters of a term that is kept
_LOCK = 0x61736B6C  # "askl"
_Result = TypeVar("_Result")
# The database's version is how many of its scripts, named by their numbers, it has run.
MIGRATIONS = Path(__file__).with_name("migrations")


class DatabaseWriter(Database):
    """One ingest's work on a database, which no other ingest does meanwhile.

    What is done first makes the tables or brings them up to date, and raises IndexBusy where
    another ingest is writing to the database.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, writes=True)

    def _run(self, work: Callable[[Connection], _Result]) -> _Result:
        return super()._run(lambda connection: work(_locked(connection)))

    def state(self) -> tuple[str, dict[str, str]]:
        """The revision that readers have, and what made it."""
        ((revision, made_by),) = self.fetch("SELECT revision, made_by FROM state")
        return revision, made_by

    def bring_in_line(self, snapshot: Snapshot, progress: Progress) -> None:
        """Have the database hold what a snapshot has, each report in a transaction."""
        self.run(partial(_bring_in_line, snapshot, progress))

    def pull(self, base: Snapshot | None, folder: Path, progress: Progress) -> Snapshot:
        """Have a folder hold what the database has; nothing is embedded."""
        return self.run(partial(_pull, base, folder, progress))


def _locked(connection: Connection) -> Connection:
    """A connection that alone may write, until it is closed, to tables of this version."""
    if not one(connection, "SELECT pg_try_advisory_lock(%s)", _LOCK)[0]:
        raise IndexBusy("Another ingest is writing to the database. Wait until it is done.")
    with connection.transaction():
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("CREATE SCHEMA IF NOT EXISTS asklabs")
        connection.execute("CREATE TABLE IF NOT EXISTS version (number int NOT NULL)")
        number = one(connection, "SELECT coalesce(max(number), 0) FROM version")[0]
        check_version(number, ingests=True)
        for n in range(number + 1, VERSION + 1):
            connection.execute((MIGRATIONS / f"{n}.sql").read_bytes())
        connection.execute("DELETE FROM version")
        connection.execute("INSERT INTO version VALUES (%s)", [VERSION])
    configure(SESSION, connection)
    return connection


def _bring_in_line(snapshot: Snapshot, progress: Progress, connection: Connection) -> None:
    made_by = dict(snapshot.version.made_by)
    if one(connection, "SELECT made_by FROM state")[0] != made_by:
        # What another parser or embedding has made is of no use here.
        with connection.transaction():
            connection.execute("TRUNCATE passage, report, memo")
            connection.execute("DROP INDEX IF EXISTS dense_hnsw, static_hnsw")
            connection.execute("UPDATE state SET revision = '', made_by = %s", [Jsonb(made_by)])
    stale = snapshot.unlike(_marks(connection))
    _write_memo(snapshot, connection)
    for n, report_id in enumerate(stale):
        progress(STAGE, n, len(stale))
        with connection.transaction():
            connection.execute("DELETE FROM report WHERE id = %s", [report_id])
            if report_id in snapshot.heads:
                _write(connection, snapshot, report_id)
    for column, width in (("dense", snapshot.version.dimensions), ("static", STATIC_DIMENSIONS)):
        connection.execute(
            f"""CREATE INDEX IF NOT EXISTS {column}_hnsw ON passage
            USING hnsw (({column}::halfvec({width})) halfvec_ip_ops)""".encode()
        )
    connection.execute("CREATE INDEX IF NOT EXISTS terms_gin ON passage USING gin (terms)")
    if len(stale) > MANY:
        connection.execute("ANALYZE passage")
    connection.execute(
        "UPDATE state SET revision = %s, words = %s", [snapshot.revision, _words(snapshot)]
    )


def _marks(connection: Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT id, mark FROM report ORDER BY id").fetchall())


def _words(snapshot: Snapshot) -> bytes:
    """The words that passages have, with how they are written and how many have them."""
    counts = snapshot.frequencies(snapshot.spellings)
    words = ((*word, n) for word, n in zip(snapshot.spellings.items(), counts, strict=True) if n)
    return zlib.compress(orjson.dumps(list(words)))


def _write(connection: Connection, snapshot: Snapshot, report_id: str) -> None:
    head, passages = snapshot.heads[report_id], snapshot.passages_of(report_id)
    ((_, record),) = snapshot.packed([report_id])
    number = one(
        connection,
        "INSERT INTO report (id, mark, head, record) VALUES (%s, %s, %s, %s) RETURNING number",
        report_id, head.mark, head.line().decode(), record,
    )[0]  # fmt: skip
    rows = []
    for n, passage in enumerate(passages):
        found, _ = terms_of(passage)
        times = Counter(term for term in found if len(term) <= LONGEST)
        lexemes = [
            term if k == 1 else f"{term}#{k}"
            for term, most in times.items()
            for k in range(1, min(most, MOST_TIMES) + 1)
        ]
        vectors = (HalfVector(m.at(head.row + n)) for m in (snapshot.dense, snapshot.static))
        place = number * PLACES + n
        rows.append((place, number, passage.language, passage.stage, len(found), *vectors, lexemes))
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO passage
            VALUES (%s, %s, %s, %s, %s, %s, %s, array_to_tsvector(%s::text[]))""",
            rows,
        )


def _write_memo(snapshot: Snapshot, connection: Connection) -> None:
    """Add the vectors of sentences and words that the database lacks."""
    there: set[int] = {h for (h,) in connection.execute("SELECT hash FROM memo")}
    with (
        connection.transaction(),
        connection.cursor() as cursor,
        cursor.copy("COPY memo (hash, vector) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["int8", "halfvec"])
        for held, vectors in snapshot.memo.parts():
            for h, vector in zip(held.astype("<i8").tolist(), vectors, strict=True):
                if h not in there:
                    there.add(h)
                    copy.write_row((h, HalfVector(vector)))


def _pull(
    base: Snapshot | None, folder: Path, progress: Progress, connection: Connection
) -> Snapshot:
    with connection.transaction():
        (made_by,) = one(connection, "SELECT made_by FROM state")
        there = _marks(connection)
        stale = base.unlike(there) if base else list(there)
        writer = LocalWriter(folder, base, made_by)
        writer.delete([name for name in stale if name not in there])
        reports = (_read(connection, name) for name in stale if name in there)
        return write_all(writer, reports, progress, "reading the database")


def _read(
    connection: Connection, report_id: str
) -> tuple[StoredReport, Sequence[Passage], Vectors]:
    query = "SELECT number, head, record FROM report WHERE id = %s"
    number, head, record = one(connection, query, report_id)
    query = "SELECT dense FROM passage WHERE report = %s ORDER BY row"
    dense = [v.to_numpy() for (v,) in connection.execute(query, [number], binary=True)]
    return *unpack(HEAD.validate_json(head).report, record), unit(dense)


def copy_database(url: str, folder: Path) -> Snapshot:
    """The index of a database as files in a folder, which are brought in line with it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK), closing(Database(url)) as database:
            base: Snapshot | None = None
            with suppress(IndexUnusable):
                base = current_snapshot(folder, {})
            if base and database.fetch("SELECT revision FROM state") == [(base.revision,)]:
                return base
            return database.run(partial(_pull, base, folder, lambda *_: None))
    except OSError as error:
        raise write_error(folder, error) from error
