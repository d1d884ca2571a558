"""The block of kept conversations on the page: its words, and what happens when it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from rag.i18n.translations import Translations, marked
from ui.web import handlers, kept
from ui.web.conversation import Run
from ui.web.layout import QUIET, Parts, html, translations_of

if TYPE_CHECKING:
    from rag.engine import Engine


_PEN = '<path d="M3 13l.7-3L10.6 3l2.4 2.4L6 12.3z"/>'
_BIN = '<path d="M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.6 9h5.8l.6-9"/>'
_START = (
    "const send = { open: (at) => trigger('open', at), fresh: () => trigger('fresh'), "
    "whole: (at) => trigger('whole', at) };"
    "watch('value', () => askKept.start(element, send));"
)
_HEAR = "watch('value', () => askKept.hear(props.value));"
# What the browser says of them, by its own names.
_SAID = {
    "kept": marked("Kept in this browser only."),
    "none": marked("No conversation has these words."),
    "rename": marked("Rename “{name}”"),
    "delete": marked("Delete “{name}”"),
    "sure": marked("Delete “{name}”?"),
    "untitled": marked("Conversation"),
    "busy": kept.BUSY,
    "failed": marked(
        "This browser could not keep the answer ({why}). It stays on this page until you "
        "leave it; save it as a file. All that was kept before is still there."
    ),
    "full": marked("its space for this page is used up"),
    "closed": marked(
        "This browser keeps no conversations for this page ({why}). Save what you need."
    ),
    "unread": marked("This conversation could not be read from this browser ({why})."),
    "unchanged": marked("This browser could not change the list ({why})."),
    "parted": marked(
        "Another tab has gone on with this conversation, so it is kept here as a new one."
    ),
}


def kept_area() -> Parts:
    """The list of conversations; empty until the page knows whose browser it is."""
    area = html("", js_on_load=_START, elem_id="kept")
    # What is said to the browser never becomes a part of the page.
    says = html("", js_on_load=_HEAR, html_template="<!-- -->", elem_id="says")
    return {"kept": area, "says": says, "kept_id": gr.State("")}


def block(t: Translations, name: str) -> str:
    """The block without its conversations, which the browser knows; `name` is who logged in."""
    said = {key: t.gettext(message) for key, message in _SAID.items()}
    title, new = t.gettext("Conversations"), t.gettext("New conversation")
    look, drop = t.gettext("Search conversations"), t.gettext("Delete")
    keep, named = t.gettext("Keep"), t.gettext("Name of the conversation")
    retry, close = t.gettext("Try again"), t.gettext("Close")
    every = t.gettext("Show all")
    return (
        f'<details class="kept" data-owner="{escape(name)}" '
        f'data-words="{escape(json.dumps(said, ensure_ascii=False))}" hidden>'
        f"<summary>{title}</summary>"
        f'<button type="button" class="new quiet-button" hidden>{new}</button>'
        f'<input type="search" class="look" aria-label="{escape(look)}" '
        f'placeholder="{escape(look)}" hidden>'
        f'<ul></ul><button type="button" class="more quiet-button" hidden>{every}</button>'
        f'<p class="hint"></p></details>'
        f'<div class="trouble" role="alert" hidden><p></p>'
        f'<button type="button" class="retry quiet-button" hidden>{retry}</button>'
        f'<button type="button" class="close quiet-button">{close}</button></div>'
        f"{_signed_in(name, t)}"
        f'<template class="row"><li><button type="button" class="open" dir="auto"></button>'
        f'<button type="button" class="rename">{_icon(_PEN)}</button>'
        f'<button type="button" class="delete">{_icon(_BIN)}</button></li></template>'
        f'<template class="renaming"><form class="renaming"><input dir="auto" maxlength="120" '
        f'aria-label="{escape(named)}"></form></template>'
        f'<template class="asking"><div role="group" class="asking"><p></p>'
        f'<button type="button" class="quiet-button sure">{drop}</button>'
        f'<button type="button" class="quiet-button not">{keep}</button></div></template>'
    )


def _icon(path: str) -> str:
    return f'<svg viewBox="0 0 16 16" aria-hidden="true">{path}</svg>'


def _signed_in(name: str, t: Translations) -> str:
    if not name:
        return ""
    who = t.gettext("Signed in as {name}").format(name=f"<bdi>{escape(name)}</bdi>")
    out = t.gettext("Sign out")
    return f'<p class="signed">{who} · <a href="logout">{out}</a></p>'


def wire_kept(
    engine: Engine,
    parts: Parts,
    changed: set[gr.Component],
    drawn: Callable[[Parts, handlers.Update], Parts],
) -> None:
    """What opening a conversation, starting one, and keeping all of one does."""

    def opened(run: Run | None, request: gr.Request, event: gr.EventData) -> Parts:
        ident, turns = getattr(event, "id", None), getattr(event, "turns", None)
        return drawn(parts, kept.opened(engine, ident, turns, run, translations_of(request)))

    def fresh(run: Run | None, request: gr.Request) -> Parts:
        return drawn(parts, kept.fresh(run, translations_of(request)))

    def whole(ident: str, talk: handlers.Talk, event: gr.EventData) -> Parts:
        return drawn(parts, kept.again(ident, talk, getattr(event, "apart", False)))

    parts["kept"].open(opened, parts["run"], changed, **QUIET)
    for begin in (parts["kept"].fresh, parts["clear"].click):
        begin(fresh, parts["run"], changed, **QUIET)
    parts["kept"].whole(
        whole, [parts["kept_id"], parts["talk"]], {parts["kept_id"], parts["says"]}, **QUIET
    )
