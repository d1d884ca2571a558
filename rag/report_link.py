"""The public address of a report, made from a template of the settings."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

PLACEHOLDER = "{report}"


def checked_template(template: str) -> str:
    """The template itself, if it is valid; "" means that reports have no addresses.

    Raises:
        ValueError: it is no http or https address with `{report}` in its path or query.
    """
    if not template:
        return ""
    problem = f"should be an http or https address with {PLACEHOLDER} after its host"
    try:
        parts = urlsplit(template)
        host = parts.hostname
    except ValueError as error:
        raise ValueError(f"{problem} ({error})") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(problem)
    # A report's name must not choose the host, and no password may get into documents.
    if template.count(PLACEHOLDER) != 1 or PLACEHOLDER in parts.netloc or "@" in parts.netloc:
        raise ValueError(problem)
    if not re.fullmatch(r"[!#-;=?-Z_a-z~\[\]]+", template.replace(PLACEHOLDER, "")):
        raise ValueError(f"{problem}, without spaces, quotes, braces or letters beyond ASCII")
    return template


def report_link(template: str, report_id: str) -> str:
    """The public address of a report by its id; "" if the template is empty."""
    name = quote(report_id.encode("utf-8", "replace"), safe="")
    return template.replace(PLACEHOLDER, name) if template else ""
