"""The parts of the page, area by area, as they stand before anything is asked; and its style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData
from markupsafe import Markup

from ingest.uploads import LARGEST_UPLOAD
from rag.engine import Engine
from rag.errors import InputError
from rag.export.formats import FORMATS
from rag.i18n.labels import reports_and_labs
from rag.i18n.translations import (
    Translations,
    is_right_to_left,
    language_code,
    languages,
    marked,
    translations_accepted,
    translations_for,
)
from rag.watch import Watch, load_watches
from ui.rendering import render
from ui.web.answer import render_collection
from ui.web.filters import LONGEST_QUESTION, render_facets
from ui.web.reading.brief import render_brief
from ui.web.sources import render_sources
from ui.web.suggestions import SURVEY, Example
from ui.web.uploads import FAILED

Parts = dict[str, Any]
# What most events are wired with: no spinner, and no part of a programming interface.
QUIET: Parts = {"show_progress": "hidden", "api_visibility": "private"}

STATIC = Path(__file__).parents[1] / "static"
# Each has a style sheet and a script; the sheet of the page comes first.
AREAS = (
    *("page", "exports", "filters", "reading", "views", "survey", "brief", "history"),
    "uploads",
)
SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
# The sign of the product is its unit of trust: a numbered citation.
FAVICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect "
    "width='32' height='32' rx='7' fill='%230b5a62'/%3E%3Cpath d='M10 8H7v16h3M22 8h3v16h-3M14 "
    "12l3-2v12' fill='none' stroke='white' stroke-width='2.4'/%3E%3C/svg%3E"
)

# What the browser does with a part once it is there, and when its value changes.
_ON_CLICK = "element.addEventListener('click', (e) => {}(e, (at) => trigger('{}', at)));"
_CITE = _ON_CLICK.format("askLabs.clicked", "cite")
_CHIP = _ON_CLICK.format("askLabs.chosen", "chip")
_GREW = "watch('value', () => askLabs.grew()); " + _CITE
_SHOWN = "watch('value', () => askLabs.shown());"
_EXAMPLE = _ON_CLICK.format("askLabs.suggested", "example")
_EXPORT = _ON_CLICK.format("askLabsExports.clicked", "export")
_CHOOSE = (
    "askLabsFilters.panel(element, (what) => trigger('choose', what)); "
    "watch('value', () => askLabsFilters.draw());"
)
_FACETS = "watch('value', () => askLabsFilters.show(props.value));"
_CHIPS = (
    "askLabsFilters.mountChips(element, (what) => trigger('choose', what)); "
    "watch('value', () => askLabsFilters.chipsDrawn(element));"
)
# reading.js names the event that a click becomes, and gives what the server needs of it.
_ROW = (
    "watch('value', () => askReading.drawn(element)); "
    "askReading.wire(element, (name, at) => trigger(name, at), "
    "['again', 'wider', 'deeper', 'vote', 'restore', 'freeze']);"
)
_LISTED = "watch('value', () => askSurvey.answered(element, (at) => trigger('count', at)));"
_COUNTED = "watch('value', () => askSurvey.counted(props.value));"
_REPORT = "askReading.wire(element, (name, at) => trigger(name, at), ['report']);"
_OPENED = "watch('value', () => askReading.opened(element));"
_VOTED = "watch('value', () => askReading.voteSaved(element));"
_HISTORY = (
    "const send = { open: (at) => trigger('open', at), fresh: () => trigger('fresh'), "
    "resend: (at) => trigger('resend', at) };"
    "watch('value', () => askHistory.start(element, send));"
)
_MESSAGE = "watch('value', () => askHistory.receive(props.value));"
_VIEWS = (
    "askViews.start({explore: () => trigger('explored'), quality: () => trigger('measured'), "
    "brief: () => askBrief.arrived(), survey: (anew) => askSurvey.go(anew)}); "
    "watch('value', () => askViews.mark());"
)
_EXPLORE = (
    "askViews.mount(element, {choose: (at) => trigger('choose', at), "
    "ask: (at) => trigger('ask', at)}); watch('value', () => askViews.drawn()); " + _REPORT
)
_FOUND = "askViews.finds((what) => trigger('find', what)); " + _REPORT
_BRIEF = (
    "askBrief.mount(element, (what) => trigger('brief', what)); "
    "watch('value', () => askBrief.arrived());"
)
_PIN = "askBrief.answers((at) => trigger('pin', at));"
_SURVEY = (
    "askSurvey.mount(element, {survey: (at) => trigger('survey', at), "
    "stop: () => trigger('stop'), save: (at) => trigger('export', at), "
    "summarise: () => trigger('summarise')}); "
    "watch('value', () => askSurvey.drawn()); " + _REPORT
)
_UPLOAD = "askUploads.mount(element, upload, (files) => trigger('sent', { files }));"
_UPLOADED = "watch('value', () => askUploads.updated(element)); " + _REPORT


def html(value: str, **options: Any) -> gr.HTML:
    """Escaped HTML of our own, in our own style."""
    return gr.HTML(value, apply_default_css=False, **options)


def shown(value: Any) -> Any:
    """A new value of a part that other events leave as it is or only hide.

    Gradio 6 would keep each bare value of such a part until the visitor goes.
    """
    # An update makes a part anew under another id; a bare value is then kept under each such id.
    is_update = isinstance(value, dict) and "__type__" in value
    return value if is_update else gr.update(value=value)


def facts(engine: Engine, t: Translations) -> Markup:
    """What the collection is as the index stands now."""
    news: list[Watch] = []
    with suppress(InputError):  # A damaged file of standing questions is told by their command.
        news = [watch for watch in load_watches(engine.settings.index) if watch.news]
    return render_collection(
        engine.catalog, engine.settings.index.name, engine.revision, t, news=news
    )


def greeting(engine: Engine, t: Translations, examples: Sequence[Example] = ()) -> Markup:
    """What stands before the first question, with an example of each kind of question."""
    counts = reports_and_labs(len(engine.catalog.reports), len(engine.catalog.labs()), t)
    return render("welcome.html", t, counts=counts, examples=examples, survey=SURVEY)


def first_words(
    engine: Engine, t: Translations, examples: Sequence[Example] = ()
) -> dict[str, Markup]:
    """What parts say before anything is asked."""
    uses = groupby(FORMATS.items(), lambda item: item[1].use)
    direction = "rtl" if is_right_to_left(t) else "ltr"
    return {
        "masthead": render(
            "masthead.html",
            t,
            language=language_code(t),
            direction=direction,
            shares=engine.settings.share,
            writes=engine.settings.answer_model != "extractive",
        ),
        "facts": facts(engine, t),
        "greeting": greeting(engine, t, examples),
        "sources": render_sources(None, 0, t),
        "exports": render("exports.html", t, groups=[(use, list(group)) for use, group in uses]),
        "views": render("navigation.html", t),
        "brief": render_brief(t),
        "find_form": render("find_form.html", t),
        "survey_form": render("survey_form.html", t, longest=LONGEST_QUESTION),
        "uploads": render("upload_form.html", t, largest=LARGEST_UPLOAD, broken=FAILED),
    }


def collection_area(words: Mapping[str, Markup]) -> Parts:
    """The left area: what the collection is, and its filters."""
    masthead, facts = html(words["masthead"]), html(words["facts"])
    unfold = gr.Button(I18nData(marked("Filters")), elem_id="unfold", elem_classes="quiet-button")
    unfold.click(None, js="() => askLabsFilters.unfold()", api_visibility="private")
    with gr.Column(elem_id="filters"):
        parts = {
            "scope": html(""),
            "panel": html(render_facets(), js_on_load=_CHOOSE),
            # Never drawn: what stands in the panel comes this way, as JSON.
            "facets": gr.HTML("", html_template="", js_on_load=_FACETS, elem_id="facets-data"),
        }
    return parts | {"masthead": masthead, "facts": facts}


def upload_area(words: Mapping[str, Markup]) -> Parts:
    """The folded area in which files are chosen, and what came of them."""
    with gr.Column(elem_id="uploads"):
        return {
            "uploads": html(words["uploads"], js_on_load=_UPLOAD),
            "uploaded": html("", js_on_load=_UPLOADED, elem_id="upload-result"),
        }


def history_area() -> Parts:
    """The list of conversations; empty until the page knows whose browser it is."""
    history = html("", js_on_load=_HISTORY, elem_id="history")
    # Messages to the browser never become a part of the page.
    message = html("", js_on_load=_MESSAGE, html_template="<!-- -->", elem_id="history-message")
    return {"history": history, "message": message, "conversation_id": gr.State("")}


def views(words: Mapping[str, Markup]) -> Parts:
    """The navigation over the conversation, and the views that take its place."""
    # The index and the filters that Explore was drawn with; the visitor's survey.
    parts: Parts = {"explored": gr.State(None), "surveyed": gr.State(None)}
    parts["views"] = html(words["views"], js_on_load=_VIEWS, elem_id="views")
    with gr.Column(elem_id="survey"):
        parts["survey_form"] = html(words["survey_form"])
        parts["survey"] = html("", js_on_load=_SURVEY)
    with gr.Column(elem_id="explore"):
        parts["find_form"] = html(words["find_form"], elem_id="find")
        parts["found"] = html("", js_on_load=_FOUND)
        parts["explore"] = html("", js_on_load=_EXPLORE)
    with gr.Column(elem_id="brief"):
        parts["brief"] = html(words["brief"], js_on_load=_BRIEF)
    with gr.Column(elem_id="quality"):
        parts["quality"] = html("")
    return parts


def talk_area(words: Mapping[str, Markup]) -> Parts:
    """The middle area: questions and answers, or examples of questions."""
    with gr.Column(elem_id="welcome") as welcome:
        greeted = html(words["greeting"], js_on_load=_EXAMPLE)
    wired = _EXAMPLE + _GREW + _CHIP + _ROW + _REPORT + _LISTED + _PIN
    thread = html("", js_on_load=wired, elem_id="thread")
    # The growing answer is a part of its own: what is finished is not drawn again for each word.
    live = html("", js_on_load=_GREW, elem_id="live")
    # Never drawn: what is counted in texts is put under its answer.
    counted = html("", js_on_load=_COUNTED, html_template="<!-- -->", elem_id="counted")
    parts = {"welcome": welcome, "greeting": greeted}
    return parts | {"thread": thread, "live": live, "counted": counted}


def sources_area(words: Mapping[str, Markup]) -> Parts:
    """The right area: what the answer rests on."""
    wired = _SHOWN + _REPORT + _ON_CLICK.format("askReading.translating", "translate")
    return {"sources": html(words["sources"], js_on_load=wired)}


def question_area(words: Mapping[str, Markup]) -> Parts:
    """Where a question is typed, and what can be done with the conversation."""
    parts: Parts = {"chips": html("", js_on_load=_CHIPS, elem_id="chips")}
    with gr.Row(elem_id="box"):
        parts["question"] = gr.Textbox(
            label=I18nData(marked("Your question")),
            show_label=False,
            placeholder=I18nData(marked("Ask the labs a question")),
            lines=1,
            max_lines=6,
            max_length=LONGEST_QUESTION,
            autofocus=True,
            container=False,
            elem_id="question",
        )
        parts["go"] = gr.Button(I18nData(marked("Ask")), variant="primary", elem_id="go")
        parts["stop"] = gr.Button(I18nData(marked("Stop")), elem_id="stop", visible=False)
    with gr.Row(elem_id="tools", visible=False) as parts["tools"]:
        quiet: Parts = {"elem_classes": "quiet-button"}
        parts["clear"] = gr.Button(I18nData(marked("New conversation")), **quiet)
        parts["link"] = gr.Button(I18nData(marked("Copy link")), elem_id="copy-link", **quiet)
        parts["exports"] = html(words["exports"], js_on_load=_EXPORT, elem_id="exports")
    # A file to save; what the page was opened with; what is copied as a link to it.
    for name, label in (
        ("file", marked("File to save")),
        ("linked", marked("Linked question")),
        ("copied", marked("Link")),
        ("pinned", marked("Pinned answer")),
        ("translated", marked("Translation")),
    ):
        parts[name] = gr.Textbox(visible="hidden", label=I18nData(label))
    return parts


def overlays() -> Parts:
    """A report over the page, and what came of a vote, which is put into the row of its answer."""
    report = html("", js_on_load=_OPENED, elem_id="report")
    return {"report": report, "voted": html("", js_on_load=_VOTED, elem_id="vote-result")}


def translations_of(request: gr.Request | None) -> Translations:
    """The first of a visitor's languages that the product speaks, else English."""
    return translations_accepted(str(request.headers.get("accept-language", "")) if request else "")


