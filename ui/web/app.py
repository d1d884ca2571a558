"""The web page: which part is where and what happens when it is used; wiring only."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import gradio as gr
from gradio.events import Dependency
from markupsafe import Markup
from starlette.concurrency import iterate_in_threadpool

from eval.report.pages import latest
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.errors import AskLabsError
from rag.i18n.translations import ENGLISH, Translations
from ui.rendering import render
from ui.server.room import COMPUTED, WAITING, Full, Room
from ui.web import filters, handlers, history, layout, survey
from ui.web.explore import question, render_explore, render_found, topic_quotes
from ui.web.handlers import Run, Talk, Update
from ui.web.layout import QUIET, Parts, shown, translations_of
from ui.web.quality import render_quality, render_without_run
from ui.web.reading.wiring import values as _values
from ui.web.reading.wiring import wire_reading
from ui.web.suggestions import Suggestions
from ui.web.uploads import add

_log = logging.getLogger(__name__)
KEPT = 600.0  # seconds after a visit's end for which its conversation is held
TOLD = 10.0  # seconds between two tellings of how many come first
# Every so many seconds, uploads that nobody took in are deleted from this age in seconds on.
UPLOAD_CACHE = (60, 600)
# The parts that asking changes.
CHANGED = (
    *("question", "talk", "run", "thread", "live", "sources", "welcome"),
    *("go", "stop", "tools", "clear", "exports", "conversation_id", "message"),
)
# What a question is asked with: filters, the conversation before it, and its last run.
_State = tuple[Filters, Talk, Run | None]
# The parts that follow the chosen filters; `_filtered` sets them.
FOLLOWING = ("chosen", "facts", "scope", "facets", "chips")
# What must be done before anything else can happen is not queued.
AT_ONCE: Parts = QUIET | {"queue": False}


def build_app(engine: Engine, room: Room | None = None) -> gr.Blocks:
    """The page over an open engine; what a visitor does stays in that visitor's session."""
    has_uploads = engine.settings.page_ingest
    page = gr.Blocks(
        title="Ask the Labs",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=UPLOAD_CACHE if has_uploads else None,
    )
    words = layout.first_words(engine, ENGLISH)
    with page:
        parts: Parts = {"talk": gr.State(()), "run": gr.State(None)}
        parts["chosen"] = gr.State(Filters())
        parts["ignored"] = gr.State(Filters())
        with gr.Column(elem_id="desk"):
            with gr.Column(elem_id="collection"):
                parts |= layout.collection_area(words)
                parts |= layout.upload_area(words) if has_uploads else {}
                parts |= layout.history_area()
            parts |= layout.views(words)
            with gr.Column(elem_id="talk"):
                parts |= layout.talk_area(words)
            with gr.Column(elem_id="sources"):
                parts |= layout.sources_area(words)
            with gr.Column(elem_id="ask"):
                parts |= layout.question_area(words)
            parts |= layout.overlays()
        opened = _wire_filters(engine, page, parts)
        _wire_questions(engine, room or Room(engine), parts, opened)
        _wire_history(engine, parts)
        _wire_exports(engine, parts)
        wire_reading(engine, parts)
        _wire_language(engine, page, parts)
        _wire_views(engine, parts)
        if has_uploads:
            _wire_uploads(engine, parts)
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


def _updated(parts: Parts, update: Update) -> Parts:
    """An update in Gradio's terms: the new value of each part that changes."""
    values: Parts = {parts[k]: shown(v) for k, v in update.items() if k in parts}
    if "busy" in update:
        busy, has_turns = update["busy"], bool(update.get("talk"))
        has_answers = bool(handlers.answers(update.get("talk", ())))
        values |= {
            parts["go"]: gr.update(visible=not busy),
            parts["stop"]: gr.update(visible=busy),
            parts["welcome"]: gr.update(visible=not (busy or has_turns)),
            parts["tools"]: gr.update(visible=has_turns and not busy),
            parts["exports"]: gr.update(visible=has_answers),
        }
    return values


