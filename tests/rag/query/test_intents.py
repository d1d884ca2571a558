"""Questions about what came of a work are told from others."""

from rag.query.intents import asks_outcome


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
