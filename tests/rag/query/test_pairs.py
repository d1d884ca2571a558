"""What a question may call two works that it holds against each other."""

from rag.query.pairs import pairs


def test_a_pair_reaches_to_the_ends_of_its_clause_and_to_words_that_compare() -> None:
    for question, language, one, other in (
        ("Goat cheese, versus the milk van: who pays?", "en", "Goat cheese", "the milk van"),
        ("how does the milk van differ from the goat cheese and why", "en", "", ""),
        (
            "How do the goat cheese and the milk van differ?",
            "en",
            "the goat cheese",
            "the milk van",
        ),
        (
            "¿En qué se parecen el queso azul y la leche agria?",
            "es",
            "el queso azul",
            "la leche agria",
        ),
        ("الجبن الأزرق والحليب الطازج، ما الفرق؟", "ar", "الجبن الأزرق", "الحليب الطازج"),
        ("“Milk and honey” or “Bread and salt”", "en", "Milk and honey", "Bread and salt"),
        ("cheese and milk", "en", "", ""),
    ):
        found = [(pair.one, pair.other) for pair in pairs(question, language)]
        assert found == ([(one, other)] if one else []), question


def test_what_is_asked_of_a_pair_is_told_without_it() -> None:
    (pair,) = pairs("Which was cheaper: the milk van or the goat cheese?", "en")
    assert pair.asked.split() == ["which", "was", "cheaper:", "ONE", "or", "OTHER", "?"]
