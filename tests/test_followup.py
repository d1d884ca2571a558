"""Which questions need the conversation before them."""

from __future__ import annotations

import pytest

from rag.followup import carries_on, standalone
from rag.types import Turn

BEFORE = (Turn("user", "What did Fiji try?"), Turn("assistant", "Racks for seaweed [1]."))
FOLLOWS = {
    "And in 2023?": "en",
    "What about Togo?": "en",
    "Why?": "en",
    "How much did it cost?": "en",
    "Did they ask anyone else?": "en",
    "Who paid for that?": "en",
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
}


@pytest.mark.parametrize("question", FOLLOWS)
def test_what_points_back_follows(question: str) -> None:
    assert carries_on(question, FOLLOWS[question], False, BEFORE)
    assert not carries_on(question, FOLLOWS[question], False, ())


@pytest.mark.parametrize("question", ALONE)
def test_what_says_enough_stands_alone(question: str) -> None:
    assert not carries_on(question, ALONE[question], True, BEFORE)


def test_a_follow_up_is_read_after_what_was_said() -> None:
    long = (Turn("user", "What did Fiji try?"), Turn("assistant", "Racks. " * 999))
    assert standalone("Why?", long).startswith("What did Fiji try? Racks.")
    assert standalone("Why?", long).endswith(" Why?")
    assert len(standalone("Why?", long)) < 700
