"""Splits the text of a report file into its tags and its lines with meaning, with their places.

Tags as labs wrote them become the fields of a report: countries, years, numbered goals.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from rag.catalog.normalize import canonical_sdgs, fold_tag
from rag.catalog.tag_fields import TAGS, ReportInfo
from rag.places.countries import resolve_countries

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
# Personal data: never stored, embedded, shown or logged. (`hide_private` blanks the text.)
_PRIVATE_KEY = re.compile(r"focal[_-]*point|(?:^|[_-])(?:e-?mail|contact|(?:tele)?phone)")
_ANY_ADDRESS = re.compile(r"\S@\S+\.\w")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_STRAY = " ,;|/\\"
# Facts for the map ("latlng": degrees, "lat,lng") and for counting, not for reading: no passage,
# prompt or export says them.
NOT_SHOWN = frozenset({"latlng"})
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


def tags_to_fields(tags: Iterable[tuple[str, str]]) -> ReportInfo:
    """What a file's tags say of a report, which has neither id nor title yet.

    Repeated values count once, unknown places are no country, and `facts` holds all other tags.
    The year is the first from 1900 to 2099 that a tag names.
    """
    values: dict[str, list[str]] = {}
    for name, value in tags:
        text = " ".join(html.unescape(html.unescape(value)).split())
        if text and not _PRIVATE_KEY.search(name) and not _ANY_ADDRESS.search(text):
            values.setdefault(name, []).append(text)
    places = dict.fromkeys(p for v in values.pop("country", []) for p in resolve_countries(v))
    by_code = dict(reversed(places))
    codes = tuple(dict.fromkeys(code for code, _ in places))
    years = [int(m.group()) for v in values.pop("year", []) if (m := _YEAR.search(_ascii(v)))]
    tagged: dict[str, Any] = {
        tag.key: _values(tag.key, values.pop(tag.key, [])) for tag in TAGS.values()
    }
    return ReportInfo(
        id="",
        title="",
        countries=tuple(by_code[code] for code in codes),
        iso=codes,
        year=years[0] if years else None,
        type=next(iter(values.pop("type", [])), "").lower(),
        **tagged,
        facts={name: tuple(dict.fromkeys(found)) for name, found in values.items()},
    )


def _values(key: str, written: Iterable[str]) -> tuple[str, ...]:
    if key == "sdgs":
        written = (goal for value in written for goal in canonical_sdgs(value))
    return _unique(written)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """The values in order, each once by its folded form, without stray signs around it."""
    by_key = {fold_tag(value): value.strip(_STRAY) for value in reversed(list(values))}
    return tuple(value for key, value in reversed(by_key.items()) if key)


def _ascii(text: str) -> str:
    """Text with the digits of any script as 0 to 9."""
    return "".join(str(unicodedata.digit(ch)) if ch.isdigit() else ch for ch in text)


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
    """What a stripped line is by its marker, and the marker's length; None for an answer's line.

    `titled` says whether the file has had its title.
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
