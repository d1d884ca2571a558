"""Starts the page: up at once with what goes on, and there for good once the index is loaded."""

from __future__ import annotations

import os
import sys
import webbrowser

from rag.settings import Settings
from ui.loading import loading
from ui.login import read_logins


def start(settings: Settings, open_browser: bool = False) -> None:
    """Serve the page over an index until Ctrl+C.

    Raises:
        SettingsError: nothing can listen on the host and port, or the logins can't be used.
        IndexUnusable: there is no index, or not one that can be used.
        InputError: the evaluation that the settings name is damaged.
    """
    logins = read_logins(settings.login) if settings.login else {}
    _one_thread_an_answer()
    print("Loading the index and the page ...", file=sys.stderr, flush=True)
    with loading(settings.host, settings.port):
        if open_browser:
            host = "localhost" if settings.host == "0.0.0.0" else settings.host
            webbrowser.open(f"http://{host}:{settings.port}")
        # Imported here: they take seconds.
        from eval.summary import latest
        from rag.engine import open_engine
        from ui.app import build_app
        from ui.serving import launch, serve

        if settings.evaluation is not None:
            latest(settings)  # Raises where there is none, before anybody looks for it.
        page = build_app(open_engine(settings))
    serve(page, launch(page, settings.host, settings.port, logins, uploads=settings.page_ingest))


def _one_thread_an_answer() -> None:
    """Have numpy's libraries, not loaded yet, compute each answer on one core.

    Several visitors' answers keep all cores busy as it is; threads that wait for each other make
    each of them slower.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
