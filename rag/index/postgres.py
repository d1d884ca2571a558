"""An index in PostgreSQL with pgvector, for many machines.

An ingest works on its folder and then brings the database in line, each report in a transaction of
its own; readers search in the database. What they keep in memory is the reports' tags and the words
with their numbers of passages.

    state     one row: the revision, what made it, and the words (not pairs of them): how each is
              written, how many passages have it
    report    tags, the compressed text with its passages; a report that changes gets a new number
    passage   its vectors, and its terms as a tsvector; its row is its report's number and its place
    memo      vectors of sentences and words by their hash

A term that a passage has n times is there as "term", "term#2" ... "term#n", so that the keyword
index alone tells how often, and BM25 is summed up in SQL without reading a passage.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson
import psycopg
from filelock import FileLock
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolTimeout

from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.errors import IndexBusy, IndexMissing, IndexUnusable
from rag.index import local
from rag.index.bm25 import K1, B
from rag.index.interface import HEAD, Candidates, Head, Index, Query, Ranking, unpack
from rag.index.local import LocalWriter, Snapshot
from rag.index.vectors import hashes
from rag.models.encoder import STATIC_DIMENSIONS, Vectors, unit
from rag.text.tokenize import terms_and_forms
from rag.types import Progress

VERSION = 4  # of the tables: how many scripts, named by their numbers, have been run
MIGRATIONS = Path(__file__).with_name("migrations")
WAIT, MOST_CONNECTIONS = 10.0, 8  # seconds to wait for a connection, and how many there are
NEAREST = 400  # neighbours that HNSW keeps in sight while it searches
_LOCK = 0x61736B6C  # "askl"
_Result = TypeVar("_Result")
Connection = psycopg.Connection[TupleRow]
_TABLES = b"""CREATE EXTENSION IF NOT EXISTS vector; CREATE SCHEMA IF NOT EXISTS asklabs;
    CREATE TABLE IF NOT EXISTS version (number int NOT NULL)"""
SESSION = f"""SET search_path = asklabs, public; SET jit = off;
    SET hnsw.ef_search = {NEAREST}; SET hnsw.iterative_scan = strict_order;
    SET default_transaction_isolation = 'repeatable read'"""
STAGE = "writing to the database"
PLACES = 1 << 16  # a row is its report's number times this, and its place
MOST_TIMES = 12  # how often a term counts in a passage: more weigh hardly more
# So few terms of a question, the rarest, are looked for, and more while so many passages have them.
FEWEST_TERMS, MOST_MATCHES = 3, 100_000
# Among so many passages all are compared; among more the nearest are found by HNSW.
EXACT = 10_000
Scope = tuple[str, dict[str, Any], int]  # a condition, its values, about how many meet it
LONGEST = 500  # characters of a term that is kept
# The weights of levels add up to that of the frequency: k / (k + norm).
_KEYWORD = """
    WITH scores AS (
        SELECT row, sum(weight * (k / (k + norm) - (k - 1) / (k - 1 + norm))) AS score
        FROM unnest(%(terms)s::text[], %(weights)s::float8[]) AS wanted(term, weight)
        CROSS JOIN generate_series(1, {most}) AS k
        CROSS JOIN LATERAL (
            SELECT row, %(base)s::float8 + %(slope)s::float8 * length AS norm FROM passage
            WHERE terms @@ quote_literal(term || CASE WHEN k > 1 THEN '#' || k ELSE '' END)::tsquery
            AND {condition}) found
        GROUP BY row)
    SELECT row, score::float8 FROM (
        SELECT row, score, row_number() OVER (ORDER BY score DESC, row) AS place,
            max(score) OVER () AS highest FROM scores) ranked
    WHERE place <= %(depth)s OR score >= %(share)s * highest ORDER BY score DESC, row"""
_STATE = "SELECT revision, made_by, words, (SELECT avg(length)::float8 FROM passage) FROM state"
_CLEAR = b"""TRUNCATE passage, report, memo; UPDATE state SET revision = '';
    DROP INDEX IF EXISTS dense_hnsw, static_hnsw"""
_HNSW = """CREATE INDEX IF NOT EXISTS {0}_hnsw ON passage
    USING hnsw (({0}::halfvec({1})) halfvec_ip_ops)"""
_TERMS = b"CREATE INDEX IF NOT EXISTS terms_gin ON passage USING gin (terms); ANALYZE passage"
_FREQUENCIES = """SELECT term, (SELECT count(*) FROM passage
    WHERE terms @@ quote_literal(term)::tsquery) FROM unnest(%s::text[]) term"""


class Database:
    """A pool of connections; what is lost on the way is tried once more."""

    def __init__(self, url: str, *, writes: bool = False) -> None:
        """Connect; a writer's work makes or updates the tables first, or raises IndexBusy."""
        self._url, self._writes = url, writes
        self._pool = ConnectionPool(
            url, min_size=1, max_size=1 if writes else MOST_CONNECTIONS, timeout=WAIT,
            reconnect_timeout=WAIT, open=True, configure=_configure, kwargs={"autocommit": True},
        )  # fmt: skip

    def run(self, work: Callable[[Connection], _Result]) -> _Result:
        """What some work with a connection gives; or IndexUnusable, if that fails a second time."""
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
                return work(_locked(connection) if self._writes else connection)
        except PoolTimeout:
            psycopg.connect(self._url, connect_timeout=int(WAIT)).close()  # This says why.
            raise

    def fetch(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[TupleRow]:
        """All rows that a query gives; raises as `run` does."""
        return self.run(lambda c: c.execute(query.encode(), values, binary=True).fetchall())

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _configure(connection: Connection) -> None:
    connection.execute(SESSION.encode())
    if one(connection, "SELECT to_regtype('halfvec')")[0]:
        register_vector(connection)


def one(connection: Connection, query: str, *values: Any) -> TupleRow:
    return connection.execute(query, values).fetchone() or ()


def check_version(number: int, *, ingests: bool = False) -> None:
    what = "newer than this asklabs knows. Update asklabs on this machine."
    if number < VERSION:
        what = "older than this asklabs needs. Run asklabs ingest PATH once to bring it up to date."
    if number > VERSION or (number < VERSION and not ingests):
        raise IndexUnusable(f"The database is of version {number}, {what}")


def _locked(connection: Connection) -> Connection:
    """A connection that alone may write, until it is closed, to tables of this version."""
    if not one(connection, "SELECT pg_try_advisory_lock(%s)", _LOCK)[0]:
        raise IndexBusy("Another ingest is writing to the database. Wait until it is done.")
    with connection.transaction():
        connection.execute(_TABLES)
        number = one(connection, "SELECT coalesce(max(number), 0) FROM version")[0]
        check_version(number, ingests=True)
        for n in range(number + 1, VERSION + 1):
            connection.execute((MIGRATIONS / f"{n}.sql").read_bytes())
        connection.execute(f"DELETE FROM version; INSERT INTO version VALUES ({VERSION})".encode())
    _configure(connection)
    return connection


class PostgresIndex(Index):
    """An index in a database as it was when it was opened."""

    def __init__(self, database: Database) -> None:
        """Read tags and words."""
        self._database, self.revision = database, ""
        if database.fetch("SELECT to_regclass('asklabs.version')") != [(None,)]:
            check_version(*database.fetch("SELECT number FROM version")[0])
            ((self.revision, self.made_by, packed, mean),) = database.fetch(_STATE)
        if not self.revision:
            raise IndexMissing(
                "The database holds no index yet. Run asklabs ingest PATH and wait for its end."
            )
        super().__init__(database.run(_heads))
        self._names = {head.row: name for name, head in self.heads.items()}
        self._mean = mean or 1.0
        words = orjson.loads(zlib.decompress(packed))
        self.spellings = {term: form for term, form, _ in words}
        self._counts = {term: count for term, _, count in words}

    @classmethod
    def current(
        cls, url: str, made_by: Mapping[str, str], before: PostgresIndex | None
    ) -> PostgresIndex:
        """The index at an address as it is now, the one before if nothing has changed."""
        with ExitStack() as stack:
            database = before._database if before else stack.enter_context(closing(Database(url)))
            if before and database.fetch("SELECT revision FROM state") == [(before.revision,)]:
                return before
            index = cls(database)
            local.check_made_by("the database", index.made_by, made_by)
            stack.pop_all()
            return index

    def place(self, row: int) -> tuple[str, int]:
        number, n = divmod(row, PLACES)
        return self._names.get(number, ""), n

    def _scope(self, filters: Filters, stage: str = "") -> Scope:
        """The passages that pass filters and, if any of these are, are of a stage."""
        values: dict[str, Any] = {"stage": stage}
        condition, size = "true", len(self.passages)
        if filters:
            heads = [self.heads[i] for i in self.catalog.ids(filters)]
            condition = "report = ANY(%(reports)s)"
            values["reports"] = [head.row for head in heads]
            size = sum(head.report.passages for head in heads)
        if filters.language:
            condition += " AND language = ANY(%(languages)s)"
            values["languages"] = [filter_key("language", v) for v in filters.language]
        staged = f"{condition} AND stage = %(stage)s"
        if stage and self._database.fetch(f"SELECT FROM passage WHERE {staged} LIMIT 1", values):
            condition = staged
        return condition, values, size

    def candidates(self, query: Query) -> Candidates:
        found = sorted(self._frequencies(query.terms).items(), key=itemgetter(1))
        sums = np.cumsum([count for _, count in found])
        counts = dict(found[: max(FEWEST_TERMS, int(np.searchsorted(sums, MOST_MATCHES, "right")))])
        scopes, depth = [self._scope(f, query.stage) for f in query.scopes], query.depth
        keyword = [self._keyword(counts, scope, depth, query.share) for scope in scopes]
        every = keyword[0]
        if query.stage:
            every = self._keyword(counts, self._scope(query.scopes[0]), depth, query.share)
        over = (row for row, score in every if score >= query.share * every[0][1])
        matching = frozenset(self.place(row)[0] for row in over).intersection(self.heads)
        rankings: list[dict[str, Ranking]] = [
            {
                "keyword": own[:depth],
                "static": self._nearest("static", query.static, scope, depth),
                "dense": self._nearest("dense", query.dense, scope, depth),
            }
            for own, scope in zip(keyword, scopes, strict=True)
        ]
        rows = {row for own in rankings for ranking in own.values() for row, _ in ranking}
        cosines = "SELECT row, -(dense <#> %s) FROM passage WHERE row = ANY(%s)"
        similar = self._database.fetch(cosines, [HalfVector(query.dense), list(rows)])
        return Candidates(rankings, dict(similar), matching)

    def _frequencies(self, terms: Collection[str]) -> dict[str, int]:
        """How many passages have each of the terms, those with none left out."""
        counts = dict(zip(terms, self.frequencies(terms), strict=True))
        pairs = [term for term, count in counts.items() if not count and " " in term]
        if pairs:
            counts |= dict(self._database.fetch(_FREQUENCIES, [pairs]))
        return {term: count for term, count in counts.items() if count}

    def _keyword(
        self, counts: Mapping[str, int], scope: Scope, depth: int, share: float
    ) -> Ranking:
        """BM25: the best rows, and those of at least a share of the best score."""
        condition, values, _ = scope
        size = len(self.passages)
        weights = [float(np.log1p((size - n + 0.5) / (n + 0.5))) for n in counts.values()]
        values = values | {"terms": list(counts), "weights": weights, "depth": depth}
        values |= {"share": share, "base": K1 * (1 - B), "slope": K1 * B / self._mean}
        return self._database.fetch(_KEYWORD.format(condition=condition, most=MOST_TIMES), values)

    def _nearest(self, column: str, vector: Vectors, scope: Scope, depth: int) -> Ranking:
        condition, values, size = scope
        # An order that is computed is none of an index.
        exact = f"({column} <#> %(vector)s) + 0"
        near = f"{column}::halfvec({len(vector)}) <#> %(vector)s"
        query = f"""SELECT row, -({column} <#> %(vector)s) FROM passage WHERE {condition}
            ORDER BY {exact if size <= EXACT else near} LIMIT %(depth)s"""
        return self._database.fetch(query, values | {"vector": HalfVector(vector), "depth": depth})

    def having(self, words: Sequence[Collection[str]], filters: Filters) -> Ranking:
        counts = self._frequencies(set(chain.from_iterable(words)))
        quoted = {term: "'" + term.replace("'", "''") + "'" for term in counts}
        known = [[quoted[term] for term in terms if term in counts] for terms in words]
        if not all(known):
            return []
        condition, values, size = self._scope(filters)
        values["having"] = " & ".join(f"({' | '.join(terms)})" for terms in known)
        scope = f"{condition} AND terms @@ %(having)s::tsquery", values, size
        return self._keyword(counts, scope, 0, 0.0)

    def frequencies(self, terms: Collection[str]) -> list[int]:
        # Of pairs of words nothing is known.
        return [self._counts.get(term, 0) for term in terms]

    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        query = "SELECT id, record FROM report WHERE number = ANY(%s)"
        return self._database.fetch(query, [[self.heads[i].row for i in report_ids]])

    def vectors(self, texts: Sequence[str]) -> dict[str, Vectors]:
        of_hash = dict(zip(hashes(texts).astype("<i8").tolist(), texts, strict=True))
        query = "SELECT hash, vector FROM memo WHERE hash = ANY(%s)"
        rows = self._database.fetch(query, [[*of_hash]])
        return {of_hash[h]: unit([vector.to_numpy()])[0] for h, vector in rows}

    def with_files(self, folder: Path) -> Snapshot:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / local.LOCK):
                base: Snapshot | None = None
                with suppress(IndexUnusable):
                    base = local.current_snapshot(folder, {})
                if base and base.revision == self.revision:
                    return base
                return self._database.run(partial(pull, base, folder, lambda *_: None))
        except OSError as error:
            raise local.write_error(folder, error) from error

    @cached_property
    def means(self) -> Vectors:
        query = "SELECT report, avg(dense::vector)::halfvec FROM passage GROUP BY report"
        found = {number: vector.to_numpy() for number, vector in self._database.fetch(query)}
        nothing = np.zeros(len(next(iter(found.values()), ())), np.float32)
        return np.array([found.get(h.row, nothing) for h in self.heads.values()], np.float32)


