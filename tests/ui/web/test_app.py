"""The page as it is wired: what it holds of a visitor does not grow with each question."""

from __future__ import annotations

import gradio as gr
from bench_page import Site
from free_port import free_port

from rag.engine import Engine
from ui.server.serve import launch
from ui.web.app import build_app

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
