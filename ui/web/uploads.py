"""Adding reports from the page: one ingest at a time, beside the answers; what is said of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from gradio.utils import get_upload_folder

from ingest.sources import printable
from ingest.sync import SyncResult
from ingest.uploads import (
    LARGEST_UPLOAD,
    MOST_REPORTS,
    Upload,
    take_in,
)
from rag.catalog.fields import ReportInfo
from rag.errors import AskLabsError, IndexBusy
from rag.i18n.labels import format_count
from rag.i18n.notices import notice_words
from rag.i18n.translations import (
    ENGLISH,
    Translations,
    format_number,
    marked,
)
from ui.server import log
from ui.web.sources import lab, open_report

if TYPE_CHECKING:
    from rag.engine import Engine


_log = logging.getLogger(__name__)
BUSY = marked("Reports are being added by somebody else. Wait until that is done, then try again.")
FAILED = marked(
    "The reports could not be added. All that was there before is still there. Try again later; "
    "who runs this page finds the reason in its log."
)
STAGES = {
    "reading": marked("Reading the files"),
    "parsing": marked("Taking the reports apart"),
    "embedding": marked("Making the passages findable"),
    "preparing search": marked("Preparing the search"),
    # That it is for other machines too is nothing that readers need to know.
    "publishing": marked("Preparing the search"),
}
COUNTED = ("added", "updated", "unchanged", "skipped")
PAUSE = 0.3  # seconds between two looks at how far it is
SHOWN = 20  # reports, or files, of which the result tells one by one


class Job:
    """One ingest on its way, in a thread of its own."""

    def __init__(self, engine: Engine, uploads: Sequence[Upload]) -> None:
        self.at: tuple[str, int, int] = ("reading", 0, 0)
        self.result: Future[SyncResult] = Future()
        self.over = threading.Event()
        self._engine, self._uploads = engine, uploads

    def run(self) -> None:
        """Take the uploads in, and have the engine ready to answer from them."""
        begun = time.monotonic()
        try:
            taken = take_in(self._uploads, self._engine.settings, self._tell)
            # The next question need not wait for it.
            self._engine.revision  # noqa: B018
            self.result.set_result(taken)
            counts = {name: len(getattr(taken, name)) for name in COUNTED}
            log.event("adding", "done", seconds=time.monotonic() - begun, **counts)
        except Exception as error:  # handed over to whoever waits for the result
            self.result.set_exception(error)
            if not isinstance(error, IndexBusy):
                _log.error("Reports from the page were not added", exc_info=error)
        finally:
            for one in self._uploads:
                one.path.unlink(missing_ok=True)
            self.over.set()

    def _tell(self, stage: str, done: int, total: int) -> None:
        self.at = stage, done, total


class Adding:
    """Who adds reports to the index of a page: one visitor at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()

    def begin(self, uploads: Sequence[Upload]) -> Job | None:
        """An ingest that has begun; None while another is on its way.

        It goes on to its end, also when its visitor leaves the page.
        """
        if not self._lock.acquire(blocking=False):
            return None
        job = Job(self._engine, uploads)

        def work() -> None:
            try:
                job.run()
            finally:
                self._lock.release()

        threading.Thread(target=work, daemon=True, name="adding").start()
        return job


def add(adding: Adding, engine: Engine, sent: object, t: Translations) -> Iterator[str]:
    """What is shown while files that a browser has sent are added, and at the end."""
    uploads = uploads_of(sent)
    if not uploads:
        return
    job = adding.begin(uploads)
    if job is None:
        for one in uploads:
            one.path.unlink(missing_ok=True)
        yield _trouble(t.gettext(BUSY))
        return
    shown = ""
    while not job.over.wait(PAUSE):
        now = running(*job.at, t)
        if now != shown:
            yield (shown := now)
    try:
        taken = job.result.result()
    except IndexBusy:
        yield _trouble(t.gettext(BUSY))
    except (AskLabsError, OSError):
        yield _trouble(t.gettext(FAILED))
    else:
        yield result(taken, engine.catalog.reports, t)


