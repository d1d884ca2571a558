"""What a form of answer has written, and the one place where an Answer is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rag.catalog.catalog import Catalog
from rag.i18n.labels import country_label, join_parts
from rag.i18n.translations import translations_for
from rag.places.countries import english_name
from rag.retrieval.hybrid import SearchResult
from rag.types import Answer, Citation, Coverage, GenerationRecord, Hit, Notice, Plan, Struck


@dataclass(frozen=True, slots=True)
class Draft:
    """The part of an Answer that depends on its form; the fields are those of the Answer."""

    text: str
    refused: bool
    coverage: Coverage
    mode: str
    language: str
    citations: tuple[Citation, ...] = ()
    hits: tuple[Hit, ...] = ()
    notices: tuple[Notice, ...] = ()
    struck: tuple[Struck, ...] = ()
    checked: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=lambda: {"prompt": 0, "completion": 0})
    generation: GenerationRecord = field(default_factory=GenerationRecord)


def build_answer(
    plan: Plan,
    draft: Draft,
    catalog: Catalog,
    *,
    found: SearchResult | None,
    index: str,
    timings: Mapping[str, float],
) -> Answer:
    """The answer to a planned question.

    `found` is None for an answer about the collection itself; `index` is the index's fingerprint.
    """
    notices = draft.notices
    if found:
        notices = (*found.notices, *notices, *missing_places(plan, draft, catalog))
    return Answer(
        question=plan.question,
        standalone=plan.standalone,
        planner=plan.planner,
        index=index,
        timings=timings,
        notices=notices,
        text=draft.text,
        refused=draft.refused,
        citations=draft.citations,
        hits=draft.hits,
        coverage=draft.coverage,
        mode=draft.mode,
        language=draft.language,
        tokens=draft.tokens,
        struck=draft.struck,
        checked=draft.checked,
        generation=draft.generation,
    )


def missing_places(plan: Plan, draft: Draft, catalog: Catalog) -> tuple[Notice, ...]:
    """Notices of the countries that a question names and its answer has nothing from.

    A single country with reports gets none: a report of another lab may be about it. Country names
    are in the language of the answer.
    """
    known = catalog.keys("country")
    absent = [code for code in plan.places if code not in known]
    present = [code for code in plan.places if code in known]
    cited = {code for citation in draft.citations for code in citation.passage.report.iso}
    uncited = [code for code in present if code not in cited]
    if len(present) < 2 or draft.refused or draft.coverage.intent == "list":
        uncited = []
    notices = (("no_reports_from", absent), ("nothing_cited_from", uncited))
    return tuple(
        Notice(code, {"places": _country_names(places, draft.language)})
        for code, places in notices
        if places
    )


def _country_names(codes: Iterable[str], language: str) -> str:
    t = translations_for(language)
    return join_parts(t, ", ", [country_label(english_name(code), t) for code in codes])
