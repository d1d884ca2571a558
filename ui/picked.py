"""The chips over the question box: each chosen filter, with a button that takes it away."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from rag.facets import region_facet, runs
from rag.labels import FILTER_WORDS, value_words
from rag.regions import region_name
from rag.translate import Words, code_of
from rag.types import Filters
from ui.choosing import REGION
from ui.facets import REGION_WORD

if TYPE_CHECKING:
    from rag.catalogue import Catalogue

# A field, the value by which the page takes it away, and what is shown of it.
_Chip = tuple[str, str, str]


def picked(catalogue: Catalogue, chosen: Filters, words: Words, told: str = "") -> str:
    """The chosen filters as chips, or nothing; `told` is a sentence that stands over them."""
    note = f'<p class="told" role="status" dir="auto">{escape(told)}</p>' if told else ""
    chips = "".join(_chip(*chip, words) for chip in _chips(catalogue, chosen, words))
    if not chips:
        return note
    label = escape(words.gettext("Chosen filters"))
    clear = escape(words.gettext("Clear all"))
    return (
        f'{note}<ul class="picked" aria-label="{label}">{chips}<li class="all"><button '
        f'type="button" data-field="" data-value="">{clear}</button></li></ul>'
    )


def _chips(catalogue: Catalogue, chosen: Filters, words: Words) -> Iterator[_Chip]:
    """Regions of which all labs are chosen stand for them, and runs of years for each year."""
    for field, values in chosen.as_dict().items():
        if field == "country":
            left = {str(value): None for value in values}
            for region in region_facet(catalogue, chosen):
                if len(region.labs) > 1 and left.keys() >= set(region.labs):
                    yield REGION, region.number, region_name(region.number, code_of(words))
                    left = {lab: None for lab in left if lab not in region.labs}
            yield from ((field, lab, value_words(field, lab, words)) for lab in left)
        elif field == "year":
            for first, last in runs(catalogue, chosen.year):
                years = str(first) if first == last else f"{first}-{last}"
                yield field, years, years.replace("-", "–")
        else:
            yield from ((field, str(value), value_words(field, value, words)) for value in values)


def _chip(field: str, value: str, shown: str, words: Words) -> str:
    key = words.gettext(REGION_WORD if field == REGION else FILTER_WORDS[field])
    remove = words.gettext("Remove {filter}").format(filter=f"{key}: {shown}")
    return (
        f'<li><span class="key">{escape(key)}</span> <span dir="auto">{escape(shown)}</span>'
        f'<button type="button" data-field="{field}" data-value="{escape(value)}" '
        f'aria-label="{escape(remove)}" title="{escape(remove)}">'
        '<span aria-hidden="true">×</span></button></li>'
    )
