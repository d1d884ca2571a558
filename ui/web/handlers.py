"""What the page does when it is used: plain functions between the page and the engine."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypedDict

from markupsafe import Markup

from rag.answer.pipeline import AnswerStream
from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.engine import Engine
from rag.errors import AskLabsError, ModelError, TooLong
from rag.export.answer_json import answer_to_dict
from rag.export.formats import FORMATS, export, file_name
from rag.feedback import Feedback
from rag.i18n.translations import Translations, format_number, marked
from rag.models.client import Stop
from rag.retrieval.hybrid import more_passages
from rag.types import Answer, Hit, Notice, Turn
from ui.rendering import render
from ui.server import log
from ui.web.answer import render_conversation, render_pending
from ui.web.filters import Sent
from ui.web.sources import render_sources

REDRAW = 0.06  # seconds between two drawings of a growing answer: smooth, and cheap to send
LONG = 5000  # characters that make such a pause twice as long: each drawing sends all of the text
KEY = "shared.key"  # file of the index's folder
GRACE = 1.0  # seconds that a stopped stream has to hand over what it has
BROKEN = marked("Something went wrong. Please try again.")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation and what came of it.

    `filters` are those chosen on the page, `ignored` what the visitor took back of what the
    question names. Without an `answer`, `text` is what had been written when the visitor stopped,
    and `error` the sentence that says what went wrong, with its `notice` where it has a code.
    `passages` is how many the answer could read (0: as the settings say), `deep` whether the model
    could search further, `vote` what the visitor thinks of it, `seal` shows that it is ours.
    """

    question: str
    filters: Filters = field(default_factory=Filters)
    answer: Answer | None = None
    text: str = ""
    error: str = ""
    stopped: bool = False
    ignored: Filters = field(default_factory=Filters)
    passages: int = 0
    deep: bool = False
    vote: Feedback | None = None
    notice: Notice | None = None
    seal: str = ""

    @property
    def narrowed(self) -> Filters:
        """What the answer was narrowed to because the question names it."""
        if self.answer is None:
            return Filters()
        used = self.answer.coverage.filters
        same = [n for n in FILTER_FIELDS if getattr(used, n) == getattr(self.filters, n)]
        return replace(used, **dict.fromkeys(same, ()))

    @property
    def first(self) -> Filters:
        """What came first in the answer because the question names it."""
        return self.answer.coverage.first if self.answer else Filters()

    def changed(self, chip: Sent) -> Filters | None:
        """What is ignored once a chip was removed, or taken back (`back`).

        A chip has a `field` and a `value`, or "" for all values of the field. None stands for one
        that this question doesn't have: what a browser sends may be anything.
        """
        name, value = chip.get("field"), chip.get("value")
        if not isinstance(name, str) or name not in FILTER_FIELDS:
            return None
        back, ignored = bool(chip.get("back")), getattr(self.ignored, name)
        before = ignored if back else getattr(self.narrowed.merged(self.first), name)
        values = tuple(v for v in before if value in ("", str(v)))
        if not values:
            return None
        left: Any = tuple(v for v in ignored if v not in values)
        return replace(self.ignored, **{name: left if back else (*left, *values)})


Talk = tuple[Exchange, ...]


def seal(engine: Engine, exchange: Exchange) -> str:
    """What proves that this server gave an answer, whatever a browser did; "" if none is shared."""
    if not engine.settings.share or not exchange.answer:
        return ""
    path = engine.settings.index / KEY
    try:
        if not path.exists():
            part = path.with_name(f"{KEY}.{secrets.token_hex(4)}")
            part.touch(mode=0o600)
            part.write_bytes(secrets.token_bytes(32))
            with suppress(FileExistsError):
                path.hardlink_to(part)
            part.unlink()
        key = path.read_bytes()
    except OSError:
        return ""
    said = json.dumps([exchange.question, answer_to_dict(exchange.answer)], sort_keys=True)
    return hmac.digest(key, said.encode(), "sha256").hex()


class Update(TypedDict, total=False):
    """What changes on the page; a part that is missing stays as it is.

    `turn` counts from 1 which question is being answered, `conversation_id` names the conversation
    in the visitor's browser, `message` is one to that browser (history.py).
    """

    question: str
    talk: Talk
    run: Run | None
    turn: int
    thread: str
    live: str
    sources: str
    busy: bool
    conversation_id: str
    message: str


