"""Reports that readers upload: one ingest at a time, beside the answers, and what came of it.

Files go to Gradio's own folder for uploads first, of a size that `serve.launch` limits, and are
deleted there when they have been taken in, or ten minutes later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path

from gradio.utils import get_upload_folder
from markupsafe import Markup

from ingest.sources import printable
from ingest.sync import SyncResult
from ingest.uploads import MOST_REPORTS, Upload, take_in
from rag.catalog.tag_fields import ReportInfo
from rag.engine import Engine
from rag.errors import AskLabsError, IndexBusy
from rag.i18n.labels import format_count
from rag.i18n.notices import notice_words
from rag.i18n.translations import Translations, marked
from ui.rendering import render
from ui.server import log

_log = logging.getLogger(__name__)
BUSY = marked("Someone else is adding reports. Try again in a minute.")
FAILED = marked("The reports could not be added; nothing was changed. Try again later.")
INDEXING = marked("Indexing")
STAGES = {
    "reading": marked("Reading the files"),
    "parsing": marked("Parsing"),
    "embedding": INDEXING,
    "preparing search": marked("Preparing the search"),
    # Readers need not know that it is for other machines too.
    "publishing": marked("Preparing the search"),
}
PAUSE = 0.3  # seconds between two drawings of the progress
SHOWN = 20  # reports, and files, that the result names


# What an ingest is at: a stage, how much of it is done, and of how much.
At = tuple[str, int, int]


def _start(
    engine: Engine,
    uploads: Sequence[Upload],
    lock: threading.Lock,
    advance: Callable[[At], None],
    sender: str,
) -> Future[SyncResult]:
    """Take uploads in, in a thread of its own, which releases the lock at its end.

    It goes on to its end, also when its visitor leaves the page.
    """
    job: Future[SyncResult] = Future()

    def work() -> None:
        begun = time.monotonic()
        try:
            try:
                taken = take_in(uploads, engine.settings, lambda *at: advance(at), sender)
                # The next question need not wait for it.
                engine.revision  # noqa: B018
            finally:
                lock.release()
                _delete(uploads)
        except Exception as error:  # raised again where the result is read
            if not isinstance(error, IndexBusy):
                _log.error("Reports from the page were not added", exc_info=error)
            job.set_exception(error)
        else:
            names = ("added", "updated", "unchanged", "skipped")
            counts = {name: len(getattr(taken, name)) for name in names}
            log.event("adding", "done", seconds=time.monotonic() - begun, **counts)
            job.set_result(taken)

    threading.Thread(target=work, daemon=True, name="uploads").start()
    return job


def _delete(uploads: Sequence[Upload]) -> None:
    for upload in uploads:
        with suppress(OSError):  # Gradio deletes it in ten minutes.
            upload.path.unlink()


def add(
    engine: Engine, lock: threading.Lock, sent: object, t: Translations, sender: str
) -> Iterator[Markup]:
    """What is shown while files that a browser has sent are added, and at the end.

    The files of one visitor at a time are added: the lock of the page says whether that is so.
    """
    uploads = uploads_of(sent)
    if not uploads:
        return
    if not lock.acquire(blocking=False):
        _delete(uploads)
        yield _render_error(t.gettext(BUSY), t)
        return
    at: list[At] = [("reading", 0, 0)]
    job, shown = _start(engine, uploads, lock, at.append, sender), ""
    while not wait([job], PAUSE).done:
        stage, done, total = at[-1]
        name = t.gettext(STAGES.get(stage, INDEXING))
        progress = render("upload_progress.html", t, stage=name, done=done, total=total)
        if progress != shown:
            yield (shown := progress)
    try:
        taken = job.result()
    except IndexBusy:
        yield _render_error(t.gettext(BUSY), t)
    except (AskLabsError, OSError):
        yield _render_error(t.gettext(FAILED), t)
    else:
        yield render_result(taken, engine.catalog.reports, t)


def uploads_of(sent: object) -> list[Upload]:
    """The files that a browser says it has sent, as far as they lie where such files lie."""
    folder = Path(get_upload_folder()).resolve()
    uploads = {}
    for item in sent[: MOST_REPORTS + 1] if isinstance(sent, list) else ():
        name, path = (item.get(key) if isinstance(item, dict) else None for key in ("name", "path"))
        if not isinstance(name, str) or not isinstance(path, str) or "\x00" in path:
            continue
        file = Path(path)
        if file.is_file() and not file.is_symlink() and file.resolve().is_relative_to(folder):
            uploads[file.resolve()] = Upload(printable(name[:300]), file.resolve())
    return list(uploads.values())


def render_result(result: SyncResult, reports: Mapping[str, ReportInfo], t: Translations) -> Markup:
    """What came in, what was there already, and what was left out and why."""
    counts = (
        (t.gettext("{reports} added"), result.added),
        (t.gettext("{reports} updated"), result.updated),
        (t.gettext("{reports} unchanged"), result.unchanged),
    )
    parts = [
        text.format(reports=format_count(len(ids), "report", t)) for text, ids in counts if ids
    ]
    return render(
        "upload_result.html",
        t,
        error="",
        heading="; ".join(parts) or t.gettext("Nothing was added"),
        reports=[reports[i] for i in (*result.added, *result.updated) if i in reports],
        skipped=[(file.path, notice_words([file.notice], t)) for file in result.skipped],
        beside=result.beside,
        shown=SHOWN,
    )


def _render_error(message: str, t: Translations) -> Markup:
    return render("upload_result.html", t, error=message, shown=SHOWN)