def _wire_questions(engine: Engine, room: Room, parts: Parts, opened: Dependency) -> None:
    state = [parts[name] for name in ("chosen", "talk", "run", "conversation_id")]
    changed = {parts[name] for name in CHANGED}

    def answering(updates: Callable[..., Iterator[Update]]) -> Callable[..., AsyncIterator[Parts]]:
        """The handler of an event whose updates answer a new question, or the last one again.

        Who has to wait is told how many come first.

        `updates` gets the visitor's translations, what the browser sends with the event, the
        filters, conversation and run, and further inputs of the event.
        """

        async def answer(
            request: gr.Request,
            data: gr.EventData,
            chosen: Filters,
            talk: Talk,
            run: Run | None,
            conversation_id: str,
            *inputs: Any,
        ) -> AsyncIterator[Parts]:
            # Gradio empties all outputs of a generator that yields nothing.
            yield {parts["live"]: gr.skip()}
            t, who, told = translations_of(request), object(), 0.0
            made = updates(t, data, (chosen, talk, run), *inputs)
            saving = history.with_saving(made, conversation_id)
            try:
                async for before in room.turns(who):
                    if told + TOLD < (now := time.monotonic()):
                        told = now
                        yield {parts["live"]: handlers.render_waiting(before, t)}
                async for update in iterate_in_threadpool(saving):
                    yield _updated(parts, update)
            except Full:
                yield {parts["live"]: handlers.render_waiting(None, t)}
            finally:
                room.leave(who)
                with suppress(ValueError):  # It is still at work, and ends by itself.
                    saving.close()

        return answer

    def ask(
        t: Translations, _: gr.EventData, state: _State, text: str, ignored: Filters = Filters()
    ) -> Iterator[Update]:
        return handlers.ask(engine, text, *state, t, ignored)

    def again(t: Translations, _: gr.EventData, state: _State) -> Iterator[Update]:
        return handlers.again(engine, *state, t)

    def widen(t: Translations, event: gr.EventData, state: _State) -> Iterator[Update]:
        return handlers.widen(engine, *state[1:], _values(event, "turn")["turn"], t)

    def deepen(t: Translations, event: gr.EventData, state: _State) -> Iterator[Update]:
        return handlers.deepen(engine, *state[1:], _values(event, "turn")["turn"], t)

    def restore(t: Translations, event: gr.EventData, state: _State) -> Iterator[Update]:
        return handlers.restore(engine, *state[1:], _values(event, "turn", "n"), t)

    def without(t: Translations, event: gr.EventData, state: _State) -> Iterator[Update]:
        chip = _values(event, "turn", "field", "value", "back")
        return handlers.without(engine, *state, chip, t)

    def ask_example(t: Translations, event: gr.EventData, state: _State) -> Iterator[Update]:
        return handlers.ask(engine, str(_values(event, "question")["question"]), *state, t)

    def ask_about(t: Translations, event: gr.EventData, state: _State) -> Iterator[Update]:
        choice = _values(event, "field", "value", "report")
        return handlers.ask(engine, question(engine.catalog, choice, t), *state, t)

    def summarise(
        t: Translations, _: gr.EventData, state: _State, surveyed: survey.Run | None
    ) -> Iterator[Update]:
        if surveyed:
            asked = surveyed.summary(engine.catalog, t)
            yield from handlers.summarise(engine, *asked, *state[1:], t)

    def failed(t: Translations, _: gr.EventData, state: _State) -> Iterator[Update]:
        yield handlers.failed(engine, *state[1:], t)

    def stop(run: Run | None) -> None:
        if run:
            run.stop()

    def wire(trigger: Callable[..., Dependency], updates: Any, *inputs: Any) -> None:
        every = {**QUIET, "concurrency_limit": None}  # The room limits them.
        dependency = trigger(answering(updates), [*state, *inputs], changed, **every)
        dependency.failure(answering(failed), state, changed, **QUIET)

    typed = [parts["question"].submit, parts["go"].click]
    wire(partial(gr.on, typed), ask, parts["question"])
    wire(parts["greeting"].example, ask_example)
    wire(parts["thread"].example, ask_example)
    # The question of a link is asked at once; without one nothing is.
    wire(opened.success, ask, parts["linked"], parts["ignored"])
    wire(parts["thread"].again, again)
    wire(parts["thread"].wider, widen)
    wire(parts["thread"].deeper, deepen)
    wire(parts["thread"].restore, restore)
    wire(parts["thread"].chip, without)
    wire(parts["explore"].ask, ask_about)
    wire(parts["survey"].summarise, summarise, parts["surveyed"])
    parts["stop"].click(stop, parts["run"], None, queue=False, **QUIET)


def _filtered(
    engine: Engine, parts: Parts, chosen: Filters, t: Translations, note: str = "", turn: Any = None
) -> Parts:
    """The chosen filters and all on the page that follows them.

    `note` is a sentence over the chips, `turn` the number of the page's event.
    """
    catalog = engine.catalog
    scope = filters.scope_sentence(catalog, chosen, t)
    return {
        parts["chosen"]: chosen,
        # The totals are those of the same state of the index as the sentence under them.
        parts["facts"]: layout.facts(engine, t),
        parts["scope"]: render("hint.html", t, text=scope),
        parts["facets"]: filters.facet_data(catalog, chosen, t, turn),
        parts["chips"]: filters.render_chips(catalog, chosen, t, note),
    }


