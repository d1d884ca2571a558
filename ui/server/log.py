"""The log of the page: to standard error, a line an event; no question's text, no visitor, no key.

Events are written as `question outcome=answered seconds=0.12 ...`, values with spaces as JSON
strings, so that no text that came from outside can begin a line of its own.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rag.settings import Settings
    from ui.web.conversation import Exchange


OURS = ("rag", "ingest", "ui", "eval")
HIDDEN = "***"
_log = logging.getLogger(__name__)


class _Lines(logging.Formatter):
    """Lines with the time in UTC, in which no secret is to be read, be it in a traceback."""

    converter = time.gmtime  # type: ignore[assignment]  # typed for no seconds alone

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self._secrets = [secret for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return line


class _Handler(logging.Handler):
    """Writes to what is standard error at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        # A log that can't be written, on a full disk say, is no reason not to go on.
        with suppress(OSError):
            print(self.format(record), file=sys.stderr, flush=True)


def set_up(settings: Settings) -> None:
    """Have what the product logs written to standard error; warnings of libraries are there too."""
    keys = (settings.openai_api_key, settings.reranker_key, settings.chroma_token)
    handler = _Handler()
    handler.setFormatter(_Lines(key.get_secret_value() for key in keys if key))
    for logger in map(logging.getLogger, OURS):
        logger.setLevel(settings.log_level.upper())
        logger.handlers = [one for one in logger.handlers if not isinstance(one, _Handler)]
        logger.addHandler(handler)


def event(what: str, outcome: str, level: int = logging.INFO, **known: object) -> None:
    """Log an event with what is known of it; what is None or "" is left out."""
    facts = {"outcome": outcome, **known}
    told = (f"{name}={_value(one)}" for name, one in facts.items() if one not in (None, ""))
    _log.log(level, "%s %s", what, " ".join(told))


def asked(one: Exchange | None, seconds: float, question: str = "") -> None:
    """Log what came of a question, None being nothing; its text only where it is given."""
    if one is None:
        event("question", "failed", logging.ERROR, seconds=seconds, question=question)
    elif one.answer is None:
        outcome, level = ("error", logging.ERROR) if one.error else ("stopped", logging.INFO)
        event("question", outcome, level, seconds=seconds, error=one.error, question=question)
    else:
        from rag.i18n.notices import notice_words  # It takes long to load.

        answer = one.answer
        failed = any(notice.code == "extractive_instead" for notice in answer.notices)
        outcome = "stopped" if one.stopped else "refused" if answer.refused else "answered"
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


def _value(one: object) -> str:
    if isinstance(one, float):
        return f"{one:.2f}"
    said = str(one)
    plain = said.isascii() and said.isprintable() and not set(said) & set(' "=')
    return said if plain else orjson.dumps(said.encode("utf-8", "replace").decode()).decode()
