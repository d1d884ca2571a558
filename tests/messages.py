"""Finds the messages of the code for Babel: the texts that its calls of gettext are given."""

import ast
import tomllib
from collections.abc import Iterator
from typing import IO, Any

Found = tuple[int, str, tuple[str | None, ...], list[str]]


def calls(fileobj: IO[bytes], keywords: Any, *_: object, **__: object) -> Iterator[Found]:
    """Line, function and texts of each call of a keyword, also inside an f-string."""
    for node in ast.walk(ast.parse(fileobj.read())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
        if name in keywords:
            values = (getattr(argument, "value", None) for argument in node.args)
            texts = tuple(value if isinstance(value, str) else None for value in values)
            yield node.lineno, name, texts, []


def tables(fileobj: IO[bytes], *_: object, **__: object) -> Iterator[Found]:
    """The texts of a file of words, those that are shown in English alone left out."""
    for name, table in tomllib.load(fileobj).items():
        for words in table.values() if name != "english" else ():
            if name == "plural":
                yield 0, "ngettext", tuple(words), []
            else:
                for text in [words] if isinstance(words, str) else words:
                    yield 0, "gettext", (text,), []
