"""The web page: which part is where and what happens when it is used; wiring only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.errors import SettingsError
from ui import handlers, render, theme
from ui.cards import sources
from ui.run import Run

if TYPE_CHECKING:
    from rag.engine import Engine

VISITORS = 20  # answers that are written at the same time; more visitors wait their turn
LONGEST_QUESTION = 4000

Parts = dict[str, Any]

_CITE = "element.addEventListener('click', (e) => askLabs.clicked(e, (at) => trigger('cite', at)));"
_CHIP = "element.addEventListener('click', (e) => askLabs.chosen(e, (at) => trigger('chip', at)));"
_GREW = "watch('value', () => askLabs.grew()); " + _CITE
_SHOWN = "watch('value', () => askLabs.shown());"


def build_app(engine: Engine) -> gr.Blocks:
    """The page over an open engine; what a visitor does stays in that visitor's session."""
    page = gr.Blocks(title="Ask the Labs", analytics_enabled=False, fill_width=True)
    with page:
        parts: Parts = {"talk": gr.State(()), "run": gr.State(None)}
        with gr.Column(elem_id="desk"):
            with gr.Column(elem_id="collection"):
                parts |= _collection(engine)
            with gr.Column(elem_id="talk"):
                parts |= _talk(engine)
            with gr.Column(elem_id="sources"):
                parts["sources"] = _html(sources(None, 0), js_on_load=_SHOWN)
            with gr.Column(elem_id="ask"):
                parts |= _box()
        _wire_asking(engine, parts)
        _wire_rest(engine, parts)
    page.queue(default_concurrency_limit=VISITORS)
    return page


def _html(value: str, **given: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **given)


def _collection(engine: Engine) -> Parts:
    catalogue = engine.catalogue
    _html(render.masthead())
    _html(render.collection(catalogue.reports, engine.settings.index.name, engine.revision))
    unfold = gr.Button("Filters", elem_id="unfold", elem_classes="quiet-button")
    unfold.click(None, js="() => askLabs.unfold()", api_visibility="private")
    with gr.Column(elem_id="filters"):
        labs = gr.Dropdown(
            handlers.choices(catalogue, "country"),
            value=[],
            multiselect=True,
            num_choices_shown=500,
            label="Labs",
        )
        years = gr.CheckboxGroup(
            handlers.choices(catalogue, "year"), value=[], label="Years", elem_id="years"
        )
        scope = _html(f'<p class="hint">{handlers.in_scope(catalogue, [], [])}</p>')
        reset = gr.Button("Clear filters", elem_classes="quiet-button", visible=False)
    return {"labs": labs, "years": years, "scope": scope, "reset": reset}


def _talk(engine: Engine) -> Parts:
    with gr.Column(elem_id="welcome") as welcome:
        _html(render.welcome(len(engine.catalogue.reports)))
        with gr.Column(elem_id="examples"):
            examples = [gr.Button(text) for text in handlers.examples(engine.catalogue)]
    thread = _html("", js_on_load=_GREW + _CHIP, elem_id="thread")
    # The growing answer is a part of its own: what is finished is not drawn again for each word.
    live = _html("", js_on_load=_GREW, elem_id="live")
    return {"welcome": welcome, "examples": examples, "thread": thread, "live": live}


def _box() -> Parts:
    with gr.Row(elem_id="box"):
        question = gr.Textbox(
            label="Your question",
            show_label=False,
            placeholder="Ask the labs a question",
            lines=1,
            max_lines=6,
            max_length=LONGEST_QUESTION,
            autofocus=True,
            container=False,
            elem_id="question",
        )
        go = gr.Button("Ask", variant="primary", elem_id="go")
        stop = gr.Button("Stop", elem_id="stop", visible=False)
    with gr.Row(elem_id="tools", visible=False) as tools:
        parts = {
            "tools": tools,
            "again": gr.Button("Ask again", elem_classes="quiet-button"),
            "clear": gr.Button("Clear", elem_classes="quiet-button"),
        }
        for ending, label in (("md", "Save as Markdown"), ("json", "Save as JSON")):
            parts[ending] = gr.Button(
                label, elem_classes=["quiet-button", "export"], interactive=False
            )
    file = gr.Textbox(visible="hidden", elem_id="file", label="File to save")
    return {"question": question, "go": go, "stop": stop, "file": file} | parts


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
            parts["md"]: gr.update(interactive=answered),
            parts["json"]: gr.update(interactive=answered),
        }
    return values


