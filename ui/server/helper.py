"""A second process that computes answers, so that many who ask at once keep two cores busy.

One process of Python computes on one core at a time. The helper is a fork of it, before it has
threads: both have the same index and models in memory once. It has its own after an ingest.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from prometheus_client import ProcessCollector

from rag.answer.pipeline import AnswerStream
from rag.engine import Engine
from rag.errors import AskLabsError
from rag.models.client import Stop
from rag.models.embeddings import is_builtin
from rag.types import Answer

LOOK = 0.05  # seconds between two looks whether an answer is wanted still
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_log = logging.getLogger(__name__)


def can_help(engine: Engine) -> bool:
    """Whether a fork can compute the answers of an engine: connections to servers don't survive."""
    settings = engine.settings
    is_local = settings.answer_model == "extractive" and is_builtin(settings)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    return settings.helper and is_local and not settings.database and cores > 1


class HelpedEngine(Engine):
    """An engine whose answers a helper computes where the cross-encoder is left out.

    The cross-encoder keeps all cores busy by itself, and its threads are not there in a fork.
    """

    def __init__(self, engine: Engine) -> None:
        """Start the helper; no thread may run yet."""
        vars(self).update(vars(engine))
        self._is_shed: Callable[[], bool] = lambda: False
        self._free = threading.Lock()
        context = get_context("fork")
        self._connection, theirs = context.Pipe()
        ours = self._connection
        self.process = context.Process(target=_serve, args=(engine, theirs, ours), daemon=True)
        self.process.start()
        theirs.close()
        ProcessCollector(namespace="asklabs_helper", pid=lambda: self.process.pid or 0)

    def shed_when(self, is_shed: Callable[[], bool]) -> None:
        super().shed_when(is_shed)
        self._is_shed = is_shed

    def ask(self, question: str, *, stop: Stop | None = None, **given: Any) -> AnswerStream:
        """Answer a question; the helper's answer is whole when this returns."""
        is_read = self._reranker is not None and not self._is_shed()
        if is_read or not self._free.acquire(blocking=False):
            return super().ask(question, stop=stop, **given)
        try:
            made = self._helped(stop or Stop(), question, given)
        except (EOFError, OSError):
            # It stays taken: all goes on here.
            self.process.join(LOOK)
            _log.warning("The helper has ended (%s): answers take longer.", self.process.exitcode)
            return super().ask(question, stop=stop, **given)
        self._free.release()
        if isinstance(made, Exception):
            raise made
        return AnswerStream(iter([made.text]), lambda _: made)

    def _helped(self, stop: Stop, *asked: Any) -> Answer | Exception:
        is_told = False
        self._connection.send(asked)
        while not self._connection.poll(LOOK):
            if stop.is_set() and not is_told:
                self._connection.send(None)
                is_told = True
        made: Answer | Exception = self._connection.recv()
        return made


class _Told(Stop):
    """A wish to stop that comes as whatever is sent next."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def is_set(self) -> bool:
        return super().is_set() or self._connection.poll()


def _serve(engine: Engine, connection: Connection, others: Connection) -> None:
    """Answer questions until the process that this is a fork of ends."""
    others.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for that process.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
    gc.freeze()
    engine.shed_when(lambda: True)

    def answer() -> None:
        # A wish that came too late is no question.
        if asked := connection.recv():
            connection.send(_answered(engine, _Told(connection), *asked))

    def is_idle() -> bool:
        while connection.poll():
            answer()
        return True

    engine.report_measure().read_ahead(is_idle)
    gc.collect()
    gc.freeze()
    while True:
        answer()


def _answered(engine: Engine, stop: Stop, question: str, given: Any) -> Answer | Exception:
    try:
        return engine.ask(question, stop=stop, **given).answer
    except Exception as error:
        if not isinstance(error, AskLabsError):
            error.add_note(traceback.format_exc())
        return error
