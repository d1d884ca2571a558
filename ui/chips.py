"""The chips under a question: what it was narrowed to, what came first, what was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rag.labels import FILTER_WORDS
from rag.types import Filters
from ui.exchange import Exchange

# Up to so many values of a field have a chip each; more share one, which names so many.
APART = 3

_UNUSED = ' class="unused"'


def scope(one: Exchange, turn: int = 0) -> str:
    """What an answer was narrowed to, and why; with a `turn`, what the question says can go.

    Each chip of the question then has a button that asks again without it, or with it again.
    """
    chips = [
        *_chips(one.asked, "your filter"),
        *_chips(one.narrowed, "from the question", turn, apart=True),
        *_chips(one.first, "from the question, comes first", turn, apart=True),
        *_chips(one.ignored, "not used", turn, apart=True, back=True),
    ]
    return f'<ul class="scope" aria-label="Filters">{"".join(chips)}</ul>' if chips else ""


def _chips(
    filters: Filters, origin: str, turn: int = 0, *, apart: bool = False, back: bool = False
) -> Iterator[str]:
    for name, values in filters.as_dict().items():
        each = apart and len(values) <= APART
        for shown in [[value] for value in values] if each else [values]:
            names = _names(shown)
            yield (
                f'<li{_UNUSED if back else ""}><div><span class="key">{FILTER_WORDS[name]}</span> '
                f'<div class="values" dir="auto">{f"<del>{names}</del>" if back else names}</div> '
                f'<span class="origin">{origin}</span></div>'
                f"{_button(turn, name, shown, each, back) if turn else ''}</li>"
            )


def _names(values: Sequence[str | int]) -> str:
    """Values as HTML; of many, those after the first unfold."""
    named = [escape(str(value)) for value in values]
    if len(named) <= APART:
        return ", ".join(named)
    few, rest = ", ".join(named[: APART - 1]), named[APART - 1 :]
    return (
        f"<details><summary>{few}<span> and {len(rest)} more</span></summary>"
        f" {', '.join(rest)}</details>"
    )


def _button(turn: int, name: str, values: Sequence[str | int], each: bool, back: bool) -> str:
    """What asks again without the values of a chip, or with them."""
    said = str(values[0]) if each else f"all {len(values)}"
    label = f"{'Use again,' if back else 'Ask again without'} {FILTER_WORDS[name]}: {said}"
    return (
        f'<button type="button" data-turn="{turn}" data-field="{name}" '
        f'data-value="{escape(str(values[0])) if each else ""}" data-back="{"1" if back else ""}" '
        f'aria-label="{escape(label)}" title="{escape(label)}"><span aria-hidden="true">'
        f"{'Use again' if back else '×'}</span></button>"
    )
