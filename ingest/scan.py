"""Reads the text of a report file: its tags, its lines with meaning, and its readable words.

Tags as labs wrote them become the fields of a report: countries, years, numbered goals. Text is
cleaned by rules in a fixed order, while every character stays traceable to the file; there a tag
reads as a line: `[[sample_size:40]]` becomes "Sample size: 40".
"""

import html
import re
from collections.abc import Callable, Iterable, Sequence
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
# Personal data: never stored, embedded, shown or logged. Labs also write keys as words.
_PRIVATE_KEY = re.compile(
    r"[\w\s-]{0,60}(?:focal[\s_-]{0,9}point|(?<![^\W_])(?:e[\s_-]?mail|contact|(?:tele)?phone))"
    r"[\w\s-]{0,60}|\s{0,9}(?:gender|age|consent)\s{0,9}",
    re.IGNORECASE,
)
_PRIVATE = re.compile(
    rf"(\[\[(?:{_PRIVATE_KEY.pattern}):)(?:({_VALUE})(?=\]\])|([^\n]*))", re.IGNORECASE
)
_ANY_ADDRESS = re.compile(r"\S@\S+\.\w")
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_STRAY = " ,;|/\\"
# Facts for the map ("latlng": degrees, "lat,lng") and for counting, not for reading: no passage,
# prompt or export says them.
NOT_SHOWN = frozenset({"latlng"})
# How exports write that a question has no text.
_NO_TEXT = frozenset(("None", "null", "undefined", "NaN", "nan"))
# All of a paragraph that says only that there is no answer.
BLANK = re.compile(
    r"[-–*•.\s]*(?:n\s?[/.]?\s?a|not applicable|tb[acd]|to be (?:added|confirmed|determined))?"
    r"[-–*.\s]*",
    re.IGNORECASE,
)
_GROUP = re.compile(r"<div\s+class=[\"']group[\"']\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """One meaningful piece of a file: raw[start:end]."""

    kind: Kind  # "text": a whole paragraph; "quote": an answer's own line that begins with ">"
    start: int
    end: int
    text: str = ""  # that of a paragraph, or of a line without its marker
    inside: int = 0  # where a line goes on after its marker


def key(text: str) -> str:
    """What makes two form texts the same: letters and digits, without case, entities, spacing."""
    return " ".join(re.findall(r"\w+", unescaped(text).casefold()))


def unescaped(value: str) -> str:
    """A tag's value without entities and needless space."""
    return " ".join(html.unescape(html.unescape(value)).split())


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
    tags: list[Tag] = []
    last, begins = 0, True
    for match in TAG.finditer(raw):
        start, end = match.span()
        line_start = raw.rfind("\n", last, start) + 1
        begins = (begins or line_start > 0) and not raw[max(last, line_start) : start].strip()
        last = end
        if not begins:
            continue
        name, value = _parts(match)
        tags.append(Tag(name.lower(), " ".join(value.split()), start, end))
    return tags


def _parts(tag: re.Match[str]) -> tuple[str, str]:
    key, value, open_key, open_value = tag.groups()
    return key or open_key, value or open_value or ""


def tags_to_fields(tags: Iterable[Tag]) -> ReportInfo:
    """What a file's tags say of a report, which has neither id nor title yet.

    Repeated values count once, unknown places are no country, and `facts` holds all other tags.
    The year is the first from 1900 to 2099 that a tag names.
    """
    values: dict[str, list[str]] = {}
    for tag in tags:
        text = unescaped(tag.value)
        if text and not _PRIVATE_KEY.fullmatch(tag.key) and not _ANY_ADDRESS.search(text):
            values.setdefault(tag.key, []).append(text)
    places = dict(place for v in values.pop("country", []) for place in resolve_countries(v))
    # The digits may be of any script.
    numbers = [int(n) for value in values.pop("year", []) for n in _FOUR_DIGITS.findall(value)]
    values["sdgs"] = [goal for v in values.get("sdgs", []) for goal in canonical_sdgs(v)]
    tagged: dict[str, Any] = {
        field.key: _unique(values.pop(field.key, [])) for field in TAGS.values()
    }
    return ReportInfo(
        id="",
        title="",
        countries=tuple(places.values()),
        iso=tuple(places),
        year=next((number for number in numbers if 1900 <= number <= 2099), None),
        type=next(iter(values.pop("type", [])), "").lower(),
        **tagged,
        facts={name: tuple(dict.fromkeys(listed)) for name, listed in values.items()},
    )


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """The values in order, each once by its folded form, without stray signs around it."""
    by_key = {fold_tag(value): value.strip(_STRAY) for value in reversed(list(values))}
    return tuple(value for key, value in reversed(by_key.items()) if key)


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


# HTML that got into answers. Only known element names, so that "<100 USD" stays.
_ELEMENT = r"</?(?:p|div|span|br|b|i|u|a|em|strong|font|ul|ol|li|o:p|h[1-6]|table|tr|td|th|tbody)\b"


def _tag(match: re.Match[str]) -> str:
    name, value = _parts(match)
    name = name.replace("_", " ").replace("-", " ")
    # As long as it was, so that each character of the value keeps its place.
    words = value.replace("\n", " ")
    return f"{name[:1].upper()}{name[1:]}: {words}"


# Control characters (a terminal would obey them), characters without width, and marks that turn
# the direction of what follows. White space and the joiners of scripts stay.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff]|[\u202a-\u202e\u2066-\u2069]"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")
# A piece of an address, with its brackets in pairs, as in ".../tide_(sea)".
_URL = r"(?:[^()\s]|\([^()\s]{0,500}\)){1,2000}"
IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\((?:\s{0,5}" + _URL + r")?\s{0,5}\)")
# A label and its address, or several with white space between them.
LINK = re.compile(
    r"\[([^\[\]]{0,2000})\]\(\s{0,20}"
    rf"((?:https?://|www\.){_URL}(?:\s{{1,20}}{_URL}){{0,10}})\s{{0,20}}\)"
)
# The pattern and the replacement of each rule, in order.
RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # Entities can be written as entities, up to three deep.
    *3 * ((_ENTITY, lambda match: html.unescape(match.group())),),
    (_UNSEEN, ""),
    (IMAGE, "\n\n"),
    (LINK, lambda match: match.group(1).strip() or match.group(2).strip()),
    (TAG, _tag),
    (re.compile(_ELEMENT + r"[^<>]{0,2000}>"), "\n"),
    # Links glued to the word or link before them.
    (re.compile(r"(?<=[^\s(\[<\"'=/:])(?=https?://)"), " "),
    (re.compile(r"\*{4,}"), ""),
    (re.compile(r"(?:[^\S\n ]| (?=[^\S\n]))[^\S\n]*"), " "),
    (re.compile(r" \n ?|\n "), "\n"),
    # A line broken inside a sentence: the next one goes on in lower case.
    (re.compile(r"(?<=[^\s.!?:;\n])\n(?=[a-zà-öø-ÿ(])(?![a-z]\))"), " "),
    (re.compile(r"\n{2,}"), "\n"),
    (re.compile(r"\A\s+|\s+\Z"), ""),
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
        new_offsets: list[int] = []
        last = 0
        for match in pattern.finditer(text):
            new = replace if isinstance(replace, str) else replace(match)
            pieces += (text[last : match.start()], new)
            new_offsets += offsets[last : match.start()]
            for place in _places(match.group(), new):
                new_offsets.append(offsets[min(match.start() + place, len(offsets) - 1)])
            last = match.end()
        if pieces:
            pieces.append(text[last:])
            new_offsets += offsets[last:]
            text, offsets = "".join(pieces), new_offsets
    return text, offsets


def _places(old: str, new: str) -> Sequence[int]:
    """Which character of a match each character of its replacement stands for."""
    at = old.find(new)
    if at >= 0:
        # A link's label keeps its own places.
        return range(at, at + len(new))
    # A tag's words stand after its two brackets; the space after the colon is not in the file.
    colon = new.find(":") if len(new) > 1 else -1
    return [i + (2 if i <= colon else 1) for i in range(len(new))] if colon > 0 else [0] * len(new)
