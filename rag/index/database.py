"""Connections to a PostgreSQL database, the lock of its writer, and the version of its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from pgvector.psycopg import register_vector
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from rag.errors import IndexBusy, IndexUnusable

VERSION = 3  # of the tables: how many scripts, named by their numbers, have been run
MIGRATIONS = Path(__file__).with_name("migrations")
WAIT, MOST_CONNECTIONS = 10.0, 8  # seconds to wait for a connection, and how many there are
NEAREST = 400  # neighbours that HNSW keeps in sight while it searches
_LOCK = 0x61736B6C  # "askl"
_Result = TypeVar("_Result")
Connection = psycopg.Connection[TupleRow]
SESSION = f"""
    SET search_path = asklabs, public; SET jit = off;
    SET hnsw.ef_search = {NEAREST}; SET hnsw.iterative_scan = strict_order"""
# What a transaction of a reader sees is of one moment.
READS = """;
    SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on"""


class Database:
    """A pool of connections; what is lost on the way is tried once more."""

    writes = False

    def __init__(self, url: str) -> None:
        self._url = url
        most, session = (1, SESSION) if self.writes else (MOST_CONNECTIONS, SESSION + READS)
        self._pool = ConnectionPool(
            url, min_size=1, max_size=most, timeout=WAIT, reconnect_timeout=WAIT, open=True,
            configure=partial(_configure, session), kwargs={"autocommit": True},
        )  # fmt: skip

    def run(self, work: Callable[[Connection], _Result]) -> _Result:
        """What some work with a connection gives.

        Raises:
            IndexUnusable: the database can't be reached, also when tried again, or refuses.
        """
        try:
            try:
                return self._run(work)
            except psycopg.OperationalError:
                self._pool.check()
                return self._run(work)
        except psycopg.Error as error:
            lost = isinstance(error, psycopg.OperationalError)
            what = "can't be reached" if lost else "refused what was asked"
            raise IndexUnusable(
                f"The database {what} ({' '.join(str(error).split())}). See that it runs and that "
                "ASKLABS_DATABASE names it, then try again. What it held is still there."
            ) from error

    def _run(self, work: Callable[[Connection], _Result]) -> _Result:
        try:
            with self._pool.connection() as connection:
                return work(_locked(connection) if self.writes else connection)
        except PoolTimeout:
            psycopg.connect(self._url, connect_timeout=int(WAIT)).close()  # This says why.
            raise

    def fetch(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[TupleRow]:
        """All rows that a query gives; raises as `run` does."""
        return self.run(lambda c: c.execute(query.encode(), values, binary=True).fetchall())

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _configure(session: str, connection: Connection) -> None:
    connection.execute(session.encode())
    if one(connection, "SELECT to_regtype('halfvec')")[0]:
        register_vector(connection)


def one(connection: Connection, query: str, *values: Any) -> TupleRow:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row


def check_version(number: int, *, ingests: bool = False) -> None:
    if number > VERSION:
        what = "newer than this asklabs knows. Update asklabs on this machine."
    else:
        what = "older than this asklabs needs. Run asklabs ingest PATH once to bring it up to date."
    if number > VERSION or (number < VERSION and not ingests):
        raise IndexUnusable(f"The database is of version {number}, {what}")


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
    _configure(SESSION, connection)
    return connection
