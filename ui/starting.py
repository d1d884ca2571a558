"""Starts the page: up at once with what goes on, and there for good once the index is loaded."""

from __future__ import annotations

import logging
import os
import signal
import sys
import webbrowser
from importlib.metadata import version
from typing import TYPE_CHECKING

from rag.settings import Settings
from ui import log
from ui.loading import loading
from ui.login import read_logins

if TYPE_CHECKING:
    from rag.engine import Engine

_log = logging.getLogger(__name__)


def start(settings: Settings, open_browser: bool = False) -> None:
    """Serve the page over an index until Ctrl+C.

    Raises:
        SettingsError: nothing can listen on the host and port, or the logins can't be used.
        IndexUnusable: there is no index, or not one that can be used.
        InputError: the evaluation that the settings name is damaged.
    """
    log.set_up(settings)
    # How a service or a container is stopped; as a container's first process it would be deaf.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logins = read_logins(settings.login) if settings.login else {}
    _one_thread_an_answer()
    print("Loading the index and the page ...", file=sys.stderr, flush=True)
    with loading(settings.host, settings.port):
        if open_browser:
            host = "localhost" if settings.host == "0.0.0.0" else settings.host
            webbrowser.open(f"http://{host}:{settings.port}")
        # Imported here: they take seconds, and load numpy, which reads its threads only then.
        from eval.summary import latest
        from ingest.shared import watch
        from rag.engine import open_engine
        from ui.app import build_app
        from ui.options import fetch_shared
        from ui.serving import launch, serve

        if settings.evaluation is not None:
            latest(settings)  # Raises where there is none, before anybody looks for it.
        fetch_shared(settings)
        engine = open_engine(settings)
        page = build_app(engine)
    address = launch(
        page,
        settings.host,
        settings.port,
        logins,
        uploads=settings.page_ingest,
        root_path=settings.root_path,
        check=lambda: engine.revision,
    )
    _tell(engine, address, len(logins))
    if settings.chroma:
        watch(settings, lambda: engine.revision)
    serve(page, address)


def _tell(engine: Engine, address: str, logins: int) -> None:
    """Log what is served where, and what whoever runs it should know of."""
    from ingest.uploads import older_index

    settings = engine.settings
    log.event(
        "start",
        "ready",
        version=version("ask-the-labs"),
        address=address,
        host=settings.host,
        root_path=settings.root_path,
        index=settings.index.absolute(),
        fingerprint=engine.revision,
        reports=len(engine.catalogue.reports),
        model=settings.answer_model,
        logins=logins or "none",
    )
    if not logins and settings.host not in ("127.0.0.1", "localhost", "::1", "[::1]"):
        _log.warning(
            "Everybody who reaches %s, port %s, may use the page: ASKLABS_LOGIN names no file of "
            "logins.",
            settings.host,
            settings.port,
        )
    if older := older_index(settings):
        _log.warning(older)


def _one_thread_an_answer() -> None:
    """Have numpy's libraries, not loaded yet, compute each answer on one core.

    Several visitors' answers keep all cores busy as it is; threads that wait for each other make
    each of them slower.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
