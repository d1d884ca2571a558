"""The filters of the left area: their frame as HTML, and what stands in it as data.

The lists are drawn in the browser (filters.js), which keeps focus, scrolling and what is typed
where they are while counts change; all text goes there as JSON and is drawn as text.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from rag.facets import FACETS, facet, number_chosen, region_facet, runs
from rag.labels import FILTER_WORDS, counted, value_words
from rag.regions import region_name
from rag.translate import ENGLISH, Words, code_of, marked, number
from rag.types import Filters
from ui import links
from ui.choosing import REGION

if TYPE_CHECKING:
    from rag.catalogue import Catalogue

REGION_WORD = marked("Region")
# Unfolded at first: what most questions are narrowed by.
_OPEN = ("country", "year", "theme")
# Each place of the left area, with regions, which choose labs, after labs.
_PLACES = (FACETS[0], REGION, *FACETS[1:])


def frame(words: Words = ENGLISH) -> str:
    """The filters without their values, which `data` gives."""
    said = {
        "more": words.gettext("Show all {n}"),
        "fewer": words.gettext("Show fewer"),
        "none": words.gettext("Nothing here is called so."),
        "any": words.gettext("Any"),
    }
    attributes = "".join(f' data-{key}="{escape(text)}"' for key, text in said.items())
    facets = "".join(_facet(place, words) for place in _PLACES)
    return (
        f'<div class="facets" data-keys="{" ".join(links.KEYS)}" '
        f'data-language="{code_of(words)}"{attributes}>{facets}</div>'
    )


def _facet(place: str, words: Words) -> str:
    name = words.gettext(REGION_WORD if place == REGION else FILTER_WORDS[place])
    find = escape(words.gettext("Find in {filter}").format(filter=name))
    label = escape(name)
    ends = _ends(words) if place == "year" else ""
    return (
        f'<details class="facet" data-field="{place}"{" open" if place in _OPEN else ""}>'
        f'<summary>{label}<span class="chosen"></span></summary>{ends}'
        f'<input type="search" class="find" aria-label="{find}" placeholder="{find}" '
        'autocomplete="off" hidden>'
        f'<div role="group" aria-label="{label}"><ul></ul></div>'
        '<button type="button" class="more" hidden></button></details>'
    )


def _ends(words: Words) -> str:
    from_, to = escape(words.gettext("From")), escape(words.gettext("To"))
    return (
        f'<div class="range"><label>{from_} <select data-end="first"></select></label>'
        f'<label>{to} <select data-end="last"></select></label></div>'
    )


def in_scope(catalogue: Catalogue, chosen: Filters, words: Words) -> str:
    """How many reports the chosen filters leave, as a sentence."""
    left = len(catalogue.ids(chosen))
    reports = counted(left, "report", words)
    if not chosen:
        return words.gettext("Asking all {reports}.").format(reports=reports)
    if not left:
        return words.gettext("No report has all of these.")
    return words.gettext("Asking {reports} of {all}.").format(
        reports=reports, all=number(words, len(catalogue.reports))
    )


def data(catalogue: Catalogue, chosen: Filters, words: Words, turn: object = None) -> str:
    """What stands in the filters, as JSON: of each its rows, and what the address says.

    A row is [value, label, reports, chosen, part]: the label is "" where the value is shown as it
    is, `chosen` is 0, 1, or 2 for a part of it.
    `turn` is the number by which the page knows its own event again.
    """
    rows: dict[str, list[list[object]]] = {
        field: [
            [value.name, "" if said == value.name else said, value.reports, int(value.chosen), 0]
            for value in facet(catalogue, chosen, field)
            for said in [value_words(field, value.name, words)]
        ]
        for field in FACETS
    }
    language = code_of(words)
    rows[REGION] = [
        [
            region.number,
            region_name(region.number, language),
            region.reports,
            1 if region.chosen == len(region.labs) else 2 if region.chosen else 0,
            int(region.part),
        ]
        for region in region_facet(catalogue, chosen)
    ]
    spans = runs(catalogue, chosen.year)
    return json.dumps(
        {
            "rows": rows,
            "years": [spans[0][0], spans[-1][1]] if spans else [],
            "chosen": number_chosen(chosen),
            "query": links.write("", chosen, catalogue),
            "turn": turn if isinstance(turn, int) else None,
        },
        ensure_ascii=False,
    ).replace("<", "\\u003c")
