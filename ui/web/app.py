"""The web page: what happens when its parts are used; wiring only."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import gradio as gr
from gradio.events import Dependency, EventListener
from markupsafe import Markup
from starlette.concurrency import iterate_in_threadpool

from eval.report import latest
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.errors import AskLabsError
from rag.i18n.translations import ENGLISH, Translations
from ui.rendering import render
from ui.server.room import COMPUTED, WAITING, Full, Room
from ui.web import filters, handlers, history, layout, survey
from ui.web.explore import question, render_explore, render_found, topic_quotes
from ui.web.handlers import Run, Talk, Update
from ui.web.layout import Parts, translations_of
from ui.web.quality import render_quality, render_without_run
from ui.web.reading import brief, report
from ui.web.reading.frozen import freeze
from ui.web.reading.translate import translated
from ui.web.sources import render_sources
from ui.web.suggestions import Suggestions
from ui.web.uploads import add

_log = logging.getLogger(__name__)
KEPT = 600.0  # seconds after a visit's end for which its conversation is held
TOLD = 10.0  # seconds between two tellings of how many come first
# Every so many seconds, uploads that nobody took in are deleted from this age in seconds on.
UPLOAD_CACHE = (60, 600)
# The parts that asking changes.
CHANGED = (
    "question talk run thread live sources welcome go stop tools clear exports conversation_id "
    "message"
)
# What a question is asked with: filters, the conversation before it, and its last run.
STATE = "chosen talk run"
_Updates = Callable[..., Iterator[Update]]
# The parts that follow the chosen filters; `_filtered` sets them.
FOLLOWING = "chosen facts scope facets chips"
# What most events are wired with: no spinner, and no part of a programming interface.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# What must be done before anything else can happen is not queued.
AT_ONCE: dict[str, Any] = {"queue": False}
# Each event counts: one must not be dropped because another is under way.
EACH: dict[str, Any] = {"trigger_mode": "multiple"}
# After a row of quick changes once more: the last one is drawn.
LAST: dict[str, Any] = {"trigger_mode": "always_last"}


class Visit:
    """An event of the page: whose it is, and what the browser sends with it."""

    def __init__(self, request: gr.Request, event: gr.EventData | None = None) -> None:
        self.t, self.name = translations_of(request), request.username or ""
        # Without logins, who opens the page again is somebody else.
        self.sender = self.name or f"visit {request.session_hash}"
        self._event = event

    def get(self, name: str) -> Any:
        """What was sent by a name, which may be anything; None for nothing."""
        return getattr(self._event, name, None)


class Wires:
    """Wires parts of the page, by their names, to what happens when they are used."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def on(
        self,
        at: str | Callable[..., Dependency],
        make: Callable[..., Any],
        inputs: str = "",
        outputs: str = "",
        then: str = "",
        otherwise: str = "",
        **options: Any,
    ) -> Dependency:
        """Have `make` give new values when an event comes, "part.event" or a trigger.

        It is given the visit and the values of the `inputs`, and gives the value of the one output,
        or values by the names of outputs; a generator gives several. Scripts of the browser follow:
        `then` with the output's value, or `otherwise`, where it failed.
        """

        def handle(request: gr.Request, event: gr.EventData, *values: Any) -> Any:
            made = make(Visit(request, event), *values)
            return self.values(made, outputs) if outputs else None

        def steps(request: gr.Request, event: gr.EventData, *values: Any) -> Iterator[Any]:
            for made in make(Visit(request, event), *values):
                yield self.values(made, outputs)

        trigger = self.event(at) if isinstance(at, str) else at
        handler = steps if inspect.isgeneratorfunction(make) else handle
        changed = set(self.of(outputs)) or None
        done: Dependency = trigger(handler, self.of(inputs), changed, **(QUIET | options))
        if then:
            done.success(None, self.of(outputs), None, js=then, api_visibility="private")
        if otherwise:
            done.failure(None, None, None, js=otherwise, api_visibility="private")
        return done

    def event(self, at: str) -> Callable[..., Dependency]:
        """The event "part.event", which wires what is to happen when it comes."""
        part, _, name = at.partition(".")
        if isinstance(self.parts[part], gr.HTML):
            # Gradio knows it only where a part's own script has its name.
            return partial(EventListener(event_name=name).listener, self.parts[part])
        event: Callable[..., Dependency] = getattr(self.parts[part], name)
        return event

    def of(self, names: str) -> list[Any]:
        """The parts of these names, without those that this page doesn't have."""
        return [self.parts[name] for name in names.split() if name in self.parts]

    def values(self, made: Any, outputs: str) -> Parts:
        """New values in Gradio's terms."""
        named = made if isinstance(made, Mapping) and "__type__" not in made else {outputs: made}
        found = {self.parts[name]: value for name, value in named.items() if name in self.parts}
        return {
            part: layout.shown(value) if isinstance(part, gr.HTML) else value
            for part, value in found.items()
        }