def _wire_asking(engine: Engine, parts: Parts) -> None:
    narrowed = [parts["labs"], parts["years"], parts["talk"], parts["run"]]
    inputs = ("labs", "years", "examples", "scope", "reset", "file")
    changed = {part for name, part in parts.items() if name not in inputs}
    quiet: Parts = {"show_progress": "hidden", "api_visibility": "private"}

    def ask(*given: Any) -> Iterator[Parts]:
        for update in handlers.ask(engine, *given):
            yield _drawn(parts, update)

    def again(*given: Any) -> Iterator[Parts]:
        for update in handlers.again(engine, *given):
            yield _drawn(parts, update)

    def without(
        labs: list[str],
        years: list[int],
        talk: handlers.Talk,
        run: Run | None,
        event: gr.EventData,
    ) -> Iterator[Parts]:
        chip = {name: getattr(event, name, None) for name in ("turn", "field", "value", "back")}
        for update in handlers.without(engine, labs, years, talk, run, chip):
            yield _drawn(parts, update)

    def failed(talk: handlers.Talk, run: Run | None) -> Parts:
        return _drawn(parts, handlers.failed(engine, talk, run))

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
    asked.append(parts["again"].click(again, narrowed, changed, **quiet))
    asked.append(parts["thread"].chip(without, narrowed, changed, **quiet))
    for event in asked:
        event.failure(failed, [parts["talk"], parts["run"]], changed, **quiet)
    parts["stop"].click(handlers.stop, parts["run"], None, queue=False, **quiet)
    parts["clear"].click(lambda: _drawn(parts, handlers.clear()), None, changed, **quiet)


def _wire_rest(engine: Engine, parts: Parts) -> None:
    quiet: Parts = {"show_progress": "hidden", "api_visibility": "private"}

    def scoped(labs: list[str], years: list[int]) -> tuple[str, Any]:
        line = handlers.in_scope(engine.catalogue, labs, years)
        return f'<p class="hint">{line}</p>', gr.update(visible=bool(labs or years))

    def cited(talk: handlers.Talk, event: gr.EventData) -> Any:
        return handlers.show(talk, event.turn).get("sources", gr.skip())

    chosen = [parts["labs"], parts["years"]]
    gr.on(
        [part.change for part in chosen], scoped, chosen, [parts["scope"], parts["reset"]], **quiet
    )
    parts["reset"].click(lambda: ([], []), None, chosen, **quiet)
    for part in (parts["thread"], parts["live"]):
        part.cite(cited, parts["talk"], parts["sources"], **quiet)
    for ending in ("md", "json"):
        saved = parts[ending].click(_saver(ending), parts["talk"], parts["file"], **quiet)
        saved.success(None, parts["file"], None, js="(file) => askLabs.save(JSON.parse(file))")


def _saver(ending: str) -> Callable[[handlers.Talk], str]:
    def save(talk: handlers.Talk) -> str:
        return json.dumps(handlers.download(talk, ending))

    return save


def serve(engine: Engine, host: str, port: int, open_browser: bool = False) -> None:
    """Serve the page until Ctrl+C.

    Raises:
        SettingsError: nothing can listen on this host and port; the message says what to do.
    """
    page = build_app(engine)
    print(
        f"Ask the Labs is at {launch(page, host, port, open_browser)} (Ctrl+C stops it)", flush=True
    )
    try:
        while page.is_running:
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    finally:
        page.close(verbose=False)


def launch(page: gr.Blocks, host: str, port: int, open_browser: bool = False) -> str:
    """Start the page in the background and say where it is; all of it comes from this host.

    Raises:
        SettingsError: nothing can listen on this host and port; the message says what to do.
    """
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            run_history=False,
            footer_links=[],
            max_threads=2 * VISITORS + 20,
            max_file_size=1,
            theme=theme.theme(),
            head=theme.head(),
        )
    except OSError as error:
        raise SettingsError(
            f"The page can't listen on {host}, port {port}: another program uses the port, or "
            "this machine has no such address. Choose others with --port and --host."
        ) from error
    return str(address).rstrip("/")
