"""Makes one answer block of the facts that stand only in a report's tags."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

from ingest.clean import clean
from ingest.normalise import NOT_SHOWN
from ingest.scan import Tag
from rag.tags import fold_tag
from rag.types import FACTS, Block

# What only a machine reads: an address, a pair of coordinates, an identifier.
_TECHNICAL = re.compile(
    r"(?:https?:/|www\.)\S+|-?\d+\.\d+\s*,\s*-?\d+\.\d+|(?=\S*\d)[\w-]{16,}", re.IGNORECASE
)
_TECHNICAL_KEY = re.compile(r"(?:^|[_-])(?:id|uuid|url)$")


def facts_block(raw: str, tags: Iterable[Tag], facts: Mapping[str, tuple[str, ...]]) -> Block:
    """The block whose spans are the tags that hold the facts; empty where there are none.

    Args:
        raw: the report's text.
        tags: all tags of it.
        facts: the values, by key, that are neither private nor filters (`ingest.normalise`).
    """
    allowed = {key: {fold_tag(value) for value in values} for key, values in facts.items()}
    found = {
        (tag.key, value): (tag.start, tag.end)
        for tag in reversed(list(tags))
        if tag.key not in NOT_SHOWN
        and not _TECHNICAL_KEY.search(tag.key)
        and (value := fold_tag(_readable(tag.value))) in allowed.get(tag.key, ())
        and not _TECHNICAL.fullmatch(_readable(tag.value))
    }
    spans = tuple(sorted(found.values()))
    text = "\n".join(clean(raw[start:end]) for start, end in spans)
    return Block(section=FACTS, prompt=FACTS, text=text, spans=spans)


def _readable(value: str) -> str:
    return " ".join(html.unescape(html.unescape(value)).split())
