"""Where reports are added on the page, and what happens when they are; only if a setting says so.

Files go to Gradio's own folder for uploads first, of a size that `serving.launch` limits, and are
deleted there when they have been taken in, or an hour later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import gradio as gr

from rag.catalog.fields import Filters
from ui.web import answer as render
from ui.web import filtering
from ui.web.layout import (
    QUIET,
    Parts,
    html,
    shown,
    translations_of,
)
from ui.web.uploads import Adding, add, form

if TYPE_CHECKING:
    from rag.engine import Engine


# How often, and from which age on, in seconds, files are deleted that nobody has taken in.
KEPT_UPLOADS = (600, 3600)
_FORM = "askAdding.mount(element, upload, (files) => trigger('sent', { files }));"
_TOLD = (
    "watch('value', () => askAdding.told(element)); "
    "askReading.wire(element, (name, at) => trigger(name, at), ['report']);"
)


def adding_area() -> Parts:
    """The folded area in which files are chosen, and what is told of them."""
    with gr.Column(elem_id="adding"):
        return {
            "adding": html(form(), js_on_load=_FORM),
            "added": html("", js_on_load=_TOLD, elem_id="added"),
        }


def wire_adding(engine: Engine, page: gr.Blocks, parts: Parts) -> None:
    """Take in what is sent, and show the page over the collection as it is then."""
    adding = Adding(engine)

    def added(request: gr.Request, event: gr.EventData) -> Iterator[str | dict[str, object]]:
        yield gr.skip()
        files = getattr(event, "files", None)
        yield from map(shown, add(adding, engine, files, translations_of(request)))

    def renewed(chosen: Filters, request: gr.Request) -> Parts:
        t, catalog = translations_of(request), engine.catalog
        name = engine.settings.index.name
        return {
            parts["facts"]: render.collection(catalog.reports, name, engine.revision, t),
            parts["greeting"]: render.welcome(len(catalog.reports), t),
            **filtering.drawn(engine, parts, chosen, t),
        }

    def spoken(request: gr.Request) -> str:
        return form(translations_of(request))

    done = parts["adding"].sent(added, None, parts["added"], **QUIET)
    drawn = [parts[name] for name in ("facts", "greeting", *filtering.FOLLOWING)]
    done.success(renewed, parts["chosen"], drawn, queue=False, **QUIET)
    done.failure(None, None, None, js="() => askAdding.failed()", **QUIET)
    page.load(spoken, None, parts["adding"], queue=False, **QUIET)