def build_app(engine: Engine, room: Room | None = None) -> gr.Blocks:
    """The page over an open engine; what a visitor does stays in that visitor's session."""
    has_uploads = engine.settings.page_ingest
    page = gr.Blocks(
        title="Ask the Labs",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=UPLOAD_CACHE if has_uploads else None,
    )
    with page:
        states = {
            **{"talk": (), "run": None, "chosen": Filters(), "ignored": Filters()},
            # The index and the filters that Explore was drawn with; the visitor's survey.
            **{"conversation_id": "", "explored": None, "surveyed": None},
        }
        words = layout.first_words(engine, ENGLISH)
        parts = {name: gr.State(value) for name, value in states.items()}
        wires = Wires(parts | layout.parts_of(words, has_uploads))
        opened = _wire_filters(engine, page, wires)
        _wire_questions(engine, room or Room(engine), wires, opened)
        _wire_history(engine, wires)
        _wire_reading(engine, wires)
        _wire_language(engine, page, wires, [*words, "history"])
        _wire_views(engine, wires)
        if has_uploads:
            _wire_uploads(engine, wires)
        page.unload(_forgetting(page))
    # Not open: else a request could go past the queue.
    page.queue(default_concurrency_limit=COMPUTED, max_size=WAITING, api_open=False)
    return page


def _forgetting(page: gr.Blocks) -> Callable[[gr.Request], Coroutine[None, None, None]]:
    """The handler of a visit's end: unless the browser comes back, what it held is deleted."""

    async def ended(request: gr.Request) -> None:
        name, holder = request.session_hash or "", page.state_holder

        def forget() -> None:
            last = holder.time_last_used.get(name)
            if last and datetime.now() - last > timedelta(seconds=KEPT * 0.9):
                holder.session_data.pop(name, None)
                holder.time_last_used.pop(name, None)

        asyncio.get_running_loop().call_later(KEPT, forget)

    return ended


def _updated(update: Update) -> dict[str, Any]:
    """An update as new values of parts, with those that follow from whether one is busy."""
    values: dict[str, Any] = dict(update)
    if "busy" in update:
        busy, has_turns = update["busy"], bool(update.get("talk"))
        has_answers = bool(handlers.answers(update.get("talk", ())))
        values |= {
            "go": gr.update(visible=not busy),
            "stop": gr.update(visible=busy),
            "welcome": gr.update(visible=not (busy or has_turns)),
            "tools": gr.update(visible=has_turns and not busy),
            "exports": gr.update(visible=has_answers),
        }
    return values


