"""An index shared between machines through a Chroma server: published whole, and fetched whole.

The server is never searched. Of each publishing it holds two collections, `asklabs-passages-...`
and `asklabs-reports-...`, with the rows of the sealed generation as the index's database has them.
The metadata of a third, the pointer `asklabs`, names those that count. The pointer is changed last
and at once, so that a fetch gets an index as it was or as it is, whoever publishes meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar
from urllib.parse import urlsplit

import numpy as np
import orjson
from pydantic import TypeAdapter

from rag.errors import AskLabsError, ServerUnusable
from rag.index.layout import deriving
from rag.index.store import State, Store, Vector, chromadb, opening, revision_of
from rag.settings import Settings
from rag.types import Progress

P = ParamSpec("P")
T = TypeVar("T")
POINTER = "asklabs"
PUBLISHING, FETCHING = "publishing", "fetching"
PAGE = 250  # rows that are sent or fetched together
# Characters of rows that are sent together: servers refuse requests of more than 40 MB.
LARGEST = 4_000_000
# Seconds to wait for the server's first answer, and for each later one.
_FIRST_ANSWER, _LATER_ANSWER = 10.0, 120.0
_PACKED = "row"


class Row(NamedTuple):
    """A row of a collection."""

    id: str
    vector: Vector
    text: str
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """What the pointer says: which collections count, and how to know that they are complete.

    `counts` has the rows of the collections of passages and of reports, `content` is a hash of all
    rows, `before` are the collections that counted before.
    """

    state: State
    counts: Mapping[str, int]
    content: str
    before: tuple[str, ...] = ()


_PUBLISHED = TypeAdapter(Published)


def _explained(method: Callable[Concatenate[Server, P], T]) -> Callable[Concatenate[Server, P], T]:
    """Have a method say what is the matter with the server when a request of it fails."""

    @wraps(method)
    def explaining(self: Server, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except AskLabsError:
            raise
        except Exception as error:  # Chroma's client raises bare ones of answers it can't read.
            raise ServerUnusable(
                f"The Chroma server at {self.address} can't be used ({error}). See that it runs "
                "and that ASKLABS_CHROMA is its address."
            ) from error

    return explaining


class Server:
    """A Chroma server that can be reached; made by `shared_server`."""

    client: Any

    def __init__(self, address: str) -> None:
        self.address = address

    @_explained
    def connect(self, token: str) -> None:
        """Make its client, once it has answered as a Chroma server does."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        parts = urlsplit(self.address)
        is_safe = parts.scheme == "https"
        request = urllib.request.Request(f"{self.address}/api/v2/heartbeat", headers=headers)
        with urllib.request.urlopen(request, timeout=_FIRST_ANSWER) as answer:
            if b"nanosecond heartbeat" not in answer.read(10_000):
                raise ValueError("what answers there is no Chroma server")
        with opening:
            self.client = chromadb().HttpClient(
                parts.hostname or "",
                parts.port or (443 if is_safe else 80),
                ssl=is_safe,
                headers=headers,
                settings=chromadb().config.Settings(anonymized_telemetry=False),
            )
        # Without it Chroma's client waits for ever for a server that has stopped answering.
        self.client._server._session.timeout = _LATER_ANSWER

    @_explained
    def published(self) -> Published | None:
        """What counts; None where nothing has been published yet."""
        with suppress(chromadb().errors.NotFoundError):
            text = (self.open(POINTER).metadata or {}).get("published")
            return _PUBLISHED.validate_json(text) if text else None
        return None

    @_explained
    def is_complete(self, published: Published) -> bool:
        """Whether the collections that count are there with as many rows as they should have."""
        with suppress(chromadb().errors.NotFoundError):
            return all(self.open(name).count() == n for name, n in published.counts.items())
        return False

    def open(self, name: str) -> Any:
        """One of its collections."""
        return self.client.get_collection(name, embedding_function=None)

    @_explained
    def create(self, name: str) -> Any:
        """A new collection; its vectors come back as they went, which those of cosine don't."""
        space = {"hnsw": {"space": "l2"}}
        return self.client.create_collection(name, embedding_function=None, configuration=space)

    @_explained
    def add(self, collection: Any, rows: Sequence[Row]) -> None:
        """Write rows to a collection, in as many requests as their size needs."""
        if len(rows) > 1 and sum(len(row.text) for row in rows) > LARGEST:
            half = len(rows) // 2
            self.add(collection, rows[:half])
            self.add(collection, rows[half:])
            return
        # Packed, because lists in the metadata of deleted collections come to light again in rows
        # of later ones.
        packed = [row._replace(meta={_PACKED: orjson.dumps(row.meta).decode()}) for row in rows]
        _write_rows(collection, packed)

    @_explained
    def read(self, name: str, offset: int) -> list[Row]:
        """A page of what `add` wrote to a collection."""
        rows = _read_rows(self.open(name), offset=offset, limit=PAGE)
        return [row._replace(meta=orjson.loads(row.meta[_PACKED])) for row in rows]

    @_explained
    def point(self, published: Published) -> None:
        """Change what counts; for a fetch the change comes at once or not at all."""
        pointer = self.client.get_or_create_collection(POINTER, embedding_function=None)
        pointer.modify(metadata={"published": _PUBLISHED.dump_json(published).decode()})

    @_explained
    def clean(self) -> None:
        """Delete what neither counts nor did before, such as what was published half."""
        now = self.published()
        current = {POINTER, *((*now.counts, *now.before) if now else ())}
        for collection in self.client.list_collections():
            if collection.name.startswith(f"{POINTER}-") and collection.name not in current:
                with suppress(chromadb().errors.NotFoundError):
                    self.client.delete_collection(collection.name)


