"""What the page does when it is used: plain functions between the page and the engine."""

import base64
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, PlainSerializer, PlainValidator

from rag.answer.pipeline import HITS_PER_ANSWER, AnswerStream
from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.engine import Engine
from rag.errors import AskLabsError, ModelError, TooLong
from rag.export.answer_json import answer_from_dict, answer_to_dict
from rag.export.formats import FORMATS, export, file_name
from rag.feedback import Feedback
from rag.files import replace_file
from rag.i18n.translations import ENGLISH, Translations, marked
from rag.models.client import Stop
from rag.retrieval.hybrid import MOST_PASSAGES, more_passages
from rag.types import Answer, Notice, Turn
from ui.server import log
from ui.web.answer import render_conversation, render_exchange, render_sources

if TYPE_CHECKING:
    from ui.web.survey import Run as SurveyRun

T = TypeVar("T")
REDRAW = 0.06  # seconds between two drawings of a growing answer: smooth, and cheap to send
LONG = 5000  # characters that make such a pause twice as long: each drawing sends all of the text
KEY = "shared.key"  # file of the index's folder
GRACE = 1.0  # seconds that a stopped stream has to hand over what it has
BROKEN = marked("Something went wrong. Please try again.")
# As an answer stands in a browser's store (history.py).
StoredAnswer = Annotated[Answer, PlainSerializer(answer_to_dict), PlainValidator(answer_from_dict)]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question of a conversation and what came of it."""

    question: str
    filters: Annotated[Filters, Field(alias="asked")] = Filters()  # chosen on the page
    answer: StoredAnswer | None = None
    text: str = ""  # without an answer, what had been written when the visitor stopped
    error: str = ""  # the sentence that says what went wrong
    stopped: bool = False
    ignored: Filters = Filters()  # what the visitor took back of what the question names
    passages: Annotated[int, Field(ge=0, le=MOST_PASSAGES)] = 0  # 0: as the settings say
    deep: bool = False  # the model could search further
    vote: Feedback | None = None
    notice: Notice | None = None  # of the error, where it has a code
    seal: str = ""  # shows that it is ours
    format: Literal[1] = 1  # of what browsers keep

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

    @property
    def can_widen(self) -> bool:
        """Whether the answer was made from a part of the passages that were found."""
        answer = self.answer
        if answer is None or answer.coverage.intent in ("list", "about", "report", "lab"):
            return False
        coverage, hits = answer.coverage, len(answer.hits)
        # A digest without a model is made of other passages than those.
        is_digest = answer.mode == "extractive" and coverage.intent != "answer"
        most_read = max(self.passages, coverage.read_passages)
        if is_digest or not coverage.read_passages or most_read >= MOST_PASSAGES:
            return False
        # Only the first hits stay with an answer: there may be more.
        has_more = hits > coverage.read_passages or hits >= HITS_PER_ANSWER
        return has_more or coverage.matched_reports > coverage.read_reports

    def changed(self, chip: Mapping[str, Any]) -> Filters | None:
        """What is ignored once a chip was removed or put `back`; None for one that isn't there."""
        name, value = chip.get("field"), chip.get("value")
        if not isinstance(name, str) or name not in FILTER_FIELDS:
            return None
        back, ignored = chip.get("back"), getattr(self.ignored, name)
        before = ignored if back else getattr(self.narrowed.merged(self.first), name)
        values = [v for v in before if value in ("", str(v))]
        left = [v for v in ignored if v not in values]
        changed: Any = {name: tuple(left if back else left + values)}
        return replace(self.ignored, **changed) if values else None


Talk = tuple[Exchange, ...]
# What changes on the page, by the names of its parts; one that is missing stays as it is. `turn`
# counts from 1 which question is being answered, `busy` says whether one is, `conversation_id`
# names the conversation in the visitor's browser, `message` is one to that browser (history.py).
Update = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """An event of the page: who uses which engine, what the browser sends, and the page's state.

    What a browser `sent` may be anything. Of the state, only what the event is wired with is given.
    """

    engine: Engine
    t: Translations = ENGLISH
    sent: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""  # who has logged in
    sender: str = ""  # whose uploads these are
    chosen: Filters = Filters()
    ignored: Filters = Filters()  # of the linked question
    talk: Talk = ()
    run: "Run | None" = None  # of the last question
    conversation_id: str = ""
    question: str = ""  # what is in its box
    linked: str = ""
    surveyed: "SurveyRun | None" = None
    explored: tuple[str, Filters] | None = None  # index and filters that Explore was drawn with

    @property
    def is_busy(self) -> bool:
        """Whether a question is being answered."""
        return bool(self.run and not self.run.is_over.is_set())

    @property
    def exchange(self) -> Exchange | None:
        """The exchange of the `turn` that was sent, from 1 on; None for one that isn't there."""
        turn = self.sent.get("turn")
        return self.talk[turn - 1] if type(turn) is int and 1 <= turn <= len(self.talk) else None

    @property
    def answer(self) -> Answer | None:
        """The answer of that exchange."""
        return self.exchange.answer if self.exchange else None

    def text(self, name: str) -> str:
        """What the browser sent under a name as text; "" for what is none."""
        value = self.sent.get(name)
        return str(value) if isinstance(value, (str, int)) else ""


