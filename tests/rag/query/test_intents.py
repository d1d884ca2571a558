"""Questions about what came of a work are told from others."""

import pytest

from rag.query.intents import asks_outcome

OUTCOMES = {
    "Did the fishing nets last longer?": True,
    "¿Por qué fracasó la huerta?": True,
    "O que atrasou a ponte?": True,
    "Who pays for the fishing nets?": False,
    "Combien de pêcheurs vivent au village ?": False,
    "من هم شركاء الحديقة؟": False,
}


@pytest.mark.parametrize("question", OUTCOMES)
def test_what_came_of_a_work_is_asked_for(question: str) -> None:
    assert (asks_outcome(question) > 0) == OUTCOMES[question]
