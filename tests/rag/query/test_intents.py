"""The saved weights are of these examples; what came of a work is told from other questions."""

import pytest

from rag.query import intents
from rag.query.intents import asks_outcome


@pytest.mark.quality
def test_the_saved_weights_are_those_of_the_examples() -> None:
    assert intents.saved(), "run `make intents`; until then each start takes a minute or two"


def test_what_came_of_a_work_is_asked_for() -> None:
    for question, is_asked in {
        "Did the fishing nets last longer?": True,
        "¿Por qué fracasó la huerta?": True,
        "O que atrasou a ponte?": True,
        "Who pays for the fishing nets?": False,
        "Combien de pêcheurs vivent au village ?": False,
        "من هم شركاء الحديقة؟": False,
    }.items():
        assert (asks_outcome(question) > 0) == is_asked, question
