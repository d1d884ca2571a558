"""A whole report as HTML: by section and form question, quoted words marked, tags at the end."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rag.catalog.fields import TAGS, ReportInfo
from rag.catalog.normalize import fold_tag
from rag.errors import FeedbackNotKept, UnknownReport
from rag.feedback import (
    MAX_COMMENT,
    Feedback,
    Vote,
    keep_feedback,
)
from rag.i18n.labels import format_count, kind_label, language_label
from rag.i18n.translations import Translations, marked
from rag.report_link import report_link
from rag.text.contacts import mask_contacts
from rag.types import FACTS, Answer, Passage
from ui.server import log
from ui.web.conversation import Exchange
from ui.web.sources import find_quote, highlighted, lab

if TYPE_CHECKING:
    from rag.engine import Engine
    from ui.web.handlers import Talk


Quotes = Mapping[str, Sequence[str]]


def report_view(
    info: ReportInfo,
    passages: Sequence[Passage],
    t: Translations,
    *,
    quotes: Quotes | None = None,
    at: str = "",
    unanswered: Sequence[str] = (),
    link: str = "",
    key: str = "",
) -> str:
    """A report as a dialog.

    Args:
        info: its tags.
        passages: all of it, in the order of its file.
        t: the reader's language.
        quotes: what to mark, by the id of its passage.
        at: the id of the passage to begin at where nothing is marked.
        unanswered: the form's questions that the lab left open.
        link: address of the report in the public archive, "" for none.
        key: what the browser knows by whether it has this view already.
    """
    wanted = quotes or {}
    known = {p.id: p.text for p in passages}
    lost = any(
        not find_quote(known.get(i, ""), quote)
        for i, given in wanted.items()
        if not i.endswith("#tags")
        for quote in given
    )
    told = t.gettext("The quoted words are not in this report as the index has it now.")
    note = f'<p class="note">{told}</p>' if lost else ""
    body = note + "".join(_sections(passages, wanted, at, t))
    body += _tags(info, [p for p in passages if p.section == FACTS], wanted, t)
    body += _unanswered(unanswered, t)
    return dialog(_head(info, link, t), body, t, key)


def missing(message: str, t: Translations, key: str = "") -> str:
    """A dialog that says why a report can't be shown."""
    head = f'<h2 id="report-title">{t.gettext("Report")}</h2>'
    return dialog(head, f'<p class="note">{escape(message)}</p>', t, key)


def dialog(head: str, body: str, t: Translations, key: str) -> str:
    """The frame: a heading that stays, a way out, and a text that scrolls with the keyboard."""
    close = f'<button type="button" class="close">{t.gettext("Close")}</button>'
    return (
        f'<dialog class="report" aria-labelledby="report-title" data-key="{escape(key)}">'
        f"<header><div>{head}</div>{close}</header>"
        f'<div class="text" tabindex="0" role="region" aria-labelledby="report-title">{body}</div>'
        "</dialog>"
    )


def _head(info: ReportInfo, link: str, t: Translations) -> str:
    facts = " · ".join(escape(str(x)) for x in (info.year, kind_label(info, t)) if x)
    public = t.gettext("Open in the public archive")
    archive = (
        f'<a class="archive" href="{escape(link)}" target="_blank" rel="noopener noreferrer">'
        f"{public}</a>"
        if link
        else ""
    )
    return (
        f'<p class="who">{lab(info, t)} <span class="when">{facts}</span></p>'
        f'<h2 id="report-title" dir="auto">{escape(info.title or info.id)}</h2>{archive}'
    )


def _sections(
    passages: Iterable[Passage], quotes: Quotes, at: str, t: Translations
) -> Iterator[str]:
    own = (p for p in passages if p.section != FACTS)
    for section, group in groupby(own, lambda p: p.place[0]):
        heading = f'<h3 dir="auto">{escape(section)}</h3>' if section.strip() else ""
        yield f"<section>{heading}{''.join(_answers(group, quotes, at, t))}</section>"


