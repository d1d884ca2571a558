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
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import cached_property
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from filelock import FileLock
from pgvector import HalfVector
from psycopg.types.json import Jsonb

from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import Filters
from rag.errors import IndexMissing, IndexUnusable
from rag.index.bm25 import K1, B
from rag.index.database import Connection, Database, check_version, one
from rag.index.interface import HEAD, Candidates, Embedded, Head, Index, Query, Ranking, Replica
from rag.index.local import (
    LOCK,
    LocalWriter,
    Snapshot,
    check_made_by,
    current_snapshot,
    write_error,
)
from rag.index.vectors import hashes
from rag.models.encoder import STATIC_DIMENSIONS, Vectors, unit
from rag.text.tokenize import terms_and_forms
from rag.types import Progress

PLACES = 1 << 16  # a row is its report's number times this, and its place
MOST_TIMES = 12  # how often a term counts in a passage: more weigh hardly more
# Terms of a question are looked for, the rarest first, while so many passages have them.
MOST_MATCHES = 100_000
FEWEST_TERMS = 3
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
_CLEAR = b"""
    TRUNCATE passage, report, memo;
    DROP INDEX IF EXISTS dense_hnsw, static_hnsw;
    UPDATE state SET revision = ''"""
_INDEXES = """
    CREATE INDEX IF NOT EXISTS dense_hnsw ON passage
        USING hnsw ((dense::halfvec({dense})) halfvec_ip_ops);
    CREATE INDEX IF NOT EXISTS static_hnsw ON passage
        USING hnsw ((static::halfvec({static})) halfvec_ip_ops);
    CREATE INDEX IF NOT EXISTS terms_gin ON passage USING gin (terms);
    ANALYZE passage"""
_FREQUENCIES = """
    SELECT term, (SELECT count(*) FROM passage WHERE terms @@ quote_literal(term)::tsquery)
    FROM unnest(%s::text[]) term"""


