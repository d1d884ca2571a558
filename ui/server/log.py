"""The log of the page: one line an event on standard error, without questions, visitors and keys.

An event is `question outcome=answered seconds=0.12 ...`. Values with spaces are JSON strings, so
that no text from outside can begin a line of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson

from rag.errors import AskLabsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rag.settings import Settings
    from rag.types import Answer
    from ui.web.handlers import Exchange


PACKAGES = ("rag", "ingest", "ui", "eval")
HIDDEN = "***"
_log = logging.getLogger(__name__)


class _Lines(logging.Formatter):
    """Formats lines with the time in UTC, and hides secrets, also in tracebacks."""

    converter = time.gmtime  # type: ignore[assignment]  # typed for no seconds alone

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self._secrets = [secret for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return line


def set_up(settings: Settings) -> None:
    """Have the product's log written to standard error, where warnings of libraries go, too."""
    keys = (settings.openai_api_key,)
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(key.get_secret_value() for key in keys if key))
    for logger in map(logging.getLogger, PACKAGES):
        logger.setLevel(settings.log_level.upper())
        logger.handlers = [h for h in logger.handlers if not isinstance(h.formatter, _Lines)]
        logger.addHandler(handler)


def event(name: str, outcome: str, level: int = logging.INFO, **facts: object) -> None:
    """Log an event with its facts; facts that are None or "" are left out."""
    values = {"outcome": outcome, **facts}
    shown = (f"{key}={_value(value)}" for key, value in values.items() if value not in (None, ""))
    _log.log(level, "%s %s", name, " ".join(shown))


def question_event(exchange: Exchange | None, seconds: float, question: str = "") -> None:
    """Log the outcome of a question, None if it failed; its text only if it is passed."""
    # Imported here because they are slow to load.
    from ui.server.metrics import QUESTIONS, count_answer

    if exchange is None:
        QUESTIONS.labels("failed").inc()
        event("question", "failed", logging.ERROR, seconds=seconds, question=question)
    elif exchange.answer is None:
        outcome, level = ("error", logging.ERROR) if exchange.error else ("stopped", logging.INFO)
        QUESTIONS.labels(outcome).inc()
        event("question", outcome, level, seconds=seconds, error=exchange.error, question=question)
    else:
        from rag.i18n.notices import notice_words

        answer = exchange.answer
        failed = any(notice.code == "extractive_instead" for notice in answer.notices)
        outcome = "stopped" if exchange.stopped else "refused" if answer.refused else "answered"
        count_answer(answer, outcome, failed=failed)
        event(
            "question",
            outcome,
            logging.WARNING if failed else logging.INFO,
            seconds=seconds,
            intent=answer.coverage.intent,
            citations=len(answer.citations),
            reports=len(answer.coverage.reports),
            mode=answer.mode,
            notice=notice_words(answer.notices),
            question=question,
        )


@contextmanager
def programs_question(settings: Settings, question: str) -> Iterator[Callable[[Answer], None]]:
    """Log what comes of a question of a program; to be told its answer."""
    from ui.web.handlers import Exchange

    begun = time.monotonic()
    made: Exchange | None = Exchange(question, stopped=True)

    def answered(answer: Answer) -> None:
        nonlocal made
        made = Exchange(question, answer=answer)

    try:
        yield answered
    except Exception as error:
        is_known = isinstance(error, AskLabsError)
        made = Exchange(question, error=str(error)) if is_known else None
        raise
    finally:
        text = question if settings.log_questions else ""
        question_event(made, time.monotonic() - begun, text)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "=')
    return text if plain else orjson.dumps(text.encode("utf-8", "replace").decode()).decode()
