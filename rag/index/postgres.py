"""An index in PostgreSQL with pgvector, for many machines.

An ingest works on its folder and then brings the database in line, each report in a transaction of
its own. Readers keep in memory the reports' tags, the lengths of passages, and the words with their
numbers of passages; they search for vectors in the database, and fetch the postings of a question.

    state     one row: the revision, what made it, how many rows were given, and the words (not
              pairs of them): how each is written, how many passages have it
    report    tags, the compressed text with its passages, how many terms each of these has; its
              number is the row of its first passage, another one whenever it changes
    passage   its vectors, and by what searches are filtered
    posting   segments of the keyword index, each in parts by the first bits of its terms' hashes
    memo      vectors of sentences and words by their hash
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import orjson
import psycopg
from filelock import FileLock
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolTimeout

from rag.catalog.normalize import filter_key
from rag.errors import IndexBusy, IndexMissing, IndexUnusable
from rag.index import local
from rag.index.bm25 import KeywordIndex, Segment
from rag.index.interface import HEAD, Head, Index, Mask, Query, Ranking, unpack
from rag.index.local import LocalWriter, Snapshot
from rag.index.vectors import Rows, VectorMemo, hashes
from rag.models.encoder import STATIC_DIMENSIONS, Vectors, unit
from rag.types import Progress

VERSION = 5  # of the tables, which a script makes
TABLES = Path(__file__).with_name("tables.sql")
WAIT, MOST_CONNECTIONS = 10.0, 8  # seconds to wait for a connection, and how many there are
MOST_WAIT = 30.0  # seconds to wait for what a reader asks for
# Classes of errors where a connection fails, ends or is ended; a full disk's is none of them.
LOST = ("", "08", "57")
NEAREST = 400  # neighbours that HNSW keeps in sight while it searches
_LOCK = 0x61736B6C  # "askl"
_Result = TypeVar("_Result")
Connection = psycopg.Connection[TupleRow]
_SCHEMA = b"""CREATE EXTENSION IF NOT EXISTS vector; CREATE SCHEMA IF NOT EXISTS asklabs;
    CREATE TABLE IF NOT EXISTS version (number int NOT NULL)"""
SESSION = f"""SET search_path = asklabs, public; SET jit = off;
    SET hnsw.ef_search = {NEAREST}; SET hnsw.iterative_scan = strict_order;
    SET default_transaction_isolation = 'repeatable read'"""
STAGE = "writing to the database"
# Of a scope all passages are compared if n * n <= EXACT * all: else HNSW passes fewer others.
EXACT = 2_000
# It warns of each connection that fails, many a minute: a question that fails for it says why.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
BUCKETS, SHIFT = 1 << 14, np.uint64(64 - 14)  # a term lies in that of its hash's first bits
MEMO_ROWS = 4_096  # vectors of a memo that are copied at a time
TOGETHER = 256  # buckets that are written at a time: of a million passages all would be 3 GB
_STATE = """SELECT revision, made_by, words, rows,
    (SELECT string_agg(lengths, '' ORDER BY id COLLATE "C") FROM report) FROM state"""
_POSTINGS = """SELECT string_agg(terms, '' ORDER BY bucket), string_agg(sizes, '' ORDER BY bucket),
    string_agg(rows, '' ORDER BY bucket), string_agg(counts, '' ORDER BY bucket)
    FROM posting WHERE bucket = ANY(%s) GROUP BY segment"""
_MEMO = "SELECT hash, vector FROM memo WHERE hash = ANY(%s)"
_NEXT_ROW = """SELECT greatest(rows, (SELECT max(row) FROM passage) + 1,
    (SELECT max(number) FROM report) + 1) FROM state"""
_CLEAR = b"""TRUNCATE posting, passage, report, memo; UPDATE state SET revision = '', rows = 0;
    DROP INDEX IF EXISTS dense_hnsw, static_hnsw"""
_INDEXES = """CREATE INDEX IF NOT EXISTS {0}_hnsw ON passage
    USING hnsw (({0}::halfvec({1})) halfvec_ip_ops); ANALYZE passage"""


class _Reader(psycopg.Connection[TupleRow]):
    """A connection whose server is given up where it leaves a question open for too long."""

    def wait(
        self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None
    ) -> _Result:
        try:
            return super().wait(gen, interval, timeout or MOST_WAIT)
        except psycopg.OperationalError:
            # What it may yet say would be taken for the answer to what comes next.
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


class Database:
    """A pool of connections; what is lost on the way is tried once more."""

    def __init__(self, url: str, *, writes: bool = False) -> None:
        """Connect, or raise IndexUnusable at once.

        A writer's work makes or updates the tables first, or raises IndexBusy.
        """
        self._url, self._writes = url, writes
        with _told():
            self._connect()  # A pool tries again, also where a password is wrong.
        self._pool = ConnectionPool(
            url, connection_class=psycopg.Connection if writes else _Reader, min_size=1,
            max_size=1 if writes else MOST_CONNECTIONS, timeout=WAIT, reconnect_timeout=WAIT,
            open=True, configure=_configure,
            kwargs={"autocommit": True, "connect_timeout": int(WAIT)},
        )  # fmt: skip

    def run(self, work: Callable[[Connection], _Result], *, again: bool = True) -> _Result:
        """What some work with a connection gives; or IndexUnusable, if that fails a second time."""
        with _told():
            try:
                with self._pool.connection() as connection:
                    return work(_locked(connection) if self._writes else connection)
            except PoolTimeout:
                self._connect()  # This says why.
                raise
            except psycopg.OperationalError:
                if not again:
                    raise
        self._pool.drain()  # The other connections may be lost, too.
        return self.run(work, again=False)

    def _connect(self) -> None:
        psycopg.connect(self._url, connect_timeout=int(WAIT)).close()

    def fetch(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[TupleRow]:
        """All rows that a query gives; raises as `run` does."""
        return self.run(lambda c: c.execute(query.encode(), values, binary=True).fetchall())

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


@contextmanager
def _told() -> Iterator[None]:
    """Tells why a database can't be used, as an IndexUnusable."""
    try:
        yield
    except psycopg.Error as error:
        kind = (error.sqlstate or "")[:2]
        lost = isinstance(error, psycopg.OperationalError) and kind in LOST
        what = "can't be reached" if lost else "refused what was asked"
        raise IndexUnusable(
            f"The database {what} ({' '.join(str(error).split())}). See that it runs and that "
            "ASKLABS_DATABASE names it, then try again. What it held is still there."
        ) from error


