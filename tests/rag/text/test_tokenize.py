"""What counts as a number that is given."""

import pytest

from rag.text.tokenize import gives_quantity


@pytest.mark.parametrize(
    ("sentence", "gives"),
    [
        ("About 31 families took part.", True),
        ("It reached Almara 1,200 times.", True),
        ("Half of them came.", True),
        ("Of Group 25% stayed.", True),
        ("Families of Treatment Group 2 got seeds.", False),
        ("It serves SDG 5 after COVID-19.", False),
        ("It began in 2021.", False),
        ("2. The lab met farmers.", False),
    ],
)
def test_a_number_is_given_unless_it_is_a_name_year_or_item(sentence: str, gives: bool) -> None:
    assert gives_quantity(sentence) is gives
