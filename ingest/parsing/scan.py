"""Splits the text of a report file into lines with meaning and their places in the file."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["title", "tag", "section", "prompt", "quote", "open", "close", "text"]
# A value may go over several lines, but not over a blank line, a heading or a form question.
_VALUE = r"(?:[^\[\]\n]|\[(?!\[)|\](?!\])|\n(?![^\S\n]*(?:\n|##|>))){0,5000}"
# The second form is a tag whose end is missing: its value is the rest of the line.
TAG = re.compile(
    rf"\[\[([\w-]{{1,60}}):({_VALUE})\]\]|^\[\[([\w-]{{1,60}}):([^\[\]\n]*)$", re.MULTILINE
)
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]+@\w[\w-]*(?:\.\w[\w-]*)+")
_PRIVATE = re.compile(
    r"(\[\[\s*(?:focal[\s_-]*point|e-?mail|contact|phone)[\w\s-]{0,40}:)"
    rf"(?:({_VALUE})(?=\]\])|([^\n]*))",
    re.IGNORECASE,
)
# How exports write that a question has no text.
_NO_TEXT = frozenset(("None", "null", "undefined", "NaN", "nan"))
_GROUP = re.compile(r"<div\s+class=[\"']group[\"']\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """One meaningful piece of a file: raw[start:end], with the marker-free text of its first line.

    Kind "text" is a whole paragraph; kind "quote" is an answer's own line that begins with ">".
    What comes after a line's marker begins at `inside`.
    """

    kind: Kind
    start: int
    end: int
    text: str = ""
    inside: int = 0


def key(text: str) -> str:
    """What makes two form texts the same: letters and digits, without case, entities, spacing."""
    text = html.unescape(html.unescape(text)).casefold()
    return " ".join(re.findall(r"\w+", text))


@dataclass(frozen=True, slots=True)
class Tag:
    """A `[[key:value]]` tag of a file: raw[start:end], its key in lower case."""

    key: str
    value: str
    start: int
    end: int


def find_tags(raw: str) -> list[Tag]:
    """All tags of a file in order; a value may go over several lines.

    A tag stands at the beginning of a line or after another tag. Brackets inside a lab's
    sentence are its own words.
    """
    found: list[Tag] = []
    last, begins = 0, True
    for match in TAG.finditer(raw):
        start, end = match.span()
        line_start = raw.rfind("\n", last, start) + 1
        begins = (begins or line_start > 0) and not raw[max(last, line_start) : start].strip()
        last = end
        if not begins:
            continue
        key, value, open_key, open_value = match.groups()
        text = " ".join((value or open_value or "").split())
        found.append(Tag((key or open_key).lower(), text, start, end))
    return found


def tags(raw: str) -> list[tuple[str, str]]:
    """Key and value of all tags of a file, in order."""
    return [(tag.key, tag.value) for tag in find_tags(raw)]


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
    """The events of a file, in order. Never fails; all that is not blank is in exactly one."""
    events: list[Event] = []
    tag_spans = [(tag.start, tag.end) for tag in find_tags(raw)][::-1]
    paragraph: list[tuple[int, int]] = []

    def flush() -> None:
        if paragraph:
            start, end = paragraph[0][0], paragraph[-1][1]
            events.append(Event("text", start, end, raw[start:end]))
            paragraph.clear()

    titled = False
    for match in re.finditer(r"[^\n]+\n?|\n", raw):
        start, end = match.span()
        at = start
        while tag_spans and tag_spans[-1][0] < end:
            # The part of a tag that is on this line.
            at = min(tag_spans[-1][1], end)
            if tag_spans[-1][1] > end:
                break
            tag_spans.pop()
        if at > start:
            flush()
            events.append(Event("tag", start, at))
        line = raw[at:end].strip()
        if not line:
            flush()
        elif at > start or (mark := marker(line, titled)) is None:
            paragraph.append((at, end))
        else:
            flush()
            kind, width = mark
            titled = titled or kind == "title"
            text = line[width:].strip()
            inside = raw.index(line, start) + width
            events.append(Event(kind, start, end, "" if text in _NO_TEXT else text, inside))
    flush()
    return events


def marker(line: str, titled: bool) -> tuple[Kind, int] | None:
    """What a line is by its marker, and the marker's length; None for a line of an answer.

    Args:
        line: it, without white space around it.
        titled: whether the file has had its title.
    """
    if line.startswith("# ") and not titled:
        return "title", 2
    if line == "##" or line.startswith("## "):
        return "section", 2
    if line.startswith(">"):
        # ">>" and ">100" are a lab's own marks: the form always writes "> ".
        return "prompt" if line[1:2] in ("", " ", "\u00a0") else "quote", 1
    if _GROUP.fullmatch(line):
        return "open", len(line)
    return ("close", len(line)) if line == "</div>" else None
