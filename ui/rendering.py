"""Renders Jinja templates: HTML, in which all values are escaped, and plain text."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from rag.export.brief import who
from rag.export.lines import one_line, shortened
from rag.files import in_words
from rag.i18n import labels, translations
from rag.i18n.translations import ENGLISH, Translations

# Line breaks next to a tag or a Jinja statement. Those elsewhere separate attributes.
_LAYOUT = re.compile(r"(?:^|(?<=>))\s*\n\s*|\s*\n\s*(?=<|$)")


def render(template: str, t: Translations, **values: Any) -> Markup:
    """The HTML of a template with its values, in the language of the translations."""
    source = _environment().get_template(template)
    return Markup(source.render(values, t=t, _=t.gettext, ngettext=t.ngettext))


def render_text(template: str, t: Translations = ENGLISH, **values: Any) -> str:
    """The plain text of a template with its values, without line breaks around it."""
    source = _environment(is_html=False).get_template(template)
    return source.render(values, t=t, _=t.gettext, ngettext=t.ngettext).strip("\n")


@cache
def _environment(*, is_html: bool = True) -> Environment:
    environment = Environment(
        autoescape=is_html,
        extensions=[_WithoutLayout] if is_html else [],
        trim_blocks=not is_html,
        lstrip_blocks=not is_html,
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
    )
    # Labels, and the functions that write names, numbers and sentences for readers.
    environment.globals.update(vars(translations) | vars(labels))
    environment.globals |= {f.__name__: f for f in (in_words, one_line, shortened, who)}
    environment.filters["flags"] = flags
    environment.filters["labelled"] = lambda values, field, t: [
        labels.value_label(field, value, t) for value in values
    ]
    environment.filters["on_one_line"] = lambda text: " ".join(text.split())
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
