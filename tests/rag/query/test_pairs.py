"""What a question may call two works that it holds against each other."""

from rag.query.pairs import pairs


def test_a_pair_reaches_to_the_ends_of_its_clause_and_to_words_that_compare() -> None:
    for question, language, one, other in (
        ("Goat cheese, versus the milk van: who pays?", "en", "Goat cheese", "the milk van"),
        ("how does the milk van differ from the goat cheese and why", "en", "", ""),
        ("How do goat cheese and cow milk differ?", "en", "goat cheese", "cow milk"),
        ("¿En qué difieren queso azul y leche agria?", "es", "queso azul", "leche agria"),
        ("الجبن الأزرق والحليب الطازج، ما الفرق؟", "ar", "الجبن الأزرق", "الحليب الطازج"),
        ("“Milk and honey” or “Bread and salt”", "en", "Milk and honey", "Bread and salt"),
        ("cheese and milk", "en", "", ""),
    ):
        found = [(pair.one, pair.other) for pair in pairs(question, language)]
        assert found == ([(one, other)] if one else []), question
    # What is asked of it is told without it.
    (pair,) = pairs("Which was cheaper: the milk van or the goat cheese?", "en")
    assert pair.asked.split() == ["which", "was", "cheaper:", "ONE", "or", "OTHER", "?"]
