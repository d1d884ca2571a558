"""When an index is published to the Chroma server that the settings name, and fetched from it.

An ingest publishes at its end, and a page or command fetches before it answers. While the index of
a folder holds what could not be published, nothing is fetched over it: the file `unpublished` in
the folder says so.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.embed import save_sentence_vectors
from rag.errors import AskLabsError, IndexBusy, IndexMismatch, IndexUnusable
from rag.index import layout
from rag.index.chroma_server import Published, Server, fetch, publish, shared_server
from rag.index.snapshot import open_snapshot
from rag.index.store import check_made_by, create_store, open_store, write_errors
from rag.models.embeddings import embedding_name
from rag.settings import Settings
from rag.types import Progress

_PATIENCE = 600.0  # seconds to wait for another process that makes the first index of a folder
_log = logging.getLogger(__name__)


def publish_index(settings: Settings, progress: Progress) -> str:
    """Publish an index, if it is shared; returns why it wasn't, if it should have been.

    Who calls it holds the writers' lock. The index itself stays good whatever happens here.
    """
    if not settings.chroma:
        return ""
    folder = settings.index
    failures: tuple[type[Exception], ...] = (IndexUnusable, *write_errors())
    try:
        with shared_server(settings) as server, closing(open_store(folder, {})) as store:
            publish(server, store, progress)
        (folder / layout.UNPUBLISHED).unlink(missing_ok=True)
    except failures as error:
        is_marked = (folder / layout.UNPUBLISHED).exists()
        status = "it is not published" if is_marked else "nobody can tell whether it is published"
        return (
            f"The index in {folder} is up to date, but {status}: {error} Run the same asklabs "
            "ingest again to publish it."
        )
    return ""


def fetch_at_start(settings: Settings, progress: Progress = lambda *_: None) -> None:
    """Fetch what is published, if the index is shared; an index that is there serves without it.

    Raises:
        IndexMismatch: what is published was made with another embedding or by another version.
        IndexUnusable: it can't be fetched, and there is no index in the folder.
    """
    try:
        fetch_index(settings, progress)
    except IndexMismatch:
        raise
    except IndexUnusable as error:
        if layout.current_database(settings.index) is None:
            raise
        _log.warning("%s Until then the index in %s serves as it is.", error, settings.index)


def fetch_index(
    settings: Settings,
    progress: Progress = lambda *_: None,
    revision: Callable[[], str] | None = None,
) -> bool:
    """Fetch what is published, if it differs from what is in the folder; says whether it did.

    `revision` gives that of what is in the folder; without it, the folder's database is asked.

    Raises:
        IndexMismatch: what is published was made with another embedding or by another version.
        IndexBusy: somebody writes to the folder.
        IndexUnusable: it can't be fetched or written, or would replace what is not published.
    """
    if not settings.chroma:
        return False
    folder = settings.index
    try:
        with shared_server(settings) as server:
            published = server.published()
            here = revision() if revision else _revision(folder)
            if published is None or published.state.revision == here:
                return False
            _check(published, settings)
            folder.mkdir(parents=True, exist_ok=True)
            patience = 0.0 if layout.current_database(folder) else _PATIENCE
            with FileLock(folder / layout.LOCK, timeout=patience):
                if _revision(folder) == published.state.revision:
                    return False  # Another process has been quicker.
                layout.sweep(folder)
                layout.check_room(folder, None, max(published.counts.values()))
                _fetch(server, published, settings, progress)
                return True
    except Timeout as error:
        raise IndexBusy(f"Another process is writing to {folder}. Wait for it.") from error
    except write_errors() as error:
        raise layout.write_error(folder, error) from error


def watch(settings: Settings, revision: Callable[[], str], every: float = 60.0) -> threading.Event:
    """Fetch what is published from now on, in a thread of its own, until the event is set.

    The server is looked at `every` so many seconds. `revision` gives that of what is served; it is
    asked after a fetch too, so that what came is loaded before anybody waits for it.
    """
    stop = threading.Event()

    def look() -> None:
        warned = ""
        while not stop.wait(every):
            try:
                if fetch_index(settings, revision=revision):
                    _log.info("fetched %s from %s", revision(), settings.chroma)
                warned = ""
            except IndexBusy:
                continue  # The next look will find it done.
            except AskLabsError as error:
                # Once: the cause can stay for hours.
                if warned != (warned := str(error)):
                    _log.warning("%s Until then the index serves as it is.", error)

    threading.Thread(target=look, daemon=True, name="fetching").start()
    return stop


def _check(published: Published, settings: Settings) -> None:
    if (settings.index / layout.UNPUBLISHED).exists():
        raise IndexUnusable(
            f"The index in {settings.index} is not published, and what is published at "
            f"{settings.chroma} would replace it. Run asklabs ingest PATH to publish it."
        )
    try:
        check_made_by(
            settings.index, published.state.made_by, {"embedding": embedding_name(settings)}
        )
    except IndexMismatch as error:
        raise IndexMismatch(
            f"What the Chroma server at {settings.chroma} holds can't be used here. {error}"
        ) from error


def _revision(folder: Path) -> str:
    """The revision of the index in a folder; "" where there is none that can be used."""
    try:
        with closing(open_store(folder, {})) as store:
            return store.state.revision
    except IndexUnusable:
        return ""


def _fetch(server: Server, published: Published, settings: Settings, progress: Progress) -> None:
    earlier = layout.current_database(settings.index)
    store = create_store(settings.index, published.state.made_by)
    try:
        fetch(server, published, store, progress)
        passages = store.passages(store.reports(store.state.generation))
        save_sentence_vectors(store.home, passages, settings, progress, earlier=earlier, others=())
        progress("preparing search", 0, 0)
        open_snapshot(store)
        store.close()
        layout.make_current(store.home)
    except BaseException:
        store.close()
        shutil.rmtree(store.home, ignore_errors=True)
        raise
