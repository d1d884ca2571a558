"""What a chip changes: what is ignored of a question, whatever a browser sends."""

from __future__ import annotations

import pytest
from fake_engine import answer

from rag.catalog.tag_fields import Filters
from rag.types import Coverage
from ui.web.conversation import Exchange

COVERAGE = Coverage(
    "answer",
    filters=Filters(country=("Peru", "Togo"), type=("experiment",)),
    first=Filters(year=(2022, 2023)),
)
BEFORE = Filters(theme=("Markets",))
EXCHANGE = Exchange("Q", Filters(type=("experiment",)), answer(coverage=COVERAGE), ignored=BEFORE)


def test_what_the_visitor_chose_does_not_count_as_named_by_the_question() -> None:
    assert EXCHANGE.narrowed == Filters(country=("Peru", "Togo"))
    assert EXCHANGE.first == Filters(year=(2022, 2023))
    assert not Exchange("Q", Filters(year=(2023,))).narrowed


@pytest.mark.parametrize(
    ("chip", "ignored"),
    [
        ({"field": "country", "value": "Peru"}, Filters(country=("Peru",), theme=("Markets",))),
        ({"field": "country", "value": ""}, Filters(country=("Peru", "Togo"), theme=("Markets",))),
        ({"field": "year", "value": "2023"}, Filters(year=(2023,), theme=("Markets",))),
        ({"field": "theme", "value": "Markets", "back": "1"}, Filters()),
        ({"field": "theme", "value": "", "back": "1"}, Filters()),
        # What the question does not have, or is no chip.
        ({}, None),
        ({"field": "country", "value": "Chad"}, None),
        ({"field": "country", "value": ["Peru"]}, None),
        ({"field": "country", "value": "Peru", "back": "1"}, None),
        ({"field": "type", "value": "experiment"}, None),
        ({"field": "__class__", "value": ""}, None),
        ({"field": ["country"], "value": "Peru"}, None),
    ],
    ids=str,
)
def test_a_chip_is_ignored_or_taken_back(chip: dict[str, object], ignored: Filters | None) -> None:
    assert EXCHANGE.changed(chip) == ignored
