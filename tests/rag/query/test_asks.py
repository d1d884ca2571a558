"""Questions that ask for two things, and what they are split into."""

import pytest

from rag.engine import Engine
from rag.query.asks import parts_of


@pytest.mark.parametrize(
    ("language", "question", "parts"),
    [
        ("en", "Who sold the goats and why?", ("Who sold the goats", "why")),
        ("en", "How much did the kite cost, and with whom?", None),
        ("en", "Was the bee dance proven? What came of it?", None),
        ("en", "Who came, who left and did it help?", ("Who came, who left", "did it help")),
        ("fr", "Qui vend le miel et combien coûte-t-il ?", None),
        ("fr", "Où est la barque et va-t-elle loin ?", ("Où est la barque", "va-t-elle loin")),
        ("es", "¿Quién vende la miel y cuánto cuesta?", ("Quién vende la miel", "cuánto cuesta")),
        ("pt", "Quem vende o mel e com que ajuda?", ("Quem vende o mel", "com que ajuda")),
        ("ar", "من يبيع العسل ولماذا؟", ("من يبيع العسل", "لماذا")),
    ],
)
def test_a_question_is_split_where_another_one_begins(
    language: str, question: str, parts: tuple[str, str] | None
) -> None:
    found = parts_of(question, language)
    assert found == parts if parts else len(found) == 2


@pytest.mark.parametrize(
    "question",
    [
        "Who sells honey and wax?",
        "What and where is the boat?",
        "Goats and what they eat",
        "Which lab sold goats and was glad?",
    ],
)
def test_a_question_for_one_thing_is_not_split(question: str) -> None:
    assert parts_of(question, "en") == ()


def test_each_part_is_asked_with_what_the_question_is_about(quick_engine: Engine) -> None:
    asks = quick_engine.plan("Who sells the salt of Fiji and why?").asks
    assert [(ask.question, ask.standalone) for ask in asks] == [
        ("Who sells the salt of Fiji", "Who sells the salt of Fiji"),
        ("why", "why (Fiji sells salt)"),
    ]


def test_what_is_put_to_many_labs_is_asked_whole(quick_engine: Engine) -> None:
    assert not quick_engine.plan("Which labs sell salt and why do they sell it?").asks
