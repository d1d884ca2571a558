"""The Chroma server through which an index is shared: its collections, and what goes wrong with it.

Beside `rag.index.store` the only importer of chromadb. What is kept there, and why, says
`rag.index.shared`.
"""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import orjson

from rag.errors import AskLabsError, ServerUnusable
from rag.index.store import (
    State,
    Vector,
    opening,
    state_from,
    state_row,
)
from rag.settings import Settings

POINTER = "asklabs"
_PACKED = "row"
# Characters of rows that are sent together: servers refuse requests of more than 40 MB.
LARGEST = 4_000_000
# Seconds to wait for the server to answer at all, and for each of its other answers.
_HELLO, _PATIENCE = 10.0, 120.0
# Seconds after which what another machine has begun to publish counts as given up.
_GIVEN_UP = 86_400


class Row(NamedTuple):
    """A row of a collection."""

    id: str
    vector: Vector
    text: str
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """What the server's pointer tells of what counts: its collections, and how to know them whole.

    `content` is a hash of all rows, `before` are the collections that counted before.
    """

    revision: str
    made_by: Mapping[str, str]
    passages: str
    reports: str
    passages_count: int
    reports_count: int
    content: str
    before: tuple[str, ...] = ()


class Server:
    """A Chroma server that can be reached; made by `shared_server`."""

    def __init__(self, client: Any, address: str) -> None:
        self.client = client
        self.address = address

    def published(self) -> Published | None:
        """What counts; None where nothing has been published yet."""
        with _asking(self.address):
            try:
                found = self.client.get_collection(POINTER, embedding_function=None).metadata or {}
            except _not_found():
                return None
            if not found.get("revision"):
                return None
            values = {name: found[name] for name in Published.__slots__ if name in found}
            values["made_by"] = state_from(found).made_by
            values["before"] = tuple(str(found.get("before", "")).split())
            return Published(**values)

    def is_whole(self, published: Published) -> bool:
        """Whether the collections that count are there with as many rows as they should have."""
        with _asking(self.address), suppress(_not_found()):
            wanted = {
                published.passages: published.passages_count,
                published.reports: published.reports_count,
            }
            get = self.client.get_collection
            return all(
                get(name, embedding_function=None).count() == n for name, n in wanted.items()
            )
        return False

    def open(self, name: str) -> Any:
        """A collection of the server."""
        with _asking(self.address):
            return self.client.get_collection(name, embedding_function=None)

    def create(self, name: str, meta: Mapping[str, Any]) -> Any:
        """A new collection; its vectors come back as they went, which those of cosine don't."""
        with _asking(self.address):
            space = {"hnsw": {"space": "l2"}}
            return self.client.create_collection(
                name, metadata=dict(meta), embedding_function=None, configuration=space
            )

    def add(self, collection: Any, rows: Sequence[Row]) -> None:
        """Write rows to a collection, in as many requests as their size needs."""
        if len(rows) > 1 and sum(len(row.text) for row in rows) > LARGEST:
            half = len(rows) // 2
            self.add(collection, rows[:half])
            self.add(collection, rows[half:])
            return
        with _asking(self.address):
            write_rows(collection, [row._replace(meta=_packed(row.meta)) for row in rows])

    def read(self, collection: Any, offset: int, limit: int) -> list[Row]:
        """A page of what `add` wrote to a collection."""
        with _asking(self.address):
            rows = read_rows(collection, offset=offset, limit=limit)
            return [row._replace(meta=orjson.loads(row.meta[_PACKED])) for row in rows]

    def point(self, published: Published) -> None:
        """Let something else count; for who fetches it comes at once or not at all."""
        told = {name: getattr(published, name) for name in Published.__slots__}
        told["before"] = " ".join(told["before"])
        told |= state_row(State(made_by=told.pop("made_by"))) | {"revision": published.revision}
        with _asking(self.address):
            pointer = self.client.get_or_create_collection(POINTER, embedding_function=None)
            pointer.modify(metadata=told)

    def clean(self, publisher: str) -> None:
        """Delete what neither counts nor did before, but for what others may be publishing."""
        now = self.published()
        kept = {POINTER, *((now.passages, now.reports, *now.before) if now else ())}
        with _asking(self.address):
            for one in self.client.list_collections():
                meta = one.metadata or {}
                given_up = time.time() - float(meta.get("begun", 0)) > _GIVEN_UP
                ours = one.name.startswith(f"{POINTER}-") and one.name not in kept
                if ours and (meta.get("publisher") == publisher or given_up):
                    with suppress(_not_found()):
                        self.client.delete_collection(one.name)


@contextmanager
def shared_server(settings: Settings) -> Iterator[Server]:
    """The Chroma server that the settings name.

    Raises:
        ServerUnusable: it can't be reached, or what is there is no Chroma server.
    """
    # Set before the import: chromadb starts its telemetry client when it is loaded.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    address, token = settings.chroma, settings.chroma_token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    parts = urlsplit(address)
    is_safe = parts.scheme == "https"
    with _asking(address):
        _greet(address, headers)
        with opening:
            client: Any = chromadb.HttpClient(
                parts.hostname or "",
                parts.port or (443 if is_safe else 80),
                ssl=is_safe,
                headers=headers,
                settings=ChromaSettings(anonymized_telemetry=False),
            )
    try:
        # Without it Chroma's client waits for ever for a server that has stopped answering.
        client._server._session.timeout = _PATIENCE
        yield Server(client, address)
    finally:
        client.close()


def read_rows(collection: Any, **which: Any) -> list[Row]:
    """Rows of a collection, here or there, by `ids`, or by `limit` and `offset`."""
    page = collection.get(**which, include=["embeddings", "documents", "metadatas"])
    vectors = np.asarray(page["embeddings"], np.float32)
    found = zip(page["ids"], vectors, page["documents"], page["metadatas"], strict=True)
    return [
        Row(i, vector, text or "", {k: v for k, v in meta.items() if v is not None})
        for i, vector, text, meta in found
    ]


def write_rows(collection: Any, rows: Sequence[Row]) -> None:
    """Write rows to a collection, here or there."""
    collection.upsert(
        ids=[row.id for row in rows],
        embeddings=[row.vector for row in rows],
        documents=[row.text for row in rows],
        metadatas=[row.meta for row in rows],
    )


def _packed(meta: Mapping[str, Any]) -> dict[str, Any]:
    # Lists in the metadata of deleted collections come to light again in rows of later ones.
    return {_PACKED: orjson.dumps(meta).decode()}


def _greet(address: str, headers: Mapping[str, str]) -> None:
    """See that a Chroma server answers, and soon."""
    request = urllib.request.Request(f"{address}/api/v2/heartbeat", headers=dict(headers))
    with urllib.request.urlopen(request, timeout=_HELLO) as answer:
        if b"nanosecond heartbeat" not in answer.read(10_000):
            raise ValueError("what answers there is no Chroma server")


def _not_found() -> type[Exception]:
    from chromadb.errors import NotFoundError

    return NotFoundError


@contextmanager
def _asking(address: str) -> Iterator[None]:
    """Say what is the matter with the server when a request of it fails."""
    try:
        yield
    except AskLabsError:
        raise
    except Exception as error:  # Chroma's client raises bare ones of answers that it can't read.
        raise ServerUnusable(
            f"The Chroma server at {address} can't be used ({error}). See that it runs and that "
            "ASKLABS_CHROMA is its address."
        ) from error
