"""What is asked about a value or a report that is picked in the Explore view."""

from __future__ import annotations

from collections.abc import Mapping

from rag.catalogue import Catalogue
from rag.facets import known
from rag.labels import lab_words, value_words
from rag.translate import Words, marked

# The filters that Explore shows, in its order, each with the question that a value asks.
QUESTIONS = {
    "country": marked("What did the lab of {value} find out?"),
    "year": marked("What did the labs learn in {value}?"),
    "method": marked("What did the labs learn by using {value}?"),
    "sdg": marked("What did the labs learn about {value}?"),
    "theme": marked("What did the labs learn about {value}?"),
}
_OF_REPORT = marked("What did the lab of {lab} find out in “{title}”?")


def question(catalogue: Catalogue, pick: Mapping[str, object], words: Words) -> str:
    """The question about a value or a report; "" for what the collection doesn't have."""
    info = catalogue.reports.get(str(pick.get("report")))
    if info:
        return words.gettext(_OF_REPORT).format(lab=lab_words(info, words), title=info.title)
    field, value = str(pick.get("field")), str(pick.get("value"))
    name = known(catalogue, field, value) if field in QUESTIONS else None
    return "" if name is None else asking(field, str(name), words)


def asking(field: str, name: str, words: Words) -> str:
    """The question about a value that the collection has."""
    # "13. Climate action" is asked for as "climate action".
    said = name.partition(". ")[2] or name if field == "sdg" else value_words(field, name, words)
    if field != "country" and said[1:].islower():
        said = said[0].lower() + said[1:]
    return words.gettext(QUESTIONS[field]).format(value=said)