def _configure(connection: Connection) -> None:
    connection.execute(SESSION.encode())
    if one(connection, "SELECT to_regtype('halfvec')")[0]:
        register_vector(connection)


def one(connection: Connection, query: str, *values: Any) -> TupleRow:
    return connection.execute(query.encode(), values, binary=True).fetchone() or ()


def _check_version(number: int) -> None:
    if number > VERSION:
        what = "newer than this asklabs knows. Update asklabs on this machine."
    elif number < VERSION:
        what = "too old. DROP SCHEMA asklabs CASCADE, then run asklabs ingest PATH."
    else:
        return
    raise IndexUnusable(f"The database is of version {number}, {what}")


def _locked(connection: Connection) -> Connection:
    """A connection that alone may write, until it is closed, to tables of this version."""
    if not one(connection, "SELECT pg_try_advisory_lock(%s)", _LOCK)[0]:
        raise IndexBusy("Another ingest is writing to the database. Wait until it is done.")
    with connection.transaction():
        connection.execute(_SCHEMA)
        if number := one(connection, "SELECT number FROM version"):
            _check_version(*number)
        else:
            connection.execute(TABLES.read_bytes())
            connection.execute("INSERT INTO version VALUES (%s)", [VERSION])
    _configure(connection)
    return connection


class PostgresIndex(Index):
    """An index in a database as it was when it was opened."""

    def __init__(self, database: Database) -> None:
        """Read tags and words."""
        self._database = database
        (self.revision, self.made_by, packed, rows, own), heads = database.run(_moment)
        super().__init__(heads)
        lengths = np.zeros(max(rows, self.file_rows.max(initial=-1) + 1), np.int32)
        lengths[self.file_rows] = np.frombuffer(own or b"", ">i4")
        self._keyword = KeywordIndex((), lengths, self.file_rows)
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

    def keyword_of(self, terms: Iterable[str]) -> KeywordIndex:
        keyword, segments = copy(self._keyword), list[Segment]()
        buckets = [*{*(hashes(terms) >> SHIFT).tolist()}]
        for held, sizes, rows, counts in self._database.fetch(_POSTINGS, [buckets]):
            starts = np.append(0, np.frombuffer(sizes, "<i4").cumsum(dtype=np.int64))
            arrays = np.frombuffer(rows, "<i4"), np.frombuffer(counts, np.uint8)
            segments.append(Segment(np.frombuffer(held, "<u8"), starts, *arrays))
        keyword.segments = segments or keyword.segments
        return keyword

    def nearest(self, query: Query, masks: Sequence[Mask]) -> Iterable[Mapping[str, Ranking]]:
        for filters, mask in zip(query.scopes, masks, strict=True):
            found: dict[str, Ranking] = {}
            condition, values = "true", {"depth": query.depth, "stage": query.stage}
            if filters:
                condition = "report = ANY(%(reports)s)"
                values["reports"] = [self.heads[i].row for i in self.catalog.ids(filters)]
            if filters.language:
                condition += " AND language = ANY(%(languages)s)"
                values["languages"] = [filter_key("language", v) for v in filters.language]
            if query.stage and (self.stages[mask] == query.stage).all():
                condition += " AND stage = %(stage)s"
            for name, vector in (("static", query.static), ("dense", query.dense)):
                order = f"{name}::halfvec({len(vector)}) <#> %(vector)s"
                if mask.sum() ** 2 <= EXACT * len(mask):
                    order = f"({name} <#> %(vector)s) + 0"  # what is computed is in no index
                asked = f"""SELECT row, -({name} <#> %(vector)s) FROM passage
                    WHERE {condition} ORDER BY {order} LIMIT %(depth)s"""
                found[name] = self._found(asked, values | {"vector": HalfVector(vector)})
            yield found

    def cosines(self, rows: Sequence[int], dense: Vectors) -> Mapping[int, float]:
        query = "SELECT row, -(dense <#> %s) FROM passage WHERE row = ANY(%s)"
        return dict(self._found(query, [HalfVector(dense), self.file_rows[rows].tolist()]))

    def _found(self, query: str, values: Sequence[Any] | Mapping[str, Any]) -> Ranking:
        """The rows that a query gives with their scores, without those that came since."""
        at, found = self._keyword.positions, self._database.fetch(query, values)
        return [(int(at[row]), x) for row, x in found if row < len(at) and at[row] >= 0]

    @cached_property
    def stages(self) -> npt.NDArray[np.str_]:
        found = dict[int, str](self._database.fetch("SELECT row, stage FROM passage"))
        return np.array([found.get(row, "") for row in self.file_rows.tolist()], np.str_)

    def frequencies(self, terms: Collection[str]) -> list[int]:
        # Of pairs of words nothing is known.
        return [self._counts.get(term, 0) for term in terms]

    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        query = "SELECT id, record FROM report WHERE number = ANY(%s)"
        return self._database.fetch(query, [[self.heads[i].row for i in report_ids]])

    def vectors(self, texts: Sequence[str]) -> dict[str, Vectors]:
        of_hash = dict(zip(hashes(texts).astype("<i8").tolist(), texts, strict=True))
        rows = self._database.fetch(_MEMO, [[*of_hash]])
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