def seal(engine: Engine, exchange: Exchange) -> str:
    """What proves that this server gave an answer, whatever a browser did; "" if none is shared."""
    if not engine.settings.share or not exchange.answer:
        return ""
    path = engine.settings.index / KEY
    try:
        if not path.exists():
            replace_file(path, secrets.token_bytes(32), mode=0o600)
        key = path.read_bytes()
    except OSError:
        return ""
    said = json.dumps([exchange.question, answer_to_dict(exchange.answer)], sort_keys=True)
    return hmac.digest(key, said.encode(), "sha256").hex()


def in_background(work: Callable[[], T], name: str = "") -> Future[T]:
    """Do work in a daemon thread; given a `name`, what no reader is told is logged under it."""
    job: Future[T] = Future()

    def run() -> None:
        try:
            job.set_result(work())
        except Exception as error:  # raised again where the result is read
            if name and not isinstance(error, AskLabsError):
                log.event(name, "error", logging.ERROR, error=error)
            job.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return job


class Run:
    """One question being answered, by a thread of its own: stopping waits for no slow model."""

    def __init__(self, pending: Exchange, start: Callable[..., AnswerStream]) -> None:
        self.pending = pending
        self.text = ""
        self.stopped = False
        self.is_over = threading.Event()  # the answer is there, or nobody waits for it
        self._stream: AnswerStream | None = None
        self._stop = Stop()
        self._answer = in_background(partial(self._read, start))
        self._answer.add_done_callback(lambda _: self.is_over.set())

    def _read(self, start: Callable[..., AnswerStream]) -> Answer:
        stream = self._stream = start(stop=self._stop)
        for delta in stream:
            self.text += delta
        return stream.answer

    @property
    def steps(self) -> Sequence[Notice]:
        """What the model has looked for so far."""
        return self._stream.steps if self._stream else ()

    def stop(self) -> None:
        """Stop the stream, whatever it waits for; texts() ends at once."""
        self.stopped = self.stopped or not self._answer.done()
        self.is_over.set()
        if not self._answer.done():
            self._stop.set()

    def texts(self) -> Iterator[str]:
        """The text so far, each time that it or its steps grow, until the stream ends or stops."""
        drawn, steps = "", 0
        while not self.is_over.wait(REDRAW * (1 + len(drawn) / LONG)):
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


def ask(v: Visit) -> Iterator[Update]:
    """Answer the question of the box, a link or a suggestion; none while one is being answered."""
    typed = v.question or v.linked or v.text("question")
    if not typed.strip() or v.is_busy:
        return
    yield {"question": ""}
    for update in _answer(v, Exchange(typed.strip(), v.chosen, ignored=v.ignored), v.talk):
        if "talk" in update and update["talk"][-1].error:
            update["question"] = typed
        yield update


def stop(v: Visit) -> None:
    """Stop the answer that is being written, or what is being made of a survey."""
    if v.run:
        v.run.stop()
    if v.surveyed:
        v.surveyed.stop()


def again(v: Visit, before: Answer | None = None, **changed: Any) -> Iterator[Update]:
    """Answer the last question once more, with the filters as they are now and what is `changed`.

    Given the answer `before`, the new one says what it adds to that.
    """
    if v.talk and not v.is_busy:
        last = v.talk[-1]
        same = Exchange(last.question, v.chosen, ignored=last.ignored, passages=last.passages)
        yield from _answer(v, replace(same, **changed), v.talk[:-1], before)


def widen(v: Visit) -> Iterator[Update]:
    """Answer the last question once more, as it was asked, from twice as many passages."""
    if (last := v.exchange) and last is v.talk[-1]:
        read = last.answer.coverage.read_passages if last.answer else 0
        more = more_passages(max(last.passages, read), v.engine.settings)
        yield from again(v, last.answer, filters=last.filters, passages=more)


def deepen(v: Visit) -> Iterator[Update]:
    """Answer the last question once more, as it was asked, after the model has searched further."""
    if (last := v.exchange) and last is v.talk[-1]:
        yield from again(v, filters=last.filters, deep=True)


def restore(v: Visit) -> Iterator[Update]:
    """Put a struck sentence (`n` from 0) back into the answer of a `turn`."""
    n, exchange, answer = v.sent.get("n"), v.exchange, v.answer
    if v.is_busy or not (exchange and answer):
        return
    if type(n) is int and 0 <= n < len(answer.struck):
        restored = replace(exchange, answer=answer.restored(n))
        if exchange.seal and exchange.seal == seal(v.engine, exchange):
            restored = replace(restored, seal=seal(v.engine, restored))
        talk = tuple(restored if x is exchange else x for x in v.talk)
        thread = render_conversation(talk, v.engine.catalog, v.t)
        yield {"talk": talk, "thread": thread, "turn": v.sent["turn"]}


