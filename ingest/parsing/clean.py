"""Cleans report text for reading while every character stays traceable to the file.

A clean text is made by rules in a fixed order, each a pattern and its replacement. A tag reads as
a line of text: `[[sample_size:40]]` becomes "Sample size: 40".
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence

from ingest.parsing.scan import TAG

Replace = Callable[[re.Match[str]], str]
# HTML that got into answers. Only known element names, so that "<100 USD" stays.
_ELEMENT = r"</?(?:p|div|span|br|b|i|u|a|em|strong|font|ul|ol|li|o:p|h[1-6]|table|tr|td|th|tbody)\b"


def _entity(match: re.Match[str]) -> str:
    return html.unescape(match.group())


def _link(match: re.Match[str]) -> str:
    return match.group(1).strip() or match.group(2).strip()


def _tag(match: re.Match[str]) -> str:
    key, value, open_key, open_value = match.groups()
    name = (key or open_key).replace("_", " ").replace("-", " ")
    # As long as it was, so that each character of the value keeps its place.
    words = (value or open_value or "").replace("\n", " ")
    return f"{name[:1].upper()}{name[1:]}: {words}"


def _const(text: str) -> Replace:
    return lambda _match: text


# Control characters (a terminal would obey them), characters without width, and marks that turn
# the direction of what follows. White space and the joiners of scripts stay.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff]|[\u202a-\u202e\u2066-\u2069]"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")
# A piece of an address, with its brackets in pairs, as in ".../tide_(sea)".
_ADDRESS = r"(?:[^()\s]|\([^()\s]{0,500}\)){1,2000}"
IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\((?:\s{0,5}(" + _ADDRESS + r"))?\s{0,5}\)")
# A label and its address, or several with white space between them.
LINK = re.compile(
    r"\[([^\[\]]{0,2000})\]\(\s{0,20}"
    rf"((?:https?://|www\.){_ADDRESS}(?:\s{{1,20}}{_ADDRESS}){{0,10}})\s{{0,20}}\)"
)
# What a text must hold for the rule to have anything to do, the pattern, the replacement.
RULES: tuple[tuple[str, re.Pattern[str], Replace], ...] = (
    ("&", _ENTITY, _entity),
    ("&", _ENTITY, _entity),
    ("&", _ENTITY, _entity),
    ("", _UNSEEN, _const("")),
    ("![", IMAGE, _const("\n\n")),
    ("](", LINK, _link),
    ("[[", TAG, _tag),
    ("<", re.compile(_ELEMENT + r"[^<>]{0,2000}>"), _const("\n")),
    # Links glued to the word or link before them.
    ("http", re.compile(r"(?<=[^\s(\[<\"'=/:])(?=https?://)"), _const(" ")),
    ("****", re.compile(r"\*{4,}"), _const("")),
    ("", re.compile(r"(?:[^\S\n ]| (?=[^\S\n]))[^\S\n]*"), _const(" ")),
    ("\n", re.compile(r" \n ?|\n "), _const("\n")),
    # A line broken inside a sentence: the next one goes on in lower case.
    ("\n", re.compile(r"(?<=[^\s.!?:;\n])\n(?=[a-zà-öø-ÿ(])(?![a-z]\))"), _const(" ")),
    ("\n\n", re.compile(r"\n{2,}"), _const("\n")),
    ("", re.compile(r"\A\s+|\s+\Z"), _const("")),
)
# Anything that a rule may change, but for white space at the ends.
_CHANGED = re.compile(_UNSEEN.pattern + r"|[&<\[\n]|https?:|\*{4}|[^\S\n ]|  ")


def clean(raw: str) -> str:
    """The readable text of a raw slice of a report."""
    if not _CHANGED.search(text := raw.strip()):
        return text
    for needs, pattern, replace in RULES:
        if needs in raw:
            raw = pattern.sub(replace, raw)
    return raw


def clean_with_offsets(raw: str) -> tuple[str, list[int]]:
    """`clean(raw)`, and for each of its characters the index in `raw` where it came from."""
    text, offsets = raw, list(range(len(raw)))
    for needs, pattern, replace in RULES:
        if needs not in text:
            continue
        pieces: list[str] = []
        new_offsets: list[int] = []
        last = 0
        for match in pattern.finditer(text):
            new = replace(match)
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


# An address ends where another begins that is glued to it. Brackets in it come in pairs.
_LINK = re.compile(
    r"https?://(?:(?!https?://)[^\s\[\]()<>\"']|\([^\s\[\]()<>\"']{0,500}\)){1,2000}"
)


def image_urls(texts: Iterable[str]) -> tuple[str, ...]:
    """The addresses of all images, each once, in order."""
    return _unique(url for text in texts for url in IMAGE.findall(text) if url)


def link_urls(texts: Iterable[str]) -> tuple[str, ...]:
    """The addresses of all that is linked to, attachments too, each once, in order."""
    return _unique(
        url.rstrip(".,;:!?*") for text in texts for url in _LINK.findall(IMAGE.sub(" ", text))
    )


def _unique(urls: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(html.unescape, urls)))