class PostgresIndex(Index):
    """An index in a database as it was when it was opened."""

    def __init__(self, database: Database, before: PostgresIndex | None = None) -> None:
        """Read tags and words; of reports only those that `before` has not."""
        self._database = database
        known: Mapping[int, Head] = before._known if before else {}
        new = "SELECT number, CASE WHEN number <> ALL(%s) THEN head END FROM report"

        def read(connection: Connection) -> tuple[Any, ...]:
            with connection.transaction():
                if one(connection, "SELECT to_regclass('asklabs.version')")[0]:
                    check_version(one(connection, "SELECT number FROM version")[0])
                    state = one(connection, "SELECT revision, made_by, words FROM state")
                    mean = one(connection, "SELECT avg(length)::float8 FROM passage")[0]
                    if state[0]:
                        heads = connection.execute(new, [list(known)]).fetchall()
                        return *state, mean or 1.0, heads
            raise IndexMissing(
                "The database holds no index yet. Run asklabs ingest PATH and wait for its end."
            )

        self.revision, self.made_by, packed, self._mean, reports = database.run(read)
        self._known: Mapping[int, Head] = {
            n: HEAD.validate_json(head) if head else known[n] for n, head in reports
        }
        super().__init__({head.report.info.id: head for head in self._known.values()})
        self._numbers = {head.report.info.id: n for n, head in self._known.items()}
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
            index = cls(database, before)
            check_made_by("the database", index.made_by, made_by)
            stack.pop_all()
            return index

    def place(self, row: int) -> tuple[str, int]:
        number, n = divmod(row, PLACES)
        return self._known[number].report.info.id if number in self._known else "", n

    def _scope(self, filters: Filters, stage: str = "") -> Scope:
        """The passages that pass filters and, if any of these are, are of a stage."""
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
        staged = f"{condition} AND stage = %(stage)s"
        if stage and self._database.fetch(f"SELECT FROM passage WHERE {staged} LIMIT 1", values):
            condition = staged
        return condition, values, size

    def candidates(
        self, query: Query, scopes: Sequence[Filters], depth: int, share: float
    ) -> Candidates:
        found = sorted(self._frequencies(query.terms).items(), key=itemgetter(1))
        sums = np.cumsum([count for _, count in found])
        counts = dict(found[: max(FEWEST_TERMS, int(np.searchsorted(sums, MOST_MATCHES, "right")))])
        rankings: list[dict[str, Ranking]] = []
        for scope in (self._scope(filters, query.stage) for filters in scopes):
            near = {"static": query.static, "dense": query.dense}
            best = {name: self._nearest(name, v, scope, depth) for name, v in near.items()}
            rankings.append({"keyword": self._keyword(counts, scope, depth, share), **best})
        matching = rankings[0]["keyword"]
        if query.stage:
            matching = self._keyword(counts, self._scope(scopes[0]), depth, share)
        over = (row for row, score in matching if score >= share * matching[0][1])
        ids = frozenset(self.place(row)[0] for row in over).intersection(self.heads)
        best_of = [{name: own[name][:depth] for name in own} for own in rankings]
        rows = {row for own in best_of for ranking in own.values() for row, _ in ranking}
        cosines = "SELECT row, -(dense <#> %s) FROM passage WHERE row = ANY(%s)"
        similar = self._database.fetch(cosines, [HalfVector(query.dense), list(rows)])
        return Candidates(best_of, dict(similar), ids)

    def _frequencies(self, terms: Collection[str]) -> dict[str, int]:
        """How many passages have each of the terms, those with none left out."""
        counts = dict(zip(terms, self.frequencies(terms), strict=True))
        pairs = [term for term, count in counts.items() if not count and " " in term]
        if pairs:
            counts |= dict(self._database.fetch(_FREQUENCIES, [pairs]))
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
        condition, values, _ = scope
        size = len(self.passages)
        values = {
            **values,
            "terms": list(counts),
            "weights": [float(np.log1p((size - n + 0.5) / (n + 0.5))) for n in counts.values()],
            "base": K1 * (1 - B),
            "slope": K1 * B / self._mean,
            "depth": depth,
            "share": share,
            "having": " & ".join(f"({' | '.join(map(_quoted, terms))})" for terms in having),
        }
        if having:
            condition += " AND terms @@ %(having)s::tsquery"
        query = _KEYWORD.format(condition=condition, most=MOST_TIMES)
        return self._database.fetch(query, values)

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
        return self._keyword(counts, self._scope(filters), 0, 0.0, known) if all(known) else []

    def frequencies(self, terms: Collection[str]) -> list[int]:
        # Of pairs of words nothing is known.
        return [self._counts.get(term, 0) for term in terms]

    def packed(self, report_ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
        query = "SELECT id, record FROM report WHERE number = ANY(%s)"
        return self._database.fetch(query, [[self._numbers[i] for i in report_ids]])

    def vectors(self, texts: Sequence[str]) -> dict[str, Vectors]:
        of_hash = dict(zip(hashes(texts).astype("<i8").tolist(), texts, strict=True))
        query = "SELECT hash, vector FROM memo WHERE hash = ANY(%s)"
        rows = self._database.fetch(query, [[*of_hash]])
        return {of_hash[h]: unit([vector.to_numpy()])[0] for h, vector in rows}

    def with_files(self, folder: Path) -> Snapshot:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / LOCK):
                base: Snapshot | None = None
                with suppress(IndexUnusable):
                    base = current_snapshot(folder, {})
                if base and base.revision == self.revision:
                    return base
                return self._database.run(lambda c: Tables(c).pull(base, folder, lambda *_: None))
        except OSError as error:
            raise write_error(folder, error) from error

    @cached_property
    def means(self) -> Vectors:
        query = "SELECT report, avg(dense::vector)::halfvec FROM passage GROUP BY report"
        found = {number: vector.to_numpy() for number, vector in self._database.fetch(query)}
        nothing = np.zeros(len(next(iter(found.values()), ())), np.float32)
        return np.array([found.get(self._numbers[i], nothing) for i in self.ids], np.float32)


def _quoted(term: str) -> str:
    """A term as a tsquery."""
    return "'" + term.replace("'", "''") + "'"


