"""What a question takes over from the conversation that it carries on."""

from __future__ import annotations

import pytest

from rag.catalog.fields import Filters
from rag.engine import Engine
from rag.query.plan import make_plan
from rag.types import Plan, Turn

MANY = (
    Turn("user", "What did labs learn about seaweed?"),
    Turn(
        "assistant",
        "2 labs wrote:\nFiji (2022, closing): Racks dry it [1].\n"
        "Tanzania (2023, experiment): Women sell it in Vanuatu [2].",
    ),
)


def plan(engine: Engine, question: str, *history: Turn) -> Plan:
    return make_plan(question, history, Filters(), engine.catalog)


def test_the_labs_of_a_mixed_answer_are_no_topic(sample_engine: Engine) -> None:
    understood = plan(sample_engine, "And in 2022?", *MANY)
    assert understood.standalone == "What did labs learn about seaweed? And in 2022?"
    assert understood.boosted == Filters(year=(2022,))
    assert understood.wide


@pytest.mark.parametrize("question", ["Which of them asked women?", "What did these labs pay?"])
def test_a_question_about_the_labs_of_an_answer_is_put_to_them(
    sample_engine: Engine, question: str
) -> None:
    understood = plan(sample_engine, question, *MANY)
    assert understood.filters.country == ("Fiji", "Tanzania")
    assert understood.wide


def test_a_new_place_takes_the_place_of_the_one_before(sample_engine: Engine) -> None:
    before = (Turn("user", "What did Fiji learn about seaweed?"), *MANY[1:])
    understood = plan(sample_engine, "What about Togo?", *before)
    assert understood.boosted.country == ("Togo",)
    assert understood.standalone == "What did learn about seaweed? What about Togo?"
    none = plan(sample_engine, "And in Brazil?", *before)
    assert none.boosted.country == ()
    assert "Fiji" not in none.standalone
    west = plan(sample_engine, "And in West Africa?", *MANY)
    assert "Togo" in west.filters.country
    assert "Fiji" not in west.filters.country


def test_the_topic_is_that_of_the_question_that_opened_it(sample_engine: Engine) -> None:
    later = (*MANY, Turn("user", "And in 2022?"), Turn("assistant", "The reports don't say."))
    understood = plan(sample_engine, "Why?", *later)
    assert understood.standalone.startswith("What did labs learn about seaweed? And in 2022?")
    assert understood.boosted.year == (2022,)
    other = (*later, Turn("user", "Write me a poem"), Turn("assistant", "The reports don't say."))
    assert "seaweed" not in plan(sample_engine, "Why?", *other).standalone


def test_the_one_lab_of_an_answer_and_its_words_carry_on(sample_engine: Engine) -> None:
    one = (Turn("user", "Who dries seaweed?"), Turn("assistant", "Fiji (2022): On racks [1]."))
    understood = plan(sample_engine, "Why?", *one)
    assert understood.boosted.country == ("Fiji",)
    assert "On racks" in understood.standalone


def test_a_list_is_asked_for_again_by_what_is_new(sample_engine: Engine) -> None:
    first = Turn("user", "Which plans of 2023 are tagged with SDG 14?")
    history = (first, Turn("assistant", "1 report of 1 lab"))
    again = plan(sample_engine, "And in 2022?", *history)
    assert again.intent == "list"
    assert again.filters.year == (2022,)
    assert again.filters.sdg == plan(sample_engine, first.content).filters.sdg
    assert plan(sample_engine, "And why?", *history).intent == "answer"


def test_the_language_is_that_of_the_questions(sample_engine: Engine) -> None:
    quoted = Turn("assistant", "Les ménages ont pris conscience que les déchets se recyclent [1].")
    assert plan(sample_engine, "Why?", MANY[0], quoted).language == "en"
