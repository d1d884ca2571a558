"""Questions that compare places or ask for two things, and what they are split into."""

from typing import Any

import pytest

from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.query.parts import parts_of
from rag.types import Side


def test_each_side_is_asked_its_part_of_the_question(quick_engine: Engine) -> None:
    for question, parts in {
        "How many goats has Fiji and how many hens Togo?": ("How many goats has", "how many hens"),
        "Which costs less, the boat in Fiji or the cart in Togo?": (
            *("Which costs less the boat in", "Which costs less the cart in"),
        ),
        "Fiji's reefs or Togo's wells?": ("reefs", "wells"),
        "What salt is sold in Fiji, and what in Togo?": ("What salt is sold in",) * 2,
        "Fiji and Togo on salt: who buys it?": ("on salt who buys it",) * 2,
        "قارن بين ملح البحر في فيجي وملح الجبل في توغو": (
            *("قارن بين ملح البحر في", "قارن بين وملح الجبل في"),
        ),
        "Labs in the Pacific on salt": (),
        "Who sells salt in Central Asia?": (),
    }.items():
        sides = quick_engine.plan(question).sides
        assert sides == tuple(map(Side, parts, ("Fiji", "Togo"))), question
    made = quick_engine.plan("Who paid for the boats, and how much, in Fiji and Tanzania?")
    assert (made.intent, made.one_thing, len(made.sides)) == ("compare", True, 2)


@pytest.mark.quality
def test_towns_are_sides_too(sample_engine: Engine) -> None:
    for question, countries in {
        "Which moved more, the lamp in Ulaanbaatar or the tag in Mersin?": ["Mongolia", "Türkiye"],
        "Kasserine et Tkibuli : qui y cherche du travail ?": ["Tunisia", "Georgia"],
        "Who sells fees in Maseru?": [],
    }.items():
        sides = sample_engine.plan(question).sides
        assert [side.country for side in sides] == countries, question


def test_a_question_is_split_where_another_one_begins() -> None:
    for language, question, parts in (
        ("en", "Who sold the goats and why?", ("Who sold the goats", "why")),
        ("en", "Was it proven? What came of it?", ("Was it proven", "What came of it")),
        ("en", "Who came, who left and did it help?", ("Who came, who left", "did it help")),
        ("en", "How long is it, did it help?", ("How long is it", "did it help")),
        ("en", "When the boat sank, what did it cost?", ()),
        ("en", "Did the boat, which is red, sink? ", ()),
        ("fr", "Où est la barque et va-t-elle loin ?", ("Où est la barque", "va-t-elle loin")),
        ("pt", "Quem vende o mel e com que ajuda?", ("Quem vende o mel", "com que ajuda")),
        ("ar", "من يبيع العسل ولماذا؟", ("من يبيع العسل", "لماذا")),
        ("ar", "ما العسل، وكيف صنع، وكم كلف؟", ("ما العسل", "كيف صنع", "كم كلف")),
        # These ask for one thing.
        ("en", "Who sells honey and wax?", ()),
        ("en", "What and where is the boat?", ()),
        ("en", "Goats and what they eat", ()),
        ("en", "Which lab sold goats and was glad?", ()),
    ):
        assert parts_of(question, language) == parts


def test_a_text_of_several_questions_is_told_from_one_and_regions_are_compared_apart(
    quick_engine: Engine,
) -> None:
    known: Any = quick_engine.index, (), Filters(), Filters()
    questions = quick_engine._planner.questions
    for question, parts in {
        "What is Togo working on, and who are its partners?": (
            *("What is Togo working on", "who are its partners"),
        ),
        "the seaweed racks, and also digital wallets": ("the seaweed racks", "digital wallets"),
        "Who sells salt in Fiji? And how many reports are about mobile money?": (
            *("Who sells salt in Fiji", "how many reports are about mobile money"),
        ),
        # These are answered as a whole.
        "How many reports are there of each kind, and how many in 2023?": (),
        "Who paid for the racks and what did they cost?": (),
        "What did Fiji learn about the racks, also known as lines?": (),
        " also ".join(f"and salt {n}," for n in range(9)): (),
        "What did the racks cost, also?": (),
        "What do the racks of Fiji cost? Also who supplies the ropes": (),
    }.items():
        found = questions(quick_engine.plan(question), *known)
        assert tuple(part for part, _ in found) == parts, question
    counted = "How many plans are from Fiji? Which methods are used most? Which SDGs are common?"
    found = questions(quick_engine.plan(counted), *known)
    # A list is of the places and kinds of those before.
    assert [scope.country for _, scope in found] == [(), ("Fiji",), ("Fiji",)]
    # Regions are compared by what is asked of each.
    question = "Compare labs of West Africa and the Pacific on seaweed"
    found = questions(quick_engine.plan(question), *known)
    assert [part for part, _ in found] == ["seaweed – West Africa", "seaweed – The Pacific"]
    first, second = (set(scope.country) for _, scope in found)
    assert "Togo" in first
    assert "Fiji" in second
    assert first.isdisjoint(second)
    # The years stay, and what is ignored is left out.
    question = "قارن الأعشاب في غرب افريقيا وشرق افريقيا في 2022"
    plan = quick_engine.plan(question, ignored=Filters(country=("Togo",)))
    found = questions(plan, *known)
    assert [part.rpartition(" – ")[2] for part, _ in found] == ["غرب افريقيا", "شرق افريقيا"]
    assert all(scope.year == (2022,) and "Togo" not in scope.country for _, scope in found)
    for other in ("Compare Africa and African labs on salt", "Who did more, Africa or Asia?"):
        assert not questions(quick_engine.plan(other), *known), other


def test_each_part_is_asked_with_what_the_question_is_about(quick_engine: Engine) -> None:
    asks = quick_engine.plan("Who sells the salt of Fiji and why?").asks
    assert [ask.question for ask in asks] == ["Who sells the salt of Fiji", "why"]
    assert [ask.standalone for ask in asks] == [asks[0].question, "why (Fiji sells salt)"]
    # What is put to many labs is asked whole.
    assert not quick_engine.plan("Which labs sell salt and why do they sell it?").asks
