"""Where a report can be read in public: its address, made from a template of the settings."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

REPORT = "{report}"


def checked_template(template: str) -> str:
    """The template itself, if addresses can be made from it; "" makes none.

    Raises:
        ValueError: it is no http or https address with `{report}` in its path or query.
    """
    if not template:
        return ""
    wanted = f"should be an http or https address with {REPORT} after its host"
    try:
        parts = urlsplit(template)
        host = parts.hostname
    except ValueError as error:
        raise ValueError(f"{wanted} ({error})") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(wanted)
    # What a report is called must not choose the host, and no password may go into documents.
    if template.count(REPORT) != 1 or REPORT in parts.netloc or "@" in parts.netloc:
        raise ValueError(wanted)
    if not re.fullmatch(r"[!#-;=?-Z_a-z~\[\]]+", template.replace(REPORT, "")):
        raise ValueError(f"{wanted}, without spaces, quotes, braces or letters beyond ASCII")
    return template


def report_link(template: str, report_id: str) -> str:
    """The public address of a report by its id; "" where the template is."""
    name = quote(report_id.encode("utf-8", "replace"), safe="")
    return template.replace(REPORT, name) if template else ""
