"""Answers are built in one place, with notices of the places that they have nothing from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_engine import answer, report

from rag.answer.draft import Draft, build_answer, missing_places
from rag.catalog.catalog import Catalog
from rag.engine import Engine
from rag.i18n.notices import notice_words
from rag.i18n.translations import translations_for
from rag.query.entities import places_in
from rag.retrieval.hybrid import SearchResult
from rag.types import Notice, Plan

# Peru, Togo and Viet Nam; the answer cites Peru and Togo.
CATALOG = Catalog([report(0), report(1), report(2)])


def draft(refused: bool = False) -> Draft:
    known = answer()
    return Draft(
        text=known.text,
        refused=refused,
        coverage=known.coverage,
        mode="extractive",
        language="en",
        citations=known.citations,
        hits=known.hits,
        notices=(Notice("nothing_supported"),),
    )


def understood(question: str) -> Plan:
    return Plan(question, question, places=tuple(places_in(question)))


@pytest.mark.parametrize(
    ("question", "notice"),
    [
        ("What did the lab of Brazil learn?", "The collection has no reports from Brazil."),
        ("Was das in Brazil and Japan?", "The collection has no reports from Brazil, Japan."),
        ("What did Vietnam learn?", ""),
        ("What did Brazilian fishers teach Peru?", ""),
        ("How do Peru and Togo differ?", ""),
        ("How do Peru and Vietnam differ?", "Nothing from Vietnam is cited here."),
    ],
)
def test_places_that_an_answer_has_nothing_from_are_named(question: str, notice: str) -> None:
    assert notice_words(missing_places(understood(question), draft(), CATALOG)) == notice


def test_a_refusal_names_only_places_without_reports() -> None:
    plan = understood("How do Peru, Vietnam and Brazil differ?")
    notices = missing_places(plan, draft(refused=True), CATALOG)
    assert notices == (Notice("no_reports_from", {"places": "Brazil"}),)


def test_notices_of_search_come_before_those_of_writing_and_of_places() -> None:
    plan = replace(understood("And Brazil?"), planner="model")
    found = SearchResult((), frozenset(), (Notice("reranker_too_slow"),))
    timings = {"plan_ms": 1.0}
    built = build_answer(plan, draft(), CATALOG, found=found, index="f1", timings=timings)
    codes = [notice.code for notice in built.notices]
    assert codes == ["reranker_too_slow", "nothing_supported", "no_reports_from"]
    assert (built.question, built.standalone) == (plan.question, plan.standalone)
    assert (built.planner, built.index, built.timings) == ("model", "f1", timings)
    alone = build_answer(plan, draft(), CATALOG, found=None, index="f1", timings=timings)
    assert alone.notices == draft().notices


def test_an_engine_s_answer_says_so_in_the_reader_s_words(sample_engine: Engine) -> None:
    notices = sample_engine.ask("Que dit le Brésil de la pêche artisanale ?").answer.notices
    assert notice_words(notices) == "The collection has no reports from Brésil."
    french = notice_words(notices, translations_for("fr"))
    assert french == "La collection n’a aucun rapport de ce pays : Brésil."
