"""What happens when answers, reports and the brief are used; wiring only."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from rag.engine import Engine
from ui.web import handlers, history, survey
from ui.web.handlers import Talk
from ui.web.layout import QUIET, Parts, shown, translations_of
from ui.web.reading import brief, report
from ui.web.reading.frozen import freeze
from ui.web.reading.translate import translated
from ui.web.sources import render_sources


def values(event: gr.EventData, *names: str) -> dict[str, Any]:
    """What a browser sends with an event, which may be anything."""
    return {name: getattr(event, name, None) for name in names}


def wire_reading(engine: Engine, parts: Parts) -> None:
    """Wire sources, reports, votes, translations, pins, links and the brief."""

    def show_sources(talk: Talk, request: gr.Request, event: gr.EventData) -> Any:
        turn = values(event, "turn")["turn"]
        exchange = handlers.exchange_at(talk, turn)
        t = translations_of(request)
        return shown(render_sources(exchange.answer, turn, t)) if exchange else gr.skip()

    def open_report(
        talk: Talk, surveyed: survey.Run | None, request: gr.Request, event: gr.EventData
    ) -> str:
        sent = values(event, "report", "passage", "turn", "n")
        quotes = surveyed.quotes(sent) if surveyed else {}
        return report.open_report(engine, talk, sent, translations_of(request), quotes)

    def vote(
        talk: Talk, conversation_id: str, request: gr.Request, event: gr.EventData
    ) -> tuple[Talk, str, Any]:
        sent = values(event, "turn", "vote", "word")
        rated, message = report.vote(engine, talk, sent, translations_of(request))
        saved = gr.skip() if rated == talk else shown(history.save_message(conversation_id, rated))
        return rated, message, saved

    for part in (parts["thread"], parts["live"]):
        part.cite(show_sources, parts["talk"], parts["sources"], **QUIET)
    opening = [parts["talk"], parts["surveyed"]]
    for name in ("thread", "sources", "survey", "explore", "found", "uploaded"):
        if part := parts.get(name):
            part.report(open_report, opening, parts["report"], **QUIET)

    def translate(talk: Talk, request: gr.Request, event: gr.EventData) -> str:
        return translated(engine, talk, values(event, "turn", "n"), translations_of(request))

    asked = parts["sources"].translate(translate, parts["talk"], parts["translated"], **QUIET)
    asked.success(None, parts["translated"], None, js="(text) => askReading.translated(text)")
    asked.failure(None, None, None, js="() => askReading.translated()")
    rated = [parts["talk"], parts["voted"], parts["message"]]
    parts["thread"].vote(vote, [parts["talk"], parts["conversation_id"]], rated, **QUIET)

    def pin(talk: Talk, event: gr.EventData) -> str:
        return json.dumps(brief.pinned_answer(talk, values(event, "turn")["turn"]))

    def write_brief(request: gr.Request, event: gr.EventData) -> str:
        sent = values(event, "ending", "brief")
        return json.dumps(brief.download(engine, sent, translations_of(request)))

    def share(talk: Talk, request: gr.Request, event: gr.EventData) -> str:
        return freeze(engine, talk, values(event, "turn")["turn"], translations_of(request))

    shared = parts["thread"].freeze(share, parts["talk"], parts["copied"], **QUIET)
    shared.success(None, parts["copied"], None, js="(link) => askLabsFilters.copy(link)")
    pinned = parts["thread"].pin(pin, parts["talk"], parts["pinned"], **QUIET)
    pinned.success(None, parts["pinned"], None, js="(pin) => askBrief.add(JSON.parse(pin))")
    written = parts["brief"].brief(write_brief, None, parts["file"], **QUIET)
    written.success(None, parts["file"], None, js="(file) => askBrief.done(JSON.parse(file))")
    written.failure(None, None, None, js="() => askBrief.failed()")
