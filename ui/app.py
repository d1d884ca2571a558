"""The web page: which part is where and what happens when it is used; wiring only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.types import Filters
from ui import exports, filtering, handlers, reading, render
from ui.adding_area import KEPT_UPLOADS, adding_area, wire_adding
from ui.cards import sources
from ui.kept import keep, keeping
from ui.kept_area import block, kept_area, wire_kept
from ui.parts import Parts, box, collection, overlays, sources_panel, talk_area
from ui.picks import question
from ui.run import Run
from ui.speech import words_of
from ui.views import views, wire_views

if TYPE_CHECKING:
    from gradio.events import Dependency

    from rag.engine import Engine

VISITORS = 20  # answers that are written at the same time; more visitors wait their turn
# The parts that asking changes.
CHANGED = (
    *("question", "talk", "run", "thread", "live", "sources", "welcome"),
    *("go", "stop", "tools", "clear", "exports", "kept_id", "says"),
)


def build_app(engine: Engine) -> gr.Blocks:
    """The page over an open engine; what a visitor does stays in that visitor's session."""
    ingests = engine.settings.page_ingest
    page = gr.Blocks(
        title="Ask the Labs",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=KEPT_UPLOADS if ingests else None,
    )
    with page:
        parts: Parts = {"talk": gr.State(()), "run": gr.State(None)}
        parts["chosen"] = gr.State(Filters())
        parts["taken_back"] = gr.State(Filters())
        with gr.Column(elem_id="desk"):
            with gr.Column(elem_id="collection"):
                parts |= collection(engine)
                parts |= adding_area() if ingests else {}
                parts |= kept_area()
            parts |= views()
            with gr.Column(elem_id="talk"):
                parts |= talk_area(engine)
            with gr.Column(elem_id="sources"):
                parts |= sources_panel()
            with gr.Column(elem_id="ask"):
                parts |= box()
            parts |= overlays()
        opened = filtering.wire(engine, page, parts)
        _wire_asking(engine, parts, opened)
        wire_kept(engine, parts, {parts[name] for name in CHANGED}, _drawn)
        _wire_rest(parts)
        _wire_exports(engine, parts)
        _wire_reading(engine, parts)
        _wire_words(engine, page, parts)
        wire_views(engine, page, parts)
        if ingests:
            wire_adding(engine, page, parts)
    page.queue(default_concurrency_limit=VISITORS)
    return page


def _drawn(parts: Parts, update: handlers.Update) -> Parts:
    """An update in Gradio's terms: the new value of each part that changes."""
    values: Parts = {parts[k]: v for k, v in update.items() if k in parts}
    if "busy" in update:
        busy, some = update["busy"], bool(update.get("talk"))
        answered = bool(handlers.answers(update.get("talk", ())))
        values |= {
            parts["go"]: gr.update(visible=not busy),
            parts["stop"]: gr.update(visible=busy),
            parts["welcome"]: gr.update(visible=not (busy or some)),
            parts["tools"]: gr.update(visible=some and not busy),
            parts["exports"]: gr.update(visible=answered),
        }
    return values


def _each(
    parts: Parts, updates: Iterator[handlers.Update], kept_id: str, turn: int
) -> Iterator[Parts]:
    # Of a generator that yields nothing Gradio empties all outputs.
    yield {parts["live"]: gr.skip()}
    for update in keeping(updates, kept_id, turn):
        yield _drawn(parts, update)


def _wire_asking(engine: Engine, parts: Parts, opened: Dependency) -> None:
    narrowed = [parts["chosen"], parts["talk"], parts["run"], parts["kept_id"]]
    changed = {parts[name] for name in CHANGED}
    quiet: Parts = {"show_progress": "hidden", "api_visibility": "private"}

    def ask(
        question: str,
        chosen: Filters,
        talk: handlers.Talk,
        run: Run | None,
        kept_id: str,
        request: gr.Request,
    ) -> Iterator[Parts]:
        updates = handlers.ask(engine, question, chosen, talk, run, words_of(request))
        yield from _each(parts, updates, kept_id, len(talk) + 1)

    def linked(
        question: str,
        ignored: Filters,
        chosen: Filters,
        talk: handlers.Talk,
        run: Run | None,
        kept_id: str,
        request: gr.Request,
    ) -> Iterator[Parts]:
        words = words_of(request)
        updates = handlers.ask(engine, question, chosen, talk, run, words, ignored)
        yield from _each(parts, updates, kept_id, len(talk) + 1)

    def again(
        chosen: Filters,
        talk: handlers.Talk,
        run: Run | None,
        kept_id: str,
        request: gr.Request,
    ) -> Iterator[Parts]:
        updates = handlers.again(engine, chosen, talk, run, words=words_of(request))
        yield from _each(parts, updates, kept_id, len(talk))

    def widen(
        talk: handlers.Talk,
        run: Run | None,
        kept_id: str,
        request: gr.Request,
        event: gr.EventData,
    ) -> Iterator[Parts]:
        turn = _given(event, "turn")["turn"]
        updates = handlers.widen(engine, talk, run, turn, words_of(request))
        yield from _each(parts, updates, kept_id, len(talk))

    def without(
        chosen: Filters,
        talk: handlers.Talk,
        run: Run | None,
        kept_id: str,
        request: gr.Request,
        event: gr.EventData,
    ) -> Iterator[Parts]:
        chip = _given(event, "turn", "field", "value", "back")
        updates = handlers.without(engine, chosen, talk, run, chip, words_of(request))
        yield from _each(parts, updates, kept_id, len(talk))

    def put(
        chosen: Filters,
        talk: handlers.Talk,
        run: Run | None,
        kept_id: str,
        request: gr.Request,
        event: gr.EventData,
    ) -> Iterator[Parts]:
        words = words_of(request)
        asked = question(engine.catalogue, _given(event, "field", "value", "report"), words)
        updates = handlers.ask(engine, asked, chosen, talk, run, words)
        yield from _each(parts, updates, kept_id, len(talk) + 1)

    def failed(
        talk: handlers.Talk, run: Run | None, kept_id: str, request: gr.Request
    ) -> Iterator[Parts]:
        update = handlers.failed(engine, talk, run, words_of(request))
        yield from _each(parts, iter((update,)), kept_id, len(talk) + 1)

    asked = [
        gr.on(
            [parts["question"].submit, parts["go"].click],
            ask,
            [parts["question"], *narrowed],
            changed,
            **quiet,
        )
    ]
    asked += [
        example.click(ask, [example, *narrowed], changed, **quiet) for example in parts["examples"]
    ]
    # The question of a link is asked at once; without one nothing is.
    given = [parts["linked"], parts["taken_back"], *narrowed]
    asked.append(opened.success(linked, given, changed, **quiet))
    asked.append(parts["thread"].again(again, narrowed, changed, **quiet))
    asked.append(parts["thread"].wider(widen, narrowed[1:], changed, **quiet))
    asked.append(parts["thread"].chip(without, narrowed, changed, **quiet))
    asked.append(parts["explore"].put(put, narrowed, changed, **quiet))
    for event in asked:
        event.failure(failed, narrowed[1:], changed, **quiet)
    parts["stop"].click(handlers.stop, parts["run"], None, queue=False, **quiet)


