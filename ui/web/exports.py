"""The page's export menu: what it looks like, and the file that the browser saves."""

from __future__ import annotations

import base64
import logging
import re
import time
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from rag.errors import AskLabsError
from rag.export.formats import FORMATS, Format, export
from rag.i18n.translations import ENGLISH, Translations, marked
from rag.text.tokenize import strip_accents
from rag.types import Answer
from ui.server import log

_WHAT = (("all", marked("Whole conversation")), ("last", marked("Last answer")))


def menu(t: Translations = ENGLISH) -> str:
    """The menu as HTML: of what to make a file, and which."""
    what = "".join(
        f'<label><input type="radio" name="export-what" value="{value}"'
        f"{' checked' if value == 'all' else ''}> {t.gettext(label)}</label>"
        for value, label in _WHAT
    )
    groups = "".join(
        _group(use, formats, t) for use, formats in groupby(FORMATS.items(), lambda one: one[1].use)
    )
    broken = escape(t.gettext("The file could not be made. Please try again."))
    return (
        f'<div class="exports" data-broken="{broken}"><p class="state" role="status"></p>'
        f"<details><summary>{t.gettext('Export')}</summary>"
        f'<div class="sheet"><fieldset><legend class="away">{t.gettext("What to export")}'
        f"</legend>{what}</fieldset>{groups}</div></details></div>"
    )


def _group(use: str, formats: Iterable[tuple[str, Format]], t: Translations) -> str:
    items = "".join(_item(ending, kind, t) for ending, kind in formats)
    return f"<section><h4>{t.gettext(use)}</h4><ul>{items}</ul></section>"


def _item(ending: str, kind: Format, t: Translations) -> str:
    name = t.gettext(kind.name)
    waiting = escape(t.gettext("Making the file: {name}").format(name=name))
    return (
        f'<li><button type="button" data-ending="{ending}" data-waiting="{waiting}">'
        f'<span>{name}</span> <span class="ending" dir="ltr">.{ending}</span></button></li>'
    )


def download(
    answers: Sequence[Answer], ending: object, last: object, report_url: str = ""
) -> dict[str, str]:
    """A file for the browser to save: name, media type, base64 data; or the error in a sentence.

    It travels with the event and is never written to the server's disk. `last` is whether it
    holds the last answer alone.
    """
    wanted = list(answers)[-1:] if last else list(answers)
    known = ending if isinstance(ending, str) and ending in FORMATS else ""
    begun = time.monotonic()
    try:
        data = export(wanted, known, report_url=report_url)
    except AskLabsError as error:
        log.event("export", "error", logging.ERROR, format=known, error=error)
        return {"error": str(error)}
    log.event("export", "done", seconds=time.monotonic() - begun, format=known, answers=len(wanted))
    return {
        "name": f"{_slug(wanted[0].question)}.{known}",
        "type": FORMATS[known].media,
        "data": base64.b64encode(data).decode("ascii"),
    }


def _slug(question: str) -> str:
    said = re.findall(r"[a-z0-9]+", strip_accents(question).casefold())
    return "-".join(said[:8]) or "conversation"