def _wire_filters(engine: Engine, page: gr.Blocks, parts: Parts) -> Dependency:
    """Let the filters be chosen; what is returned has set the page up as its address says."""
    following = [parts[name] for name in FOLLOWING]

    def choose(chosen: Filters, request: gr.Request, event: gr.EventData) -> Parts:
        choice = _values(event, "field", "value", "on", "only", "query", "turn")
        chosen = filters.changed(engine.catalog, chosen, choice)
        return _filtered(engine, parts, chosen, translations_of(request), turn=choice["turn"])

    def open_link(query: str, request: gr.Request) -> Parts:
        t = translations_of(request)
        link = filters.read_link(query or "", engine.catalog)
        return {
            parts["panel"]: filters.render_facets(t),
            # Not the question's box: somebody may be typing there already.
            parts["linked"]: link.question,
            parts["ignored"]: link.ignored,
            **_filtered(engine, parts, link.filters, t, filters.link_notice(link, t)),
        }

    def copy(talk: Talk, request: gr.Request) -> str:
        return filters.copied_link(engine.catalog, talk, translations_of(request))

    chosen = [
        # Each event counts: one must not be dropped because another is under way.
        part.choose(choose, parts["chosen"], following, trigger_mode="multiple", **AT_ONCE)
        for part in (parts["panel"], parts["chips"], parts["explore"])
    ]
    copied = parts["link"].click(copy, parts["talk"], parts["copied"], **AT_ONCE)
    copied.success(None, parts["copied"], None, js="(link) => askLabsFilters.copy(link)")
    opened: Dependency = page.load(
        open_link,
        parts["linked"],
        [parts["panel"], parts["linked"], parts["ignored"], *following],
        js="() => location.search",
        **AT_ONCE,
    )
    # The session's state tells Explore of no change that an event outside the queue has made.
    for change in (*chosen, opened):
        change.success(None, js="() => askViews.narrowed()", api_visibility="private")
    opened.success(None, js="() => askReading.arrived()", api_visibility="private")
    return opened


def _wire_history(engine: Engine, parts: Parts) -> None:
    changed = {parts[name] for name in CHANGED}

    def open_conversation(run: Run | None, request: gr.Request, event: gr.EventData) -> Parts:
        sent = _values(event, "id", "turns")
        t = translations_of(request)
        update = history.open_conversation(engine, sent["id"], sent["turns"], run, t)
        return _updated(parts, update)

    def new_conversation(run: Run | None, request: gr.Request) -> Parts:
        return _updated(parts, history.new_conversation(run, translations_of(request)))

    def save_all(conversation_id: str, talk: Talk, event: gr.EventData) -> Parts:
        apart = _values(event, "apart")["apart"]
        return _updated(parts, history.save_all(conversation_id, talk, apart))

    parts["history"].open(open_conversation, parts["run"], changed, **QUIET)
    for trigger in (parts["history"].fresh, parts["clear"].click):
        trigger(new_conversation, parts["run"], changed, **QUIET)
    saved = {parts["conversation_id"], parts["message"]}
    inputs = [parts["conversation_id"], parts["talk"]]
    parts["history"].resend(save_all, inputs, saved, **QUIET)


def _wire_exports(engine: Engine, parts: Parts) -> None:
    def export(talk: Talk, event: gr.EventData) -> str:
        url = engine.settings.report_url
        choice = _values(event, "ending", "last")
        return json.dumps(handlers.download(handlers.answers(talk), **choice, report_url=url))

    exported = parts["exports"].export(export, parts["talk"], parts["file"], **QUIET)
    exported.success(
        None, parts["file"], None, js="(file) => askLabsExports.done(JSON.parse(file))"
    )
    exported.failure(None, None, None, js="() => askLabsExports.failed()")

    def export_survey(run: survey.Run | None, event: gr.EventData) -> str:
        return json.dumps(survey.download(engine, run, _values(event, "ending")["ending"]))

    saved = parts["survey"].export(export_survey, parts["surveyed"], parts["file"], **QUIET)
    saved.success(None, parts["file"], None, js="(file) => askSurvey.saved(JSON.parse(file))")


