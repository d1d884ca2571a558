"""Links that carry a question and filters: written into an address, and read from one.

What the reader has taken back of what the question names goes along ("without-country=PE").

Labs stand in them as ISO codes, goals as numbers, years as ranges ("2021-2023"); these, types,
kinds and languages may be separated by commas. Other fields are repeated: their values may hold any
character. A link may hold anything: values that the collection doesn't have are reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from rag.catalog.facet_counts import find_value, year_ranges, years_between
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.i18n.labels import FIELD_LABELS
from rag.i18n.translations import Translations

if TYPE_CHECKING:
    from rag.catalog.catalog import Catalog
    from ui.web.handlers import Talk


QUESTION = "q"
# Goes before the field of a value that isn't to be taken from the question.
WITHOUT = "without-"
KEYS = (QUESTION, *FILTER_FIELDS, *(WITHOUT + field for field in FILTER_FIELDS))
LONGEST_QUESTION = 4000
# The part of an address that is read: characters, and values. Our own links are shorter.
_LONGEST_QUERY = 60_000
_MOST_VALUES = 500
_LISTED = ("country", "year", "type", "kind", "sdg", "language")
# Of the values that the collection doesn't have, so many are named, and characters of each.
_NAMED = 3
_NAMED_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Link:
    """What a link asks for; `unknown` are its values, by field, that no report has.

    `ignored` is what isn't to be taken from the question though it names it.
    """

    question: str = ""
    filters: Filters = Filters()
    ignored: Filters = Filters()
    unknown: tuple[tuple[str, str], ...] = ()
    too_long: bool = False


def write(question: str, filters: Filters, catalog: Catalog, ignored: Filters = Filters()) -> str:
    """The query of an address (without its "?") for a question, filters and what is ignored."""
    pairs = [(QUESTION, question)] if question else []
    for before, chosen in (("", filters), (WITHOUT, ignored)):
        for field in FILTER_FIELDS:
            values = list(_written(field, chosen, catalog))
            values = [",".join(values)] if values and field in _LISTED else values
            pairs += [(before + field, value) for value in values]
    return urlencode(pairs, quote_via=quote, safe=",")


def _written(field: str, filters: Filters, catalog: Catalog) -> Iterator[str]:
    if field == "year":
        for first, last in year_ranges(catalog, filters.year):
            yield str(first) if first == last else f"{first}-{last}"
        return
    for value in getattr(filters, field):
        key = str(filter_key(field, value))
        if field == "country":
            yield key if len(key) == 2 else value
        elif field == "sdg":
            number = value.partition(".")[0]
            yield number if number.isdecimal() else value
        else:
            yield value


def copied_link(catalog: Catalog, talk: Talk, t: Translations) -> str:
    """The query of a link to the last question with its filters, and what the page says: JSON."""
    last = talk[-1] if talk else None
    query = write(last.question, last.filters, catalog, last.ignored) if last else ""
    done, by_hand = t.gettext("Link copied"), t.gettext("Copy this link:")
    return json.dumps({"query": query, "done": done, "byHand": by_hand})


def read(query: str, catalog: Catalog) -> Link:
    """What the query of an address asks for; parts that are none of ours are passed over."""
    pairs = parse_qsl(query[:_LONGEST_QUERY].removeprefix("?"), errors="replace")
    question = next((value.strip() for key, value in pairs if key == QUESTION), "")
    too_long = len(question) > LONGEST_QUESTION
    found: dict[str, dict[Any, None]] = {}
    unknown: dict[tuple[str, str], None] = {}
    values = [(key, part) for key, text in pairs for part in _parts(key, text, catalog)]
    for key, value in values[:_MOST_VALUES]:
        names = _names(key.removeprefix(WITHOUT), value, catalog)
        found.setdefault(key, {}).update(dict.fromkeys(names))
        # What no report has can't have been taken from a question either.
        if not names and not key.startswith(WITHOUT):
            unknown[key, value] = None
    filters, ignored = (_filters(found, before) for before in ("", WITHOUT))
    question = "" if too_long else question
    return Link(question, filters, ignored if question else Filters(), tuple(unknown), too_long)


def _filters(found: dict[str, dict[Any, None]], before: str) -> Filters:
    values = {field: found.get(before + field, {}) for field in FILTER_FIELDS}
    return Filters(**{k: tuple(sorted(v) if k == "year" else v) for k, v in values.items()})


def _parts(key: str, text: str, catalog: Catalog) -> list[str]:
    """The values of one part of an address."""
    field = key.removeprefix(WITHOUT)
    if field not in FILTER_FIELDS:
        return []
    # "Korea, Republic of" is one lab.
    if field not in _LISTED or _names(field, text, catalog):
        return [text]
    return [part.strip() for part in text.split(",") if part.strip()]


def _names(field: str, value: str, catalog: Catalog) -> list[str | int]:
    """What a value of an address is called in the collection; years may be a range."""
    if field == "year" and value.count("-") == 1 and value != "-":
        return [*years_between(catalog, *value.split("-"))]
    name = find_value(catalog, field, value)
    return [] if name is None else [name]


def notice(link: Link, t: Translations) -> str:
    """What of a link is passed over, as sentences (not escaped); "" for nothing."""
    sentences = []
    if link.too_long:
        longest = t.gettext("The link's question has more than {n} characters: left out.")
        sentences.append(longest.format(n=LONGEST_QUESTION))
    if link.unknown:
        named = ", ".join(
            f"{t.gettext(FIELD_LABELS[field])} “{_cut(value)}”"
            for field, value in link.unknown[:_NAMED]
        )
        if more := len(link.unknown) - _NAMED:
            named += f" {t.gettext('and {n} more').format(n=more)}" if more > 0 else ""
        none = t.gettext("The link also names what no report here has, left out: {values}.")
        sentences.append(none.format(values=named))
    return " ".join(sentences)


def _cut(value: str) -> str:
    return value if len(value) <= _NAMED_LENGTH else f"{value[:_NAMED_LENGTH]}…"
