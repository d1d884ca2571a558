"""Finds the addresses of links, attachments and images in the text of a report."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from ingest.clean import IMAGE

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
