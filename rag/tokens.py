"""Counts tokens with the tables that ship inside llama-index: nothing is downloaded."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import tiktoken

_ENCODING = "cl100k_base"
_SHIPPED = (_ENCODING, "o200k_base")


@cache
def _encoding(name: str) -> tiktoken.Encoding:
    spec = find_spec("llama_index.core")
    if spec is not None and spec.origin:
        cache_dir = Path(spec.origin).parent / "_static" / "tiktoken_cache"
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(cache_dir))
    return tiktoken.get_encoding(name)


@cache
def own_encoding(model: str) -> str:
    """The encoding of a model, if it is known and ships; else ""."""
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return ""
    return name if name in _SHIPPED else ""


def count_tokens(text: str, model: str = "") -> int:
    """How many tokens a text has for a model, or in cl100k where its own encoding isn't known.

    Special tokens count as plain text.
    """
    return len(_encoding(own_encoding(model) or _ENCODING).encode_ordinary(text))


def fits(text: str, limit: int) -> bool:
    """Whether a text has at most `limit` tokens; a short one need not be counted.

    A token is one byte or more.
    """
    return len(text.encode("utf-8", "surrogatepass")) <= limit or count_tokens(text) <= limit