def state(connection: Connection) -> tuple[str, dict[str, str]]:
    """The revision that readers have, and what made it."""
    revision, made_by = one(connection, "SELECT revision, made_by FROM state")
    return revision, made_by


def _heads(connection: Connection) -> dict[str, Head]:
    """The reports by their ids; the row of each is its number."""
    rows = connection.execute("SELECT id, number, head FROM report").fetchall()
    return {name: replace(HEAD.validate_json(head), row=number) for name, number, head in rows}


def pull(
    base: Snapshot | None, folder: Path, progress: Progress, connection: Connection
) -> Snapshot:
    """Have a folder hold what the database has at one moment; nothing is embedded."""
    with connection.transaction():
        base = None if base and base.is_worn else base
        writer, there = LocalWriter(folder, base, state(connection)[1]), _heads(connection)
        stale = base.unlike(there) if base else list(there)
        writer.delete(name for name in stale if name not in there)
        for n, head in enumerate(new := [there[name] for name in stale if name in there]):
            progress("copying", n, len(new))
            (record,) = one(connection, "SELECT record FROM report WHERE number = %s", head.row)
            query = "SELECT dense FROM passage WHERE report = %s ORDER BY row"
            dense = connection.execute(query, [head.row], binary=True)
            vectors = unit([vector.to_numpy() for (vector,) in dense])
            writer.add(*unpack(head.report, record), vectors)
        return writer.publish()


