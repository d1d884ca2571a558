"""An index shared between machines through a Chroma server: published whole, and fetched whole.

The server is never searched. Of each publishing it holds two collections, `asklabs-passages-...`
and `asklabs-reports-...`, with the rows of the sealed generation as the index's database has them;
the metadata of a third, `asklabs`, names those that count. It is changed last and at once, so that
who fetches gets an index as it was or as it is, whoever publishes, or is cut short, meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

import orjson

from rag.errors import ServerUnusable
from rag.index.layout import deriving
from rag.index.shared_server import (
    POINTER,
    Published,
    Row,
    Server,
    read_rows,
    write_rows,
)
from rag.index.store import Store, revision_of, state_from, state_row
from rag.types import Progress

PUBLISHING, FETCHING = "publishing", "fetching"
# Rows that are sent or fetched together.
PAGE = 250


def publish(server: Server, store: Store, publisher: str, progress: Progress) -> None:
    """Have the server hold what readers of a store see, and let it count.

    Args:
        server: where to.
        store: an index; only its sealed rows are sent.
        publisher: the name of this machine and folder: what it has left half done is deleted.
        progress: called with the stage's name, how many rows are sent, and how many there are.

    Raises:
        ServerUnusable: it failed; what counted before still does.
    """
    revision = store.state.revision
    before = server.published()
    if before and before.revision == revision and server.is_whole(before):
        return
    server.clean(publisher)
    now = _sent(server, store, publisher, progress)
    # Somebody else may have published meanwhile.
    before = server.published()
    server.point(replace(now, before=(before.passages, before.reports) if before else ()))
    with suppress(ServerUnusable):
        server.clean(publisher)  # What it couldn't delete now goes with the next publishing.


def _sent(server: Server, store: Store, publisher: str, progress: Progress) -> Published:
    """Send what readers of a store see to two new collections; they are whole, and don't count."""
    state = store.state
    reports = store.reports(state.generation)
    passage_ids = [reports[p.report.id].row_of(p.id) for p in store.passages(reports)]
    report_ids = [report.row for report in reports.values()]
    about = {"publisher": publisher, "begun": int(time.time())}
    name = f"{state.revision[:12]}-{os.urandom(4).hex()}"
    passages_to = server.create(f"{POINTER}-passages-{name}", about)
    reports_to = server.create(f"{POINTER}-reports-{name}", about | state_row(state))
    told = _Told(PUBLISHING, len(passage_ids) + len(report_ids), progress)
    # When Chroma reads vectors, it may write.
    with deriving(store.home):
        for ids, rows_from, to in (
            (passage_ids, store.passage_rows, passages_to),
            (report_ids, store.report_rows, reports_to),
        ):
            for at in range(0, len(ids), PAGE):
                page = read_rows(rows_from, ids=ids[at : at + PAGE])
                server.add(to, page)
                told(page)
    sent = Published(
        revision=state.revision,
        made_by=state.made_by,
        passages=passages_to.name,
        reports=reports_to.name,
        passages_count=len(passage_ids),
        reports_count=len(report_ids),
        content=told.content,
    )
    if not server.is_whole(sent):
        raise ServerUnusable(
            f"The Chroma server at {server.address} has not all that it was sent: somebody else "
            "deletes there, or its disk is full."
        )
    return sent


def fetch(server: Server, published: Published, store: Store, progress: Progress) -> None:
    """Fill an empty store with what was published.

    Args:
        server: where from.
        published: what counts there.
        store: where to; it holds all of it, and is sealed, when this returns.
        progress: called with the stage's name, how many rows came, and how many there are.

    Raises:
        ServerUnusable: it failed, or what came isn't what was published.
    """
    told = _Told(FETCHING, published.passages_count + published.reports_count, progress)
    reports_from = server.open(published.reports)
    for rows_from, count, to in (
        (server.open(published.passages), published.passages_count, store.passage_rows),
        (reports_from, published.reports_count, store.report_rows),
    ):
        for at in range(0, count, PAGE):
            page = server.read(rows_from, at, PAGE)
            if page:
                write_rows(to, page)
            told(page)
    state = state_from(reports_from.metadata or {})
    revision = revision_of(state.made_by, store.reports(state.generation))
    if told.content != published.content or revision != published.revision:
        raise ServerUnusable(
            f"What came from the Chroma server at {server.address} isn't what was published. It "
            "may be published anew just now: try again. Else run asklabs ingest PATH where the "
            "reports are."
        )
    store.set_state(state)


class _Told:
    """Counts rows, tells how far it is, and makes the hash of all, in whatever order they come."""

    def __init__(self, stage: str, total: int, progress: Progress) -> None:
        self.done = 0
        self._stage, self._total, self._progress = stage, total, progress
        self._digests: list[bytes] = []
        progress(stage, 0, total)

    def __call__(self, rows: Collection[Row]) -> None:
        for row in rows:
            said = orjson.dumps((row.id, row.text, row.meta), option=orjson.OPT_SORT_KEYS)
            self._digests.append(hashlib.sha256(said + row.vector.tobytes()).digest())
        self.done += len(rows)
        self._progress(self._stage, self.done, self._total)

    @property
    def content(self) -> str:
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()
