"""The page's export menu: what it looks like, and the file that the browser saves."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from rag.errors import AskLabsError
from rag.export import export
from rag.translate import ENGLISH, Words, marked
from rag.types import Answer
from rag.words import strip_accents

MEDIA = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "html": "text/html",
    "md": "text/markdown",
    "json": "application/json",
    "csv": "text/csv",
    "bib": "application/x-bibtex",
    "ris": "application/x-research-info-systems",
    "csl.json": "application/vnd.citationstyles.csl+json",
}
# Names of programs and formats are the same in all languages.
_GROUPS = (
    (
        marked("To read"),
        (
            ("docx", "Word"),
            ("pdf", "PDF"),
            ("html", marked("Web page")),
            ("md", "Markdown"),
        ),
    ),
    (marked("Data"), (("json", marked("Whole answers")), ("csv", marked("Table of sources")))),
    (marked("References"), (("bib", "BibTeX"), ("ris", "RIS"), ("csl.json", "CSL-JSON"))),
)
_WHAT = (("all", marked("Whole conversation")), ("last", marked("Last answer")))


def menu(words: Words = ENGLISH) -> str:
    """The menu as HTML: of what to make a file, and which."""
    what = "".join(
        f'<label><input type="radio" name="export-what" value="{value}"'
        f"{' checked' if value == 'all' else ''}> {words.gettext(label)}</label>"
        for value, label in _WHAT
    )
    groups = "".join(
        f"<section><h4>{words.gettext(head)}</h4><ul>{_items(formats, words)}</ul></section>"
        for head, formats in _GROUPS
    )
    broken = escape(words.gettext("The file could not be made. Please try again."))
    return (
        f'<div class="exports" data-broken="{broken}"><p class="state" role="status"></p>'
        f"<details><summary>{words.gettext('Export')}</summary>"
        f'<div class="sheet"><fieldset><legend class="away">{words.gettext("What to export")}'
        f"</legend>{what}</fieldset>{groups}</div></details></div>"
    )


def _items(formats: Sequence[tuple[str, str]], words: Words) -> str:
    return "".join(_item(ending, words.gettext(name), words) for ending, name in formats)


def _item(ending: str, name: str, words: Words) -> str:
    waiting = escape(words.gettext("Making the file: {name}").format(name=name))
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
    known = ending if isinstance(ending, str) and ending in MEDIA else ""
    try:
        data = export(wanted, known, report_url=report_url)
    except AskLabsError as error:
        return {"error": str(error)}
    return {
        "name": f"{_slug(wanted[0].question)}.{known}",
        "type": MEDIA[known],
        "data": base64.b64encode(data).decode("ascii"),
    }


def _slug(question: str) -> str:
    said = re.findall(r"[a-z0-9]+", strip_accents(question).casefold())
    return "-".join(said[:8]) or "conversation"
