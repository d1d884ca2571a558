"""The page as it is wired: what it holds of a visitor does not grow; its style asks for nothing."""

from __future__ import annotations

import gradio as gr
from bench import Site
from free_port import free_port

from rag.engine import Engine
from ui.server.serve import launch
from ui.web.app import build_app
from ui.web.layout import STATIC, head

QUESTIONS = ("What did labs learn about mobile money?", "And what about women?", "Why?")


def test_questions_leave_no_copies_of_the_page_behind(sample_engine: Engine) -> None:
    page = build_app(sample_engine)
    site = Site(launch(page, "127.0.0.1", free_port()))
    try:
        for question in QUESTIONS:
            site.ask(question, "visitor")
        held = page.state_holder.session_data["visitor"].blocks_config.blocks.values()
        drawn = [part for part in held if isinstance(part, gr.HTML)]
        parts = page.default_config.blocks.values()
        assert len(drawn) == len([part for part in parts if isinstance(part, gr.HTML)])
    finally:
        page.close(verbose=False)


def test_the_head_has_every_sheet_and_script_and_asks_for_nothing_from_elsewhere() -> None:
    for path in (*STATIC.glob("*.css"), *STATIC.glob("*.js")):
        text = path.read_text(encoding="utf-8")
        assert text in head(), path.name
        # A sheet that leaves a rule open would swallow the sheets after it.
        assert path.suffix == ".js" or text.count("{") == text.count("}"), path.name
    for address in ("https:", "@import", "url("):
        assert address not in head()