def translations(page: gr.Blocks) -> gr.I18n:
    """The labels of a page's parts in all languages, for the browser to choose from.

    Those labels (I18nData) are Gradio's, whose parts are the same for all visitors.
    """
    # The words on a button are its value, which Gradio keeps as they were given only here.
    arguments = [
        value
        for block in page.blocks.values()
        for values in (vars(block), *block._constructor_args)
        for value in values.values()
    ]
    labels = {value.key for value in arguments if isinstance(value, I18nData)}
    return gr.I18n(
        **{
            code: {key: translations_for(code).gettext(key) for key in labels}
            for code in languages()
        }
    )


def theme() -> gr.themes.Base:
    """Gradio's own parts in the page's colours."""
    by_colour = {
        "paper": "body_background_fill background_fill_primary input_background_fill "
        "input_background_fill_focus",
        "wash": "background_fill_secondary",
        "ink": "body_text_color block_title_text_color button_secondary_text_color",
        "quiet": "body_text_color_subdued block_label_text_color input_placeholder_color",
        "line": "border_color_primary",
        "edge": "input_border_color button_secondary_border_color",
        "accent": "border_color_accent input_border_color_focus button_primary_background_fill "
        "button_primary_background_fill_hover button_primary_border_color "
        "button_primary_border_color_hover",
        "on-accent": "button_primary_text_color",
        "tint": "color_accent_soft button_secondary_background_fill_hover",
    }
    parts = {part: f"var(--{colour})" for colour, of in by_colour.items() for part in of.split()}
    parts |= {"block_border_width": "0px", "input_border_width": "1px"}
    parts["block_background_fill"] = parts["button_secondary_background_fill"] = "transparent"
    base = gr.themes.Base(font=SANS, font_mono=["ui-monospace", "monospace"], radius_size="sm")
    # The variables switch between light and dark by themselves, so both modes get the same.
    dark = {f"{part}_dark": value for part, value in parts.items() if hasattr(base, f"{part}_dark")}
    return base.set(**parts, **dark)


def head() -> str:
    """What the page's head needs: its icon, its style, its scripts.

    The style stands here because Gradio's own css argument rewrites selectors, and some wrongly.
    """
    sheets, codes = (
        [(STATIC / f"{area}.{ending}").read_text(encoding="utf-8") for area in AREAS]
        for ending in ("css", "js")
    )
    css, scripts = "\n".join(sheets), "".join(f"<script>{code}</script>" for code in codes)
    return f'<link rel="icon" href="{FAVICON}"><style>{css}</style>{scripts}'