def _wire_questions(engine: Engine, room: Room, wires: Wires, opened: Dependency) -> None:
    parts = wires.parts

    def answering(updates: _Updates) -> Callable[..., AsyncIterator[Parts]]:
        """The handler of an event whose updates answer a new question, or the last one again.

        Who has to wait is told how many come first.

        `updates` gets the visit, filters, conversation and run, and further inputs of the event.
        """

        async def answer(
            request: gr.Request,
            event: gr.EventData,
            conversation_id: str,
            chosen: Filters,
            talk: Talk,
            run: Run | None,
            *inputs: Any,
        ) -> AsyncIterator[Parts]:
            # Gradio empties all outputs of a generator that yields nothing.
            yield {parts["live"]: gr.skip()}
            visit, who, told = Visit(request, event), object(), 0.0
            made = updates(visit, chosen, talk, run, *inputs)
            saving = history.with_saving(made, conversation_id)
            try:
                async for before in room.turns(who):
                    if told + TOLD < (now := time.monotonic()):
                        told = now
                        yield {parts["live"]: handlers.render_waiting(before, visit.t)}
                async for update in iterate_in_threadpool(saving):
                    yield wires.values(_updated(update), CHANGED)
            except Full:
                yield {parts["live"]: handlers.render_waiting(None, visit.t)}
            finally:
                room.leave(who)
                with suppress(ValueError):  # It is still at work, and ends by itself.
                    saving.close()

        return answer

    def asked(
        v: Visit, text: object, *state: Any, ignored: Filters = Filters()
    ) -> Iterator[Update]:
        chosen, talk, run = state
        return handlers.ask(engine, str(text), chosen, talk, run, v.t, ignored)

    def example(v: Visit, *state: Any) -> Iterator[Update]:
        return asked(v, v.get("question"), *state)

    def summarise(
        v: Visit, _: Filters, talk: Talk, run: Run | None, surveyed: survey.Run | None
    ) -> Iterator[Update]:
        if surveyed:
            given = surveyed.summary(engine.catalog, v.t)
            yield from handlers.summarise(engine, *given, talk, run, v.t)

    def widen(v: Visit, _: Filters, *state: Any, deep: bool = False) -> Iterator[Update]:
        talk, run = state
        return handlers.widen(engine, talk, run, v.get("turn"), v.t, deep)

    def failed(v: Visit, _: Filters, talk: Talk, run: Run | None) -> Iterator[Update]:
        yield handlers.failed(engine, talk, run, v.t)

    inputs, changed = wires.of(f"conversation_id {STATE}"), set(wires.of(CHANGED))
    typed = partial(gr.on, [parts["question"].submit, parts["go"].click])
    made: dict[str | Callable[..., Dependency], tuple[_Updates, str]] = {
        typed: (lambda v, c, talk, run, text: asked(v, text, c, talk, run), "question"),
        # The question of a link is asked at once; without one nothing is.
        opened.success: (
            lambda v, c, talk, run, text, x: asked(v, text, c, talk, run, ignored=x),
            "linked ignored",
        ),
        "explore.ask": (lambda v, *s: asked(v, question(engine.catalog, v, v.t), *s), ""),
        "greeting.example": (example, ""),
        "thread.example": (example, ""),
        "survey.summarise": (summarise, "surveyed"),
        "thread.again": (lambda v, c, *s: handlers.again(engine, c, s[0], s[1], v.t), ""),
        "thread.wider": (widen, ""),
        "thread.deeper": (partial(widen, deep=True), ""),
        "thread.restore": (lambda v, _, talk, run: handlers.restore(engine, talk, run, v, v.t), ""),
        "thread.chip": (lambda v, c, talk, run: handlers.without(engine, c, talk, run, v, v.t), ""),
    }
    for at, (updates, more) in made.items():
        trigger = wires.event(at) if isinstance(at, str) else at
        every = {**QUIET, "concurrency_limit": None}  # The room limits them.
        event = trigger(answering(updates), [*inputs, *wires.of(more)], changed, **every)
        event.failure(answering(failed), inputs, changed, **QUIET)
    for stop, of in (("stop.click", "run"), ("survey.stop", "surveyed")):
        wires.on(stop, lambda _, run: run and run.stop(), of, **AT_ONCE)


def _filtered(
    engine: Engine, chosen: Filters, t: Translations, note: str = "", turn: Any = None
) -> dict[str, Any]:
    """The chosen filters and all on the page that follows them.

    `note` is a sentence over the chips, `turn` the number of the page's event.
    """
    catalog = engine.catalog
    scope = filters.scope_sentence(catalog, chosen, t)
    return {
        "chosen": chosen,
        # The totals are those of the same state of the index as the sentence under them.
        "facts": layout.facts(engine, t),
        "scope": render("hint.html", t, text=scope),
        "facets": filters.facet_data(catalog, chosen, t, turn),
        "chips": filters.render_chips(catalog, chosen, t, note),
    }


