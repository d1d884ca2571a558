"""The parts of the page, area by area: what stands where before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.i18n import I18nData

from rag.i18n.translations import (
    Translations,
    languages,
    translations_accepted,
    translations_for,
)
from ui.web import answer as render
from ui.web import exports, handlers
from ui.web import filters as facets
from ui.web import sources as cards
from ui.web.links import LONGEST_QUESTION

if TYPE_CHECKING:
    from rag.engine import Engine


Parts = dict[str, Any]
# What most events are wired with: no spinner, and no part of a programming interface.
QUIET: Parts = {"show_progress": "hidden", "api_visibility": "private"}
_CITE = "element.addEventListener('click', (e) => askLabs.clicked(e, (at) => trigger('cite', at)));"
_CHIP = "element.addEventListener('click', (e) => askLabs.chosen(e, (at) => trigger('chip', at)));"
_EXPORT = (
    "element.addEventListener('click', "
    "(e) => askLabsExports.clicked(e, (at) => trigger('export', at)));"
)
_GREW = "watch('value', () => askLabs.grew()); " + _CITE
_CHOOSE = (
    "askLabsFilters.panel(element, (what) => trigger('choose', what)); "
    "watch('value', () => askLabsFilters.draw());"
)
_FACETS = "watch('value', () => askLabsFilters.show(props.value));"
_PICKED = (
    "askLabsFilters.picked(element, (what) => trigger('choose', what)); "
    "watch('value', () => askLabsFilters.repicked(element));"
)
_SHOWN = "watch('value', () => askLabs.shown());"
# What reading.js makes of a click: it names the event, and gives what the server needs of it.
_ROW = (
    "watch('value', () => askReading.drawn(element)); "
    "askReading.wire(element, (name, at) => trigger(name, at), ['again', 'wider', 'vote']);"
)
_REPORT = "askReading.wire(element, (name, at) => trigger(name, at), ['report']);"
_OPENED = "watch('value', () => askReading.opened(element));"
_SAID = "watch('value', () => askReading.said(element));"


def html(value: str, **given: Any) -> gr.HTML:
    """Escaped HTML of our own, in our own style."""
    return gr.HTML(value, apply_default_css=False, **given)


def shown(value: Any) -> Any:
    """A new value of a part that other events leave as it is or only hide.

    Given as it stands, Gradio 6 would keep each value of such a part until the visitor goes.
    """
    # An update makes a part anew under another id; a bare value is then kept under each such id.
    is_update = isinstance(value, dict) and "__type__" in value
    return value if is_update else gr.update(value=value)


def collection(engine: Engine) -> Parts:
    """The left area: what the collection is, and its filters."""
    catalog = engine.catalog
    masthead = html(render.masthead())
    facts = html(render.collection(catalog.reports, engine.settings.index.name, engine.revision))
    unfold = gr.Button(LABELS.gettext("Filters"), elem_id="unfold", elem_classes="quiet-button")
    unfold.click(None, js="() => askLabsFilters.unfold()", api_visibility="private")
    with gr.Column(elem_id="filters"):
        parts = {
            "scope": html(""),
            "panel": html(facets.frame(), js_on_load=_CHOOSE),
            # Never drawn: what stands in the panel comes this way, as JSON.
            "facets": gr.HTML("", html_template="", js_on_load=_FACETS, elem_id="facets-data"),
        }
    return parts | {"masthead": masthead, "facts": facts}


def talk_area(engine: Engine) -> Parts:
    """The middle area: questions and answers, or examples of questions."""
    with gr.Column(elem_id="welcome") as welcome:
        greeting = html(render.welcome(len(engine.catalog.reports)))
        with gr.Column(elem_id="examples"):
            examples = [gr.Button(text) for text in handlers.examples(engine.catalog)]
    thread = html("", js_on_load=_GREW + _CHIP + _ROW + _REPORT, elem_id="thread")
    # The growing answer is a part of its own: what is finished is not drawn again for each word.
    live = html("", js_on_load=_GREW, elem_id="live")
    parts = {"welcome": welcome, "greeting": greeting, "examples": examples}
    return parts | {"thread": thread, "live": live}


def sources_panel() -> Parts:
    """The right area: what the answer rests on."""
    return {"sources": html(cards.sources(None, 0), js_on_load=_SHOWN + _REPORT)}


def overlays() -> Parts:
    """What lies over the page: a whole report; and what is told of a vote, put where it belongs."""
    report = html("", js_on_load=_OPENED, elem_id="report")
    return {"report": report, "said": html("", js_on_load=_SAID, elem_id="said")}


def box() -> Parts:
    """Where a question is typed, and what can be done with the conversation."""
    picked = html("", js_on_load=_PICKED, elem_id="picked")
    with gr.Row(elem_id="box"):
        question = gr.Textbox(
            label=LABELS.gettext("Your question"),
            show_label=False,
            placeholder=LABELS.gettext("Ask the labs a question"),
            lines=1,
            max_lines=6,
            max_length=LONGEST_QUESTION,
            autofocus=True,
            container=False,
            elem_id="question",
        )
        go = gr.Button(LABELS.gettext("Ask"), variant="primary", elem_id="go")
        stop = gr.Button(LABELS.gettext("Stop"), elem_id="stop", visible=False)
    with gr.Row(elem_id="tools", visible=False) as tools:
        parts = {
            "tools": tools,
            "clear": gr.Button(LABELS.gettext("New conversation"), elem_classes="quiet-button"),
            "link": gr.Button(
                LABELS.gettext("Copy link"), elem_id="copy-link", elem_classes="quiet-button"
            ),
        }
        parts["exports"] = html(exports.menu(), js_on_load=_EXPORT, elem_id="exports")
    file = gr.Textbox(visible="hidden", elem_id="file", label=LABELS.gettext("File to save"))
    # What the page was opened with, and what is copied as a link to it.
    linked = gr.Textbox(visible="hidden", label=LABELS.gettext("Linked question"))
    copied = gr.Textbox(visible="hidden", label=LABELS.gettext("Link"))
    parts |= {"picked": picked, "linked": linked, "copied": copied}
    return {"question": question, "go": go, "stop": stop, "file": file} | parts


# The language of the page: its words as a visitor's browser asks for them.


class _Labels(Translations):
    """Makes labels that the browser translates: Gradio's parts are the same for all visitors."""

    def gettext(self, message: str) -> I18nData:  # type: ignore[override]
        return I18nData(message)


LABELS = _Labels()


def translations_of(request: gr.Request | None) -> Translations:
    """The first of a visitor's languages that the product speaks, else English."""
    return translations_accepted(str(request.headers.get("accept-language", "")) if request else "")


def translations(page: gr.Blocks) -> gr.I18n:
    """The labels of a page's parts in all languages, for the browser to choose from."""
    # The words on a button are its value, which Gradio keeps as they were given only here.
    given = [
        value
        for block in page.blocks.values()
        for values in (vars(block), *block._constructor_args)
        for value in values.values()
    ]
    labels = {value.key for value in given if isinstance(value, I18nData)}
    return gr.I18n(
        **{
            code: {one: translations_for(code).gettext(one) for one in labels}
            for code in languages()
        }
    )