def _wire_language(engine: Engine, page: gr.Blocks, parts: Parts) -> None:
    """Draw what is on the page from the start in the visitor's language."""
    suggestions = Suggestions(engine)
    names = ["masthead", "history", "greeting", "sources", "exports", "views"]
    names += ["survey_form", "find_form", "brief", "uploads"]
    drawn = [parts[name] for name in names if name in parts]

    def translate(request: gr.Request) -> Parts:
        t = translations_of(request)
        values = layout.first_words(engine, t, suggestions.first(t))
        values["history"] = history.render_history(t, request.username or "")
        return {parts[name]: values[name] for name in names if name in parts}

    def suggest(request: gr.Request) -> Markup:
        t = translations_of(request)
        return layout.greeting(engine, t, suggestions.answered(t))

    translated = page.load(translate, None, drawn, **AT_ONCE)
    # Asking takes seconds at the first visit after an ingest: the page does not wait for it.
    translated.then(suggest, None, parts["greeting"], **QUIET)
    translated.then(None, None, None, js="() => askLabs.setLanguage()")


def _wire_views(engine: Engine, parts: Parts) -> None:
    """Draw the views when they are shown: views.js says which is, and when filters changed."""

    def explore(explored: tuple[str, Filters] | None, chosen: Filters, request: gr.Request) -> Any:
        state = (engine.revision, chosen)
        if explored == state:
            return gr.skip()
        t, quotes = translations_of(request), topic_quotes(engine)
        return shown(render_explore(engine.catalog, chosen, t, quotes)), state

    def find(chosen: Filters, request: gr.Request, event: gr.EventData) -> Any:
        words = _values(event, "words")["words"]
        return shown(render_found(engine, words, chosen, translations_of(request)))

    def quality(request: gr.Request) -> str:
        t = translations_of(request)
        try:
            summary = latest(engine.settings)
        except AskLabsError as error:
            _log.warning("The evaluation can't be shown: %s", error)
            return render_without_run(t, is_unreadable=True)
        if summary is None:
            return render_without_run(t)
        return render_quality(summary, engine.revision, t)

    def show_survey(
        run: survey.Run | None, chosen: Filters, request: gr.Request, event: gr.EventData
    ) -> Iterator[Parts]:
        sent, t = _values(event, "query", "step"), translations_of(request)
        yield {parts["survey"]: gr.skip()}
        for html, now in survey.show(engine, run, sent["query"], chosen, t, sent["step"]):
            yield {parts["survey"]: shown(html), parts["surveyed"]: now}

    def stop_survey(run: survey.Run | None) -> None:
        if run:
            run.stop()

    surveying = [parts["surveyed"], parts["chosen"]], {parts["survey"], parts["surveyed"]}
    # Each counts: the one before it is stopped.
    parts["survey"].survey(show_survey, *surveying, trigger_mode="multiple", **QUIET)
    parts["survey"].stop(stop_survey, parts["surveyed"], None, queue=False, **QUIET)

    def count(talk: Talk, request: gr.Request, event: gr.EventData) -> str:
        turn = _values(event, "turn")["turn"]
        exchange = handlers.exchange_at(talk, turn)
        t = translations_of(request)
        return survey.count_in_text(engine, exchange, t) if exchange else gr.skip()

    # After the answer, one at a time: nobody waits for it.
    counting = {"concurrency_limit": 1, "trigger_mode": "multiple", **QUIET}
    parts["thread"].count(count, parts["talk"], parts["counted"], **counting)
    # One drawing at a time, and after a row of quick changes once more: the last one is drawn. An
    # event that waits so keeps no data of its own.
    state, drawn = [parts["explored"], parts["chosen"]], [parts["explore"], parts["explored"]]
    parts["found"].find(find, parts["chosen"], parts["found"], **QUIET)
    parts["views"].explored(explore, state, drawn, trigger_mode="always_last", **QUIET)
    parts["views"].measured(quality, None, parts["quality"], trigger_mode="always_last", **QUIET)


def _wire_uploads(engine: Engine, parts: Parts) -> None:
    """Take in what is sent, and show the page over the collection as it is then."""
    lock = threading.Lock()

    def upload(request: gr.Request, event: gr.EventData) -> Iterator[Any]:
        yield gr.skip()
        files = _values(event, "files")["files"]
        # Without logins, who opens the page again is somebody else.
        sender = request.username or f"visit {request.session_hash}"
        yield from map(shown, add(engine, lock, files, translations_of(request), sender))

    def refresh(chosen: Filters, request: gr.Request) -> Parts:
        return _filtered(engine, parts, chosen, translations_of(request))

    uploaded = parts["uploads"].sent(upload, None, parts["uploaded"], **QUIET)
    drawn = [parts[name] for name in FOLLOWING]
    uploaded.success(refresh, parts["chosen"], drawn, **AT_ONCE)
    uploaded.failure(None, None, None, js="() => askUploads.failed()", **QUIET)
