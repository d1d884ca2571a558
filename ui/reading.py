"""What a reader does with an answer: opens a report at the quoted words, votes, says why."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from rag.contacts import mask_contacts
from rag.errors import FeedbackNotKept, UnknownReport
from rag.feedback import LONGEST_WORD, Feedback, Vote, keep_feedback
from rag.report_link import report_link
from rag.translate import Words, marked
from rag.types import Answer
from ui import log
from ui.exchange import Exchange
from ui.report_view import missing, report_view

if TYPE_CHECKING:
    from rag.engine import Engine
    from ui.handlers import Talk

GONE = marked("This report is not in the index any more.")
THANKS = marked("Thank you.")

VOTES: dict[str, Vote] = {"up": "up", "down": "down"}


def opened(engine: Engine, talk: Talk, wanted: Mapping[str, Any], words: Words) -> str:
    """The report that a browser wants to see, at the words that a number quotes.

    `wanted` has a `report` and may have a `passage`, or a `turn` and its number `n`: what a
    browser sends may be anything.
    """
    names = ("report", "passage", "turn", "n")
    report_id, at = (_text(wanted.get(name)) for name in names[:2])
    key = "|".join(_text(wanted.get(name)) for name in names)
    try:
        stored = engine.report(report_id)
    except UnknownReport:
        return missing(words.gettext(GONE), words, key)
    quotes: dict[str, list[str]] = {}
    for citation in _cited(talk, wanted.get("turn"), wanted.get("n")):
        if citation.passage.report.id == report_id:
            quotes.setdefault(citation.passage.id, []).append(citation.quote)
    return report_view(
        stored.info,
        engine.passages_of(report_id),
        words,
        quotes=quotes,
        at=at,
        unanswered=stored.unanswered,
        link=report_link(engine.settings.report_url, report_id),
        key=key,
    )


def _text(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else ""


def _cited(talk: Talk, turn: object, n: object) -> list[Any]:
    one = _exchange(talk, turn)
    return [c for c in one.answer.citations if c.n == n] if one and one.answer else []


def _exchange(talk: Talk, turn: object) -> Exchange | None:
    """The exchange that a browser counts from 1; None for one that isn't there."""
    return talk[turn - 1] if type(turn) is int and 1 <= turn <= len(talk) else None


def voted(engine: Engine, talk: Talk, given: Mapping[str, Any], words: Words) -> tuple[Talk, str]:
    """The conversation with a visitor's vote on an answer of it, and what to say to that.

    `given` has a `turn`, a `vote` and maybe a `word`. A vote that can't be kept is not counted,
    and the reader is told so; nothing happens for one that means nothing.
    """
    turn, vote = given.get("turn"), VOTES.get(_text(given.get("vote")))
    one = _exchange(talk, turn)
    if one is None or one.answer is None or vote is None:
        return talk, ""
    word = " ".join(_text(given.get("word")).split())[:LONGEST_WORD]
    kept = _feedback(one, one.answer, vote, word)
    if engine.settings.mask_contacts:
        kept = replace(
            kept,
            word=mask_contacts(kept.word),
            question=mask_contacts(kept.question),
            standalone=mask_contacts(kept.standalone),
        )
    before = one.vote
    if before is None or (before.vote, before.word) != (vote, kept.word):
        try:
            keep_feedback(engine.settings.index, kept)
        except FeedbackNotKept as error:
            folder, why = engine.settings.index, error.__cause__ or error
            log.event("vote", "error", logging.ERROR, folder=folder, error=why)
            return talk, _told(turn, "", "", words.gettext(str(error)), kept.time)
        log.event("vote", "kept", vote=vote)
    rated = tuple(replace(one, vote=kept) if n == turn else x for n, x in enumerate(talk, 1))
    return rated, _told(turn, vote, kept.word, words.gettext(THANKS), kept.time)


def _feedback(one: Exchange, answer: Answer, vote: Vote, word: str) -> Feedback:
    return Feedback(
        id=one.vote.id if one.vote else secrets.token_hex(8),
        time=datetime.now(UTC).isoformat(),
        vote=vote,
        word=word,
        question=one.question,
        standalone=answer.standalone,
        language=answer.language,
        filters=one.asked,
        intent=answer.coverage.intent,
        refused=answer.refused,
        mode=answer.mode,
        index=answer.index,
        reports=answer.coverage.reports,
    )


def _told(turn: object, vote: str, word: str, said: str, time: str) -> str:
    """What the browser puts into the row of an answer; the time makes each of them anew."""
    has_word = "1" if word else ""
    return (
        f'<p data-turn="{turn}" data-vote="{vote}" data-word="{has_word}" data-at="{time}">'
        f"{escape(said)}</p>"
    )
