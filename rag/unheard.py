"""Which of the places that a question names an answer doesn't hear."""

from __future__ import annotations

from collections.abc import Iterable

from rag.catalogue import Catalogue
from rag.countries import english_name
from rag.labels import country_words, joined
from rag.named import places_in
from rag.translate import marked, words_in
from rag.types import Answer

NO_REPORTS = marked("The collection has no reports from {places}.")
NOT_CITED = marked("Nothing from {places} is cited here.")


def unheard(answer: Answer, catalogue: Catalogue) -> str:
    """English sentences on countries named in the question that the answer has nothing from, or "".

    The countries' names are in the language of the answer. Of a single country nothing is said
    where the collection has reports of it: another lab may have told of it.
    """
    named = places_in(answer.question)
    known = catalogue.keys("country")
    absent = [code for code in named if code not in known]
    here = [code for code in named if code in known]
    cited = {code for citation in answer.citations for code in citation.passage.report.iso}
    silent = [code for code in here if code not in cited] if len(here) > 1 else []
    if answer.refused or answer.coverage.intent == "list":
        silent = []
    told = ((NO_REPORTS, absent), (NOT_CITED, silent))
    return " ".join(
        said.format(places=_names(codes, answer.language)) for said, codes in told if codes
    )


def _names(codes: Iterable[str], language: str) -> str:
    words = words_in(language)
    return joined(words, ", ", [country_words(english_name(code), words) for code in codes])