def without(v: Visit) -> Iterator[Update]:
    """Answer the last question once more without what one of its chips stands for, or with it."""
    if (last := v.exchange) and last is v.talk[-1]:
        ignored = last.changed(v.sent)
        if ignored is not None:
            yield from again(v, ignored=ignored)


def summarise(v: Visit) -> Iterator[Update]:
    """Tell what the shown rows of the survey say, as an exchange of its own words."""
    if v.surveyed and not v.is_busy:
        exchange, question, given = v.surveyed.summary(v.engine.catalog, v.t)
        if given:
            start = partial(v.engine.ask, question, filters=exchange.filters, given=given)
            yield from _answer(v, exchange, v.talk, start=start)


def _answer(
    v: Visit,
    exchange: Exchange,
    talk: Talk,
    before: Answer | None = None,
    start: Callable[..., AnswerStream] | None = None,
) -> Iterator[Update]:
    turn, t, catalog = len(talk) + 1, v.t, v.engine.catalog
    answered = [(earlier.question, earlier.answer) for earlier in talk if earlier.answer]
    history = tuple(x for q, a in answered for x in (Turn("user", q), a.turn))
    given = {x: getattr(exchange, x) for x in ("filters", "ignored", "passages", "deep")}
    start = start or partial(v.engine.ask, exchange.question, history=history, **given)
    run = Run(exchange, start)
    with log.question(v.engine.settings, exchange.question) as told, ExitStack() as ending:
        # Also when the visitor has gone: nobody reads on, so the model need not write on.
        ending.callback(run.stop)
        yield {
            "run": run,
            "turn": turn,
            "thread": render_conversation(talk, catalog, t, is_idle=False),
            "live": render_exchange(exchange, turn, catalog, t, is_running=True),
            "busy": True,
        }
        for text in run.texts():
            state: Any = {"is_running": True, "steps": run.steps}
            yield {"live": render_exchange(replace(exchange, text=text), turn, catalog, t, **state)}
        result = run.result()
        if before and (new := result.answer):
            quotes = {c.quote for c in new.citations} - {c.quote for c in before.citations}
            reports = set(new.coverage.read) - set(before.coverage.read)
            added = Notice("read_more", {"reports": len(reports), "quotes": len(quotes)})
            result = replace(result, answer=replace(new, notices=(*new.notices, added)))
        told(result.answer or result.error, result.stopped)
        talk = (*talk, replace(result, seal=seal(v.engine, result)))
    yield shown_talk(talk, turn, v)


def shown_talk(talk: Talk, turn: int, v: Visit) -> Update:
    """A conversation as it stands on the page, with the sources of the answer of a turn."""
    answer = talk[turn - 1].answer if turn else None
    return {
        "talk": talk,
        "thread": render_conversation(talk, v.engine.catalog, v.t),
        "live": "",
        "sources": render_sources(answer, turn, v.t),
        "busy": False,
    }


def failed(v: Visit) -> Iterator[Update]:
    """Say that an unforeseen error happened, and give the question back."""
    exchange = replace(v.run.pending if v.run else Exchange(""), error=v.t.gettext(BROKEN))
    talk = (*v.talk, exchange)
    yield {**shown_talk(talk, len(talk), v), "question": exchange.question}


def answers(talk: Talk) -> list[Answer]:
    """The answers of a conversation."""
    return [exchange.answer for exchange in talk if exchange.answer]


def show_sources(v: Visit) -> Update:
    """The sources of the answer whose number was clicked."""
    return {"sources": render_sources(v.answer, v.sent["turn"], v.t)} if v.exchange else {}


def download(v: Visit) -> dict[str, str]:
    """A file of the conversation's answers, or of the `last` alone; or the error in a sentence."""
    found = answers(v.talk)[-1:] if v.sent.get("last") else answers(v.talk)
    name = ending if (ending := v.text("ending")) in FORMATS else ""
    begun = time.monotonic()
    try:
        data = export(found, name, report_url=v.engine.settings.report_url)
    except AskLabsError as error:
        log.event("export", "error", logging.ERROR, format=name, error=error)
        return {"error": str(error)}
    log.event("export", "done", seconds=time.monotonic() - begun, format=name, answers=len(found))
    return saved(found[0].question, name, data)


def saved(title: str, ending: str, data: bytes) -> dict[str, str]:
    """A file for the browser to save, which is never written to the server's disk."""
    told = {"name": file_name(title, ending), "type": FORMATS[ending].media}
    return told | {"data": base64.b64encode(data).decode("ascii")}
