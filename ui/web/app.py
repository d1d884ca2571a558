"""The web page: what happens when its parts are used; wiring only."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig
from gradio.events import Dependency, EventListener
from markupsafe import Markup
from starlette.concurrency import iterate_in_threadpool

from rag.engine import Engine
from rag.i18n.translations import ENGLISH, translations_accepted
from ui.rendering import render
from ui.server.room import COMPUTED, WAITING, Full, Room
from ui.web import brief, filters, handlers, history, layout, reading, survey, uploads, views
from ui.web.handlers import Update, Visit
from ui.web.layout import Parts
from ui.web.suggestions import Suggestions

KEPT = 600.0  # seconds after a visit's end for which its conversation is held
NEVER = 3600.0  # seconds between two looks for Gradio's own progress, of which there is none
LOOK = 0.01  # seconds between two looks for new events; Gradio's millisecond keeps a core busy
# Every so many seconds, uploads that nobody took in are deleted from this age in seconds on.
UPLOAD_CACHE = (60, 600)
# The parts that asking changes.
CHANGED = (
    "question talk run thread live sources welcome go stop tools clear exports conversation_id "
    "message"
)
# What is kept of a visit between its events.
HELD = "talk run chosen ignored conversation_id explored surveyed"
# What a question is asked with: filters, the conversation before it, and its last run.
STATE = "conversation_id chosen talk run"
# The parts that follow the chosen filters and the collection; `_filtered` sets them.
DRAWN = "facts scope facets chips"
FOLLOWING = f"chosen {DRAWN}"
# What most events are wired with: no spinner, and no part of a programming interface.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Events that must be handled before anything else can happen skip the queue.
AT_ONCE: dict[str, Any] = {"queue": False}
# No event may be dropped because another is under way.
EACH: dict[str, Any] = {"trigger_mode": "multiple"}
# Of many quick changes the last one must be drawn.
LAST: dict[str, Any] = {"trigger_mode": "always_last"}
# An event of a part, "part.event", or a method of Gradio that wires what follows an event.
Trigger = str | Callable[..., Dependency]
COPIED = "(link) => askLabsFilters.copy(link)"
TRANSLATED = ("(text) => askReading.translated(text)", "() => askReading.translated()")


class Wires:
    """Wires parts of the page, by their names, to what happens when they are used."""

    def __init__(self, engine: Engine, room: Room, parts: Parts) -> None:
        self.engine, self.room, self.parts = engine, room, parts

    def on(
        self,
        at: Trigger,
        make: Callable[[Visit], Any],
        inputs: str = "",
        outputs: str = "",
        then: str = "",
        otherwise: str = "",
        **options: Any,
    ) -> Dependency:
        """Call `make` for new values when an event comes, "part.event" or a trigger.

        `make` takes the visit with the values of the `inputs`. It returns the value of the one
        output, or values by the names of outputs; a generator yields several of these. A script of
        the browser follows: `then` with the output's value, or `otherwise` after a failure.
        """
        # Gradio empties all outputs of a generator that yields nothing, and takes an empty mapping
        # for a value that is missing.
        unchanged = {part: gr.skip() for part in self.of(outputs)[:1]}

        def handle(request: gr.Request, event: gr.EventData, *values: Any) -> Any:
            made = make(self.visit(request, event, inputs, values))
            return self.values(made, outputs) or unchanged if outputs else None

        def steps(request: gr.Request, event: gr.EventData, *values: Any) -> Iterator[Any]:
            yield unchanged
            for made in make(self.visit(request, event, inputs, values)):
                yield self.values(made, outputs)

        handler = steps if inspect.isgeneratorfunction(make) else handle
        done = self.wire(at, handler, inputs, outputs, options)
        if then:
            done.success(None, self.of(outputs), None, js=then, api_visibility="private")
        if otherwise:
            done.failure(None, None, None, js=otherwise, api_visibility="private")
        return done

    def ask(
        self, at: Trigger, make: Callable[[Visit], Iterator[Update]], more: str = "", **options: Any
    ) -> Dependency:
        """Let `make` answer a question; a visitor who waits is told how many come first."""
        inputs, live = f"{STATE} {more}", self.parts["live"]

        async def answer(
            request: gr.Request, event: gr.EventData, *values: Any
        ) -> AsyncIterator[Parts]:
            visit, who = self.visit(request, event, inputs, values), object()
            saving = history.with_saving(make(visit), visit.conversation_id)
            try:
                async for before in self.room.turns(who):
                    yield {live: render("waiting.html", visit.t, before=before)}
                update: Update = {}
                async for update in iterate_in_threadpool(saving):
                    yield self.values(update, CHANGED)
                # The page draws what comes last for sure; Gradio empties all outputs of a generator
                # that yields nothing.
                if not update:
                    yield {live: gr.skip()}
            except Full:
                yield {live: render("waiting.html", visit.t, before=None)}
            finally:
                self.room.leave(who)
                with suppress(ValueError):  # It is still at work, and ends by itself.
                    saving.close()

        return self.wire(at, answer, inputs, CHANGED, options)

    def wire(self, at: Trigger, do: Any, inputs: str, outputs: str, options: Parts) -> Dependency:
        """Wire a handler of Gradio's own kind to an event, "part.event" or a trigger."""
        if isinstance(at, str):
            part, _, name = at.partition(".")
            # As an attribute of HTML an event is there only where the part's script has its name.
            at = partial(EventListener(event_name=name).listener, self.parts[part])
        return at(do, self.of(inputs), set(self.of(outputs)) or None, **(QUIET | options))

    def of(self, names: str) -> list[Any]:
        """The parts of these names, without those that this page doesn't have."""
        return [self.parts[name] for name in names.split() if name in self.parts]

    def visit(
        self, request: gr.Request, event: gr.EventData, inputs: str, values: tuple[Any, ...]
    ) -> Visit:
        """The visit of an event, with what the browser sends and the values of its inputs."""
        name, languages = request.username or "", request.headers.get("accept-language", "")
        return Visit(
            self.engine,
            translations_accepted(str(languages)),
            event._data if isinstance(event._data, Mapping) else {},
            name,
            # Without logins, who opens the page again is somebody else.
            name or f"visit {request.session_hash}",
            **dict(zip(inputs.split(), values, strict=True)),
        )

    def values(self, made: Any, outputs: str) -> Parts:
        """New values in Gradio's terms, with those that follow from whether one is `busy`."""
        named = made if isinstance(made, Mapping) and "__type__" not in made else {outputs: made}
        if "busy" in named:
            busy, talk = named["busy"], named.get("talk", ())
            shown = {"go": not busy, "stop": busy, "welcome": not (busy or talk)}
            shown |= {"tools": talk and not busy, "exports": handlers.answers(talk)}
            named = {**named, **{x: gr.update(visible=bool(is_on)) for x, is_on in shown.items()}}
        return {self.parts[name]: value for name, value in named.items() if name in self.parts}