def _wire_filters(engine: Engine, page: gr.Blocks, wires: Wires) -> Dependency:
    """Let the filters be chosen; what is returned has set the page up as its address says."""

    def choose(visit: Visit, chosen: Filters) -> dict[str, Any]:
        now = filters.changed(engine.catalog, chosen, visit)
        return _filtered(engine, now, visit.t, turn=visit.get("turn"))

    def open_link(visit: Visit, query: str) -> dict[str, Any]:
        link = filters.read_link(query or "", engine.catalog)
        # The question's box stays: somebody may be typing there already.
        now = _filtered(engine, link.filters, visit.t, filters.link_notice(link, visit.t))
        return {"linked": link.question, "ignored": link.ignored, **now}

    # The session's state tells Explore of no change that an event outside the queue has made.
    narrowed: Any = {"then": "() => askViews.narrowed()", **AT_ONCE}
    for part in ("panel", "chips", "explore"):
        wires.on(f"{part}.choose", choose, "chosen", FOLLOWING, **EACH, **narrowed)
    outputs = f"linked ignored {FOLLOWING}"
    query = "() => location.search"
    opened = wires.on(page.load, open_link, "linked", outputs, js=query, **narrowed)
    opened.success(None, js="() => askReading.arrived()", api_visibility="private")
    return opened


def _wire_history(engine: Engine, wires: Wires) -> None:
    def open_conversation(visit: Visit, run: Run | None) -> dict[str, Any]:
        opened = history.open_conversation(
            engine, visit.get("id"), visit.get("turns"), run, visit.t
        )
        return _updated(opened)

    def new_conversation(visit: Visit, run: Run | None) -> dict[str, Any]:
        return _updated(history.new_conversation(run, visit.t))

    def save_all(visit: Visit, conversation_id: str, talk: Talk) -> dict[str, Any]:
        return _updated(history.save_all(conversation_id, talk, visit.get("apart")))

    wires.on("history.open", open_conversation, "run", CHANGED)
    for at in ("history.fresh", "clear.click"):
        wires.on(at, new_conversation, "run", CHANGED)
    wires.on("history.resend", save_all, "conversation_id talk", "conversation_id message")


def _wire_reading(engine: Engine, wires: Wires) -> None:
    """Wire sources, reports, votes, translations, pins, links, the brief and files."""

    def show_sources(visit: Visit, talk: Talk) -> Any:
        turn = visit.get("turn")
        exchange = handlers.exchange_at(talk, turn)
        return render_sources(exchange.answer, turn, visit.t) if exchange else gr.skip()

    def open_report(visit: Visit, talk: Talk, surveyed: survey.Run | None) -> Markup:
        quotes = surveyed.quotes(visit) if surveyed else {}
        return report.open_report(engine, talk, visit, visit.t, quotes)

    def vote(visit: Visit, talk: Talk, conversation_id: str) -> dict[str, Any]:
        rated, message = report.vote(engine, talk, visit, visit.t)
        saved = {} if rated == talk else {"message": history.save_message(conversation_id, rated)}
        return {"talk": rated, "voted": message, **saved}

    def export(visit: Visit, talk: Talk) -> str:
        found, url = handlers.answers(talk), engine.settings.report_url
        return json.dumps(handlers.download(found, visit.get("ending"), visit.get("last"), url))

    def export_survey(visit: Visit, run: survey.Run | None) -> str:
        return json.dumps(survey.download(engine, run, visit.get("ending")))

    def pin(visit: Visit, talk: Talk) -> str:
        return json.dumps(brief.pinned_answer(talk, visit.get("turn")))

    def write_brief(visit: Visit) -> str:
        return json.dumps(brief.download(engine, visit, visit.t))

    def share(visit: Visit, talk: Talk) -> str:
        return freeze(engine, talk, visit.get("turn"), visit.t)

    def copy(visit: Visit, talk: Talk) -> str:
        return filters.copied_link(engine.catalog, talk, visit.t)

    def translate(visit: Visit, talk: Talk) -> str:
        return translated(engine, talk, visit, visit.t)

    for part in ("thread", "live"):
        wires.on(f"{part}.cite", show_sources, "talk", "sources")
    for part in ("thread", "sources", "survey", "explore", "found", "uploaded"):
        if part in wires.parts:
            wires.on(f"{part}.report", open_report, "talk surveyed", "report")
    wires.on("thread.vote", vote, "talk conversation_id", "talk voted message")
    copied = "(link) => askLabsFilters.copy(link)"
    wires.on("thread.freeze", share, "talk", "copied", copied)
    wires.on("link.click", copy, "talk", "copied", copied, **AT_ONCE)
    wires.on("thread.pin", pin, "talk", "pinned", "(pin) => askBrief.add(JSON.parse(pin))")
    said = ("(text) => askReading.translated(text)", "() => askReading.translated()")
    wires.on("sources.translate", translate, "talk", "translated", *said)
    for at, make, inputs, script in (
        ("brief.brief", write_brief, "", "askBrief"),
        ("exports.export", export, "talk", "askLabsExports"),
        ("survey.export", export_survey, "surveyed", "askSurvey"),
    ):
        done = f"(file) => {script}.done(JSON.parse(file))"
        wires.on(at, make, inputs, "file", done, f"() => {script}.failed()")


