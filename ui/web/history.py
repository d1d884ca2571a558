"""The history of a visitor's conversations: what passes between the page and the browser's store.

They are kept in the visitor's browser (IndexedDB, see history.js): the server holds nobody's
questions. What comes back from there is read as strictly as a file of answers.
"""

import json
import re
import secrets
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from rag.errors import InputError, first_problem
from rag.i18n.translations import Translations, marked
from rag.text.sentences import encodable
from ui.web.handlers import Exchange, Talk, Update, Visit, shown_talk

MOST_TURNS = 500
LARGEST = 64 * 1024 * 1024  # characters of a whole conversation: far above 500 large answers
SEARCHABLE = 20_000  # characters of an answer by which its conversation can be found
BUSY = marked("An answer is being written. Wait, or stop it.")
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_STORED = TypeAdapter(Exchange)


def exchange_to_json(exchange: Exchange) -> str:
    """A question, its filters, and its answer, error or stopped text."""
    values = _STORED.dump_python(exchange, mode="json", by_alias=True)
    return encodable(json.dumps(values, ensure_ascii=False, allow_nan=False))


def exchange_from_json(data: str) -> Exchange:
    """The question that `exchange_to_json` wrote; an InputError for anything else."""
    try:
        return _STORED.validate_json(data, strict=True)
    except ValidationError as error:
        raise InputError(f"{first_problem(error)}.") from error


def read_talk(turns: object, t: Translations) -> Talk:
    """The conversation that a browser sends; an InputError says which question is damaged."""
    refused = t.gettext("This conversation can't be opened: {why}")
    if not isinstance(turns, list) or not turns or not all(isinstance(x, str) for x in turns):
        raise InputError(refused.format(why=t.gettext("it holds no questions.")))
    if len(turns) > MOST_TURNS or sum(map(len, turns)) > LARGEST:
        raise InputError(refused.format(why=t.gettext("it is too large.")))
    talk = []
    for n, turn in enumerate(turns, 1):
        try:
            talk.append(exchange_from_json(turn))
        except InputError as error:
            which = t.gettext("question {n} was changed or damaged.").format(n=n)
            raise InputError(f"{refused.format(why=which)} ({error})") from error
    return tuple(talk)


def with_saving(updates: Iterator[Update], conversation_id: str) -> Generator[Update]:
    """Updates of an answer being written, with the messages that have the browser save it."""
    ident = _name(conversation_id)
    for update in updates:
        if "talk" in update:
            talk = update["talk"]
            message = save_message(ident, talk, update.get("turn", len(talk)))
            yield {**update, "conversation_id": ident, "message": message}
        elif run := update.get("run"):
            turns = [_entry(replace(run.pending, stopped=True))]
            message = _message("keep", id=ident, first=update["turn"], turns=turns, pending=True)
            yield {**update, "conversation_id": ident, "message": message}
        else:
            yield update


def save_message(ident: str, talk: Sequence[Exchange], first: int = 1) -> str:
    """The message that has a browser save a conversation from its question `first` on."""
    turns = [_entry(exchange) for exchange in talk[first - 1 :]]
    return _message("keep", id=ident, first=first, turns=turns, pending=False)


def open_conversation(v: Visit) -> Update:
    """Show a conversation that a browser saved, or say why it can't be shown."""
    ident = v.sent.get("id")
    if v.is_busy:
        return _refused(v.t.gettext(BUSY))
    if not isinstance(ident, str) or not _ID.fullmatch(ident):
        return _refused(v.t.gettext("This conversation can't be opened: its name was changed."))
    try:
        talk = read_talk(v.sent.get("turns"), v.t)
    except InputError as error:
        return _refused(str(error))
    turn = max((n for n, exchange in enumerate(talk, 1) if exchange.answer), default=0)
    message = _message("opened", id=ident)
    return shown_talk(talk, turn, v) | {"run": None, "conversation_id": ident, "message": message}


def new_conversation(v: Visit) -> Update:
    """An empty conversation; nothing happens while an answer is being written."""
    if v.is_busy:
        return _refused(v.t.gettext(BUSY))
    fresh = {"run": None, "conversation_id": "", "question": "", "message": _message("fresh")}
    return shown_talk((), 0, v) | fresh


def _refused(text: str) -> Update:
    return {"message": _message("refused", text=text)}


def save_all(v: Visit) -> Update:
    """Have the browser save the whole conversation; `apart` if another page went on with it."""
    if not v.talk:
        return {}
    ident = _name("" if v.sent.get("apart") else v.conversation_id)
    return {"conversation_id": ident, "message": save_message(ident, v.talk)}


def _name(ident: str) -> str:
    """The name of a conversation, or a new one that nothing else has."""
    return ident if _ID.fullmatch(ident) else secrets.token_urlsafe(16)


def _entry(exchange: Exchange) -> dict[str, str]:
    """What the browser lists a question by, and all of it, which the browser never looks into."""
    text = exchange.answer.text if exchange.answer else exchange.text
    return {
        "question": encodable(exchange.question),
        "text": encodable(text[:SEARCHABLE]),
        "data": exchange_to_json(exchange),
    }


def _message(do: str, **values: object) -> str:
    # Two equal messages must differ: the page hears of changes only.
    message = json.dumps({"do": do, "mark": secrets.token_hex(4), **values}, ensure_ascii=False)
    return message.replace("<", "\\u003c")  # it is no HTML, and nothing is to take it for some
