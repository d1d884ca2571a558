"""What an answer says of the countries that it has nothing from."""

from __future__ import annotations

import pytest
from fake_engine import answer, report

from rag.answer.pipeline import unheard
from rag.catalog.catalog import Catalog
from rag.engine import Engine
from rag.i18n.notices import notice_words
from rag.i18n.translations import translations_for
from rag.query.entities import places_in
from rag.types import Plan

# Peru, Togo and Viet Nam; the answer cites Peru and Togo.
CATALOG = Catalog([report(0), report(1), report(2)])


def asked(question: str) -> Plan:
    return Plan(question, question, places=tuple(places_in(question)))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What did the lab of Brazil learn?", "The collection has no reports from Brazil."),
        ("Was das in Brazil and Japan?", "The collection has no reports from Brazil, Japan."),
        ("What did Vietnam learn?", ""),
        ("What did Brazilian fishers teach Peru?", ""),
        ("How do Peru and Togo differ?", ""),
        ("How do Peru and Vietnam differ?", "Nothing from Vietnam is cited here."),
    ],
)
def test_countries_without_a_word_are_named(question: str, said: str) -> None:
    assert notice_words(unheard(answer(question), asked(question), CATALOG)) == said


def test_a_refusal_says_only_what_the_collection_lacks() -> None:
    refused = answer("How do Peru, Vietnam and Brazil differ?", refused=True)
    said = "The collection has no reports from Brazil."
    assert notice_words(unheard(refused, asked(refused.question), CATALOG)) == said


def test_an_engine_s_answer_says_so_in_the_reader_s_words(sample_engine: Engine) -> None:
    found = sample_engine.ask("Que dit le Brésil de la pêche artisanale ?").answer
    assert notice_words(found.notices) == "The collection has no reports from Brésil."
    french = notice_words(found.notices, translations_for("fr"))
    assert french == "La collection n’a aucun rapport de ce pays : Brésil."
