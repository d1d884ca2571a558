"""Questions that compare places, and what of them is put to each side."""

import pytest

from rag.engine import Engine
from rag.types import Side


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "How many goats has the herd in Fiji and how many hens the yard in Togo?",
            ("How many goats has the herd in", "how many hens the yard in"),
        ),
        (
            "Which costs less, the boat in Fiji or the cart in Togo?",
            ("Which costs less the boat in", "Which costs less the cart in"),
        ),
        ("Fiji's reefs or Togo's wells?", ("reefs", "wells")),
        ("Fiji and Togo on salt: who buys it?", ("on salt who buys it",) * 2),
        (
            "¿Quién vende la sal de Fiyi y quién los peces con red de Togo?",
            ("Quién vende la sal de", "quién los peces con red de"),
        ),
        (
            "قارن بين ملح البحر في فيجي وملح الجبل في توغو",
            ("قارن بين ملح البحر في", "قارن بين وملح الجبل في"),
        ),
    ],
)
def test_each_side_is_asked_its_part_of_the_question(
    quick_engine: Engine, question: str, parts: tuple[str, str]
) -> None:
    sides = quick_engine.plan(question).sides
    assert sides == (Side(parts[0], "Fiji"), Side(parts[1], "Togo"))


@pytest.mark.parametrize("question", ["Who sells salt in Fiji?", "Labs in the Pacific on salt"])
def test_a_question_to_one_place_or_a_region_has_no_sides(
    quick_engine: Engine, question: str
) -> None:
    assert not quick_engine.plan(question).sides


@pytest.mark.quality
@pytest.mark.parametrize(
    ("question", "sides"),
    [
        (
            "Which moved more, the lamp in Ulaanbaatar or the tag in Mersin?",
            ["Mongolia", "Türkiye"],
        ),
        ("Kasserine et Tkibuli : qui y cherche du travail ?", ["Tunisia", "Georgia"]),
        ("Who sells fees in Maseru?", []),
    ],
)
def test_towns_are_sides_too(sample_engine: Engine, question: str, sides: list[str]) -> None:
    assert [side.country for side in sample_engine.plan(question).sides] == sides
