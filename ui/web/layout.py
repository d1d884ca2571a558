"""The parts of the page, area by area, as they stand before anything is asked; and its style."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.i18n import I18nData
from markupsafe import Markup

from ingest.uploads import LARGEST_UPLOAD
from rag.answer.about import SURVEY, Example
from rag.engine import LONGEST_QUESTION, Engine
from rag.errors import InputError
from rag.export.formats import BRIEFS, FORMATS
from rag.i18n.translations import WORDS, Translations, languages, translations_for
from rag.watch import Watch, load_watches
from ui.rendering import render
from ui.web.answer import render_sources
from ui.web.filters import KEYS, SHOWN_FACETS, UNFOLDED
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
# The words of Gradio's own parts, of which the browser chooses the language.
LABELS = WORDS["controls"]


def html(name: str, value: str) -> gr.HTML:
    """A part of escaped HTML of our own, in our own style, with what wiring.js does for it."""
    load = f"askParts.{name}?.({{element, trigger, watch, props, upload}});"
    # What only travels to the browser is never drawn.
    hidden = name in ("facets", "message", "counted")
    options: Parts = {"html_template": "<!-- -->"} if hidden else {}
    ident = IDS.get(name)
    return gr.HTML(value, js_on_load=load, apply_default_css=False, elem_id=ident, **options)


def facts(engine: Engine, t: Translations) -> Markup:
    """What the collection is as the index stands now."""
    news: list[Watch] = []
    with suppress(InputError):  # A damaged file of standing questions is told by their command.
        news = [watch for watch in load_watches(engine.settings.index) if watch.news]
    about = {"catalog": engine.catalog, "index": engine.settings.index.name}
    return render("collection.html", t, **about, revision=engine.revision, news=news)


def greeting(engine: Engine, t: Translations, examples: Sequence[Example] = ()) -> Markup:
    """What stands before the first question, with an example of each kind of question."""
    return render("welcome.html", t, catalog=engine.catalog, examples=examples, survey=SURVEY)


def first_words(
    engine: Engine, t: Translations, examples: Sequence[Example] = ()
) -> dict[str, Markup]:
    """What parts say before anything is asked."""
    uses = groupby(FORMATS.items(), lambda item: item[1].use)
    return {
        "masthead": render("masthead.html", t, settings=engine.settings),
        "facts": facts(engine, t),
        # Their values follow as data (`filters.facet_data`).
        "panel": render("facets.html", t, keys=KEYS, facets=SHOWN_FACETS, unfolded=UNFOLDED),
        "greeting": greeting(engine, t, examples),
        "sources": render_sources(None, 0, t),
        "exports": render("exports.html", t, groups=[(use, list(group)) for use, group in uses]),
        "views": render("navigation.html", t),
        "brief": render("brief.html", t, formats=[(x, FORMATS[x].name) for x in BRIEFS]),
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

    def button(name: str, is_quiet: bool = True, **options: Any) -> gr.Button:
        kind = "quiet-button" if is_quiet else None
        return gr.Button(I18nData(LABELS[name]), elem_classes=kind, **options)

    with column("desk"):
        with column("collection"):
            put("masthead", "facts")
            unfold = button("unfold", elem_id="unfold")
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
            with gr.Row(elem_id="box"):
                parts["question"] = gr.Textbox(
                    label=I18nData(LABELS["question"]),
                    show_label=False,
                    placeholder=I18nData(LABELS["placeholder"]),
                    lines=1,
                    max_lines=6,
                    max_length=LONGEST_QUESTION,
                    autofocus=True,
                    container=False,
                    elem_id="question",
                )
                parts["go"] = button("go", False, variant="primary", elem_id="go")
                parts["stop"] = button("stop", False, elem_id="stop", visible=False)
            with gr.Row(elem_id="tools", visible=False) as parts["tools"]:
                parts["clear"] = button("clear")
                parts["link"] = button("link", elem_id="copy-link")
                put("exports")
            # What only travels between the page and the browser's scripts.
            for name in ("file", "linked", "copied", "pinned", "translated"):
                parts[name] = gr.Textbox(visible="hidden")
        # After the question, so that one step of the keyboard back leads to its answer.
        with column("sources"):
            put("sources")
        put("report", "voted")
    return parts


def translations() -> gr.I18n:
    """The labels of Gradio's parts in all languages, for the browser to choose from."""
    words = {code: translations_for(code).gettext for code in languages()}
    return gr.I18n(**{code: {x: t(x) for x in LABELS.values()} for code, t in words.items()})


def theme() -> gr.themes.Base:
    """Gradio's own theme; page.css gives its parts the page's colours."""
    return gr.themes.Base(font=SANS, font_mono=["ui-monospace", "monospace"], radius_size="sm")


def head() -> str:
    """What the page's head needs: its icon, its style, its scripts."""

    def read(ending: str) -> list[str]:
        paths = [STATIC / f"{area}.{ending}" for area in AREAS]
        return [path.read_text(encoding="utf-8") for path in paths if path.exists()]

    # Gradio's own css argument rewrites selectors, and some wrongly.
    css, scripts = "\n".join(read("css")), "".join(f"<script>{x}</script>" for x in read("js"))
    icon = quote((STATIC / "icon.svg").read_text(encoding="utf-8"))
    return f'<link rel="icon" href="data:image/svg+xml,{icon}"><style>{css}</style>{scripts}'
