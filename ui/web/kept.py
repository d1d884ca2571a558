"""Conversations that a visitor keeps: what passes between the page and the browser's own store.

They are kept in the visitor's browser (IndexedDB, see kept.js) and not in the index folder:

- Privacy: the server holds nobody's questions, so no defect and no backup of it can show one
  visitor what another asked. A secret in a cookie, which a folder on the server would need, could
  be lost or stolen, and nobody could tell whose the files are once it is.
- Where: an index folder may be read-only, and an index on a Chroma server has none of ours.
- Size: an answer with its passages takes 40 to 130 KB as JSON. That is too much for localStorage
  (5 MB in all); IndexedDB has room for thousands, and its transactions are atomic: after a
  failure, the state before it is still there.

The price is that another browser doesn't show them; saved files do. What comes back from a
browser may have been changed by anybody: it is read as strictly as a file of answers.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import to_jsonable_python

from rag.catalog.fields import Filters
from rag.errors import InputError
from rag.export.answer_json import answer_from_dict, answer_to_dict
from rag.feedback import feedback_from_dict, feedback_to_dict
from rag.i18n.translations import Translations, marked
from rag.retrieval.hybrid import MOST_PASSAGES
from rag.types import Notice
from ui.web.answer import conversation
from ui.web.conversation import Exchange
from ui.web.handlers import Talk, Update, clear
from ui.web.sources import sources

if TYPE_CHECKING:
    from rag.engine import Engine
    from ui.web.conversation import Run


FORMAT = 1
MOST_TURNS = 500
LARGEST = 64 * 1024 * 1024  # characters of a whole conversation: far above 500 large answers
TOLD = 20_000  # characters of an answer by which its conversation can be found
BUSY = marked("An answer is being written. Wait for it, or stop it, first.")
_AS_THEY_ARE = ("question", "text", "error", "stopped", "passages")
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class _Kept(BaseModel):
    """One question with what came of it, as it stands in a browser."""

    format: Literal[1]
    question: str
    asked: Filters
    ignored: Filters
    answer: dict[str, Any] | None
    text: str
    error: str
    notice: Notice | None = None
    stopped: bool
    passages: int = Field(ge=0, le=MOST_PASSAGES)
    vote: dict[str, Any] | None


def new_id() -> str:
    """The name of a conversation that nothing else has."""
    return secrets.token_urlsafe(16)


def exchange_to_json(one: Exchange) -> str:
    """A question, its filters, and its answer, error or stopped text."""
    whole = {
        "format": FORMAT,
        **{name: getattr(one, name) for name in _AS_THEY_ARE},
        "asked": one.asked.as_dict(),
        "ignored": one.ignored.as_dict(),
        "answer": answer_to_dict(one.answer) if one.answer else None,
        "notice": to_jsonable_python(one.notice),
        "vote": feedback_to_dict(one.vote) if one.vote else None,
    }
    return _sound(json.dumps(whole, ensure_ascii=False, allow_nan=False))


def exchange_from_json(data: str) -> Exchange:
    """The question that `exchange_to_json` wrote.

    Raises:
        InputError: it is not JSON, or something in it is missing or of the wrong kind.
    """
    try:
        given = _Kept.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise InputError(f"{where}: {first['msg']}.") from error
    return Exchange(
        **given.model_dump(include=set(_AS_THEY_ARE)),
        asked=given.asked,
        answer=answer_from_dict(given.answer) if given.answer is not None else None,
        ignored=given.ignored,
        notice=given.notice,
        vote=feedback_from_dict(given.vote) if given.vote is not None else None,
    )


def read_talk(turns: object, t: Translations) -> Talk:
    """The conversation that a browser sends: a list of what `exchange_to_json` wrote.

    Raises:
        InputError: it can't be used; the message says which question and why.
    """
    refused = t.gettext("This conversation can't be opened: {why}")
    if not isinstance(turns, list) or not all(isinstance(one, str) for one in turns) or not turns:
        raise InputError(refused.format(why=t.gettext("it holds no questions.")))
    if len(turns) > MOST_TURNS or sum(map(len, turns)) > LARGEST:
        raise InputError(refused.format(why=t.gettext("it is too large.")))
    talk = []
    for n, one in enumerate(turns, 1):
        try:
            talk.append(exchange_from_json(one))
        except InputError as error:
            which = t.gettext("question {n} was changed or damaged.").format(n=n)
            raise InputError(f"{refused.format(why=which)} ({error})") from error
    return tuple(talk)


def keeping(updates: Iterator[Update], ident: str, turn: int) -> Iterator[Update]:
    """Updates of an answer being written, with what the browser is to keep of it.

    The question is kept before its answer is there (`turn` counts from 1), so that a page that is
    closed meanwhile has lost no more than the answer.
    """
    ident = ident if _ID.fullmatch(ident) else new_id()
    for update in updates:
        if "talk" in update:
            talk = update["talk"]
            yield {**update, "kept_id": ident, "says": keep(ident, talk, len(talk))}
        elif run := update.get("run"):
            pending = replace(run.asked, stopped=True)
            says = _message("keep", id=ident, first=turn, turns=[_entry(pending)], pending=True)
            yield {**update, "kept_id": ident, "says": says}
        else:
            yield update


def keep(ident: str, talk: Sequence[Exchange], first: int = 1) -> str:
    """The message that has a browser keep a conversation from its question `first` on."""
    turns = [_entry(one) for one in talk[first - 1 :]]
    return _message("keep", id=ident, first=first, turns=turns, pending=False)


def opened(
    engine: Engine, ident: object, turns: object, run: Run | None, t: Translations
) -> Update:
    """Show a conversation that a browser kept; or say why it can't be shown, and change nothing."""
    if run and run.active:
        return {"says": _message("refused", text=t.gettext(BUSY))}
    if not isinstance(ident, str) or not _ID.fullmatch(ident):
        text = t.gettext("This conversation can't be opened: its name was changed.")
        return {"says": _message("refused", text=text)}
    try:
        talk = read_talk(turns, t)
    except InputError as error:
        return {"says": _message("refused", text=str(error))}
    answered = [n for n, one in enumerate(talk, 1) if one.answer]
    turn = answered[-1] if answered else 0
    return {
        "talk": talk,
        "run": None,
        "kept_id": ident,
        "thread": conversation(talk, engine.catalog.reports, t=t),
        "live": "",
        "sources": sources(talk[turn - 1].answer if turn else None, turn, t),
        "busy": False,
        "says": _message("opened", id=ident),
    }


