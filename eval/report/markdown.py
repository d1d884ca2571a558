"""Pieces of Markdown whose text can't become markup, and links to the cases of a report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from eval.run import PAGE
from rag.export.formats import escape_markdown

SHOWN = 20


def plain(text: str, length: int = 0) -> str:
    """The text on one line, printable, shortened: it may come from a model's server."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if not length or len(line) <= length else line[: length - 3] + "..."


def safe(text: str, length: int = 0) -> str:
    """The text on one line with all escaped that Markdown would take for markup."""
    return escape_markdown(plain(text, length))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def capped(title: str, lines: Sequence[str]) -> str:
    """A section with the first lines and how many more there are; "" without a line."""
    more = [f"- and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join((f"## {title} ({len(lines)})\n", *lines[:SHOWN], *more)) if lines else ""


def anchor(case_id: str) -> str:
    """The name of a case's place in a report, without what an address can't hold."""
    return f"case-{quote(case_id, safe='')}"


def case_link(run: Path, case_id: str, start: Path) -> str:
    """The address of a case in the report of a run, seen from a folder; "" where it has none."""
    page = run / PAGE
    if not page.is_file():
        return ""
    try:
        path = quote(Path(os.path.relpath(page, start)).as_posix())
    except ValueError:  # another drive
        path = page.resolve().as_uri()
    return f"{path}#{anchor(case_id)}"
