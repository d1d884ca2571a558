"""Greetings and questions about the collection itself."""

from __future__ import annotations

import pytest

from rag.engine import Engine
from rag.query.intent import asks_about

ABOUT = {
    "Which years do you cover?": "year",
    "What countries are in this collection?": "country",
    "How many reports do you have?": "report",
    "Quelles années couvrez-vous ?": "year",
    "Quantos relatórios tem?": "report",
    "ما هي السنوات التي تغطيها؟": "year",
    "Which languages do you speak?": "language",
    "What kinds of reports are there in this collection?": "kind",
}
GREETINGS = (
    "Hello",
    "Merci beaucoup",
    "hola",
    "مرحبا",
    "What can you do?",
)
OTHERS = (
    "Which countries have a savings app?",
    "What did labs learn about databases?",
    "How many reports mention cholera?",
    "Hola: ¿qué aprendió Perú?",
    "Which methods did labs use in the collection of waste?",
    "¿Cuántos informes hay sobre agua?",
    "Which topics do labs in Peru cover?",
)


@pytest.mark.parametrize("question", ABOUT)
def test_questions_about_the_collection_are_known(question: str) -> None:
    assert asks_about(question) == (ABOUT[question],)


@pytest.mark.parametrize("question", GREETINGS)
def test_greetings_are_known(question: str) -> None:
    assert asks_about(question) == ()


@pytest.mark.parametrize("question", OTHERS)
def test_questions_to_the_reports_are_not_about_the_collection(question: str) -> None:
    assert asks_about(question) is None


def test_the_answer_counts(sample_engine: Engine) -> None:
    answer = sample_engine.ask("Which years do you cover?").answer
    counts = sample_engine.catalog.counts("year")
    assert not answer.refused
    assert answer.coverage.intent == "about"
    assert all(f"{year} ({n})" in answer.text for year, n in counts)
    assert f"{len(sample_engine.catalog.reports)} reports" in answer.text
    assert "langues" not in answer.text
    french = sample_engine.ask("Quelles langues y a-t-il dans la collection ?").answer
    assert "Langues\xa0: anglais" in french.text
    assert sample_engine.ask("hola").answer.text.startswith("Respondo")