class Run:
    """One question being answered for one visitor; `pending` is it before anything came of it.

    A thread of its own reads the stream, so that stopping never waits for a slow model.
    """

    def __init__(self, pending: Exchange, start: Callable[..., AnswerStream]) -> None:
        self.pending = pending
        self.text = ""
        self.stopped = False
        self._answer: Future[Answer] = Future()
        self._is_over = threading.Event()  # the answer is there, or nobody waits for it
        self._answer.add_done_callback(lambda _: self._is_over.set())
        self._stream: AnswerStream | None = None
        self._stop = Stop()
        threading.Thread(target=self._read, args=(start,), daemon=True).start()

    def _read(self, start: Callable[..., AnswerStream]) -> None:
        try:
            stream = self._stream = start(stop=self._stop)
            for delta in stream:
                self.text += delta
            self._answer.set_result(stream.answer)
        except Exception as error:  # raised again by result()
            self._answer.set_exception(error)

    @property
    def active(self) -> bool:
        """Whether the answer is still being written and nobody has stopped it."""
        return not self._is_over.is_set()

    @property
    def steps(self) -> Sequence[Notice]:
        """What the model has looked for so far."""
        return self._stream.steps if self._stream else ()

    def stop(self) -> None:
        """Stop the stream, whatever it waits for; texts() ends at once."""
        self.stopped = self.stopped or not self._answer.done()
        self._is_over.set()
        if not self._answer.done():
            self._stop.set()

    def texts(self) -> Iterator[str]:
        """The text so far, each time that it or its steps grow, until the stream ends or stops."""
        drawn, steps = "", 0
        while not self._is_over.wait(REDRAW * (1 + len(drawn) / LONG)):
            if (self.text, len(self.steps)) != (drawn, steps):
                drawn, steps = self.text, len(self.steps)
                yield drawn

    def result(self) -> Exchange:
        """What came of the question; an error that is meant for the user becomes its sentence."""
        if not wait([self._answer], timeout=GRACE).done:
            return replace(self.pending, text=self.text, stopped=True)
        try:
            answer = self._answer.result()
        except AskLabsError as error:
            if self.stopped:
                return replace(self.pending, stopped=True)
            notice = error.notice if isinstance(error, (ModelError, TooLong)) else None
            return replace(self.pending, error=str(error), notice=notice)
        if self.stopped and not answer.text:
            return replace(self.pending, stopped=True)
        return replace(self.pending, answer=answer, stopped=self.stopped)


def ask(
    engine: Engine,
    question: str,
    filters: Filters,
    talk: Talk,
    run: Run | None,
    t: Translations,
    ignored: Filters = Filters(),
) -> Iterator[Update]:
    """Answer the question in the box; nothing happens while it is empty or one is running.

    What is `ignored` isn't taken from the question though it names it.
    """
    if not question.strip() or (run and run.active):
        return
    yield {"question": ""}
    exchange = Exchange(question.strip(), filters, ignored=ignored)
    for update in _answer(engine, exchange, talk, t):
        if "talk" in update and update["talk"][-1].error:
            update["question"] = question
        yield update


def again(
    engine: Engine,
    filters: Filters,
    talk: Talk,
    run: Run | None,
    t: Translations,
    before: Answer | None = None,
    **changed: Any,
) -> Iterator[Update]:
    """Answer the last question once more, with the filters as they are now and what is `changed`.

    What was ignored of it stays so, and how many passages are read. Given the answer `before`, the
    new one says what it adds to that.
    """
    if talk and not (run and run.active):
        last = talk[-1]
        same = Exchange(last.question, filters, ignored=last.ignored, passages=last.passages)
        yield from _answer(engine, replace(same, **changed), talk[:-1], t, before)


def widen(
    engine: Engine, talk: Talk, run: Run | None, turn: object, t: Translations, deep: bool = False
) -> Iterator[Update]:
    """Answer the last question once more, as it was asked, from twice as many passages.

    Or `deep`, after the model has searched further.
    """
    if not talk or turn != len(talk):
        return
    last = talk[-1]
    if deep:
        yield from again(engine, last.filters, talk, run, t, deep=True)
        return
    read = last.answer.coverage.read_passages if last.answer else 0
    more = more_passages(max(last.passages, read), engine.settings)
    yield from again(engine, last.filters, talk, run, t, last.answer, passages=more)


def restore(
    engine: Engine, talk: Talk, run: Run | None, event: Sent, t: Translations
) -> Iterator[Update]:
    """Put a struck sentence (`n` from 0) back into the answer of a `turn`."""
    turn, n = event.get("turn"), event.get("n")
    exchange = exchange_at(talk, turn)
    if not exchange or not exchange.answer or (run and run.active):
        return
    if type(n) is int and 0 <= n < len(exchange.answer.struck):
        restored = replace(exchange, answer=exchange.answer.restored(n))
        if exchange.seal and exchange.seal == seal(engine, exchange):
            restored = replace(restored, seal=seal(engine, restored))
        talk = tuple(restored if x is exchange else x for x in talk)
        thread = render_conversation(talk, engine.catalog, t)
        yield {"talk": talk, "thread": thread, "turn": int(str(turn))}


def without(
    engine: Engine,
    filters: Filters,
    talk: Talk,
    run: Run | None,
    chip: Sent,
    t: Translations,
) -> Iterator[Update]:
    """Answer the last question once more without what a chip stands for, or with it again.

    Nothing happens for a chip that the last question doesn't have.
    """
    if talk and chip.get("turn") == str(len(talk)):
        ignored = talk[-1].changed(chip)
        if ignored is not None:
            yield from again(engine, filters, talk, run, t, ignored=ignored)


