"""Numbers are the same however they are written."""

import pytest

from rag.text.numbers import numbers_in, spelled_in


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1\u202f049\u00a0767 people", {"1049767"}),
        ("11.132 personas, 11,132 people", {"11132"}),
        ("38,6% des femmes, 38.6% of women", {"38.6"}),
        ("USD130, 4.600+", {"130", "4600"}),
        ("from 12 to 15 kg", {"12", "15"}),
        ("1.234.567,89 is 1,234,567.89", {"1234567.89"}),
        ("٣٥ امرأة", {"35"}),
        ("at 14:00, at 2 PM, at 2 p.m.", {"14"}),
        ("1.5 million people, 1 500 000 personas, 1,5 millones", {"1500000"}),
        ("three weeks in the second year, trois semaines", {"3", "2"}),
        ("none", set()),
    ],
)
def test_numbers_are_read_in_any_format(text: str, numbers: set[str]) -> None:
    assert numbers_in(text) | spelled_in(text) == numbers
