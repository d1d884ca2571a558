"""Questions about what came of a work are told from others."""

import pytest

from rag.query.intents import asks_outcome


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Did the fishing nets last longer?", True),
        ("Why did the radio play stop?", True),
        ("¿Por qué fracasó la huerta?", True),
        ("O que atrasou a ponte?", True),
        ("Who pays for the fishing nets?", False),
        ("How does the radio work?", False),
        ("Combien de pêcheurs vivent au village ?", False),
        ("من هم شركاء الحديقة؟", False),
    ],
)
def test_what_came_of_a_work_is_asked_for(question: str, asks: bool) -> None:
    assert (asks_outcome(question) > 0) == asks