@contextmanager
def shared_server(settings: Settings) -> Iterator[Server]:
    """The Chroma server that the settings name.

    Raises:
        ServerUnusable: it can't be reached, or what is there is no Chroma server.
    """
    token = settings.chroma_token
    server = Server(settings.chroma)
    server.connect(token.get_secret_value() if token else "")
    try:
        yield server
    finally:
        server.client.close()


def publish(server: Server, store: Store, progress: Progress) -> None:
    """Have the server hold what readers of a store see, and let it count.

    Raises:
        ServerUnusable: it failed; what counted before still does.
    """
    state, before = store.state, server.published()
    if before and before.state.revision == state.revision and server.is_complete(before):
        return
    server.clean()
    reports = store.reports(state.generation)
    sent = {
        "passages": [reports[p.report.id].row_of(p.id) for p in store.passages(reports)],
        "reports": [report.row for report in reports.values()],
    }
    counts: dict[str, int] = {}
    transfer = _Transfer(PUBLISHING, sum(map(len, sent.values())), progress)
    # When Chroma reads vectors, it may write.
    with deriving(store.home):
        for kind, ids in sent.items():
            name = f"{POINTER}-{kind}-{state.revision[:12]}-{os.urandom(4).hex()}"
            target, counts[name] = server.create(name), len(ids)
            source = store.passage_rows if kind == "passages" else store.report_rows
            for at in range(0, len(ids), PAGE):
                page = _read_rows(source, ids=ids[at : at + PAGE])
                server.add(target, page)
                transfer.count(page)
    now = Published(state, counts, transfer.content)
    if not server.is_complete(now):
        raise ServerUnusable(
            f"The Chroma server at {server.address} has not all that it was sent: somebody else "
            "deletes there, or its disk is full."
        )
    server.point(replace(now, before=tuple(before.counts) if before else ()))
    with suppress(ServerUnusable):
        server.clean()  # What it couldn't delete now goes with the next publishing.


def fetch(server: Server, published: Published, store: Store, progress: Progress) -> None:
    """Fill an empty store with what was published, and seal it.

    Raises:
        ServerUnusable: it failed, or what came isn't what was published.
    """
    transfer = _Transfer(FETCHING, sum(published.counts.values()), progress)
    targets = (store.passage_rows, store.report_rows)
    for (name, count), target in zip(published.counts.items(), targets, strict=True):
        for at in range(0, count, PAGE):
            if page := server.read(name, at):
                _write_rows(target, page)
            transfer.count(page)
    state = published.state
    revision = revision_of(state.made_by, store.reports(state.generation))
    if transfer.content != published.content or revision != state.revision:
        raise ServerUnusable(
            f"What came from the Chroma server at {server.address} isn't what was published. It "
            "may be published anew just now: try again. Else run asklabs ingest PATH where the "
            "reports are."
        )
    store.set_state(state)


class _Transfer:
    """Counts the rows that were sent or fetched, and makes a hash of all, whatever their order."""

    def __init__(self, stage: str, total: int, progress: Progress) -> None:
        self._stage, self._total, self._progress = stage, total, progress
        self._digests: list[bytes] = []
        progress(stage, 0, total)

    def count(self, rows: Collection[Row]) -> None:
        for row in rows:
            values = orjson.dumps((row.id, row.text, row.meta), option=orjson.OPT_SORT_KEYS)
            self._digests.append(hashlib.sha256(values + row.vector.tobytes()).digest())
        self._progress(self._stage, len(self._digests), self._total)

    @property
    def content(self) -> str:
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()


def _read_rows(collection: Any, **which: Any) -> list[Row]:
    """Rows of a collection, here or there, by `ids`, or by `limit` and `offset`."""
    page = collection.get(**which, include=["embeddings", "documents", "metadatas"])
    vectors = np.asarray(page["embeddings"], np.float32)
    rows = zip(page["ids"], vectors, page["documents"], page["metadatas"], strict=True)
    return [
        Row(i, vector, text or "", {k: v for k, v in meta.items() if v is not None})
        for i, vector, text, meta in rows
    ]


def _write_rows(collection: Any, rows: Sequence[Row]) -> None:
    ids, vectors, texts, metas = map(list, zip(*rows, strict=True))
    collection.upsert(ids=ids, embeddings=vectors, documents=texts, metadatas=metas)