class _Parts(BlocksConfig):
    """The parts of a page. Visits hold no JSON of them: only Gradio's own links need it."""

    def __copy__(self) -> BlocksConfig:
        """The parts of one visit."""
        made: Any = super().__copy__()  # type: ignore[no-untyped-call]
        made.config_for_block = lambda *_: {}
        return made  # type: ignore[no-any-return]


class _Page(gr.Blocks):
    """Blocks that send what is new of some parts without making all parts of a visit again."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default_config = _Parts(self)

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """What is sent of each output of an event: what its handler gave, or that it stays.

        Gradio's own method would also keep each bare value of HTML until the visitor goes.
        """
        if not isinstance(predictions, dict) or "__type__" in predictions:
            return await super().postprocess_data(block_fn, predictions, state)
        return [_sent(part, predictions.get(part, gr.skip()), state) for part in block_fn.outputs]


def _sent(part: Any, value: Any, state: Any) -> Any:
    is_update = isinstance(value, dict) and "__type__" in value
    if part.stateful:
        if not is_update:
            state[part._id] = value
        return None
    if not is_update:
        return part.postprocess(value)
    return {k: part.postprocess(v) if k == "value" else v for k, v in value.items()}


def build_app(engine: Engine, room: Room) -> gr.Blocks:
    """The page over an open engine; what a visitor does stays in that visitor's session."""
    has_uploads = engine.settings.page_ingest
    page = _Page(
        title="Ask the Labs",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=UPLOAD_CACHE if has_uploads else None,
    )
    with page:
        words = layout.first_words(engine, ENGLISH)
        parts = {f.name: gr.State(f.default) for f in fields(Visit) if f.name in HELD.split()}
        wires = Wires(engine, room, parts | layout.parts_of(words, has_uploads))
        opened = _wire_filters(page, wires)
        _wire_questions(wires, opened)
        _wire_reading(wires)
        suggest = _wire_language(engine, page, wires, " ".join([*words, "history"]))
        _wire_views(wires)
        if has_uploads:
            failed = "() => askUploads.failed()"
            uploaded = wires.on("uploads.sent", uploads.add, "", "uploaded", otherwise=failed)
            # The page is then over the collection as it is now.
            wires.on(uploaded.success, _filtered, "chosen", FOLLOWING, **AT_ONCE)
            wires.on(uploaded.success, suggest, "", "greeting")
        page.unload(_forgetting(page))
    # Not open: else a request could go past the queue.
    page.queue(default_concurrency_limit=COMPUTED, max_size=WAITING, api_open=False)
    page._queue.sleep_when_free = LOOK
    page._queue.progress_update_sleep_when_free = NEVER
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


