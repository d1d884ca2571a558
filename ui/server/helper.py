"""Processes that compute answers, so that the page's own only serves and draws while many ask.

One process of Python computes on one core at a time. The helpers are forks of it, before it has
threads: all have the same index and models in memory once. They have their own after an ingest.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from typing import Any

from prometheus_client import ProcessCollector

from rag.answer.lines import role_and_weight
from rag.answer.pipeline import AnswerStream
from rag.citation.quotable import KEPT, usable
from rag.engine import Engine
from rag.errors import AskLabsError
from rag.models.client import Stop
from rag.models.embeddings import is_builtin
from rag.types import Answer

HELPERS = 2
# What is asked before anybody asks: examples are embedded, tables made, once for all answers.
FIRST = ("What did labs learn about waste?", "What stood in the way of their work?")
PATIENCE = 120.0  # seconds to wait for what a helper reads ahead
LOOK = 0.05  # seconds between two looks whether an answer is wanted still
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_log = logging.getLogger(__name__)


def can_help(engine: Engine) -> bool:
    """Whether a fork can compute the answers of an engine: connections to servers don't survive."""
    settings = engine.settings
    is_local = settings.answer_model == "extractive" and is_builtin(settings)
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    return settings.helper and is_local and not settings.database and cores > 1


@dataclass(frozen=True)
class _Helper:
    process: BaseProcess
    connection: Connection


class HelpedEngine(Engine):
    """An engine whose answers helpers compute where the cross-encoder is left out.

    The cross-encoder keeps all cores busy by itself, and its threads are not there in a fork.
    """

    def __init__(self, engine: Engine) -> None:
        """Start the helpers; no thread may run yet."""
        vars(self).update(vars(engine))
        context = get_context("fork")
        pipes = [context.Pipe() for _ in range(HELPERS)]
        self.helpers: list[_Helper] = []
        self._free: SimpleQueue[_Helper] = SimpleQueue()
        for n, (ours, theirs) in enumerate(pipes, 1):
            others = [end for pipe in pipes for end in pipe if end is not theirs]
            work = engine, theirs, others, n == 1
            process = context.Process(target=_serve, args=work, daemon=True)
            process.start()
            helper = _Helper(process, ours)
            self.helpers.append(helper)
            self._free.put(helper)
            ProcessCollector(namespace=f"asklabs_helper_{n}", pid=partial(getattr, process, "pid"))
        for _, theirs in pipes:
            theirs.close()

    def await_reading(self) -> None:
        """Wait for what a helper reads and keeps."""
        self.report_measure().prepare()
        until = time.monotonic() + PATIENCE
        while not self.report_measure().table.is_kept and time.monotonic() < until:
            if self.report_measure().table.is_behind:
                # Others may be using the one that is there.
                self._report_measure = None
            time.sleep(1)

    def ask(self, question: str, *, stop: Stop | None = None, **given: Any) -> AnswerStream:
        """Answer a question; a helper's answer is whole when this returns."""
        stop = stop or Stop()
        is_read = self._reranker is not None and not self._reranker.is_shed()
        made = None if is_read else self._helped(stop, question, given)
        if made is None:
            return super().ask(question, stop=stop, **given)
        if isinstance(made, Exception):
            raise made
        return AnswerStream(iter([made.text]), lambda _: made)

    def _helped(self, stop: Stop, *asked: Any) -> Answer | Exception | None:
        """A helper's answer or error; None if all helpers have ended or nobody waits any more."""
        while self.helpers and not stop.is_set():
            # Computing in this process, too, would keep the page from serving.
            try:
                helper = self._free.get(timeout=LOOK)
            except Empty:
                continue
            try:
                made = _asked(helper.connection, stop, *asked)
            except (EOFError, OSError):
                helper.process.join(LOOK)
                self.helpers.remove(helper)
                ended = "A helper has ended (%s): answers take longer."
                _log.warning(ended, helper.process.exitcode)
            else:
                self._free.put(helper)
                return made
        return None


def _asked(connection: Connection, stop: Stop, *asked: Any) -> Answer | Exception:
    is_told = False
    connection.send(asked)
    while not connection.poll(LOOK):
        if stop.is_set() and not is_told:
            connection.send(None)
            is_told = True
    made: Answer | Exception = connection.recv()
    return made


class _Told(Stop):
    """A wish to stop that comes as whatever is sent next."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def is_set(self) -> bool:
        return super().is_set() or self._connection.poll()


def _serve(
    engine: Engine, connection: Connection, others: list[Connection], is_first: bool
) -> None:
    """Answer questions until the process that this is a fork of ends; the first one reads ahead."""
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for that process.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
    gc.freeze()
    engine.shed_when(lambda: True)

    def answer() -> None:
        # A wish that came too late is no question.
        if asked := connection.recv():
            engine.report_measure().table.take()  # The other may have read it meanwhile.
            connection.send(_answered(engine, _Told(connection), *asked))

    def is_idle() -> bool:
        while connection.poll():
            answer()
        return True

    engine.report_measure().prepare()
    for question in FIRST:
        is_idle()
        _answered(engine, Stop(), question, {})
    if is_first:
        engine.report_measure().read_ahead(is_idle)
    for passage in islice(engine.passages, KEPT):
        is_idle()
        usable(passage)
        role_and_weight(passage)
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