def _answers(
    passages: Iterable[Passage], quotes: Quotes, at: str, t: Translations
) -> Iterator[str]:
    for passage in passages:
        question = passage.place[1]
        # The parts of one answer stand together under its question.
        if passage.part == 1 and question.strip():
            yield f'<h4 dir="auto">{escape(question)}</h4>'
        yield _said(passage, quotes, at, t)


def _said(passage: Passage, quotes: Quotes, at: str, t: Translations) -> str:
    here = ' class="here"' if passage.id == at else ""
    language = passage.language
    other = language != passage.report.language and passage.part == 1
    named = escape(language_label(language, t))
    note = f'<p class="in">{named}</p>' if other else ""
    # A quote that is not here any more is said once, above all: not in each passage.
    found = [q for q in quotes.get(passage.id, ()) if find_quote(passage.text, q)]
    shown = highlighted(passage.text, found)
    return f'{note}<blockquote{here} dir="auto" lang="{escape(language)}">{shown}</blockquote>'


def _tags(info: ReportInfo, facts: Sequence[Passage], quotes: Quotes, t: Translations) -> str:
    wanted = fold_tag(" ".join(quotes.get(f"{info.id}#tags", ())))
    rows = []
    for tag in TAGS.values():
        values = [_tag(value, wanted) for value in getattr(info, tag.key)]
        if values:
            items = "".join(f'<li dir="auto">{value}</li>' for value in values)
            rows.append(f"<dt>{t.gettext(tag.plural)}</dt><dd><ul>{items}</ul></dd>")
    said = "".join(_said(passage, quotes, "", t) for passage in facts)
    if not rows and not said:
        return ""
    here = " here" if wanted else ""
    return (
        f'<section class="tags{here}"><h3>{t.gettext("Tags of this report")}</h3>'
        f"<dl>{''.join(rows)}</dl>{said}</section>"
    )


def _tag(value: str, wanted: str) -> str:
    folded = fold_tag(value)
    is_quoted = bool(folded) and f" {folded} " in f" {wanted} "
    return f"<mark>{escape(value)}</mark>" if is_quoted else escape(value)


def _unanswered(questions: Sequence[str], t: Translations) -> str:
    if not questions:
        return ""
    told = t.gettext("Left open by the lab: {questions}").format(
        questions=format_count(len(questions), "form question", t)
    )
    items = "".join(f'<li dir="auto">{escape(question)}</li>' for question in questions)
    return f'<details class="open"><summary>{told}</summary><ul>{items}</ul></details>'


# What a reader does with an answer: opens a report at the quoted words, votes, says why.


GONE = marked("This report is not in the index any more.")
THANKS = marked("Thank you.")
VOTES: dict[str, Vote] = {"up": "up", "down": "down"}


def opened(engine: Engine, talk: Talk, wanted: Mapping[str, Any], t: Translations) -> str:
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
        return missing(t.gettext(GONE), t, key)
    quotes: dict[str, list[str]] = {}
    for citation in _cited(talk, wanted.get("turn"), wanted.get("n")):
        if citation.passage.report.id == report_id:
            quotes.setdefault(citation.passage.id, []).append(citation.quote)
    return report_view(
        stored.info,
        engine.passages_of(report_id),
        t,
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


def voted(
    engine: Engine, talk: Talk, given: Mapping[str, Any], t: Translations
) -> tuple[Talk, str]:
    """The conversation with a visitor's vote on an answer of it, and what to say to that.

    `given` has a `turn`, a `vote` and maybe a `word`. A vote that can't be kept is not counted,
    and the reader is told so; nothing happens for one that means nothing.
    """
    turn, vote = given.get("turn"), VOTES.get(_text(given.get("vote")))
    one = _exchange(talk, turn)
    if one is None or one.answer is None or vote is None:
        return talk, ""
    word = " ".join(_text(given.get("word")).split())[:MAX_COMMENT]
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
            return talk, _told(turn, "", "", t.gettext(str(error)), kept.time)
        log.event("vote", "kept", vote=vote)
    rated = tuple(replace(one, vote=kept) if n == turn else x for n, x in enumerate(talk, 1))
    return rated, _told(turn, vote, kept.word, t.gettext(THANKS), kept.time)


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
