"""Questions that compare places or ask for two things, and what they are split into."""

import pytest

from rag.engine import Engine
from rag.query.parts import parts_of
from rag.types import Side

SIDES = {
    "How many goats has the herd in Fiji and how many hens the yard in Togo?": (
        *("How many goats has the herd in", "how many hens the yard in"),
    ),
    "Which costs less, the boat in Fiji or the cart in Togo?": (
        *("Which costs less the boat in", "Which costs less the cart in"),
    ),
    "Fiji's reefs or Togo's wells?": ("reefs", "wells"),
    "What salt is sold in Fiji, and what in Togo?": ("What salt is sold in",) * 2,
    "Fiji and Togo on salt: who buys it?": ("on salt who buys it",) * 2,
    "¿Quién vende la sal de Fiyi y quién los peces con red de Togo?": (
        *("Quién vende la sal de", "quién los peces con red de"),
    ),
    "قارن بين ملح البحر في فيجي وملح الجبل في توغو": (
        *("قارن بين ملح البحر في", "قارن بين وملح الجبل في"),
    ),
    "Who sells salt in Fiji?": (),
    "Labs in the Pacific on salt": (),
    "Who sells salt in Central Asia?": (),
}


@pytest.mark.parametrize("question", SIDES)
def test_each_side_is_asked_its_part_of_the_question(quick_engine: Engine, question: str) -> None:
    sides = quick_engine.plan(question).sides
    assert sides == tuple(map(Side, SIDES[question], ("Fiji", "Togo")))


TOWNS = {
    "Which moved more, the lamp in Ulaanbaatar or the tag in Mersin?": ["Mongolia", "Türkiye"],
    "Kasserine et Tkibuli : qui y cherche du travail ?": ["Tunisia", "Georgia"],
    "Who sells fees in Maseru?": [],
}


@pytest.mark.quality
@pytest.mark.parametrize("question", TOWNS)
def test_towns_are_sides_too(sample_engine: Engine, question: str) -> None:
    assert [side.country for side in sample_engine.plan(question).sides] == TOWNS[question]


@pytest.mark.parametrize(
    ("language", "question", "parts"),
    [
        ("en", "Who sold the goats and why?", ("Who sold the goats", "why")),
        ("en", "Who sold them and whats the price?", ("Who sold them", "whats the price")),
        ("en", "Was it proven? What came of it?", ("Was it proven", "What came of it")),
        ("en", "Who came, who left and did it help?", ("Who came, who left", "did it help")),
        ("fr", "Où est la barque et va-t-elle loin ?", ("Où est la barque", "va-t-elle loin")),
        ("es", "¿Quién vende la miel y cuánto cuesta?", ("Quién vende la miel", "cuánto cuesta")),
        ("pt", "Quem vende o mel e com que ajuda?", ("Quem vende o mel", "com que ajuda")),
        ("ar", "من يبيع العسل ولماذا؟", ("من يبيع العسل", "لماذا")),
        # These ask for one thing.
        ("en", "Who sells honey and wax?", ()),
        ("en", "What and where is the boat?", ()),
        ("en", "Goats and what they eat", ()),
        ("en", "Which lab sold goats and was glad?", ()),
    ],
)
def test_a_question_is_split_where_another_one_begins(
    language: str, question: str, parts: tuple[str, ...]
) -> None:
    assert parts_of(question, language) == parts


def test_each_part_is_asked_with_what_the_question_is_about(quick_engine: Engine) -> None:
    asks = quick_engine.plan("Who sells the salt of Fiji and why?").asks
    assert [(ask.question, ask.standalone) for ask in asks] == [
        ("Who sells the salt of Fiji", "Who sells the salt of Fiji"),
        ("why", "why (Fiji sells salt)"),
    ]
    # What is put to many labs is asked whole.
    assert not quick_engine.plan("Which labs sell salt and why do they sell it?").asks