def fresh(run: Run | None, t: Translations) -> Update:
    """An empty conversation; nothing happens while an answer is being written."""
    if run and run.active:
        return {"says": _message("refused", text=t.gettext(BUSY))}
    return {**clear(t), "kept_id": "", "says": _message("fresh")}


def again(ident: str, talk: Talk, apart: object) -> Update:
    """Have the browser keep the whole conversation; as one of its own if it is to be `apart`.

    That is what is left to do where another page of the same browser went on with it.
    """
    if not talk:
        return {}
    ident = new_id() if apart or not _ID.fullmatch(ident) else ident
    return {"kept_id": ident, "says": keep(ident, talk)}


def _entry(one: Exchange) -> dict[str, str]:
    """What the browser lists a question by, and its whole, which the browser never looks into."""
    text = one.answer.text if one.answer else one.text
    return {
        "question": _sound(one.question),
        "text": _sound(text[:TOLD]),
        "data": exchange_to_json(one),
    }


def _message(do: str, **given: object) -> str:
    # Two equal messages must differ: the page hears of changes only.
    whole = json.dumps({"do": do, "mark": secrets.token_hex(4), **given}, ensure_ascii=False)
    return whole.replace("<", "\\u003c")  # it is no HTML, and nothing is to take it for some


def _sound(text: str) -> str:
    """The text without lone surrogates, which a model can write and JSON over HTTP can't carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