class DatabaseWriter(Database):
    """One ingest's work on a database, which no other ingest does meanwhile.

    What is done first makes the tables or brings them up to date, and raises IndexBusy where
    another ingest is writing to the database.
    """

    writes = True

    def state(self) -> tuple[str, dict[str, str]]:
        """The revision that readers have, and what made it."""
        ((revision, made_by),) = self.fetch("SELECT revision, made_by FROM state")
        return revision, made_by

    def pull(self, base: Snapshot | None, folder: Path, progress: Progress) -> Snapshot:
        """Have a folder hold what the database has; nothing is embedded."""
        return self.run(lambda connection: Tables(connection).pull(base, folder, progress))

    def bring_in_line(self, snapshot: Snapshot, progress: Progress) -> None:
        """Have the database hold what a snapshot has, each report in a transaction."""
        self.run(lambda connection: Tables(connection).bring_in_line(snapshot, progress))


class Tables(Replica):
    """What the tables of a database hold of an index."""

    stage, together, parameter = "writing to the database", 1, "%s"

    def pull(self, base: Snapshot | None, folder: Path, progress: Progress) -> Snapshot:
        """Have a folder hold what is here at one moment."""
        with self.database.transaction():
            (made_by,) = one(self.database, "SELECT made_by FROM state")
            return self.fill(LocalWriter(folder, base, made_by), progress)

    def bring_in_line(self, snapshot: Snapshot, progress: Progress) -> None:
        """Hold all that a snapshot has."""
        execute, made_by = self.database.execute, dict(snapshot.version.made_by)
        if one(self.database, "SELECT made_by FROM state")[0] != made_by:
            # What another parser or embedding has made is of no use here.
            with self.database.transaction():
                execute(_CLEAR)
                execute("UPDATE state SET made_by = %s", [Jsonb(made_by)])
        self._write_memo(snapshot)
        self.follow(snapshot, progress)
        execute(_INDEXES.format(dense=snapshot.version.dimensions, static=STATIC_DIMENSIONS))
        counts = snapshot.frequencies(snapshot.spellings)
        words = zip(snapshot.spellings.items(), counts, strict=True)
        packed = zlib.compress(orjson.dumps([(*word, n) for word, n in words if n]))
        execute("UPDATE state SET revision = %s, words = %s", [snapshot.revision, packed])

    def write(self, snapshot: Snapshot, report_ids: Sequence[str]) -> None:
        with self.database.transaction():
            self.put(snapshot, report_ids)
            query = "SELECT number, id FROM report WHERE id = ANY(%s)"
            for number, report_id in self.database.execute(query, [report_ids]).fetchall():
                self._write_passages(snapshot, report_id, number)

    def _write_passages(self, snapshot: Snapshot, report_id: str, number: int) -> None:
        rows = []
        for n, passage in enumerate(snapshot.passages_of(report_id)):
            found, _ = terms_and_forms(passage.in_context, passage.language)
            times = Counter(term for term in found if len(term) <= LONGEST)
            lexemes = [
                term if k == 1 else f"{term}#{k}"
                for term, most in times.items()
                for k in range(1, min(most, MOST_TIMES) + 1)
            ]
            row = snapshot.heads[report_id].row + n
            vectors = (HalfVector(m.at(row)) for m in (snapshot.dense, snapshot.static))
            told = passage.language, passage.stage, len(found)
            rows.append((number * PLACES + n, number, *told, *vectors, lexemes))
        values = "(%s, %s, %s, %s, %s, %s, %s, array_to_tsvector(%s::text[]))"
        with self.database.cursor() as cursor:
            cursor.executemany(f"INSERT INTO passage VALUES {values}", rows)

    def read(self, report_id: str) -> Embedded:
        ((report, passages),) = self.records([report_id])
        query = """SELECT dense FROM passage JOIN report ON report = number
            WHERE id = %s ORDER BY row"""
        dense = self.database.execute(query, [report_id], binary=True)
        return report, passages, unit([vector.to_numpy() for (vector,) in dense])

    def _write_memo(self, snapshot: Snapshot) -> None:
        """Add the vectors of sentences and words that the database lacks."""
        there: set[int] = {h for (h,) in self.database.execute("SELECT hash FROM memo")}
        with (
            self.database.transaction(),
            self.database.cursor() as cursor,
            cursor.copy("COPY memo (hash, vector) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(["int8", "halfvec"])
            for held, vectors in snapshot.memo.parts():
                for h, vector in zip(held.astype("<i8").tolist(), vectors, strict=True):
                    if h not in there:
                        there.add(h)
                        copy.write_row((h, HalfVector(vector)))
