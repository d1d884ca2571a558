"""Texts compared: folded, by words, and by facts whose numbers five languages write."""

from __future__ import annotations

import pytest

from eval.matching import fold, has_fact, has_fact_by_value, holds, overlap


def test_holds_allows_a_tenth_of_the_words_to_differ() -> None:
    quote = "one two three four five six seven eight nine ten"
    assert holds("ten nine eight seven six five four three two x", quote)
    assert not holds("ten nine eight seven six five four three x y", quote)
    assert not holds("one two three x four five six seven eight nine ten " + "y " * 400, quote)


def test_words_are_compared_as_multisets_and_typography_is_made_alike() -> None:
    assert overlap("a a b", "A c") == (pytest.approx(1 / 3), 0.5)
    text = "\u00ab L\u2019\u00c9t\u00e9\u00a0\u2014 &amp;quot;x\u200b \u00bb"
    assert fold(text) == '" l\'été - "x "'


def test_a_fact_is_matched_literally() -> None:
    assert has_fact("It cost 34 000$ in all", "34,000")
    assert has_fact("a share of 38,6%", "38.6%")
    assert has_fact("twelve of the boats in Fiji", "boats of Fiji")
    assert not has_fact("It cost 134", "135")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,200", "1200"),
        ("1\u202f200", "1200"),
        ("1.234.567,5", "1234567.5"),
        ("0.125", "0.125"),
        ("1,2 مليون", "1200000"),
        ("5 mil millones", "5000000000"),
        ("30k", "30000"),
        ("١٬٢٠٠", "1200"),
        ("٣٨٫٦٪", "38.6%"),
        ("38,6 pour cent", "38.6%"),
    ],
)
def test_a_number_is_read_by_its_value(text: str, value: str) -> None:
    assert has_fact_by_value(f"They counted {value} USD, at last.", text)
    assert not has_fact_by_value(f"They counted 7{value} USD, at last.", text)


@pytest.mark.parametrize(
    ("text", "fact", "expected"),
    [
        ("three labs took part", "3 labs", True),
        ("in phase 2 300 people came", "300", True),
        ("la region de Mbao", "Région Mbao", True),
        ("38% of the homes", "38", True),
        ("they use AI", "AI", True),
        ("in 2012", "12", False),
        ("38 homes of 100", "38%", False),
        ("1.2 million", "1.2", False),
        ("400 tons", "400 litres", False),
    ],
)
def test_a_fact_needs_its_numbers_and_words(text: str, fact: str, expected: bool) -> None:
    assert has_fact_by_value(text, fact) is expected
