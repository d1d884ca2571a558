"""Names of fields, kinds of report and values in five languages: `names.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def listed_names() -> tuple[tuple[str, str, str, str], ...]:
    """Field, key, language and name, of every name in `names.toml`."""
    text = Path(__file__).with_name("names.toml").read_text("utf-8")
    tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    rows: list[tuple[str, str, str, str]] = []
    for field, entries in tables.items():
        flat: Iterable[tuple[str, Any]] = entries.items()
        if field == "fact":
            flat = (
                (f"{k}: {v}", names) for k, values in entries.items() for v, names in values.items()
            )
        for key, languages in flat:
            rows += [(field, key, code, n) for code, names in languages.items() for n in names]
    return tuple(rows)


def translations(field: str) -> Mapping[str, str]:
    """Each name of a value of a filter field in another language than English, with the value."""
    rows = [row for row in listed_names() if row[0] == field]
    english = {name for _, _, language, name in rows if language == "en"}
    return {name: value for _, value, _, name in rows if name not in english}
