"""The map of the labs: each country with reports a button, shaded by how many it has."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from rag.facets import Value
from rag.labels import counted, country_words
from rag.translate import Words, number

# Where a new shade may begin: at a round number near the one of the lab of this rank (0 to 1).
_ROUND = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_RANKS = (0, 0.3, 0.6, 0.85, 0.97)
_FILE = Path(__file__).with_name("world.json")


@dataclass(frozen=True, slots=True)
class World:
    """Outlines as SVG paths and points, by ISO 3166 code; small countries have a point."""

    width: int
    height: int
    shapes: Mapping[str, str]
    points: Mapping[str, tuple[int, int]]


@lru_cache(maxsize=1)
def world() -> World:
    """The world's countries, from the file beside this one, which names its source."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    points = {code: (x, y) for code, (x, y) in data["points"].items()}
    return World(data["width"], data["height"], data["shapes"], points)


def world_map(labs: Mapping[str, Value], words: Words) -> str:
    """The map of labs by ISO 3166 code, with its legend.

    A code that the map doesn't have is left out; the list of labs beside the map has it.
    """
    atlas = world()
    drawn = {code: lab for code, lab in labs.items() if code in atlas.shapes.keys() | atlas.points}
    bounds = steps([lab.reports for lab in drawn.values()])
    rest = "".join(shape for code, shape in atlas.shapes.items() if code not in drawn)
    # The circles of small countries lie over their neighbours, outlines of what is chosen over all.
    order = sorted(drawn, key=lambda code: (drawn[code].chosen, code in atlas.points))
    places = "".join(_place(code, drawn[code], bounds, words) for code in order)
    name = words.gettext("Map of the labs by number of reports")
    told = words.gettext("A click shows only that lab's reports; with Shift it asks about them.")
    borders = words.gettext("Borders are simplified and express no view on any territory.")
    return (
        f'<figure class="map"><svg viewBox="0 0 {atlas.width} {atlas.height}" role="group" '
        f'aria-label="{escape(name)}"><path class="land" d="{rest}"/>{places}</svg>'
        f'<figcaption><p class="pointed" aria-hidden="true" data-idle="{escape(told)}">{told}</p>'
        f'{_legend(bounds, words)}<p class="borders">{borders}</p></figcaption></figure>'
    )


def steps(counts: Sequence[int]) -> tuple[int, ...]:
    """From which number of reports on each shade is used: round numbers, at most five.

    They part the labs by rank, so that one lab with very many reports doesn't pale all others.
    """
    ranked = sorted(counts) or [1]
    at = [ranked[round(rank * (len(ranked) - 1))] for rank in _RANKS]
    return tuple(sorted({max(bound for bound in _ROUND if bound <= max(n, 1)) for n in at}))


def _place(code: str, lab: Value, bounds: Sequence[int], words: Words) -> str:
    atlas = world()
    said = f"{country_words(lab.name, words)}: {counted(lab.reports, 'report', words)}"
    shape = f'<path d="{atlas.shapes[code]}"/>' if code in atlas.shapes else ""
    if point := atlas.points.get(code):
        shape += f'<circle cx="{point[0]}" cy="{point[1]}" r="5"/>'
    return (
        f'<g class="place" role="button" tabindex="-1" data-field="country" '
        f'data-value="{escape(lab.name)}" data-shade="{bisect_right(bounds, lab.reports)}" '
        f'aria-pressed="{str(lab.chosen).lower()}" aria-label="{escape(said)}">{shape}</g>'
    )


def _legend(bounds: Sequence[int], words: Words) -> str:
    ends: list[int | None] = [bound - 1 for bound in bounds[1:]]
    items = []
    for shade, (low, high) in enumerate(zip(bounds, [*ends, None], strict=True), start=1):
        said = number(words, low)
        if high is None:
            said += "+"
        elif high > low:
            said += f"–{number(words, high)}"
        items.append(f'<li data-shade="{shade}">{said}</li>')
    label = words.gettext("Reports of a lab")
    return f'<ul class="legend" aria-label="{escape(label)}">{"".join(items)}</ul>'
