"""Follow-ups: which questions they are, and what they take over from the conversation."""

from __future__ import annotations

import pytest

from rag.engine import Engine
from rag.query.conversation import is_follow_up
from rag.types import Plan, Turn

BEFORE = (Turn("user", "What did Fiji try?"), Turn("assistant", "Racks for seaweed [1]."))
MANY = (
    Turn("user", "What did labs learn about seaweed?"),
    Turn(
        "assistant",
        "2 labs wrote:\nFiji (2022, closing): Racks dry it [1].\n"
        "Tanzania (2023, experiment): Women sell it in Vanuatu [2].",
    ),
)
FOLLOW_UPS = {
    "And in 2023?": "en",
    "Why?": "en",
    "How much did it cost?": "en",
    "Who paid for that?": "en",
    "What were the main challenges?": "en",
    "Quels étaient les résultats ?": "fr",
    "Combien cela a-t-il coûté ?": "fr",
    "¿Y en Perú?": "es",
    "E quanto custou?": "pt",
    "وماذا عن تونس؟": "ar",
}
# With whether they name places.
ALONE = {
    "Why did the fishers of Fiji dry their seaweed on racks off the ground?": ("en", True),
    "Qu'ont appris les laboratoires sur la gestion des déchets ?": ("fr", True),
    "O que aprenderam os laboratórios sobre a pesca artesanal?": ("pt", True),
    "And what did labs learn about mobile money and market women?": ("en", True),
    "seaweed": ("en", False),
    "Write me a poem": ("en", False),
    "Plans from 2023 that used drones": ("en", False),
    "Is there any work on seaweed?": ("en", False),
    "Y a-t-il des projets sur les algues marines ?": ("fr", False),
}


def plan(engine: Engine, question: str, *history: Turn) -> Plan:
    return engine.plan(question, history=history)


@pytest.mark.parametrize("question", FOLLOW_UPS)
def test_what_points_back_or_joins_on_is_a_follow_up(question: str) -> None:
    assert is_follow_up(question, FOLLOW_UPS[question], False, BEFORE)
    assert not is_follow_up(question, FOLLOW_UPS[question], False, ())


@pytest.mark.parametrize("question", ALONE)
def test_what_says_enough_stands_alone(question: str) -> None:
    language, places = ALONE[question]
    assert not is_follow_up(question, language, places, BEFORE)


def test_a_follow_up_keeps_topic_country_and_language(quick_engine: Engine) -> None:
    history = (
        Turn("user", "¿Qué hicieron con el plástico en Paraguay?"),
        Turn("assistant", "Pusieron barreras de bambú en el arroyo de Encarnación."),
    )
    made = plan(quick_engine, "¿Y luego?", *history)
    assert made.question == "¿Y luego?"
    assert "plástico" in made.standalone
    assert made.boosted.country == ("Paraguay",)
    assert made.language == "es"
    quoted = Turn("assistant", "Les ménages ont pris conscience que les déchets se recyclent [1].")
    assert plan(quick_engine, "Why?", MANY[0], quoted).language == "en"


def test_the_labs_of_a_mixed_answer_are_no_topic(quick_engine: Engine) -> None:
    made = plan(quick_engine, "And in 2022?", *MANY)
    assert made.standalone == "What did labs learn about seaweed? And in 2022?"
    assert (made.boosted.country, made.boosted.year, made.wide) == ((), (2022,), True)


def test_a_question_about_the_labs_of_an_answer_is_put_to_them(quick_engine: Engine) -> None:
    for question in ("Which of them asked women?", "What did these labs pay?"):
        made = plan(quick_engine, question, *MANY)
        assert (made.filters.country, made.wide) == (("Fiji", "Tanzania"), True)


def test_a_new_place_replaces_the_one_before(quick_engine: Engine) -> None:
    before = (Turn("user", "What did Fiji learn about seaweed?"), *MANY[1:])
    made = plan(quick_engine, "What about Togo?", *before)
    assert made.boosted.country == ("Togo",)
    assert made.standalone == "What did learn about seaweed? What about Togo?"
    none = plan(quick_engine, "And in Brazil?", *before)
    assert none.boosted.country == ()
    assert "Fiji" not in none.standalone
    west = plan(quick_engine, "And in West Africa?", *MANY)
    assert "Togo" in west.filters.country
    assert "Fiji" not in west.filters.country


def test_the_topic_is_that_of_the_question_that_opened_it(quick_engine: Engine) -> None:
    later = (*MANY, Turn("user", "And in 2022?"), Turn("assistant", "The reports don't say."))
    made = plan(quick_engine, "Why?", *later)
    assert made.standalone.startswith("What did labs learn about seaweed? And in 2022?")
    assert made.boosted.year == (2022,)
    other = (*later, Turn("user", "Write me a poem"), Turn("assistant", "The reports don't say."))
    assert "seaweed" not in plan(quick_engine, "Why?", *other).standalone


def test_the_one_lab_of_an_answer_and_its_words_are_taken_over(quick_engine: Engine) -> None:
    one = (Turn("user", "Who dries seaweed?"), Turn("assistant", "Fiji (2022): On racks [1]."))
    made = plan(quick_engine, "Why?", *one)
    assert made.boosted.country == ("Fiji",)
    assert "On racks" in made.standalone


def test_a_list_is_repeated_by_what_is_new(quick_engine: Engine) -> None:
    first = Turn("user", "Which plans of 2023 are tagged with SDG 14?")
    history = (first, Turn("assistant", "1 report of 1 lab"))
    again = plan(quick_engine, "And in 2022?", *history)
    assert (again.intent, again.filters.year) == ("list", (2022,))
    assert again.filters.sdg == plan(quick_engine, first.content).filters.sdg
    assert plan(quick_engine, "And why?", *history).intent == "answer"
