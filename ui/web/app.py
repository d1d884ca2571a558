"""The web page: which part is where and what happens when it is used; wiring only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.catalog.fields import Filters
from rag.i18n.translations import Translations
from ui.web import answer as render
from ui.web import exports, filtering, handlers
from ui.web import report as reading
from ui.web.conversation import Run
from ui.web.explore import question
from ui.web.kept import keep, keeping
from ui.web.kept_area import block, kept_area, wire_kept
from ui.web.layout import (
    QUIET,
    Parts,
    box,
    collection,
    overlays,
    shown,
    sources_panel,
    talk_area,
    translations_of,
)
from ui.web.sources import sources
from ui.web.uploads_area import KEPT_UPLOADS, adding_area, wire_adding
from ui.web.views import views, wire_views

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
    values: Parts = {parts[k]: shown(v) for k, v in update.items() if k in parts}
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """An event of a visitor: filters, conversation and run, what the browser says, more values."""

    state: tuple[Filters, handlers.Talk, Run | None]
    t: Translations
    event: gr.EventData
    given: tuple[Any, ...]


def _wire_asking(engine: Engine, parts: Parts, opened: Dependency) -> None:
    state = [parts[name] for name in ("chosen", "talk", "run", "kept_id")]
    changed = {parts[name] for name in CHANGED}

    def answering(
        updates: Callable[[_Asked], Iterator[handlers.Update]], new: bool = True
    ) -> Callable[..., Iterator[Parts]]:
        """What an event does whose updates answer a `new` question, or the last one again."""

        def answer(
            request: gr.Request,
            event: gr.EventData,
            chosen: Filters,
            talk: handlers.Talk,
            run: Run | None,
            kept_id: str,
            *given: Any,
        ) -> Iterator[Parts]:
            asked = _Asked((chosen, talk, run), translations_of(request), event, given)
            yield from _each(parts, updates(asked), kept_id, len(talk) + new)

        return answer

    def ask(asked: _Asked) -> Iterator[handlers.Update]:
        text, *ignored = asked.given
        return handlers.ask(engine, text, *asked.state, asked.t, *ignored)

    def again(asked: _Asked) -> Iterator[handlers.Update]:
        return handlers.again(engine, *asked.state, asked.t)

    def widen(asked: _Asked) -> Iterator[handlers.Update]:
        turn = _given(asked.event, "turn")["turn"]
        return handlers.widen(engine, *asked.state[1:], turn, asked.t)

    def without(asked: _Asked) -> Iterator[handlers.Update]:
        chip = _given(asked.event, "turn", "field", "value", "back")
        return handlers.without(engine, *asked.state, chip, asked.t)

    def put(asked: _Asked) -> Iterator[handlers.Update]:
        pick = _given(asked.event, "field", "value", "report")
        text = question(engine.catalog, pick, asked.t)
        return handlers.ask(engine, text, *asked.state, asked.t)

    def failed(asked: _Asked) -> Iterator[handlers.Update]:
        return iter((handlers.failed(engine, *asked.state[1:], asked.t),))

    def wired(event: Callable[..., Dependency], answer: Any, *given: Any) -> None:
        asked = event(answer, [*state, *given], changed, **QUIET)
        asked.failure(answering(failed), state, changed, **QUIET)

    typed = [parts["question"].submit, parts["go"].click]
    wired(partial(gr.on, typed), answering(ask), parts["question"])
    for example in parts["examples"]:
        wired(example.click, answering(ask), example)
    # The question of a link is asked at once; without one nothing is.
    wired(opened.success, answering(ask), parts["linked"], parts["taken_back"])
    wired(parts["thread"].again, answering(again, new=False))
    wired(parts["thread"].wider, answering(widen, new=False))
    wired(parts["thread"].chip, answering(without, new=False))
    wired(parts["explore"].put, answering(put))
    parts["stop"].click(handlers.stop, parts["run"], None, queue=False, **QUIET)


def _wire_exports(engine: Engine, parts: Parts) -> None:
    def export(talk: handlers.Talk, event: gr.EventData) -> str:
        ending, last = (getattr(event, name, None) for name in ("ending", "last"))
        url = engine.settings.report_url
        return json.dumps(exports.download(handlers.answers(talk), ending, last, url))

    made = parts["exports"].export(export, parts["talk"], parts["file"], **QUIET)
    made.success(None, parts["file"], None, js="(file) => askLabsExports.done(JSON.parse(file))")
    made.failure(None, None, None, js="() => askLabsExports.failed()")


def _wire_reading(engine: Engine, parts: Parts) -> None:
    def cited(talk: handlers.Talk, request: gr.Request, event: gr.EventData) -> Any:
        return shown(
            handlers.show(talk, event.turn, translations_of(request)).get("sources", gr.skip())
        )

    def opened(talk: handlers.Talk, request: gr.Request, event: gr.EventData) -> str:
        wanted = _given(event, "report", "passage", "turn", "n")
        return reading.opened(engine, talk, wanted, translations_of(request))

    def voted(
        talk: handlers.Talk, kept_id: str, request: gr.Request, event: gr.EventData
    ) -> tuple[handlers.Talk, str, Any]:
        given = _given(event, "turn", "vote", "word")
        rated, said = reading.voted(engine, talk, given, translations_of(request))
        return rated, said, gr.skip() if rated == talk else shown(keep(kept_id, rated))

    for part in (parts["thread"], parts["live"]):
        part.cite(cited, parts["talk"], parts["sources"], **QUIET)
    for name in ("thread", "sources", "explore", "added"):
        if part := parts.get(name):
            part.report(opened, parts["talk"], parts["report"], **QUIET)
    rated = [parts["talk"], parts["said"], parts["says"]]
    parts["thread"].vote(voted, [parts["talk"], parts["kept_id"]], rated, **QUIET)


def _given(event: gr.EventData, *names: str) -> dict[str, Any]:
    """What a browser says with an event; it may say anything."""
    return {name: getattr(event, name, None) for name in names}


def _wire_words(engine: Engine, page: gr.Blocks, parts: Parts) -> None:
    """Say what is on the page from the start in the visitor's language."""
    catalog, name = engine.catalog, engine.settings.index.name
    examples = parts["examples"]

    def spoken(request: gr.Request) -> Parts:
        t = translations_of(request)
        questions = handlers.examples(catalog, t)
        return {
            parts["masthead"]: render.masthead(t),
            parts["kept"]: block(t, request.username or ""),
            parts["facts"]: render.collection(catalog.reports, name, engine.revision, t),
            parts["greeting"]: render.welcome(len(catalog.reports), t),
            parts["sources"]: sources(None, 0, t),
            parts["exports"]: exports.menu(t),
            **dict(zip(examples, questions, strict=True)),
        }

    names = ("masthead", "kept", "facts", "greeting", "sources", "exports")
    drawn = [parts[name] for name in names]
    # Not queued: it must be done before anything can have been asked.
    said = page.load(spoken, None, [*drawn, *examples], queue=False, **QUIET)
    said.then(None, None, None, js="() => askLabs.speak()")
