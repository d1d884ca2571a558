"""Finds the messages of the code for Babel: the texts that its calls of gettext are given."""

import ast
from collections.abc import Collection, Iterator
from typing import IO

Found = tuple[int, str, tuple[str | None, ...], list[str]]


def calls(
    fileobj: IO[bytes], keywords: Collection[str], *_: object, **__: object
) -> Iterator[Found]:
    """Line, function and texts of each call of a keyword, also inside an f-string."""
    for node in ast.walk(ast.parse(fileobj.read())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
        if name in keywords:
            values = (getattr(argument, "value", None) for argument in node.args)
            texts = tuple(value if isinstance(value, str) else None for value in values)
            yield node.lineno, name, texts, []
