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
from rag.answer.about import SURVEY, Example
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
from ui.web.answer import render_sources
from ui.web.brief import render_brief
from ui.web.filters import LONGEST_QUESTION, render_facets
from ui.web.uploads import FAILED

Parts = dict[str, Any]

STATIC = Path(__file__).parents[1] / "static"
# Each has a script, and most a style sheet; the sheet of the page comes first.
AREAS = (
    *("page", "exports", "filters", "reading", "views", "survey", "brief", "history"),
    *("uploads", "wiring"),
)
# The ids of parts that are no area, where style or scripts need them.
IDS = {name: name for name in ("history", "views", "thread", "live", "chips", "exports", "report")}
IDS |= {"facets": "facets-data", "uploaded": "upload-result", "message": "history-message"}
IDS |= {"find_form": "find", "counted": "counted", "voted": "vote-result"}
SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
# The sign of the product is its unit of trust: a numbered citation.
FAVICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect "
    "width='32' height='32' rx='7' fill='%230b5a62'/%3E%3Cpath d='M10 8H7v16h3M22 8h3v16h-3M14 "
    "12l3-2v12' fill='none' stroke='white' stroke-width='2.4'/%3E%3C/svg%3E"
)


def html(name: str, value: str) -> gr.HTML:
    """A part of escaped HTML of our own, in our own style, with what wiring.js does for it."""
    load = f"askParts.{name}?.({{element, trigger, watch, props, upload}});"
    # What only travels to the browser is never drawn.
    hidden = name in ("facets", "message", "counted")
    options: Parts = {"html_template": "<!-- -->"} if hidden else {}
    ident = IDS.get(name)
    return gr.HTML(value, js_on_load=load, apply_default_css=False, elem_id=ident, **options)


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
    years = sorted({info.year for info in engine.catalog.reports.values() if info.year})
    return render(
        "collection.html",
        t,
        reports=len(engine.catalog.reports),
        labs=len(engine.catalog.labs()),
        years=f"{years[0]}–{years[-1]}" if len(years) > 1 else "".join(map(str, years)),
        index=engine.settings.index.name,
        revision=engine.revision,
        news=news,
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
        "panel": render_facets(t),
        "greeting": greeting(engine, t, examples),
        "sources": render_sources(None, 0, t),
        "exports": render("exports.html", t, groups=[(use, list(group)) for use, group in uses]),
        "views": render("navigation.html", t),
        "brief": render_brief(t),
        "find_form": render("find_form.html", t),
        "survey_form": render("survey_form.html", t, longest=LONGEST_QUESTION),
        "uploads": render("upload_form.html", t, largest=LARGEST_UPLOAD, broken=FAILED),
    }


def parts_of(words: Mapping[str, Markup], has_uploads: bool) -> Parts:
    """All parts of the page by name: three areas, the views that take the place of two of them."""
    parts: Parts = {}

    def put(*names: str) -> None:
        parts.update({name: html(name, words.get(name, "")) for name in names})

    def column(name: str) -> gr.Column:
        return gr.Column(elem_id=name)

    with column("desk"):
        with column("collection"):
            put("masthead", "facts")
            filters = I18nData(marked("Filters"))
            unfold = gr.Button(filters, elem_id="unfold", elem_classes="quiet-button")
            unfold.click(None, js="() => askLabsFilters.unfold()", api_visibility="private")
            with column("filters"):
                put("scope", "panel", "facets")
            if has_uploads:
                with column("uploads"):
                    put("uploads", "uploaded")
            put("history", "message")
        put("views")
        with column("survey"):
            put("survey_form", "survey")
        with column("explore"):
            put("find_form", "found", "explore")
        for name in ("brief", "quality"):
            with column(name):
                put(name)
        with column("talk"):
            with column("welcome") as parts["welcome"]:
                put("greeting")
            # The growing answer is a part of its own: what is finished is not drawn again for
            # each word.
            put("thread", "live", "counted")
        with column("ask"):
            put("chips")
            parts |= _question_area(words)
        # After the question, so that one step of the keyboard back leads to its answer.
        with column("sources"):
            put("sources")
        put("report", "voted")
    return parts


def _question_area(words: Mapping[str, Markup]) -> Parts:
    """Where a question is typed, and what can be done with the conversation."""
    parts: Parts = {}
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
        parts["exports"] = html("exports", words["exports"])
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
        [path.read_text(encoding="utf-8") for path in paths if path.exists()]
        for paths in ([STATIC / f"{area}.{ending}" for area in AREAS] for ending in ("css", "js"))
    )
    css, scripts = "\n".join(sheets), "".join(f"<script>{code}</script>" for code in codes)
    return f'<link rel="icon" href="{FAVICON}"><style>{css}</style>{scripts}'
