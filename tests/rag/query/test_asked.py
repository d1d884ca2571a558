"""What a reader typed, as it was meant: capitals, slips, and what must stay as it is."""

from __future__ import annotations

import pytest
from passages import passage

from rag.index.bm25 import KeywordIndex
from rag.query.correction import MOST, as_meant

KEYWORD = KeywordIndex.build(
    [passage("Crowdfunding paid for the pumps of Kafkland."), passage("Bokashi feeds the soil.")]
    * 4
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Whihc labs used crowdfundng?", "Which labs used crowdfunding?"),
        ("What did Kennya learn abuot water?", "What did Kenya learn about water?"),
        ("Womeen and watr", "Women and watr"),
        ("WHICH LABS USED CROWDFUNDING IN PERU?", "which labs used crowdfunding in peru?"),
    ],
)
def test_slips_and_capitals_give_way_to_what_was_meant(typed: str, meant: str) -> None:
    assert as_meant(typed, "en", KEYWORD) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "Which labs used Bokashi?",  # a word of the collection that no dictionary has
        "What about rumours and behavioural insights?",  # British
        "UNDP SDG AILA",  # few capitals are names
        "What did Zyx say?",
        "",
    ],
)
def test_what_is_known_or_a_name_stays(typed: str) -> None:
    assert as_meant(typed, "en", KEYWORD) == typed


def test_inflected_words_of_other_languages_stay_and_countries_are_set_right() -> None:
    assert as_meant("¿Cuánto cayeron las ventas en Colomiba?", "es", KEYWORD) == (
        "¿Cuánto cayeron las ventas en Colombia?"
    )
    # A word for labs is none for a country, nor is any other in lower case.
    assert as_meant("Que disent les labos du Togo ?", "fr", KEYWORD) == (
        "Que disent les labos du Togo ?"
    )
    assert as_meant("Les tongos du Bénin", "fr", KEYWORD) == "Les tongos du Bénin"
    assert as_meant("ماذا تعلم المختبر؟", "ar", KEYWORD) == "ماذا تعلم المختبر؟"


def test_a_word_of_another_language_is_known_by_its_own_stem() -> None:
    told = passage("La barca verde y las barquitas nuevas. Finanbarcas dice.", language="es")
    keyword = KeywordIndex.build([told] * 4)
    assert as_meant("What is Finanbarca?", "en", keyword) == "What is Finanbarca?"


def test_a_long_text_is_not_looked_through() -> None:
    long = "thhe abuot " * MOST
    assert as_meant(long, "en", KEYWORD) == long