def bring_in_line(snapshot: Snapshot, progress: Progress, connection: Connection) -> None:
    """Have the database hold what a snapshot has, each report in a transaction."""
    execute, made_by = connection.execute, dict(snapshot.version.made_by)
    if state(connection)[1] != made_by:
        # What another parser or embedding has made is of no use here.
        with connection.transaction():
            execute(_CLEAR)
            execute("UPDATE state SET made_by = %s", [Jsonb(made_by)])
    _write_memo(connection, snapshot)
    for n, name in enumerate(stale := snapshot.unlike(_heads(connection))):
        progress(STAGE, n, len(stale))
        with connection.transaction():
            execute("DELETE FROM report WHERE id = %s", [name])
            if name in snapshot.heads:
                _write(connection, snapshot, name)
    execute(_HNSW.format("dense", snapshot.version.dimensions).encode())
    execute(_HNSW.format("static", STATIC_DIMENSIONS).encode())
    execute(_TERMS)
    counts = snapshot.frequencies(snapshot.spellings)
    words = zip(snapshot.spellings.items(), counts, strict=True)
    packed = zlib.compress(orjson.dumps([(*word, n) for word, n in words if n]))
    execute("UPDATE state SET revision = %s, words = %s", [snapshot.revision, packed])


def _write(connection: Connection, snapshot: Snapshot, name: str) -> None:
    """Write a report that is not there."""
    head = snapshot.heads[name]
    ((_, record),) = snapshot.packed([name])
    insert = "INSERT INTO report (id, head, record) VALUES (%s, %s, %s) RETURNING number"
    (number,) = one(connection, insert, name, orjson.dumps(head).decode(), record)
    rows = []
    for n, passage in enumerate(snapshot.passages_of(name)):
        found, _ = terms_and_forms(passage.in_context, passage.language)
        times = Counter(term for term in found if len(term) <= LONGEST)
        lexemes = [
            term if k == 1 else f"{term}#{k}"
            for term, most in times.items()
            for k in range(1, min(most, MOST_TIMES) + 1)
        ]
        vectors = (HalfVector(m.at(head.row + n)) for m in (snapshot.dense, snapshot.static))
        told = passage.language, passage.stage, len(found)
        rows.append((number * PLACES + n, number, *told, *vectors, lexemes))
    values = "(%s, %s, %s, %s, %s, %s, %s, array_to_tsvector(%s::text[]))"
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO passage VALUES {values}", rows)


def _write_memo(connection: Connection, snapshot: Snapshot) -> None:
    """Add the vectors of sentences and words that the database lacks."""
    there: set[int] = {h for (h,) in connection.execute("SELECT hash FROM memo")}
    copying = "COPY memo (hash, vector) FROM STDIN (FORMAT BINARY)"
    with connection.transaction(), connection.cursor() as cursor, cursor.copy(copying) as copy:
        copy.set_types(["int8", "halfvec"])
        for n, h in enumerate(snapshot.memo.hashes.astype("<i8").tolist()):
            if h not in there:
                there.add(h)
                copy.write_row((h, HalfVector(snapshot.memo[n])))