def _wire_rest(parts: Parts) -> None:
    quiet: Parts = {"show_progress": "hidden", "api_visibility": "private"}

    def cited(talk: handlers.Talk, request: gr.Request, event: gr.EventData) -> Any:
        return handlers.show(talk, event.turn, words_of(request)).get("sources", gr.skip())

    for part in (parts["thread"], parts["live"]):
        part.cite(cited, parts["talk"], parts["sources"], **quiet)


def _wire_exports(engine: Engine, parts: Parts) -> None:
    quiet: Parts = {"show_progress": "hidden", "api_visibility": "private"}

    def export(talk: handlers.Talk, event: gr.EventData) -> str:
        ending, last = (getattr(event, name, None) for name in ("ending", "last"))
        url = engine.settings.report_url
        return json.dumps(exports.download(handlers.answers(talk), ending, last, url))

    made = parts["exports"].export(export, parts["talk"], parts["file"], **quiet)
    made.success(None, parts["file"], None, js="(file) => askLabsExports.done(JSON.parse(file))")
    made.failure(None, None, None, js="() => askLabsExports.failed()")


def _wire_reading(engine: Engine, parts: Parts) -> None:
    quiet: Parts = {"show_progress": "hidden", "api_visibility": "private"}

    def opened(talk: handlers.Talk, request: gr.Request, event: gr.EventData) -> str:
        wanted = _given(event, "report", "passage", "turn", "n")
        return reading.opened(engine, talk, wanted, words_of(request))

    def voted(
        talk: handlers.Talk, kept_id: str, request: gr.Request, event: gr.EventData
    ) -> tuple[handlers.Talk, str, Any]:
        given = _given(event, "turn", "vote", "word")
        rated, said = reading.voted(engine, talk, given, words_of(request))
        return rated, said, gr.skip() if rated == talk else keep(kept_id, rated)

    for name in ("thread", "sources", "explore", "added"):
        if part := parts.get(name):
            part.report(opened, parts["talk"], parts["report"], **quiet)
    rated = [parts["talk"], parts["said"], parts["says"]]
    parts["thread"].vote(voted, [parts["talk"], parts["kept_id"]], rated, **quiet)


def _given(event: gr.EventData, *names: str) -> dict[str, Any]:
    """What a browser says with an event; it may say anything."""
    return {name: getattr(event, name, None) for name in names}


def _wire_words(engine: Engine, page: gr.Blocks, parts: Parts) -> None:
    """Say what is on the page from the start in the visitor's language."""
    catalogue, name = engine.catalogue, engine.settings.index.name
    examples = parts["examples"]

    def spoken(request: gr.Request) -> Parts:
        words = words_of(request)
        questions = handlers.examples(catalogue, words)
        return {
            parts["masthead"]: render.masthead(words),
            parts["kept"]: block(words, request.username or ""),
            parts["facts"]: render.collection(catalogue.reports, name, engine.revision, words),
            parts["greeting"]: render.welcome(len(catalogue.reports), words),
            parts["sources"]: sources(None, 0, words),
            parts["exports"]: exports.menu(words),
            **dict(zip(examples, questions, strict=True)),
        }

    names = ("masthead", "kept", "facts", "greeting", "sources", "exports")
    drawn = [parts[name] for name in names]
    # Not queued: it must be done before anything can have been asked.
    quiet: Parts = {"show_progress": "hidden", "api_visibility": "private"}
    said = page.load(spoken, None, [*drawn, *examples], queue=False, **quiet)
    said.then(None, None, None, js="() => askLabs.speak()")
