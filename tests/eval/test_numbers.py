"""Facts whose numbers are written in the ways of five languages."""

from __future__ import annotations

import pytest

from eval.matching import has_fact_by_value


@pytest.mark.parametrize(
    ("text", "value", "percent"),
    [
        ("1200", "1200", False),
        ("1,200", "1200", False),
        ("1.200", "1200", False),
        ("1\u202f200", "1200", False),
        ("1'200", "1200", False),
        ("1.234.567,5", "1234567.5", False),
        ("1,234,567.5", "1234567.5", False),
        ("USD130", "130", False),
        ("3,5", "3.5", False),
        ("0.125", "0.125", False),
        ("1.2 million", "1200000", False),
        ("1,2 millones", "1200000", False),
        ("1,2 milhões", "1200000", False),
        ("1,2 مليون", "1200000", False),
        ("5 mil millones", "5000000000", False),
        ("2 milliards", "2000000000", False),
        ("30k", "30000", False),
        ("١٬٢٠٠", "1200", False),
        ("٣٨٫٦٪", "38.6", True),
        ("38,6 %", "38.6", True),
        ("38.6 per cent", "38.6", True),
        ("38,6 pour cent", "38.6", True),
        ("38,6 por ciento", "38.6", True),
        ("38,6 por cento", "38.6", True),
        ("38.6 في المئة", "38.6", True),
    ],
)
def test_a_number_is_read_by_its_value(text: str, value: str, percent: bool) -> None:
    assert has_fact_by_value(f"They counted {value}{'%' if percent else ''} USD, at last.", text)
    assert not has_fact_by_value(
        f"They counted 7{value}{'%' if percent else ''} USD, at last.", text
    )


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("A total of 1 200 000 litres", "1.2 million litres"),
        ("three labs took part", "3 labs"),
        ("3 labs took part", "three labs"),
        ("le taux a atteint 54 pour cent", "54%"),
        ("la moitié, soit 71 % des élèves", "71%"),
        ("in phase 2 300 people came", "300"),
        ("USD 130 a month", "USD130"),
        ("the Ministry of Home Affairs", "Ministry of Home Affairs"),
        ("la region de Mbao", "Région Mbao"),
        ("38% of the homes", "38"),
    ],
)
def test_a_fact_is_there(text: str, fact: str) -> None:
    assert has_fact_by_value(text, fact)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("in 2012", "12"),
        ("38 homes of 100", "38%"),
        ("1.2 people a home", "1,200"),
        ("1.2 million", "1.2"),
        ("4 labs", "three labs"),
        ("400 tons", "400 litres"),
        ("nothing", "AI"),
    ],
)
def test_a_fact_is_not_there(text: str, fact: str) -> None:
    assert not has_fact_by_value(text, fact)


def test_a_fact_without_numbers_or_long_words_has_to_stand_there() -> None:
    assert has_fact_by_value("they use AI", "AI")
