"""An index in PostgreSQL with pgvector, for many machines. Its reader.

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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cached_property, partial
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
import orjson
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.errors import IndexMissing, IndexUnusable
from rag.index.bm25 import K1, B, question_terms
from rag.index.interface import HEAD, Candidates, Head, Index, Query, Ranking
from rag.index.layout import check_made_by
from rag.index.vectors import VectorMemo, hashes
from rag.models.encoder import Vectors, unit

VERSION = 3  # of the tables
PLACES = 1 << 16  # a row is its report's number times this, and its place
MOST_TIMES = 12  # how often a term counts in a passage: more weigh hardly more
# Terms of a question are looked for, the rarest first, while so many passages have them.
MOST_MATCHES = 100_000
FEWEST_TERMS = 3
# Among so many passages all are compared; among more the nearest are found by HNSW.
EXACT = 10_000
NEAREST = 400  # neighbours that HNSW keeps in sight while it searches
WAIT, MOST_CONNECTIONS = 10.0, 8  # seconds to wait for a connection, and how many there are
_Result = TypeVar("_Result")
Connection = psycopg.Connection[TupleRow]
Scope = tuple[str, dict[str, Any], int]  # a condition, its values, about how many meet it
SESSION = f"""
    SET search_path = asklabs, public; SET jit = off;
    SET hnsw.ef_search = {NEAREST}; SET hnsw.iterative_scan = strict_order"""
# What a transaction of a reader sees is of one moment.
READS = """;
    SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on"""
# The weights of levels add up to that of the frequency: k / (k + norm).
_KEYWORD = """
    WITH scores AS (
        SELECT row, sum(weight * (k / (k + norm) - (k - 1) / (k - 1 + norm))) AS score
        FROM unnest(%(terms)s::text[], %(weights)s::float8[], %(levels)s::float8[])
            AS wanted(term, weight, k)
        CROSS JOIN LATERAL (
            SELECT row, %(base)s::float8 + %(slope)s::float8 * length AS norm
            FROM passage WHERE terms @@ wanted.term::tsquery AND {condition}) found
        GROUP BY row)
    SELECT row, score::float8 FROM (
        SELECT row, score, row_number() OVER (ORDER BY score DESC, row) AS place,
            max(score) OVER () AS highest FROM scores) ranked
    WHERE place <= %(depth)s OR score >= %(share)s * highest ORDER BY score DESC, row"""
_FREQUENCIES = """
    SELECT (SELECT count(*) FROM passage WHERE terms @@ t::tsquery)
    FROM unnest(%s::text[]) WITH ORDINALITY q(t, n) ORDER BY n"""


class Database:
    """A pool of connections; what is lost on the way is tried once more."""

    def __init__(self, url: str, *, writes: bool = False) -> None:
        self._url = url
        most, session = (1, SESSION) if writes else (MOST_CONNECTIONS, SESSION + READS)
        self._pool = ConnectionPool(
            url, min_size=1, max_size=most, timeout=WAIT, reconnect_timeout=WAIT, open=True,
            configure=partial(configure, session), kwargs={"autocommit": True},
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
                return work(connection)
        except PoolTimeout:
            psycopg.connect(self._url, connect_timeout=int(WAIT)).close()  # This says why.
            raise

    def fetch(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[TupleRow]:
        """All rows that a query gives; raises as `run` does."""
        return self.run(lambda c: c.execute(query.encode(), values, binary=True).fetchall())

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def configure(session: str, connection: Connection) -> None:
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


class PostgresIndex(Index):
    """An index in a database as it was when it was opened."""

    def __init__(self, database: Database, before: PostgresIndex | None = None) -> None:
        """Read tags and words; of reports only those that `before` has not."""
        self._database = database
        known: Mapping[int, Head] = before._known if before else {}
        new = "SELECT number, CASE WHEN number <> ALL(%s) THEN head END FROM report"

        def read(connection: Connection) -> tuple[Any, ...]:
            with connection.transaction():
                if not one(connection, "SELECT to_regclass('asklabs.version')")[0]:
                    raise IndexMissing("The database holds no index. Make one: asklabs ingest PATH")
                check_version(one(connection, "SELECT number FROM version")[0])
                state = one(connection, "SELECT revision, made_by, words FROM state")
                mean = one(connection, "SELECT avg(length)::float8 FROM passage")[0]
                return *state, mean or 1.0, connection.execute(new, [list(known)]).fetchall()

        self.revision, self.made_by, packed, self._mean, reports = database.run(read)
        if not self.revision:
            raise IndexMissing(
                "The database holds no index yet: an ingest is at work or was cut short. Run "
                "asklabs ingest PATH and wait until it is done."
            )
        self._known: Mapping[int, Head] = {
            n: HEAD.validate_json(head) if head else known[n] for n, head in reports
        }
        super().__init__({head.report.info.id: head for head in self._known.values()})
        self._numbers = {head.report.info.id: n for n, head in self._known.items()}
        words = orjson.loads(zlib.decompress(packed))
        self.spellings = {term: form for term, form, _ in words}
        self._counts = {term: count for term, _, count in words}
        self.memo = DatabaseMemo(database)

    @classmethod
    def current(
        cls, url: str, made_by: Mapping[str, str], before: PostgresIndex | None
    ) -> PostgresIndex:
        """The index at an address as it is now, the one before if nothing has changed."""
        with ExitStack() as stack:
            database = before._database if before else stack.enter_context(closing(Database(url)))
            if before and database.fetch("SELECT revision FROM state") == [(before.revision,)]:
                return before
            index = cls(database, before)
            check_made_by("the database", index.made_by, made_by)
            stack.pop_all()
            return index

    def place(self, row: int) -> tuple[str, int]:
        number, n = divmod(row, PLACES)
        return self._known[number].report.info.id if number in self._known else "", n

    def _scope(self, filters: Filters, stage: str = "") -> Scope:
        """The passages that pass filters, and are of a stage."""
        values: dict[str, Any] = {"stage": stage}
        condition, size = "true", len(self.passages)
        if filters:
            ids = self.catalog.ids(filters)
            condition = "report = ANY(%(reports)s)"
            values["reports"] = [self._numbers[i] for i in ids]
            size = sum(self.heads[i].report.passages for i in ids)
        if filters.language:
            condition += " AND language = ANY(%(languages)s)"
            values["languages"] = [filter_key("language", v) for v in filters.language]
        return condition + (" AND stage = %(stage)s" if stage else ""), values, size

    def candidates(
        self, query: Query, scopes: Sequence[Filters], depth: int, share: float
    ) -> Candidates:
        terms = question_terms(query.text, query.language, query.pairs)
        found = sorted(self._frequencies(terms).items(), key=itemgetter(1))
        sums = np.cumsum([count for _, count in found])
        counts = dict(found[: max(FEWEST_TERMS, int(np.searchsorted(sums, MOST_MATCHES, "right")))])

        def ranked(filters: Filters, stage: str) -> dict[str, Ranking]:
            scope = self._scope(filters, stage)
            near = {"static": query.static, "dense": query.dense}
            best = {name: self._nearest(name, v, scope, depth) for name, v in near.items()}
            # A scope without passages of that stage is searched as a whole.
            if stage and not best["dense"]:
                return ranked(filters, "")
            return {"keyword": self._keyword(counts, scope, depth, share), **best}

        rankings = [ranked(filters, query.stage) for filters in scopes]
        matching = rankings[0]["keyword"]
        if query.stage:
            matching = self._keyword(counts, self._scope(scopes[0]), depth, share)
        rows = {r for own in rankings for best in own.values() for r, _ in best[:depth]}
        cosines = "SELECT row, -(dense <#> %s) FROM passage WHERE row = ANY(%s)"
        similar: dict[int, float]
        similar = dict(self._database.fetch(cosines, [HalfVector(query.dense), list(rows)]))
        # Another ingest may have added some, or taken some away meanwhile.
        there = self.rows(similar)
        kept = [
            {name: [hit for hit in best[:depth] if hit[0] in there] for name, best in own.items()}
            for own in rankings
        ]
        over = (row for row, score in matching if score >= share * matching[0][1])
        ids = frozenset(self.place(row)[0] for row in over).intersection(self.heads)
        return Candidates(kept, {row: similar[row] for row in there}, ids)

    def _frequencies(self, terms: Collection[str]) -> dict[str, int]:
        """How many passages have each of the terms, those with none left out."""
        counts = dict(zip(terms, self.frequencies(terms), strict=True))
        pairs = [term for term, count in counts.items() if not count and " " in term]
        if pairs:
            found = self._database.fetch(_FREQUENCIES, [list(map(_quoted, pairs))])
            counts |= {term: count for term, (count,) in zip(pairs, found, strict=True)}
        return {term: count for term, count in counts.items() if count}

    def _keyword(
        self,
        counts: Mapping[str, int],
        scope: Scope,
        depth: int,
        share: float,
        having: Sequence[Sequence[str]] = (),
    ) -> Ranking:
        """BM25: the best rows, and those of at least a share of the best score.

        Only rows count that have one of each of several terms, if any.
        """
        if not counts:
            return []
        condition, values, _ = scope
        size = len(self.passages)
        levels = [
            (_quoted(f"{term}#{k}" if k > 1 else term), np.log1p((size - n + 0.5) / (n + 0.5)), k)
            for term, n in counts.items()
            for k in range(1, MOST_TIMES + 1)
        ]
        values = {
            **values,
            "terms": [term for term, _, _ in levels],
            "weights": [float(weight) for _, weight, _ in levels],
            "levels": [k for _, _, k in levels],
            "base": K1 * (1 - B),
            "slope": K1 * B / self._mean,
            "depth": depth,
            "share": share,
            "having": " & ".join(f"({' | '.join(map(_quoted, terms))})" for terms in having),
        }
        if having:
            condition += " AND terms @@ %(having)s::tsquery"
        return self._database.fetch(_KEYWORD.format(condition=condition), values)

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
        known = [[term for term in terms if term in counts] for terms in words]
        if not all(known):
            return []
        found = self._keyword(counts, self._scope(filters), 0, 0.0, known)
        there = self.rows([row for row, _ in found])
        return [(row, score) for row, score in found if row in there]

    def frequencies(self, terms: Collection[str]) -> list[int]:
        # Of pairs of words nothing is known.
        return [self._counts.get(term, 0) for term in terms]

    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        query = "SELECT id, record FROM report WHERE number = ANY(%s)"
        return self._database.fetch(query, [[self._numbers[i] for i in report_ids]])

    @cached_property
    def means(self) -> Vectors:
        query = "SELECT report, avg(dense::vector)::halfvec FROM passage GROUP BY report"
        found = {number: vector.to_numpy() for number, vector in self._database.fetch(query)}
        nothing = np.zeros(len(next(iter(found.values()), ())), np.float32)
        return np.array([found.get(self._numbers[i], nothing) for i in self.ids], np.float32)


class DatabaseMemo(VectorMemo):
    """The vectors of sentences and words in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, texts: Sequence[str]) -> dict[str, Vectors]:
        if not texts:
            return {}
        of_hash = dict(zip(hashes(texts).astype("<i8").tolist(), texts, strict=True))
        query = "SELECT hash, vector FROM memo WHERE hash = ANY(%s)"
        rows = self._database.fetch(query, [[*of_hash]])
        return {of_hash[h]: unit([vector.to_numpy()])[0] for h, vector in rows}


def _quoted(term: str) -> str:
    """A term as a tsquery."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
