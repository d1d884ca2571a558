"""What a sentence denies beside its sources, clause by clause."""

from __future__ import annotations

import pytest

from rag.citation.negation import contradiction, denies_otherwise
from rag.types import Notice

SALT = (
    "The women sell dried salt to traders, but they have no scale of their own. Traders do not pay "
    "for wet salt. The cooperative refuses credit. The trucks come in the rain."
)
ALONE = Notice("denies_alone")
STATED = Notice("states_what_is_denied")


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The women don't sell dried salt to any trader.", ALONE),
        ("The trucks never come in the rain.", ALONE),
        # There is a denial in the sentence near it, in another clause.
        ("Women never sell their dried salt to a trader, who has a scale.", ALONE),
        ("Traders pay for wet salt, as they do for dry salt.", STATED),
    ],
)
def test_a_denial_that_the_sources_lack_or_have_is_seen(sentence: str, why: Notice) -> None:
    assert contradiction(sentence, "en", [(SALT, "en")]) == why


@pytest.mark.parametrize(
    "sentence",
    [
        "Women sell their dried salt to traders, without a scale.",
        "Wet salt is not paid by traders.",
        # "Refuses" tells of the absence.
        "The cooperative gives no credit.",
        "Women sell not only salt to traders.",
        "The trucks come in the rain.",
    ],
)
def test_what_the_sources_deny_as_well_is_no_contradiction(sentence: str) -> None:
    assert contradiction(sentence, "en", [(SALT, "en")]) is None


@pytest.mark.parametrize(
    ("language", "source", "same", "contrary"),
    [
        (
            "fr",
            "Les pêcheurs vendent le poisson au marché.",
            "Au marché, les pêcheurs vendent leur poisson.",
            "Les pêcheurs ne vendent pas leur poisson au marché.",
        ),
        (
            "es",
            "Las mujeres venden sal en el mercado.",
            "En el mercado venden sal las mujeres.",
            "Las mujeres no venden sal en el mercado.",
        ),
        (
            "pt",
            "As mulheres vendem sal no mercado.",
            "No mercado as mulheres vendem sal.",
            "As mulheres não vendem sal no mercado.",
        ),
        (
            "ar",
            "النساء يبعن الملح في السوق.",
            "في السوق يبعن النساء الملح.",
            "النساء لا يبعن الملح في السوق.",
        ),
    ],
)
def test_each_language_has_its_denials(
    language: str, source: str, same: str, contrary: str
) -> None:
    assert contradiction(same, language, [(source, language)]) is None
    assert contradiction(contrary, language, [(source, language)]) == ALONE


def test_sources_in_another_language_are_no_measure_of_denials() -> None:
    said = "The women do not sell salt."
    assert contradiction(said, "en", [("Las mujeres venden sal.", "es")]) is None
    assert contradiction(said, "en", []) is None


def test_of_two_sentences_with_the_same_words_the_denied_words_count() -> None:
    told = "Without a scale it would be hard to sell salt."
    assert not denies_otherwise("It would be hard to sell salt without a scale.", told, "en")
    assert denies_otherwise("Without a scale it would not be hard to sell salt.", told, "en")
    assert denies_otherwise("With a scale it would be hard to sell salt.", told, "en")
