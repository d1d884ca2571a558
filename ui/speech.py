"""The language of the page: its words as a visitor's browser asks for them."""

from __future__ import annotations

import gradio as gr
from gradio.i18n import I18nData

from rag.translate import Words, languages, words_for, words_in


class _Labels(Words):
    """Makes labels that the browser translates: Gradio's parts are the same for all visitors."""

    def gettext(self, message: str) -> I18nData:  # type: ignore[override]
        return I18nData(message)


LABELS = _Labels()


def words_of(request: gr.Request | None) -> Words:
    """The first of a visitor's languages that the product speaks, else English."""
    return words_for(str(request.headers.get("accept-language", "")) if request else "")


def translations(page: gr.Blocks) -> gr.I18n:
    """The labels of a page's parts in all languages, for the browser to choose from."""
    # The words on a button are its value, which Gradio keeps as they were given only here.
    given = [
        value
        for block in page.blocks.values()
        for values in (vars(block), *block._constructor_args)
        for value in values.values()
    ]
    labels = {value.key for value in given if isinstance(value, I18nData)}
    return gr.I18n(
        **{code: {one: words_in(code).gettext(one) for one in labels} for code in languages()}
    )
