"""The quiet row under an answer: copy it, ask again, read more widely, say what it was worth."""

from __future__ import annotations

from html import escape

from rag.feedback import LONGEST_WORD
from rag.run import KEPT_HITS
from rag.search import WIDEST
from rag.translate import Words
from ui.exchange import Exchange
from ui.plain_text import plain_text

_THUMB = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M8 11v10H4V11zl4-8c2 0 3 1 3 3v4h4.5'
    'c1.2 0 2 1 1.8 2.2l-1.2 7c-.2 1-1 1.8-2 1.8H8"/></svg>'
)


def row(one: Exchange, turn: int, last: bool, words: Words, *, idle: bool = True) -> str:
    """The buttons of one exchange; the `last` one can be asked again, an answer be voted on.

    While another answer is written (not `idle`) only copying is left.
    """
    parts = [_copy(one, words)]
    if last:
        parts.append(_button("again", words.gettext("Ask again")))
        parts.append(_wider(one, words))
    if idle and one.answer:
        parts.append(_votes(one, words))
    if not any(parts):
        return ""
    # What came of a button is said beside the buttons, before what may be asked back.
    parts.append('<span class="said" role="status"></span>')
    if idle and one.answer:
        parts.append(_word(words))
    label = escape(words.gettext("This answer"))
    group = f'class="answer-row" role="group" aria-label="{label}"'
    return f'<div {group} data-turn="{turn}">{"".join(parts)}</div>'


def can_widen(one: Exchange) -> bool:
    """Whether an answer was made from a part of the passages that were found."""
    if one.answer is None:
        return False
    covered, hits = one.answer.coverage, len(one.answer.hits)
    if covered.intent in ("list", "about") or one.passages >= WIDEST:
        return False
    if not 0 < covered.read_passages < WIDEST:
        return False
    # Of the hits only so many are kept with an answer: there may be more.
    more = hits > covered.read_passages or hits >= KEPT_HITS
    return more or covered.matched_reports > covered.read_reports


def _wider(one: Exchange, words: Words) -> str:
    if not can_widen(one):
        return ""
    why = words.gettext("Asks the same once more and reads twice as many passages")
    return _button("wider", words.gettext("Read more widely"), f' title="{escape(why)}"')


def _copy(one: Exchange, words: Words) -> str:
    if one.answer is None:
        return ""
    told = {
        "text": plain_text(one.answer, words),
        "done": words.gettext("Copied"),
        "failed": words.gettext("This browser does not let a page copy"),
    }
    data = "".join(f' data-{key}="{escape(value)}"' for key, value in told.items())
    why = words.gettext("Copies the answer with its numbered sources, as plain text")
    return _button("copy", words.gettext("Copy"), f'{data} title="{escape(why)}"')


def _votes(one: Exchange, words: Words) -> str:
    given = one.vote.vote if one.vote else ""
    labels = {"up": words.gettext("Good answer"), "down": words.gettext("Bad answer")}
    buttons = "".join(
        _button("vote", _THUMB, f'{_pressed(vote == given)} data-vote="{vote}"{_label(label)}')
        for vote, label in labels.items()
    )
    return f'<span class="votes">{buttons}</span>'


def _word(words: Words) -> str:
    asked = escape(words.gettext("A word on why (optional)"))
    return (
        '<form class="word" hidden>'
        f'<input type="text" maxlength="{LONGEST_WORD}" autocomplete="off" dir="auto" '
        f'aria-label="{asked}" placeholder="{asked}" />'
        f'<button type="submit">{words.gettext("Send")}</button></form>'
    )


def _pressed(is_so: bool) -> str:
    return f' aria-pressed="{str(is_so).lower()}"'


def _label(text: str) -> str:
    return f' aria-label="{escape(text)}" title="{escape(text)}"'


def _button(name: str, shown: str, more: str = "") -> str:
    return f'<button type="button" class="{name}"{more}>{shown}</button>'