def _wire_questions(wires: Wires, opened: Dependency) -> None:
    """Wire what answers a question, stops that, and changes or leaves the conversation."""
    parts = wires.parts
    for at, make, more in (
        (partial(gr.on, [parts["question"].submit, parts["go"].click]), handlers.ask, "question"),
        (opened.success, handlers.ask, "linked ignored"),
        ("explore.ask", views.ask, ""),
        ("greeting.example", handlers.ask, ""),
        ("thread.example", handlers.ask, ""),
        ("survey.summarise", handlers.summarise, "surveyed"),
        ("thread.again", handlers.again, ""),
        ("thread.wider", handlers.widen, ""),
        ("thread.deeper", handlers.deepen, ""),
        ("thread.restore", handlers.restore, ""),
        ("thread.chip", handlers.without, ""),
    ):
        # A question that is sent before the event of the last answer has ended, a moment after the
        # answer is drawn, is asked then: what its box holds, if that isn't empty.
        mode = LAST if more == "question" else {}
        # The room limits them.
        asked = wires.ask(at, make, more, concurrency_limit=None, **mode)
        told = wires.ask(asked.failure, handlers.failed)
        lost = "() => askHistory.lost()"
        told.failure(None, None, None, js=lost, api_visibility="private")
    wires.on("stop.click", handlers.stop, "run", **AT_ONCE)
    wires.on("survey.stop", handlers.stop, "surveyed", **AT_ONCE)
    wires.on("history.open", history.open_conversation, "run", CHANGED)
    for at in ("history.fresh", "clear.click"):
        wires.on(at, history.new_conversation, "run", CHANGED)
    names = "conversation_id message"
    wires.on("history.resend", history.save_all, "conversation_id talk", names)


def _filtered(v: Visit, note: str = "") -> dict[str, Any]:
    """The chosen filters and all on the page that follows them; `note` stands over the chips."""
    catalog, chosen = v.engine.catalog, v.chosen
    return {
        "chosen": chosen,
        # The totals are those of the same state of the index as the sentence under them.
        "facts": layout.facts(v.engine, v.t),
        "scope": render("asked.html", v.t, catalog=catalog, filters=chosen),
        "facets": filters.facet_data(catalog, chosen, v.t, v.sent.get("turn")),
        "chips": filters.render_chips(catalog, chosen, v.t, note),
    }


def _wire_filters(page: gr.Blocks, wires: Wires) -> Dependency:
    """Let the filters be chosen; what is returned has set the page up as its address says."""
    # The session's state tells Explore of no change that an event outside the queue has made.
    narrowed: Any = {"then": "() => askViews.narrowed()", **AT_ONCE}

    def choose(v: Visit) -> dict[str, Any]:
        return _filtered(replace(v, chosen=filters.changed(v.engine.catalog, v.chosen, v.sent)))

    def open_link(v: Visit) -> dict[str, Any]:
        link = filters.read_link(v.linked or "", v.engine.catalog)
        # The question's box stays: somebody may be typing there already.
        now = _filtered(replace(v, chosen=link.filters), filters.link_notice(link, v.t))
        return {"linked": link.question, "ignored": link.ignored, **now}

    for part in ("panel", "chips", "explore"):
        wires.on(f"{part}.choose", choose, "chosen", FOLLOWING, **EACH, **narrowed)
    outputs, narrowed["js"] = f"linked ignored {FOLLOWING}", "() => location.search"
    opened = wires.on(page.load, open_link, "linked", outputs, **narrowed)
    opened.success(None, js="() => askReading.arrived()", api_visibility="private")
    return opened


