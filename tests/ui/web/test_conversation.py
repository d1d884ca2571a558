"""What a chip changes: what is ignored of a question, whatever a browser sends."""

from __future__ import annotations

import pytest
from fake_engine import answer

from rag.catalog.fields import Filters
from rag.types import Coverage
from ui.web.conversation import Exchange

COVERAGE = Coverage(
    "answer",
    filters=Filters(country=("Peru", "Togo"), type=("experiment",)),
    first=Filters(year=(2022, 2023)),
)
EXCHANGE = Exchange("Q", Filters(type=("experiment",)), answer(coverage=COVERAGE))


def test_what_the_visitor_chose_does_not_count_as_named_by_the_question() -> None:
    assert EXCHANGE.narrowed == Filters(country=("Peru", "Togo"))
    assert EXCHANGE.first == Filters(year=(2022, 2023))
    assert not Exchange("Q", Filters(year=(2023,))).narrowed


@pytest.mark.parametrize(
    ("field", "value", "ignored"),
    [
        ("country", "Peru", Filters(country=("Peru",))),
        ("country", "", Filters(country=("Peru", "Togo"))),
        ("year", "2023", Filters(year=(2023,))),
    ],
)
def test_a_chip_that_is_removed_is_ignored(field: str, value: str, ignored: Filters) -> None:
    assert EXCHANGE.changed({"field": field, "value": value}) == ignored


def test_what_was_removed_stays_removed_until_taken_back() -> None:
    before = Filters(country=("Fiji",), theme=("Markets",))
    exchange = Exchange("Q", answer=EXCHANGE.answer, ignored=before)
    removed = exchange.changed({"field": "country", "value": "Peru"})
    assert removed == Filters(country=("Fiji", "Peru"), theme=("Markets",))
    back = {"field": "country", "value": "Fiji", "back": "1"}
    assert exchange.changed(back) == Filters(theme=("Markets",))
    assert exchange.changed(back | {"value": ""}) == Filters(theme=("Markets",))
    failed = Exchange("Q", error="It failed.", ignored=before)
    assert failed.changed(back) == Filters(theme=("Markets",))


@pytest.mark.parametrize(
    "chip",
    [
        {},
        {"field": "country"},
        {"field": "country", "value": "Chad"},
        {"field": "country", "value": ["Peru"]},
        {"field": "country", "value": "Peru", "back": "1"},
        {"field": "type", "value": "experiment"},
        {"field": "year", "value": 2023},
        {"field": "__class__", "value": ""},
        {"field": ["country"], "value": "Peru"},
        {"field": None, "value": None},
    ],
    ids=str,
)
def test_a_chip_that_the_question_does_not_have_changes_nothing(chip: dict[str, object]) -> None:
    assert EXCHANGE.changed(chip) is None
