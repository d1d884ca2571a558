"""Answers are built in one place, with notices of the places that they have nothing from."""

from dataclasses import replace

from fake_engine import answer, report

from rag.answer.pipeline import build_answer, missing_places
from rag.catalog.catalog import Catalog
from rag.engine import Engine
from rag.i18n.labels import notice_words
from rag.i18n.translations import translations_for
from rag.query.entities import places_in
from rag.retrieval.hybrid import SearchResult
from rag.types import Notice, Plan

# Peru, Togo and Viet Nam; the draft cites Peru and Togo.
CATALOG = Catalog([report(0), report(1), report(2)])
DRAFT = answer(notices=(Notice("nothing_supported"),))
NO_REPORTS = "The collection has no reports from"


def make_plan(question: str) -> Plan:
    return Plan(question, question, planner="model", places=tuple(places_in(question)))


def test_places_that_an_answer_has_nothing_from_are_named() -> None:
    def told(question: str, refused: bool = False) -> str:
        draft = replace(DRAFT, refused=refused)
        return notice_words(missing_places(make_plan(question), draft, CATALOG))

    assert told("Was das in Brazil and Japan?") == f"{NO_REPORTS} Brazil, Japan."
    assert told("What did Brazilian fishers teach Vietnam?") == ""
    assert told("How do Peru and Vietnam differ?") == "Nothing from Viet Nam is cited here."
    assert told("How do Peru, Vietnam and Fiji differ?", refused=True) == f"{NO_REPORTS} Fiji."


def test_notices_of_the_plan_come_before_those_of_writing_and_of_places() -> None:
    plan = replace(make_plan("And Brazil?"), notices=(Notice("no_model_looks"),))
    results = SearchResult((), frozenset())
    timings = {"plan_ms": 1.0}
    built = build_answer(plan, DRAFT, CATALOG, result=results, index="f1", timings=timings)
    codes = [notice.code for notice in built.notices]
    assert codes == ["no_model_looks", "nothing_supported", "no_reports_from"]
    assert (built.planner, built.index, built.timings) == ("model", "f1", timings)
    about = build_answer(plan, DRAFT, CATALOG, result=None, index="f1", timings=timings)
    assert about.notices == DRAFT.notices


def test_notices_are_in_the_reader_s_words(sample_engine: Engine) -> None:
    notices = sample_engine.ask("Que dit le Brésil de la pêche artisanale ?").answer.notices
    codes = [notice.code for notice in notices]
    assert codes == ["no_reports_from", "quotes_in_original"]
    assert notice_words(notices[:1]) == f"{NO_REPORTS} Brésil."
    french = notice_words(notices[:1], translations_for("fr"))
    assert french == "La collection n’a aucun rapport de ce pays\u00a0: Brésil."
