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

from rag.errors import AskLabsError

if TYPE_CHECKING:
    from rag.settings import Settings
    from rag.types import Answer


PACKAGES = ("rag", "ingest", "ui", "eval")
HIDDEN = "***"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)
QUESTIONS = Counter("asklabs_questions", "Questions by what came of them.", ["outcome"])
STAGES = Histogram("asklabs_stage_seconds", "Seconds of a stage.", ["stage"], buckets=SECONDS)
FAULTS = Counter("asklabs_faults", "Answers that a model's server failed to write.")
REFUSALS = Counter("asklabs_refusals", "Requests that were refused, by their status.", ["status"])
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


def question_event(
    came: Answer | str | None, seconds: float, question: str = "", *, stopped: bool = False
) -> None:
    """Log and count what came of a question: its answer, an error, "" if stopped, None for none."""
    # Imported here because it is slow to load.
    from rag.i18n.notices import notice_words

    outcome, level = "failed", logging.ERROR
    facts: dict[str, object] = {}
    if came == "":
        outcome, level = "stopped", logging.INFO
    elif isinstance(came, str):
        outcome, facts = "error", {"error": came}
    elif came:
        failed = any(notice.code == "extractive_instead" for notice in came.notices)
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
    QUESTIONS.labels(outcome).inc()
    event("question", outcome, level, seconds=seconds, **facts, question=question)


@contextmanager
def programs_question(settings: Settings, question: str) -> Iterator[Callable[[Answer], None]]:
    """Log what comes of a question of a program; to be told its answer."""
    begun = time.monotonic()
    outcome: Answer | str | None = ""

    def answered(answer: Answer) -> None:
        nonlocal outcome
        outcome = answer

    try:
        yield answered
    except Exception as error:
        outcome = str(error) if isinstance(error, AskLabsError) else None
        raise
    finally:
        text = question if settings.log_questions else ""
        question_event(outcome, time.monotonic() - begun, text)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "=')
    return text if plain else orjson.dumps(text.encode("utf-8", "replace").decode()).decode()
