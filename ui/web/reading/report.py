"""A whole report as a dialog, quoted words marked; and the votes of readers on an answer."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from markupsafe import Markup

from rag.catalog.normalize import fold_tag
from rag.catalog.tag_fields import TAGS, ReportInfo
from rag.errors import FeedbackNotKept, UnknownReport
from rag.export.brief import report_link
from rag.feedback import MAX_COMMENT, Feedback, Vote, keep_feedback
from rag.i18n.labels import language_label, value_label
from rag.i18n.translations import Translations, marked
from rag.retrieval.related import related as related_to
from rag.text.contacts import mask_contacts
from rag.types import FACTS, Answer, Passage
from ui.rendering import render
from ui.server import log
from ui.web.answer import WHO
from ui.web.handlers import Exchange, Visit
from ui.web.history import save_message
from ui.web.reading.frozen import FROZEN, render_frozen
from ui.web.reading.lab import LAB, render_lab, render_who
from ui.web.sources import find_quote, segments

Quotes = Mapping[str, Sequence[str]]
GONE = marked("This report has been removed.")
THANKS = marked("Thank you.")
VOTES: dict[str, Vote] = {"up": "up", "down": "down"}


def render_report(
    info: ReportInfo,
    passages: Sequence[Passage],
    t: Translations,
    *,
    quotes: Quotes | None = None,
    at: str = "",
    unanswered: Sequence[str] = (),
    link: str = "",
    key: str = "",
    related: tuple[Sequence[ReportInfo], Sequence[ReportInfo]] = ((), ()),
) -> Markup:
    """A report as a dialog, from all its passages in the order of its file.

    `quotes` are marked, by the id of their passage; where there are none, it begins at the passage
    `at`. `unanswered` are the form's questions that the lab left open, `link` is the report's
    address in the public archive. By `key` the browser knows whether it has this view already.
    `related` are the reports of its line of work, and similar ones.
    """
    quotes = quotes or {}
    texts = {passage.id: passage.text for passage in passages}
    is_lost = any(
        not find_quote(texts.get(passage_id, ""), quote)
        for passage_id, passage_quotes in quotes.items()
        if not passage_id.endswith("#tags")
        for quote in passage_quotes
    )
    note = t.gettext("The quoted words are no longer in this report.")
    sections = groupby((p for p in passages if p.section != FACTS), lambda p: p.place[0])
    quoted_tags = fold_tag(" ".join(quotes.get(f"{info.id}#tags", ())))
    return render(
        "report.html",
        t,
        info=info,
        key=key,
        link=link,
        note=note if is_lost else "",
        sections=[(name, list(_blocks(group, quotes, at, t))) for name, group in sections],
        tags=list(_tags(info, quoted_tags, t)),
        tags_quoted=bool(quoted_tags),
        facts=list(_blocks((p for p in passages if p.section == FACTS), quotes, "", t)),
        unanswered=unanswered,
        line=related[0] if len(related[0]) > 1 else (),
        similar=related[1],
        is_open=info.kind == "plan" and all(x.kind != "closing" for x in related[0]),
        summarise=t.gettext("Summarise “{value}”").format(value=info.title),
    )


def _blocks(
    passages: Iterable[Passage], quotes: Quotes, at: str, t: Translations
) -> Iterator[dict[str, object]]:
    """Passages as they stand in a report; "" for a question or language that needs no words."""
    for passage in passages:
        # The parts of one answer stand together under its question.
        is_first = passage.part == 1
        is_other = passage.language != passage.report.language
        yield {
            "passage": passage,
            "segments": segments(passage.text, quotes.get(passage.id, ())),
            "question": passage.place[1].strip() if is_first and passage.section != FACTS else "",
            "language": language_label(passage.language, t) if is_other and is_first else "",
            "is_start": passage.id == at,
        }


def _tags(
    info: ReportInfo, quoted: str, t: Translations
) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """The name of each tag and its values, each with whether it is quoted."""
    for field, tag in TAGS.items():
        values = [
            (
                value_label(field, value, t),
                bool(fold_tag(value)) and f" {fold_tag(value)} " in f" {quoted} ",
            )
            for value in getattr(info, tag.key)
        ]
        if values:
            yield t.gettext(tag.plural), values


def open_report(v: Visit) -> Markup:
    """The report that a browser wants to see, at the words that a number or a survey quotes.

    The event has a `report` and may have a `passage`, or a `turn` and its number `n`: what a
    browser sends may be anything.
    """
    engine, t, sent = v.engine, v.t, v.sent
    names = ("report", "passage", "turn", "n")
    report_id, at = (_text(sent.get(name)) for name in names[:2])
    key = "|".join(_text(sent.get(name)) for name in names)
    for start, render_other in ((WHO, render_who), (FROZEN, render_frozen), (LAB, render_lab)):
        if report_id.startswith(start):
            other = render_other(engine, report_id.removeprefix(start), key, t)
            if other is not None:
                return other
    try:
        stored = engine.report(report_id)
    except UnknownReport:
        empty = dict.fromkeys(("sections", "tags", "facts", "unanswered", "line", "similar"), ())
        return render("report.html", t, info=None, key=key, note=t.gettext(GONE), **empty)
    quotes = v.surveyed.quotes(sent) if v.surveyed else {}
    cited = v.exchange.answer.citations if v.exchange and v.exchange.answer else ()
    own = [citation for citation in cited if citation.passage.report.id == report_id]
    asked = [citation.passage.id for citation in own if citation.n == sent.get("n")]
    if asked:
        # Of all quotes of the report, the one that was asked for is shown first.
        at = at or asked[0]
        for citation in own:
            quotes.setdefault(citation.passage.id, []).append(citation.quote)
    return render_report(
        stored.info,
        engine.passages_of(report_id),
        t,
        quotes=quotes,
        at=at,
        unanswered=stored.unanswered,
        link=report_link(engine.settings.report_url, report_id),
        key=key,
        related=related_to(engine.index, stored.info),
    )


def _text(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else ""


def vote(v: Visit) -> dict[str, Any]:
    """Keep a visitor's vote on an answer, have the browser keep it too, and say so.

    The event has a `turn`, a `vote` and maybe a comment, `word`. A vote that can't be kept does not
    count, and the reader is told so; nothing happens for one that means nothing.
    """
    choice, exchange, settings = VOTES.get(_text(v.sent.get("vote"))), v.exchange, v.engine.settings
    if exchange is None or exchange.answer is None or choice is None:
        return {}
    mask = mask_contacts if settings.mask_contacts else str
    feedback = _feedback(exchange, exchange.answer, choice, _text(v.sent.get("word")), mask)
    values = {"vote": choice, "comment": feedback.word, "message": v.t.gettext(THANKS)}
    before = exchange.vote
    if before is None or (before.vote, before.word) != (choice, feedback.word):
        try:
            keep_feedback(settings.index, feedback)
            log.event("vote", "kept", vote=choice)
        except FeedbackNotKept as error:
            why = error.__cause__ or error
            log.event("vote", "error", logging.ERROR, folder=settings.index, error=why)
            values = {"vote": "", "comment": "", "message": v.t.gettext(str(error))}
    said = render("vote.html", v.t, turn=v.sent["turn"], time=feedback.time, **values)
    if not values["vote"]:
        return {"voted": said}
    talk = tuple(replace(x, vote=feedback) if x is exchange else x for x in v.talk)
    return {"talk": talk, "voted": said, "message": save_message(v.conversation_id, talk)}


def _feedback(
    exchange: Exchange, answer: Answer, choice: Vote, comment: str, mask: Callable[[str], str]
) -> Feedback:
    return Feedback(
        id=exchange.vote.id if exchange.vote else secrets.token_hex(8),
        time=datetime.now(UTC).isoformat(),
        vote=choice,
        word=mask(" ".join(comment.split())[:MAX_COMMENT]),
        question=mask(exchange.question),
        standalone=mask(answer.standalone),
        language=answer.language,
        filters=exchange.filters,
        intent=answer.coverage.intent,
        refused=answer.refused,
        mode=answer.mode,
        index=answer.index,
        reports=answer.coverage.reports,
    )
