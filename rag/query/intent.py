"""What a question asks for: a list, a comparison, the collection itself, or an answer."""

from __future__ import annotations

import re

from rag.catalog.fields import Filters
from rag.query.entities import countries_in
from rag.query.wordings import any_of, keys
from rag.text.prompt_injection import overrides
from rag.text.tokenize import strip_accents
from rag.types import Intent


def intent_of(question: str, named: Filters) -> Intent:
    """The intent of a question to the reports that names some labs, years and kinds."""
    if asks_for_list(question):
        return "list"
    # Two labs are both wanted, however they are named; two years may be a span.
    folded = strip_accents(question)
    two_labs = len(countries_in(question)) > 1 and len(named.country) > 1
    if two_labs or (has_sides(named) and re.search(rf"\b{any_of('compare')}\b", folded)):
        return "compare"
    return "answer"


def has_sides(named: Filters) -> bool:
    """Whether there are two labs or two years to compare."""
    return max(len(named.country), len(named.year)) >= 2


def asks_for_list(question: str) -> bool:
    """Whether a question has the form of one for a list ("which labs", "how many reports")."""
    things = rf"(?:(?:of )?(?:the )?{any_of('between')} )*{any_of('listable')}\b"
    pattern = any_of("list").replace("{things}", things)
    return bool(re.match(rf"\W*{pattern}", strip_accents(question)))


def asks_for_foremost(question: str) -> bool:
    """Whether a question asks for a single report ("the first", "the only", "the largest")."""
    return bool(re.search(any_of("foremost"), strip_accents(question)))


def asks_about(question: str) -> tuple[str, ...] | None:
    """What a question wants to know of the collection: filter fields, "language", "report".

    Empty for a greeting, "what can you do?" or an attempt to change the rules; None for a question
    to the reports.
    """
    folded = re.sub("['’]", " ", strip_accents(question)).strip()
    if (
        greeting_language(question)
        or re.search(rf"^\W*{any_of('self')}\W*$", folded)
        or overrides(question)
    ):
        return ()
    for field in keys("fields"):
        start = rf"^\W*(?:in )?{any_of('ask')}\s?{any_of('fields', field)}"
        match = re.search(rf"{start}\s+(?:\w+ ){{0,2}}?{any_of('yours')}", folded)
        # "How many reports do you have on water?" is put to the reports.
        if match and not re.search(r"\w", folded[match.end() :]):
            return (field,)
    return None


def greeting_language(question: str) -> str:
    """The language of a greeting; "" for anything else."""
    plain = re.sub(r"^\W+|\W+$", "", strip_accents(question))
    plain = re.sub(r" (?:there|everyone|all|a tous|a todos)$", "", plain)
    languages = keys("greetings")
    return next((c for c in languages if re.fullmatch(any_of("greetings", c), plain)), "")
