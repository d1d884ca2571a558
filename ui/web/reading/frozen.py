"""Frozen answers: a link that shows an answer as it was, with its quotes looked up again.

They are files of the index's folder, written where the setting `share` allows it. A file is named
by its content, so that the same answer has one link.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from babel.dates import format_date
from markupsafe import Markup

from rag.engine import Engine
from rag.errors import InputError
from rag.i18n.notices import coverage_sentence
from rag.i18n.translations import Translations, language_code, marked
from ui.rendering import render
from ui.server import log
from ui.web.answer import render_prose
from ui.web.handlers import Exchange, Visit, seal
from ui.web.history import exchange_from_json, exchange_to_json
from ui.web.reading.brief import standing
from ui.web.sources import by_number

# Stands before a file's name where a report's id is asked for: it opens like a report.
FROZEN = "answer:"
FOLDER = "shared"
MOST, LARGEST = 5000, 4_000_000  # files, and bytes of one
NOT_KEPT = marked("The link could not be made: the server can't keep the answer.")
NOT_OURS = marked("This server can't vouch for this answer. Ask again, then share it.")
_NAME = re.compile(r"[0-9a-f]{32}")


def freeze(v: Visit) -> str:
    """Keep an answer; the query of its link and what the page says to that, as JSON."""
    engine, t, exchange = v.engine, v.t, v.exchange
    if not engine.settings.share or not exchange or not exchange.answer:
        return ""
    # What a browser kept may have been changed there.
    if not (proof := seal(engine, exchange)):
        return json.dumps({"error": t.gettext(NOT_KEPT)})
    if not hmac.compare_digest(exchange.seal.encode(), proof.encode()):
        return json.dumps({"error": t.gettext(NOT_OURS)})
    kept = Exchange(exchange.question, exchange.filters, exchange.answer)
    data = exchange_to_json(kept).encode()
    name, folder = hashlib.sha256(data).hexdigest()[:32], engine.settings.index / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.json"
        if not path.exists():
            if len(data) > LARGEST or sum(1 for _ in folder.iterdir()) >= MOST:
                raise OSError("too large, or too many")
            part = folder / f"{name}.{os.getpid()}.part"
            part.write_bytes(data)
            part.replace(path)
    except OSError as error:
        log.event("share", "error", logging.ERROR, folder=folder, error=error)
        return json.dumps({"error": t.gettext(NOT_KEPT)})
    log.event("share", "kept")
    done, by_hand = t.gettext("Link copied"), t.gettext("Copy this link:")
    return json.dumps({"query": f"report={FROZEN}{name}", "done": done, "byHand": by_hand})


def render_frozen(engine: Engine, name: str, key: str, t: Translations) -> Markup | None:
    """A frozen answer as a dialog, with how many of its quotes stand now; None if there is none."""
    path = engine.settings.index / FOLDER / f"{name}.json"
    if not engine.settings.share or not _NAME.fullmatch(name):
        return None
    try:
        exchange = exchange_from_json(path.read_text("utf-8"))
        day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    except (OSError, UnicodeError, InputError):
        return None
    answer = exchange.answer
    if answer is None:
        return None
    sources = [
        (group[0], [(c.quote, _stands(engine, c.passage.report.id, c.quote)) for c in group])
        for group in by_number(answer.citations).values()
    ]
    verdicts: Sequence[bool] = [stands for _, quotes in sources for _, stands in quotes]
    return render(
        "frozen.html",
        t,
        key=key,
        question=exchange.question,
        answer=answer,
        prose=render_prose(answer.text, 0, by_number(answer.citations), t),
        sources=sources if not answer.is_list else [],
        coverage=coverage_sentence(answer, t),
        when=format_date(day, "long", locale=language_code(t)),
        is_current=answer.index == engine.revision,
        stand=sum(verdicts),
        all=len(verdicts),
    )


def _stands(engine: Engine, report: str, quote: str) -> bool:
    return standing(engine, report, "", quote) is not None
