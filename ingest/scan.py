"""Splits the text of a report file into lines with meaning and their places in the file."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["title", "tag", "section", "prompt", "quote", "open", "close", "text"]

_LINE = re.compile(r"[^\n]*\n?")
# A value may go over several lines, but not over a blank line, a heading or a form question.
_VALUE = r"(?:[^\[\]\n]|\[(?!\[)|\](?!\])|\n(?![^\S\n]*(?:\n|##|>))){0,5000}"
# The second form is a tag whose end is missing: its value is the rest of the line.
_TAG = re.compile(
    rf"\[\[([\w-]{{1,60}}):({_VALUE})\]\]|^\[\[([\w-]{{1,60}}):([^\[\]\n]*)$", re.MULTILINE
)
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]+@\w[\w-]*(?:\.\w[\w-]*)+")
_PRIVATE = re.compile(
    r"(\[\[\s*(?:focal[\s_-]*point|e-?mail|contact|phone)[\w\s-]{0,40}:)"
    rf"(?:({_VALUE})(?=\]\])|([^\n]*))",
    re.IGNORECASE,
)
_GROUP = re.compile(r"<div\s+class=[\"']group[\"']\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """One meaningful piece of a file: raw[start:end], with the marker-free text of its first line.

    Kind "text" is a whole paragraph; kind "quote" is an answer's own line that begins with ">".
    """

    kind: Kind
    start: int
    end: int
    text: str = ""


def key(text: str) -> str:
    """What makes two form texts the same: letters and digits, without case, entities, spacing."""
    text = html.unescape(html.unescape(text)).casefold()
    return " ".join(re.findall(r"\w+", text))


def tags(raw: str) -> list[tuple[str, str]]:
    """All `[[key:value]]` tags of a file in order; a value may go over several lines."""
    found = (m.groups() for m in _TAG.finditer(raw))
    return [((a or c).lower(), " ".join((b or d or "").split())) for a, b, c, d in found]


def hide_private(raw: str) -> str:
    """A report's text with the value of private tags blanked, its length unchanged.

    An address that stands in such a tag is blanked wherever else the report has it.
    """
    addresses: set[str] = set()

    def blank_tag(match: re.Match[str]) -> str:
        value = match.group(2) or match.group(3) or ""
        addresses.update(address.casefold() for address in _ADDRESS.findall(value))
        return match.group(1) + _blank(value)

    def blank_address(match: re.Match[str]) -> str:
        address = match.group()
        return _blank(address) if address.casefold() in addresses else address

    return _ADDRESS.sub(blank_address, _PRIVATE.sub(blank_tag, raw))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", "·", text)


def scan(raw: str) -> list[Event]:
    """The events of a file, in order. Never fails; every non-blank line is in exactly one."""
    events: list[Event] = []
    tag_spans = [m.span() for m in _TAG.finditer(raw)]
    paragraph: list[tuple[int, int]] = []

    def flush() -> None:
        if paragraph:
            start, end = paragraph[0][0], paragraph[-1][1]
            events.append(Event("text", start, end, raw[start:end]))
            paragraph.clear()

    in_tag = 0
    titled = False
    for start, end in _lines(raw):
        line = raw[start:end].strip()
        while in_tag < len(tag_spans) and tag_spans[in_tag][1] <= start:
            in_tag += 1
        if not line:
            flush()
        elif in_tag < len(tag_spans) and tag_spans[in_tag][0] < end and line.startswith("[["):
            flush()
            events.append(Event("tag", start, end))
        elif in_tag < len(tag_spans) and tag_spans[in_tag][0] < start:
            events.append(Event("tag", start, end))
        elif (event := _marker(line, start, end, titled)) is not None:
            flush()
            titled = titled or event.kind == "title"
            events.append(event)
        else:
            paragraph.append((start, end))
    flush()
    return events


def _lines(raw: str) -> Iterator[tuple[int, int]]:
    for match in _LINE.finditer(raw):
        if match.start() < match.end():
            yield match.span()


def _marker(line: str, start: int, end: int, titled: bool) -> Event | None:
    """The event of a line that carries a marker; None for a line of an answer."""
    if line.startswith("# ") and not titled:
        return Event("title", start, end, line[2:].strip())
    if line == "##" or line.startswith("## "):
        return Event("section", start, end, line[2:].strip())
    if line.startswith(">"):
        # ">>" and ">100" are a lab's own marks: the form always writes "> ".
        own = len(line) > 1 and line[1] not in " \u00a0"
        return Event("quote" if own else "prompt", start, end, line[1:].strip())
    if _GROUP.fullmatch(line):
        return Event("open", start, end)
    if line == "</div>":
        return Event("close", start, end)
    return None
