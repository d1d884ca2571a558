"""Wordings by which questions are recognised, in five languages: those of `wordings.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("wordings.toml").read_text("utf-8"))


def keys(table: str) -> list[str]:
    """The languages or fields that a table has."""
    return list(_data()[table])


@cache
def any_of(name: str, key: str = "") -> str:
    """A regular expression for the alternatives; for an unknown language the English ones."""
    alternatives = _data()[name]
    if key:
        alternatives = alternatives.get(key, alternatives.get("en"))
    return f"(?:{'|'.join(alternatives)})"


def words_of(name: str, language: str = "") -> str:
    """The words of a list, for an unknown language the English ones."""
    words = _data()[name]
    return str(words.get(language, words["en"]) if language else words)
