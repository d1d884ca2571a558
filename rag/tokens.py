"""Counts tokens with the table that ships inside llama-index: nothing is downloaded."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import tiktoken


@cache
def _encoding() -> tiktoken.Encoding:
    spec = find_spec("llama_index.core")
    if spec is not None and spec.origin:
        cache_dir = Path(spec.origin).parent / "_static" / "tiktoken_cache"
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(cache_dir))
    return tiktoken.get_encoding("cl100k_base")


def count_tokens(text: str) -> int:
    """How many cl100k tokens a text has; special tokens count as plain text."""
    return len(_encoding().encode_ordinary(text))


def fits(text: str, limit: int) -> bool:
    """Whether a text has at most `limit` tokens; a short one need not be counted.

    A token is one byte or more.
    """
    return len(text.encode("utf-8", "surrogatepass")) <= limit or count_tokens(text) <= limit