def _moment(connection: Connection) -> tuple[TupleRow, dict[str, Head]]:
    """The state, how many terms each passage has, and the reports, all of one moment."""
    with connection.transaction():
        held: TupleRow = ("",)
        if one(connection, "SELECT to_regclass('asklabs.version')")[0]:
            _check_version(*one(connection, "SELECT number FROM version"))
            held = one(connection, _STATE)
        if not held[0]:
            what = "The database holds no index yet"
            raise IndexMissing(f"{what}. Run asklabs ingest PATH and wait for its end.")
        return held, _heads(connection)


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
        # Without it, surveys and comparisons know no near words.
        memo = VectorMemo(writer.home / "memo")
        held = {h for (h,) in connection.execute("SELECT hash FROM memo")}
        new = sorted(held.difference(memo.hashes.astype("<i8").tolist()))
        for at in range(0, len(new), MEMO_ROWS):
            rows = connection.execute(_MEMO, [new[at : at + MEMO_ROWS]], binary=True).fetchall()
            own = np.array([h for h, _ in rows], "<i8").view("<u8")
            memo.add(own, unit([vector.to_numpy() for _, vector in rows]))
        return writer.publish()


def bring_in_line(snapshot: Snapshot, progress: Progress, connection: Connection) -> None:
    """Have the database hold what a snapshot has, each report in a transaction."""
    execute, made_by = connection.execute, dict(snapshot.version.made_by)
    if state(connection)[1] != made_by:  # What that has made is of no use here.
        with connection.transaction():
            execute(_CLEAR)
            execute("UPDATE state SET made_by = %s", [Jsonb(made_by)])
    held = {h for (h,) in execute("SELECT hash FROM memo")}
    hashed = {h: n for n, h in enumerate(snapshot.memo.hashes.astype("<i8").tolist())}
    new = ((h, HalfVector(snapshot.memo[n])) for h, n in hashed.items() if h not in held)
    _copy(connection, "memo", "int8 halfvec", new)
    ((row,),) = execute(_NEXT_ROW)
    for n, name in enumerate(stale := snapshot.unlike(_heads(connection))):
        progress(STAGE, n, len(stale))
        with connection.transaction():
            execute("DELETE FROM report WHERE id = %s", [name])
            if name in snapshot.heads:
                _write(connection, snapshot, name, row)
                row += max(1, snapshot.heads[name].report.passages)
    progress("preparing search", 0, 0)
    execute(_INDEXES.format("dense", snapshot.version.dimensions).encode())
    execute(_INDEXES.format("static", STATIC_DIMENSIONS).encode())
    counts = snapshot.frequencies(snapshot.spellings)
    words = zip(snapshot.spellings.items(), counts, strict=True)
    packed = zlib.compress(orjson.dumps([(*word, n) for word, n in words if n]))
    with connection.transaction():
        _write_postings(connection, snapshot, anew=not snapshot.heads.keys() >= set(stale))
        told = [snapshot.revision, packed, row]
        execute("UPDATE state SET revision = %s, words = %s, rows = %s", told)


