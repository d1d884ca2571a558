"""A few words instead of a question: told from questions, in their language, answered by labs."""

from __future__ import annotations

import pytest
from passages import passage, report

from rag.engine import Engine
from rag.query.intent import is_topic, of_topic
from rag.types import Hit, Plan, Turn


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("informal vendors", "en"),
        ("seaweed", "en"),
        ("the price of dried seaweed in Fiji", "en"),
        ("gestion des déchets", "fr"),
        ("billeteras móviles", "es"),
        ("pesca artesanal", "pt"),
        ("النفايات", "ar"),
    ],
)
def test_a_few_words_that_ask_nothing_are_a_topic(text: str, language: str) -> None:
    assert is_topic(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("seaweed?", "en"),
        ("who dries seaweed", "en"),
        ("compare Fiji and Tanzania", "en"),
        ("list seaweed plans", "en"),
        ("qui sèche les algues", "fr"),
        ("cuántas mujeres cultivan algas", "es"),
        ("ما هي النفايات", "ar"),
        ("the and of", "en"),
        ("", "en"),
        ("dried seaweed growers markets prices ports storms", "en"),
    ],
)
def test_questions_and_sentences_are_none(text: str, language: str) -> None:
    assert not is_topic(text, language)


@pytest.mark.parametrize(
    ("typed", "language"),
    [
        ("seaweed", "en"),
        ("mobile wallets", "en"),
        ("billeteras móviles", "es"),
        ("inondations", "fr"),
        ("gaspillage alimentaire", "fr"),
        ("pesca artesanal", "pt"),
        ("النفايات", "ar"),
    ],
)
def test_the_collection_s_words_tell_the_language(
    quick_engine: Engine, typed: str, language: str
) -> None:
    assert quick_engine.plan(typed).language == language


def test_a_conversation_keeps_its_language_until_another_is_used(quick_engine: Engine) -> None:
    history = [Turn("user", "¿Cuántas mujeres de las aldeas de Pemba cultivan algas?")]
    assert quick_engine.plan("Tanzania", history=history).language == "es"
    assert quick_engine.plan("¿Y en Fiyi?", history=history).language == "es"
    assert quick_engine.plan("gaspillage alimentaire", history=history).language == "fr"
    assert quick_engine.plan("And in Fiji?", history=history).language == "en"


def test_a_topic_is_told_of_by_all_labs_that_have_its_words(quick_engine: Engine) -> None:
    answer = quick_engine.ask("seaweed").answer
    assert len({c.passage.report.lab for c in answer.citations}) > 1
    for citation in answer.citations:
        passage = citation.passage
        assert "seaweed" in f"{passage.context} {passage.text}".lower()


@pytest.mark.quality
def test_words_in_another_language_are_found_by_those_that_mean_the_same(
    quick_engine: Engine,
) -> None:
    answer = quick_engine.ask("billeteras móviles").answer
    assert not answer.refused
    assert any("wallet" in c.quote for c in answer.citations)


@pytest.mark.quality
@pytest.mark.parametrize("typed", ["quantum computing", "penguins", "satellites lunaires"])
def test_a_topic_of_which_no_report_has_a_word_is_refused(quick_engine: Engine, typed: str) -> None:
    assert quick_engine.ask(typed).answer.refused


def test_where_one_report_has_a_topic_s_words_all_of_it_that_was_found_tells() -> None:
    wells, ponds = report("wells", "Ghana", "GH"), report("ponds", "Togo", "TG")
    said = [
        ("They share wells by the hour.", wells),
        ("The queue is long.", wells),
        ("Mud.", ponds),
    ]
    hits = [Hit(passage(text, info), 1.0, 0.5) for text, info in said]
    for topic, told, wide in (("shared wells", {1, 2}, True), ("drones", {1, 2, 3}, False)):
        plan, found = of_topic(Plan(topic, topic), hits, {1, 2, 3})
        assert (found, plan.wide) == (told, wide)
    asked = Plan("Who shares wells?", "Who shares wells?", wide=True)
    assert of_topic(asked, hits, {1, 2, 3}) == (asked, {1, 2, 3})
