"""Renders HTML pages of the templates beside this file: all escaped, no script, no network."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.report.markdown import anchor


def render(template: str, **data: Any) -> str:
    """The page of a template with its data; what isn't markup on purpose is escaped."""
    return _templates().get_template(template).render(**data)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["anchor"] = anchor
    return templates
