"""The chips under a question: what it was narrowed to, what came first, what was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rag.labels import FILTER_WORDS, value_words
from rag.translate import ENGLISH, Words, marked
from rag.types import Filters
from ui.exchange import Exchange

# Up to so many values of a field have a chip each; more share one, which names so many.
APART = 3

_UNUSED = ' class="unused"'
_GIVEN = marked("your filter")
_NARROWED = marked("from the question")
_FIRST = marked("from the question, comes first")
_IGNORED = marked("not used")


def scope(one: Exchange, turn: int = 0, words: Words = ENGLISH) -> str:
    """What an answer was narrowed to, and why; with a `turn`, what the question says can go.

    Each chip of the question then has a button that asks again without it, or with it again.
    """
    chips = [
        *_chips(one.asked, _GIVEN, words),
        *_chips(one.narrowed, _NARROWED, words, turn, apart=True),
        *_chips(one.first, _FIRST, words, turn, apart=True),
        *_chips(one.ignored, _IGNORED, words, turn, apart=True, back=True),
    ]
    label = escape(words.gettext("Filters"))
    return f'<ul class="scope" aria-label="{label}">{"".join(chips)}</ul>' if chips else ""


def _chips(
    filters: Filters,
    origin: str,
    words: Words,
    turn: int = 0,
    *,
    apart: bool = False,
    back: bool = False,
) -> Iterator[str]:
    for name, values in filters.as_dict().items():
        each = apart and len(values) <= APART
        for shown in [[value] for value in values] if each else [values]:
            names, key = _names(name, shown, words), words.gettext(FILTER_WORDS[name])
            yield (
                f'<li{_UNUSED if back else ""}><div><span class="key">{key}</span> '
                f'<div class="values" dir="auto">{f"<del>{names}</del>" if back else names}</div> '
                f'<span class="origin">{words.gettext(origin)}</span></div>'
                f"{_button(turn, name, shown, each, back, words) if turn else ''}</li>"
            )


def _names(field: str, values: Sequence[str | int], words: Words) -> str:
    """Values as HTML; of many, those after the first unfold."""
    named = [escape(value_words(field, value, words)) for value in values]
    if len(named) <= APART:
        return ", ".join(named)
    few, rest = ", ".join(named[: APART - 1]), named[APART - 1 :]
    return (
        f"<details><summary>{few}<span> {words.gettext('and {n} more').format(n=len(rest))}"
        "</span></summary>"
        f" {', '.join(rest)}</details>"
    )


def _button(
    turn: int, name: str, values: Sequence[str | int], each: bool, back: bool, words: Words
) -> str:
    """What asks again without the values of a chip, or with them."""
    all_of_them = words.gettext("all {n}").format(n=len(values))
    again = words.gettext("Use again, {filter}")
    without = words.gettext("Ask again without {filter}")
    which = value_words(name, values[0], words) if each else all_of_them
    said = f"{words.gettext(FILTER_WORDS[name])}: {which}"
    label = (again if back else without).format(filter=said)
    return (
        f'<button type="button" data-turn="{turn}" data-field="{name}" '
        f'data-value="{escape(str(values[0])) if each else ""}" data-back="{"1" if back else ""}" '
        f'aria-label="{escape(label)}" title="{escape(label)}"><span aria-hidden="true">'
        f"{words.gettext('Use again') if back else '×'}</span></button>"
    )
