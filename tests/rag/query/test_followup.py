"""Which questions need the conversation before them."""

from __future__ import annotations

import pytest

from rag.query.conversation import carries_on
from rag.types import Turn

BEFORE = (Turn("user", "What did Fiji try?"), Turn("assistant", "Racks for seaweed [1]."))
FOLLOWS = {
    "And in 2023?": "en",
    "What about Togo?": "en",
    "Why?": "en",
    "How much did it cost?": "en",
    "Did they ask anyone else?": "en",
    "Who paid for that?": "en",
    "What were the main challenges?": "en",
    "Quels étaient les résultats ?": "fr",
    "Et pourquoi ont-ils arrêté ?": "fr",
    "Combien cela a-t-il coûté ?": "fr",
    "¿Y en Perú?": "es",
    "¿Cuánto costó eso?": "es",
    "E quanto custou?": "pt",
    "Quem pagou isso?": "pt",
    "وماذا عن تونس؟": "ar",
}
ALONE = {
    "What did labs learn about mobile money and market women?": "en",
    "Why did the fishers of Fiji dry their seaweed on racks off the ground?": "en",
    "How many families in the hill villages said their harvest had grown after the training?": "en",
    "Qu'ont appris les laboratoires sur la gestion des déchets plastiques ?": "fr",
    "¿Qué aprendieron los laboratorios sobre el reciclaje de plástico?": "es",
    "O que aprenderam os laboratórios sobre a pesca artesanal?": "pt",
    "ماذا تعلمت المختبرات عن المال عبر الهاتف المحمول؟": "ar",
    "And what did labs learn about mobile money and market women?": "en",
}


@pytest.mark.parametrize("question", FOLLOWS)
def test_what_points_back_follows(question: str) -> None:
    assert carries_on(question, FOLLOWS[question], False, BEFORE)
    assert not carries_on(question, FOLLOWS[question], False, ())


@pytest.mark.parametrize("question", ALONE)
def test_what_says_enough_stands_alone(question: str) -> None:
    assert not carries_on(question, ALONE[question], True, BEFORE)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("seaweed", "en"),
        ("E-waste recycling", "en"),
        ("What will the weather be tomorrow?", "en"),
        ("Write me a poem", "en"),
        ("Plans from 2023 that used drones", "en"),
        ("Is there any work on seaweed?", "en"),
        ("Qu'est-ce que le microcrédit ?", "fr"),
        ("Y a-t-il des projets sur les algues marines ?", "fr"),
    ],
)
def test_a_short_question_with_a_topic_of_its_own_stands_alone(
    question: str, language: str
) -> None:
    assert not carries_on(question, language, False, BEFORE)
