"""The HTML of the page: Jinja templates, of which all values are escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from rag.i18n import labels, notices, translations
from rag.i18n.translations import Translations

# Line breaks next to a tag or to a statement of Jinja; those that are left part attributes.
_LAYOUT = re.compile(r"(?:^|(?<=>))\s*\n\s*|\s*\n\s*(?=<|$)")


def render(template: str, t: Translations, **values: Any) -> Markup:
    """The HTML of a template with its values, in the language of the translations."""
    source = _environment().get_template(template)
    return Markup(source.render(values, t=t, _=t.gettext, ngettext=t.ngettext))


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        extensions=[_WithoutLayout],
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
    )
    # What is said to readers: labels, and the functions that write names, numbers and sentences.
    environment.globals.update(vars(translations) | vars(labels) | vars(notices))
    environment.filters["flags"] = flags
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment


class _WithoutLayout(Extension):
    """Leaves the line breaks and the indentation of templates out of the page."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for token in stream:
            if token.type == "data":
                text = _LAYOUT.sub("", token.value)
                yield Token(token.lineno, "data", re.sub(r"\s*\n\s*", " ", text))
            else:
                yield token


def flags(iso: Sequence[str]) -> str:
    """The flag emoji of ISO 3166 alpha-2 codes; codes of any other shape are left out."""
    codes = [code.upper() for code in iso if re.fullmatch(r"[A-Za-z]{2}", code)]
    return "".join(chr(0x1F1E6 + ord(letter) - 65) for code in codes for letter in code)