def _wire_language(engine: Engine, page: gr.Blocks, wires: Wires, names: list[str]) -> None:
    """Draw what is on the page from the start in the visitor's language."""
    suggestions = Suggestions(engine)

    def translate(visit: Visit) -> dict[str, Any]:
        words = layout.first_words(engine, visit.t, suggestions.first(visit.t))
        return {**words, "history": history.render_history(visit.t, visit.name)}

    def suggest(visit: Visit) -> Markup:
        return layout.greeting(engine, visit.t, suggestions.answered(visit.t))

    translated = wires.on(page.load, translate, "", " ".join(names), **AT_ONCE)
    # Asking takes seconds at the first visit after an ingest: the page does not wait for it.
    wires.on(translated.then, suggest, "", "greeting")
    translated.then(None, None, None, js="() => askLabs.setLanguage()")


def _wire_views(engine: Engine, wires: Wires) -> None:
    """Draw the views when they are shown: views.js says which is, and when filters changed."""

    def explore(visit: Visit, explored: tuple[str, Filters] | None, chosen: Filters) -> Any:
        state = (engine.revision, chosen)
        if explored == state:
            return {}
        drawn = render_explore(engine.catalog, chosen, visit.t, topic_quotes(engine))
        return {"explore": drawn, "explored": state}

    def find(visit: Visit, chosen: Filters) -> Markup:
        return render_found(engine, visit.get("words"), chosen, visit.t)

    def quality(visit: Visit) -> Markup:
        try:
            summary = latest(engine.settings)
        except AskLabsError as error:
            _log.warning("The evaluation can't be shown: %s", error)
            return render_without_run(visit.t, is_unreadable=True)
        if summary is None:
            return render_without_run(visit.t)
        return render_quality(summary, engine.revision, visit.t)

    def show_survey(
        visit: Visit, run: survey.Run | None, chosen: Filters
    ) -> Iterator[dict[str, Any]]:
        yield {"survey": gr.skip()}
        query, step = visit.get("query"), visit.get("step")
        for html, now in survey.show(engine, run, query, chosen, visit.t, step):
            yield {"survey": html, "surveyed": now}

    def count(visit: Visit, talk: Talk) -> Any:
        exchange = handlers.exchange_at(talk, visit.get("turn"))
        return survey.count_in_text(engine, exchange, visit.t) if exchange else gr.skip()

    # Of surveys the one before is stopped.
    wires.on("survey.survey", show_survey, "surveyed chosen", "survey surveyed", **EACH)
    # After the answer, one at a time: nobody waits for it.
    wires.on("thread.count", count, "talk", "counted", concurrency_limit=1, **EACH)
    wires.on("found.find", find, "chosen", "found")
    # An event that waits keeps no data of its own.
    wires.on("views.explored", explore, "explored chosen", "explore explored", **LAST)
    wires.on("views.measured", quality, "", "quality", **LAST)


def _wire_uploads(engine: Engine, wires: Wires) -> None:
    """Take in what is sent, and show the page over the collection as it is then."""
    lock = threading.Lock()

    def upload(visit: Visit) -> Iterator[Any]:
        yield gr.skip()
        yield from add(engine, lock, visit.get("files"), visit.t, visit.sender)

    def refresh(visit: Visit, chosen: Filters) -> dict[str, Any]:
        return _filtered(engine, chosen, visit.t)

    failed = "() => askUploads.failed()"
    uploaded = wires.on("uploads.sent", upload, "", "uploaded", otherwise=failed)
    wires.on(uploaded.success, refresh, "chosen", FOLLOWING, **AT_ONCE)
