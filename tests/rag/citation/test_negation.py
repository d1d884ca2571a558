"""What a sentence denies beside its sources, clause by clause."""

from __future__ import annotations

import pytest

from rag.citation.negation import contradiction, denies_otherwise

SALT = (
    "The women sell dried salt to traders, but they have no scale of their own. Traders do not pay "
    "for wet salt. The cooperative refuses credit. The trucks come in the rain."
)
FISHERS = "Les pêcheurs vendent le poisson au marché."
ARABIC = "النساء يبعن الملح في السوق."


@pytest.mark.parametrize(
    ("sentence", "language", "source", "code"),
    [
        ("The trucks never come in the rain.", "en", SALT, "denies_alone"),
        # There is a denial in the sentence near it, in another clause.
        ("Women never sell dried salt to a trader, who has a scale.", "en", SALT, "denies_alone"),
        ("Traders pay for wet salt, as they do for dry salt.", "en", SALT, "states_what_is_denied"),
        ("Women sell their dried salt to traders, without a scale.", "en", SALT, ""),
        ("Wet salt is not paid by traders.", "en", SALT, ""),
        # "Refuses" tells of the absence.
        ("The cooperative gives no credit.", "en", SALT, ""),
        ("Women sell not only salt to traders.", "en", SALT, ""),
        ("Les pêcheurs ne vendent pas leur poisson au marché.", "fr", FISHERS, "denies_alone"),
        ("Au marché, les pêcheurs vendent leur poisson.", "fr", FISHERS, ""),
        ("النساء لا يبعن الملح في السوق.", "ar", ARABIC, "denies_alone"),
        ("في السوق يبعن النساء الملح.", "ar", ARABIC, ""),
    ],
)
def test_a_denial_that_the_source_lacks_or_has_is_seen(
    sentence: str, language: str, source: str, code: str
) -> None:
    reason = contradiction(sentence, language, [(source, language)])
    assert (reason.code if reason else "") == code


def test_sources_in_another_language_are_no_measure_of_denials() -> None:
    assert not contradiction("They do not sell salt.", "en", [("Las mujeres venden sal.", "es")])


def test_of_two_sentences_with_the_same_words_the_denied_words_count() -> None:
    source = "Without a scale it would be hard to sell salt."
    assert not denies_otherwise("It would be hard to sell salt without a scale.", source, "en")
    assert denies_otherwise("Without a scale it would not be hard to sell salt.", source, "en")
    assert denies_otherwise("With a scale it would be hard to sell salt.", source, "en")
