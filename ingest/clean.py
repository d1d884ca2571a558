"""Cleans report text for reading while every character stays traceable to the file.

A clean text is made by rules in a fixed order, each a pattern and its replacement.
`clean` applies them to a string; `clean_with_offsets` applies the same rules and says for
each character of the result which character of the raw text it came from.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

Replace = Callable[[re.Match[str]], str]

# HTML that got into answers. Only known element names, so that "<100 USD" stays.
_TAG = r"</?(?:p|div|span|br|b|i|u|a|em|strong|font|ul|ol|li|o:p|h[1-6]|table|tr|td|th|tbody)\b"


def _entity(match: re.Match[str]) -> str:
    return html.unescape(match.group())


def _link(match: re.Match[str]) -> str:
    return match.group(1) or match.group(2)


def _const(text: str) -> Replace:
    return lambda _match: text


# Control characters (a terminal would obey them), characters without width, and marks that turn
# the direction of what follows. White space and the joiners of scripts stay.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff]|[\u202a-\u202e\u2066-\u2069]"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")

RULES: tuple[tuple[re.Pattern[str], Replace], ...] = (
    (_ENTITY, _entity),
    (_ENTITY, _entity),
    (_ENTITY, _entity),
    (_UNSEEN, _const("")),
    (re.compile(r"!\[[^\]\n]{0,300}\]\([^()\s]{0,2000}\)"), _const("\n\n")),
    (re.compile(r"\[([^\[\]\n]{0,2000})\]\((https?://[^()\s]{1,2000})\)"), _link),
    (re.compile(_TAG + r"[^<>]{0,2000}>"), _const("\n")),
    # Links glued to the word or link before them.
    (re.compile(r"(?<=[^\s(\[<\"'=/:])(?=https?://)"), _const(" ")),
    (re.compile(r"\*{4,}"), _const("")),
    (re.compile(r"[^\S\n]+"), _const(" ")),
    (re.compile(r" ?\n ?"), _const("\n")),
    # A line broken inside a sentence: the next one goes on in lower case.
    (re.compile(r"(?<=[^\s.!?:;\n])\n(?=[a-zà-öø-ÿ(])(?![a-z]\))"), _const(" ")),
    (re.compile(r"\n{2,}"), _const("\n")),
    (re.compile(r"\A\s+|\s+\Z"), _const("")),
)


def clean(raw: str) -> str:
    """The readable text of a raw slice of a report."""
    for pattern, replace in RULES:
        raw = pattern.sub(replace, raw)
    return raw


def clean_with_offsets(raw: str) -> tuple[str, list[int]]:
    """`clean(raw)`, and for each of its characters the index in `raw` where it came from."""
    text, offsets = raw, list(range(len(raw)))
    for pattern, replace in RULES:
        pieces: list[str] = []
        kept: list[int] = []
        last = 0
        for match in pattern.finditer(text):
            new = replace(match)
            pieces += (text[last : match.start()], new)
            kept += offsets[last : match.start()]
            # A replacement stands for its whole match; a link's label keeps its own places.
            at = match.group().find(new) if new else -1
            for i in range(len(new)):
                source = match.start() + (at + i if at >= 0 else 0)
                kept.append(offsets[min(source, len(offsets) - 1)] if offsets else 0)
            last = match.end()
        pieces.append(text[last:])
        kept += offsets[last:]
        text, offsets = "".join(pieces), kept
    return text, offsets


def source_span(raw: str, start: int, end: int, quote: str) -> tuple[int, int] | None:
    """Where in the file `quote` stands, looked for in the clean text of raw[start:end]."""
    text, offsets = clean_with_offsets(raw[start:end])
    at = text.find(quote)
    if at < 0 or not quote:
        return None
    return start + offsets[at], start + offsets[at + len(quote) - 1] + 1