def _write(connection: Connection, snapshot: Snapshot, name: str, row: int) -> None:
    """Write a report that is not there, its passages from a row on."""
    head = snapshot.heads[name]
    ((_, record),) = snapshot.packed([name])
    lengths = snapshot.static.stored["length"][head.rows].astype(">i4").tobytes()
    insert = "INSERT INTO report (number, id, head, record, lengths) VALUES (%s, %s, %s, %s, %s)"
    connection.execute(insert, [row, name, orjson.dumps(head).decode(), record, lengths])
    vectors = (map(HalfVector, m.at(head.rows)) for m in (snapshot.dense, snapshot.static))
    stages = (passage.stage for passage in snapshot.passages_of(name))
    rows = enumerate(zip(head.languages, stages, *vectors, strict=True), start=row)
    passages = ((n, row, *values) for n, values in rows)
    _copy(connection, "passage", "int4 int4 text text halfvec halfvec", passages)


def _copy(connection: Connection, table: str, types: str, rows: Iterable[Sequence[Any]]) -> None:
    copying = f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        copy.set_types(types.split())
        for row in rows:
            copy.write_row(row)


def _write_postings(connection: Connection, snapshot: Snapshot, *, anew: bool) -> None:
    """Write a segment of the passages that have come since the last one, or one of all."""
    (since,) = one(connection, "SELECT rows FROM state")
    (segments,) = one(connection, "SELECT count(DISTINCT segment) FROM posting")
    since = 0 if anew or segments >= local.MOST_SEGMENTS else since
    connection.execute("DELETE FROM posting WHERE segment >= %s", [since])
    moved = np.full(snapshot.version.rows, -1, np.int32)
    for name, head in _heads(connection).items():
        if head.row >= since:
            moved[snapshot.heads[name].rows] = np.arange(head.row, head.rows.stop)
    _copy(connection, "posting", "int4 int4" + 4 * " bytea", _postings(snapshot, moved, since))


def _postings(snapshot: Snapshot, moved: Rows, number: int) -> Iterator[Sequence[Any]]:
    """The parts of a segment of those of a snapshot's rows that have moved somewhere."""
    new = [segment for segment in snapshot.segments if (moved[segment.rows] >= 0).any()]
    for at in range(0, BUCKETS if new else 0, TOGETHER):
        merged = Segment.merge([_part(segment, at, at + TOGETHER) for segment in new], moved)
        for bucket in np.unique(merged.terms >> SHIFT).tolist():
            own = _part(merged, bucket, bucket + 1)
            arrays = own.terms, np.diff(own.starts).astype("<i4"), own.rows, own.counts
            yield bucket, number, *(array.tobytes() for array in arrays)


def _part(segment: Segment, first: int, end: int) -> Segment:
    """What a segment has of the terms of some buckets."""
    buckets = np.array([first, end], np.uint64)
    a, b = np.searchsorted(segment.terms >> SHIFT, buckets)
    inside = slice(segment.starts[a], segment.starts[b])
    starts = segment.starts[a : b + 1] - segment.starts[a]
    return Segment(segment.terms[a:b], starts, segment.rows[inside], segment.counts[inside])