def _added(answer: Answer, before: Answer) -> Answer:
    """The answer with a notice of the reports and quotes that the one before didn't have."""
    quotes = {c.quote for c in answer.citations} - {c.quote for c in before.citations}
    reports = set(answer.coverage.read) - set(before.coverage.read)
    notice = Notice("read_more", {"reports": len(reports), "quotes": len(quotes)})
    return replace(answer, notices=(*answer.notices, notice))


def summarise(
    engine: Engine,
    exchange: Exchange,
    question: str,
    given: Sequence[Hit],
    talk: Talk,
    run: Run | None,
    t: Translations,
) -> Iterator[Update]:
    """Tell what the passages `given` say of a question, as an exchange of its own words."""
    if given and not (run and run.active):
        start = partial(engine.ask, question, filters=exchange.filters, given=given)
        yield from _answer(engine, exchange, talk, t, start=start)


def _answer(
    engine: Engine,
    exchange: Exchange,
    talk: Talk,
    t: Translations,
    before: Answer | None = None,
    start: Callable[..., AnswerStream] | None = None,
) -> Iterator[Update]:
    turn = len(talk) + 1
    catalog = engine.catalog
    answered = [(earlier.question, earlier.answer.text) for earlier in talk if earlier.answer]
    start = start or partial(
        engine.ask,
        exchange.question,
        history=tuple(x for q, a in answered for x in (Turn("user", q), Turn("assistant", a))),
        filters=exchange.filters,
        ignored=exchange.ignored,
        passages=exchange.passages,
        deep=exchange.deep,
    )
    run, begun, result = Run(exchange, start), time.monotonic(), None
    try:
        yield {
            "run": run,
            "turn": turn,
            "thread": render_conversation(talk, catalog, t, is_idle=False),
            "live": render_pending(exchange, "", turn, t, catalog.reports),
            "busy": True,
        }
        for text in run.texts():
            yield {"live": render_pending(exchange, text, turn, t, catalog.reports, run.steps)}
        result = run.result()
        if before and result.answer:
            result = replace(result, answer=_added(result.answer, before))
        result = replace(result, seal=seal(engine, result))
        talk = (*talk, result)
    except GeneratorExit:
        result = replace(exchange, stopped=True)
        raise
    finally:
        # Also when the visitor has gone: nobody reads on, so the model need not write on.
        run.stop()
        question = exchange.question if engine.settings.log_questions else ""
        log.question_event(result, time.monotonic() - begun, question)
    yield {
        "talk": talk,
        "thread": render_conversation(talk, catalog, t),
        "live": "",
        "sources": render_sources(talk[-1].answer, turn, t),
        "busy": False,
    }


def render_waiting(before: int | None, t: Translations) -> Markup:
    """How many questions come first, or that there are too many (None)."""
    if before is None:
        text = t.gettext("Too many are asking just now. Please ask again in a minute.")
    else:
        text = t.ngettext(
            "{n} question comes before yours.", "{n} questions come before yours.", before
        ).format(n=format_number(t, before))
    return render("hint.html", t, text=text)


def failed(engine: Engine, talk: Talk, run: Run | None, t: Translations) -> Update:
    """Say that an unforeseen error happened, and give the question back."""
    exchange = replace(run.pending if run else Exchange(""), error=t.gettext(BROKEN))
    talk = (*talk, exchange)
    thread = render_conversation(talk, engine.catalog, t)
    question = exchange.question
    return {"talk": talk, "thread": thread, "live": "", "question": question, "busy": False}


def exchange_at(talk: Talk, turn: object) -> Exchange | None:
    """The exchange that a browser counts from 1; None for one that isn't there."""
    return talk[turn - 1] if type(turn) is int and 1 <= turn <= len(talk) else None


def answers(talk: Talk) -> list[Answer]:
    """The answers of a conversation."""
    return [exchange.answer for exchange in talk if exchange.answer]


def download(
    answers: Sequence[Answer], ending: object, last: object, report_url: str = ""
) -> dict[str, str]:
    """A file of answers, or of the last one alone; or the error in a sentence."""
    chosen = list(answers)[-1:] if last else list(answers)
    name = ending if isinstance(ending, str) and ending in FORMATS else ""
    begun = time.monotonic()
    try:
        data = export(chosen, name, report_url=report_url)
    except AskLabsError as error:
        log.event("export", "error", logging.ERROR, format=name, error=error)
        return {"error": str(error)}
    log.event("export", "done", seconds=time.monotonic() - begun, format=name, answers=len(chosen))
    return saved(file_name(chosen[0].question, name), data, FORMATS[name].media)


def saved(name: str, data: bytes, media: str) -> dict[str, str]:
    """A file for the browser to save, which is never written to the server's disk."""
    return {"name": name, "type": media, "data": base64.b64encode(data).decode("ascii")}