def _wire_reading(wires: Wires) -> None:
    """Wire sources, reports, votes, translations, pins, links, the brief and files."""
    for part in ("thread", "live"):
        wires.on(f"{part}.cite", handlers.show_sources, "talk", "sources")
    for part in ("thread", "sources", "survey", "explore", "found", "uploaded"):
        if part in wires.parts:
            wires.on(f"{part}.report", reading.open_report, "talk surveyed", "report")
    wires.on("thread.vote", reading.vote, "talk conversation_id", "talk voted message")
    wires.on("thread.freeze", reading.freeze, "talk", "copied", COPIED)
    wires.on("link.click", filters.copied_link, "talk", "copied", COPIED, **AT_ONCE)
    wires.on("sources.translate", reading.translated, "talk", "translated", *TRANSLATED)
    pinned = "(pin) => askBrief.add(JSON.parse(pin))"
    wires.on("thread.pin", _as_json(brief.pinned_answer), "talk", "pinned", pinned)
    for at, make, inputs, script in (
        ("brief.brief", brief.download, "", "askBrief"),
        ("exports.export", handlers.download, "talk", "askLabsExports"),
        ("survey.export", survey.download, "surveyed", "askSurvey"),
    ):
        done = f"(file) => {script}.done(JSON.parse(file))"
        wires.on(at, _as_json(make), inputs, "file", done, f"() => {script}.failed()")


def _as_json(make: Callable[[Visit], Any]) -> Callable[[Visit], str]:
    return lambda v: json.dumps(make(v))


def _wire_language(
    engine: Engine, page: gr.Blocks, wires: Wires, names: str
) -> Callable[[Visit], Markup]:
    """Draw what is on the page from the start in the visitor's language; what greets them."""
    suggestions = Suggestions(engine)

    def translate(v: Visit) -> dict[str, Any]:
        words = layout.first_words(engine, v.t, suggestions.first(v.t))
        return {**words, "history": render("history.html", v.t, user=v.name, busy=history.BUSY)}

    def suggest(v: Visit) -> Markup:
        return layout.greeting(engine, v.t, suggestions.answered(v.t))

    def look(v: Visit) -> dict[str, Any]:
        """The totals, where the browser shows those of another state of the index."""
        if v.sent.get("revision") == engine.revision:
            return {}
        now = {name: value for name, value in _filtered(v).items() if name != "chosen"}
        return {**now, "greeting": layout.greeting(engine, v.t, suggestions.first(v.t))}

    wires.on("facts.look", look, "chosen", f"{DRAWN} greeting", **AT_ONCE)
    drawn = wires.on(page.load, translate, "", names, **AT_ONCE)
    # Asking takes seconds at the first visit after an ingest: the page does not wait for it.
    wires.on(drawn.then, suggest, "", "greeting")
    drawn.then(None, None, None, js="() => askLabs.setLanguage()")
    return suggest


def _wire_views(wires: Wires) -> None:
    """Draw the views when they are shown: views.js says which is, and when filters changed."""
    # A new survey stops the one before.
    wires.on("survey.survey", survey.show, "surveyed chosen", "survey surveyed", **EACH)
    # After the answer, one at a time: nobody waits for it.
    counting: Any = {"concurrency_limit": 1, **EACH}
    wires.on("thread.count", survey.count_in_text, "talk", "counted", **counting)
    wires.on("found.find", views.find, "chosen", "found")
    # An event that waits keeps no data of its own.
    wires.on("views.explored", views.explore, "explored chosen", "explore explored", **LAST)
    wires.on("views.measured", views.quality, "", "quality", **LAST)
