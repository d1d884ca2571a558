"""The chips under a question: what it was narrowed to, what came first, what was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from rag.labels import FILTER_WORDS, value_words
from rag.regions import region_name, regions
from rag.tags import filter_key
from rag.translate import Words, code_of, marked
from rag.types import Filters, ReportInfo
from ui.exchange import Exchange
from ui.facets import REGION_WORD

# Up to so many values of a field have a chip each; more share one, which names so many.
APART = 3

_UNUSED = ' class="unused"'
_GIVEN = marked("your filter")
_NARROWED = marked("from the question")
_FIRST = marked("from the question, comes first")
_IGNORED = marked("not used")


def scope(
    one: Exchange,
    turn: int,
    words: Words,
    reports: Mapping[str, ReportInfo],
) -> str:
    """What an answer was narrowed to, and why; with a `turn`, what the question says can go.

    Each chip of the question then has a button that asks again without it, or with it again. All
    labs of a region that have `reports` go by its name.
    """
    chips = [
        *_chips(one.asked, _GIVEN, words, reports),
        *_chips(one.narrowed, _NARROWED, words, reports, turn, apart=True),
        *_chips(one.first, _FIRST, words, reports, turn, apart=True),
        *_chips(one.ignored, _IGNORED, words, reports, turn, apart=True, back=True),
    ]
    label = escape(words.gettext("Filters"))
    return f'<ul class="scope" aria-label="{label}">{"".join(chips)}</ul>' if chips else ""


def _chips(
    filters: Filters,
    origin: str,
    words: Words,
    reports: Mapping[str, ReportInfo],
    turn: int = 0,
    *,
    apart: bool = False,
    back: bool = False,
) -> Iterator[str]:
    for name, values in filters.as_dict().items():
        each = apart and len(values) <= APART
        for shown in [[value] for value in values] if each else [values]:
            names, key = _names(name, shown, words), words.gettext(FILTER_WORDS[name])
            if name == "country" and (region := _region(shown, reports, words)):
                rest = [escape(value_words(name, lab, words)) for lab in shown]
                names, key = _unfolding(escape(region), rest), words.gettext(REGION_WORD)
            yield (
                f'<li{_UNUSED if back else ""}><div><span class="key">{key}</span> '
                f'<div class="values" dir="auto">{f"<del>{names}</del>" if back else names}</div> '
                f'<span class="origin">{words.gettext(origin)}</span></div>'
                f"{_button(turn, name, shown, each, back, words) if turn else ''}</li>"
            )


def _region(labs: Sequence[str | int], reports: Mapping[str, ReportInfo], words: Words) -> str:
    """The region whose labs these are, all that the collection has; "" for none."""
    if len(labs) <= APART:
        return ""
    chosen = {str(filter_key("country", lab)) for lab in labs}
    known = {code for info in reports.values() for code in info.iso}
    found = (number for number, codes in regions().items() if codes & known == chosen)
    number = next(found, "")
    return region_name(number, code_of(words)) if number else ""


def _unfolding(summary: str, rest: Sequence[str]) -> str:
    return f"<details><summary>{summary}</summary> {', '.join(rest)}</details>"


def _names(field: str, values: Sequence[str | int], words: Words) -> str:
    """Values as HTML; of many, those after the first unfold."""
    named = [escape(value_words(field, value, words)) for value in values]
    if len(named) <= APART:
        return ", ".join(named)
    few, rest = ", ".join(named[: APART - 1]), named[APART - 1 :]
    more = words.gettext("and {n} more").format(n=len(rest))
    return _unfolding(f"{few}<span> {more}</span>", rest)


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