def uploads_of(sent: object) -> list[Upload]:
    """The files that a browser says it has sent, as far as they lie where such files lie."""
    folder = Path(get_upload_folder()).resolve()
    found = {}
    for one in sent[: MOST_REPORTS + 1] if isinstance(sent, list) else ():
        name, path = (one.get(key) if isinstance(one, dict) else None for key in ("name", "path"))
        if not isinstance(name, str) or not isinstance(path, str) or "\x00" in path:
            continue
        file = Path(path)
        if file.is_file() and not file.is_symlink() and file.resolve().is_relative_to(folder):
            found[file.resolve()] = Upload(printable(name[:300]), file.resolve())
    return list(found.values())


def form(t: Translations = ENGLISH) -> str:
    """The folded area in which files are chosen."""
    said = {
        "sending": t.gettext("Sending {n} of {all}"),
        "failed": t.gettext(
            "{name} could not be sent. See that the page is reachable, then try again."
        ),
        "broken": t.gettext(FAILED),
        "large": t.gettext("{name} is larger than {n} MB. Send it in parts."),
    }
    data = "".join(f' data-{key}="{escape(text)}"' for key, text in said.items())
    megabytes = LARGEST_UPLOAD // 1_000_000
    told = t.gettext(
        "Markdown files (.md), or .zip archives of them, of up to {n} MB. They join the collection "
        "that all readers of this page ask; nothing is deleted from it."
    ).format(n=megabytes)
    return (
        f'<details class="adding" data-largest="{LARGEST_UPLOAD}"{data}>'
        f"<summary>{t.gettext('Add reports')}</summary>"
        f'<p class="hint">{told}</p>'
        '<input type="file" multiple accept=".md,.markdown,.zip" hidden>'
        f'<button type="button" class="choose">{t.gettext("Choose files")}</button>'
        '<p class="sending" role="status"></p></details>'
    )


def running(stage: str, done: int, total: int, t: Translations) -> str:
    """How far an ingest is."""
    said = t.gettext(STAGES.get(stage, stage))
    known = f' value="{done}" max="{total}"' if total else ""
    count = f"{format_number(t, done)} / {format_number(t, total)}" if total else ""
    return (
        f'<div class="running"><p>{said} <span class="count">{count}</span></p>'
        f'<progress aria-label="{escape(said)}"{known}></progress></div>'
    )


def result(taken: SyncResult, reports: Mapping[str, ReportInfo], t: Translations) -> str:
    """What came in, what was there already, and what was left out and why."""
    counts = (
        (t.gettext("{reports} added"), taken.added),
        (t.gettext("{reports} in the place of earlier ones"), taken.updated),
        (t.gettext("{reports} there already"), taken.unchanged),
    )
    said = [
        text.format(reports=format_count(len(which), "report", t))
        for text, which in counts
        if which
    ]
    head = f"{'; '.join(said) or t.gettext('Nothing was added')}."
    came = [reports[i] for i in (*taken.added, *taken.updated) if i in reports]
    items = "".join(
        f"<li>{lab(info, t)} {open_report(info.id, t, label=info.title or info.id)}</li>"
        for info in came[:SHOWN]
    )
    listed = f"<ul>{items}{_more(len(came), t)}</ul>" if came else ""
    return f'<div class="result"><p role="status">{head}</p>{listed}{_skipped(taken, t)}</div>'


def _skipped(taken: SyncResult, t: Translations) -> str:
    if not taken.skipped:
        return ""
    told = t.ngettext(
        "{n} file was left out:", "{n} files were left out:", len(taken.skipped)
    ).format(n=format_number(t, len(taken.skipped)))
    items = "".join(
        f'<li><b dir="auto">{escape(one.path)}</b>: {escape(notice_words([one.notice], t))}</li>'
        for one in taken.skipped[:SHOWN]
    )
    return f'<p class="left">{told}</p><ul>{items}{_more(len(taken.skipped), t)}</ul>'


def _more(n: int, t: Translations) -> str:
    if n <= SHOWN:
        return ""
    return f"<li>{t.gettext('and {n} more').format(n=format_number(t, n - SHOWN))}</li>"


def _trouble(said: str) -> str:
    return f'<div class="result"><p class="alert" role="alert">{escape(said)}</p></div>'
