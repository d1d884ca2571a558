"""Reports that readers upload: one ingest at a time, beside the answers, and what came of it.

Gradio keeps files in its own folder until they are taken in, or for ten minutes.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import suppress
from pathlib import Path

from gradio.utils import get_upload_folder
from markupsafe import Markup

from ingest.sources import printable
from ingest.sync import SyncResult
from ingest.uploads import MOST_REPORTS, Upload, take_in
from rag.errors import AskLabsError, IndexBusy
from rag.i18n.translations import marked
from rag.types import Progress
from ui.rendering import render
from ui.server import log
from ui.web.handlers import Visit, in_background

_log = logging.getLogger(__name__)
BUSY = marked("Someone else is adding reports. Try again in a minute.")
FAILED = marked("The reports could not be added; nothing was changed. Try again later.")
PAUSE = 0.3  # seconds between two drawings of the progress
SHOWN = 20  # reports, and files, that the result names
COUNTED = ("added", "updated", "unchanged", "skipped")
_adding = threading.Lock()


def add(v: Visit) -> Iterator[Markup]:
    """Add a browser's files and show how far it is; adding goes on when the visitor leaves."""
    uploads, t = uploads_of(v.sent.get("files")), v.t
    if not uploads:
        return
    if not _adding.acquire(blocking=False):
        _delete(uploads)
        yield render("upload_result.html", t, error=t.gettext(BUSY))
        return
    at: list[tuple[str, int, int]] = [("reading", 0, 0)]
    job = in_background(lambda: _take_in(v, uploads, lambda *now: at.append(now)))
    while not wait([job], PAUSE).done:
        stage, done, total = at[-1]
        yield render("upload_progress.html", t, stage=stage, done=done, total=total)
    try:
        taken = job.result()
    except (AskLabsError, OSError) as error:
        message = BUSY if isinstance(error, IndexBusy) else FAILED
        yield render("upload_result.html", t, error=t.gettext(message))
    else:
        reports = v.engine.catalog.reports
        new = [reports[i] for i in (*taken.added, *taken.updated) if i in reports]
        yield render("upload_result.html", t, error="", result=taken, reports=new, shown=SHOWN)


def _take_in(v: Visit, uploads: Sequence[Upload], progress: Progress) -> SyncResult:
    begun = time.monotonic()
    try:
        taken = take_in(uploads, v.engine.settings, progress, v.sender)
        # The next question need not wait for it.
        v.engine.revision  # noqa: B018
    except Exception as error:
        if not isinstance(error, IndexBusy):
            _log.error("Reports from the page were not added", exc_info=error)
        raise
    finally:
        _adding.release()
        _delete(uploads)
    counts = {name: len(getattr(taken, name)) for name in COUNTED}
    log.event("adding", "done", seconds=time.monotonic() - begun, **counts)
    return taken


def _delete(uploads: Sequence[Upload]) -> None:
    for upload in uploads:
        with suppress(OSError):  # Gradio deletes it in ten minutes.
            upload.path.unlink()


def uploads_of(sent: object) -> list[Upload]:
    """The files that a browser says it has sent, without any outside Gradio's upload folder."""
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
