"""The views beside the conversation: their places on the page, and when they are drawn.

Which view is shown is the browser's affair (views.js): it asks the server to draw one when it is
shown, and again when the filters have changed.
"""

from __future__ import annotations

import logging
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from eval.report.summary import latest
from rag.catalog.fields import Filters
from rag.errors import AskLabsError
from rag.i18n.translations import ENGLISH, Translations, marked
from ui.web.explore import explore
from ui.web.layout import (
    QUIET,
    Parts,
    html,
    shown,
    translations_of,
)
from ui.web.quality import quality, unreadable, without_run

if TYPE_CHECKING:
    from gradio.events import Dependency

    from rag.engine import Engine


_log = logging.getLogger(__name__)
Drawn = tuple[str, Filters]
VIEWS = {"ask": marked("Ask"), "explore": marked("Explore"), "quality": marked("Quality")}
_VIEW = (
    "askViews.start({explore: () => trigger('explored'), quality: () => trigger('measured')}); "
    "watch('value', () => askViews.mark());"
)
_EXPLORE = (
    "askViews.mount(element, {choose: (at) => trigger('choose', at), "
    "put: (at) => trigger('put', at)}); watch('value', () => askViews.drawn()); "
    "askReading.wire(element, (name, at) => trigger(name, at), ['report']);"
)


def navigation(t: Translations = ENGLISH) -> str:
    """The links to the views; the browser says which is the current one."""
    links = "".join(
        f'<a href="#/{"" if name == "ask" else name}" data-view="{name}">{t.gettext(label)}</a>'
        for name, label in VIEWS.items()
    )
    return f'<nav aria-label="{escape(t.gettext("Views"))}">{links}</nav>'


def views() -> Parts:
    """The navigation over the conversation, and the two views that take its place."""
    # Of which state of the index and which filters Explore was drawn.
    parts: Parts = {"drawn": gr.State(None)}
    parts["views"] = html(navigation(), js_on_load=_VIEW, elem_id="views")
    with gr.Column(elem_id="explore"):
        parts["explore"] = html("", js_on_load=_EXPLORE)
    with gr.Column(elem_id="quality"):
        parts["quality"] = html("")
    return parts


def wire_views(engine: Engine, page: gr.Blocks, parts: Parts) -> None:
    """Draw the views when they are shown."""

    def explored(drawn: Drawn | None, chosen: Filters, request: gr.Request) -> Any:
        now = (engine.revision, chosen)
        if drawn == now:
            return gr.skip()
        return shown(explore(engine.catalog, chosen, translations_of(request))), now

    def measured(request: gr.Request) -> str:
        return _measured(engine, translations_of(request))

    def spoken(request: gr.Request) -> str:
        return navigation(translations_of(request))

    # One drawing at a time, and after a row of quick changes once more: the last one is drawn. An
    # event that waits so keeps no data of its own.
    state, drawn = [parts["drawn"], parts["chosen"]], [parts["explore"], parts["drawn"]]
    parts["views"].explored(explored, state, drawn, trigger_mode="always_last", **QUIET)
    parts["views"].measured(measured, None, parts["quality"], trigger_mode="always_last", **QUIET)
    page.load(spoken, None, parts["views"], queue=False, **QUIET)


def followed(choosing: Dependency) -> None:
    """Draw Explore again, where it is shown, after what has changed the filters.

    The session's state tells of no change that an event outside the queue has made.
    """
    choosing.success(None, js="() => askViews.narrowed()", api_visibility="private")


def _measured(engine: Engine, t: Translations) -> str:
    """The Quality view of the latest run, which may have been made a moment ago."""
    try:
        summary = latest(engine.settings)
    except AskLabsError as error:
        _log.warning("The evaluation can't be shown: %s", error)
        return unreadable(t)
    if summary is None:
        return without_run(engine.settings.index.name, t)
    return quality(summary, engine.revision, t)
