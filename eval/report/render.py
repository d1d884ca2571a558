"""Renders the templates of reports.

HTML is escaped, asks the network for nothing and runs no script; Markdown holds text from reports
and models only through the filter `md`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.matching import single_line
from rag.export.formats import escape_markdown


def render(template: str, **data: Any) -> str:
    """The text of a template with its data."""
    text = _environment().get_template(template).render(**data)
    if template.endswith(".md.jinja"):
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return text


def anchor(case_id: str) -> str:
    """The name of a case's place in a report, without what an address can't hold."""
    return f"case-{quote(case_id, safe='')}"


def _markdown_text(text: str, length: int = 0) -> str:
    """The text on one line with all escaped that Markdown would take for markup."""
    return escape_markdown(single_line(text, length))


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=lambda name: not (name or "").endswith(".md.jinja"),
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"anchor": anchor, "md": _markdown_text, "single_line": single_line}
    return environment
