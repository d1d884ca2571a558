"""What the server logs and counts: one line an event, without questions, visitors and keys.

An event is `question outcome=answered seconds=0.12 ...`. Values with spaces are JSON strings, so
that no text from outside can begin a line of its own. Counts are in the format of Prometheus.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
from prometheus_client import Counter, Gauge, Histogram

from rag.errors import AskLabsError, Stopped
from rag.text.sentences import encodable

if TYPE_CHECKING:
    from rag.settings import Settings
    from rag.types import Answer


PACKAGES = ("rag", "ingest", "ui", "eval")
HIDDEN = "***"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)
QUESTIONS = Counter("asklabs_questions", "Questions by what came of them.", ["outcome"])
STAGES = Histogram("asklabs_stage_seconds", "Seconds of a stage.", ["stage"], buckets=SECONDS)
FAULTS = Counter("asklabs_faults", "Answers that a model's server failed to write, or to end.")
REFUSALS = Counter("asklabs_refusals", "Requests that were refused, by their status.", ["status"])
FAILED = ("extractive_instead", "cut_short_by_server")  # notices of such answers
WAITING = Gauge("asklabs_waiting", "Questions that wait for their turn.")
_log = logging.getLogger(__name__)


class _Lines(logging.Formatter):
    """Formats lines with the time in UTC, and hides a secret, also in tracebacks."""

    converter = time.gmtime  # type: ignore[assignment]  # typed for no seconds alone

    def __init__(self, secret: str) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return line.replace(self._secret, HIDDEN) if self._secret else line


def set_up(settings: Settings) -> None:
    """Have the product's log written to standard error, where warnings of libraries go, too."""
    handler, key = logging.StreamHandler(), settings.openai_api_key
    handler.setFormatter(_Lines(key.get_secret_value() if key else ""))
    for logger in map(logging.getLogger, PACKAGES):
        logger.setLevel(settings.log_level.upper())
        logger.handlers = [h for h in logger.handlers if not isinstance(h.formatter, _Lines)]
        logger.addHandler(handler)


def event(name: str, outcome: str, level: int = logging.INFO, **facts: object) -> None:
    """Log an event with its facts; facts that are None or "" are left out."""
    values = {"outcome": outcome, **facts}
    shown = (f"{key}={_value(value)}" for key, value in values.items() if value not in (None, ""))
    _log.log(level, "%s %s", name, " ".join(shown))


@contextmanager
def question(settings: Settings, text: str) -> Iterator[Callable[..., None]]:
    """Log and count a question; yields what takes its answer or error, and if it was stopped."""
    # Imported here because it is slow to load.
    from rag.i18n.labels import notice_words

    begun, outcome, level = time.monotonic(), "stopped", logging.INFO  # also where it is given up
    facts: dict[str, object] = {}

    def told(came: Answer | str, stopped: bool = False) -> None:
        nonlocal outcome, level, facts
        if isinstance(came, str):
            if came:
                outcome, level, facts = "error", logging.ERROR, {"error": came}
            return
        failed = any(notice.code in FAILED for notice in came.notices)
        outcome = "stopped" if stopped else "refused" if came.refused else "answered"
        level = logging.WARNING if failed else logging.INFO
        for stage, milliseconds in came.timings.items():
            STAGES.labels(stage.removesuffix("_ms")).observe(milliseconds / 1000)
        FAULTS.inc(failed)
        facts = {
            "intent": came.coverage.intent,
            "citations": len(came.citations),
            "reports": len(came.coverage.reports),
            "mode": came.mode,
            "notice": notice_words(came.notices),
        }

    try:
        yield told
    except Stopped:
        raise
    except AskLabsError as error:
        told(str(error))
        raise
    except Exception:
        outcome, level, facts = "failed", logging.ERROR, {}
        raise
    finally:
        QUESTIONS.labels(outcome).inc()
        shown = text if settings.log_questions else ""
        seconds = time.monotonic() - begun
        event("question", outcome, level, seconds=seconds, **facts, question=shown)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "=')
    return text if plain else orjson.dumps(encodable(text)).decode()
