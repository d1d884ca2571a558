"""Where sentences begin and end."""

from __future__ import annotations

import pytest

from rag.text.sentences import sentences


def split(text: str) -> list[str]:
    return [text[a:b] for a, b in sentences(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "1. Shade dries the fish 2. Racks keep it off the sand",
            ["1. Shade dries the fish", "2. Racks keep it off the sand"],
        ),
        (
            "It has two parts: 1. The market asks for ice 2. The port sells it 3. Fees fall.",
            [
                "It has two parts:",
                "1. The market asks for ice",
                "2. The port sells it",
                "3. Fees fall.",
            ],
        ),
        (
            "The nets dry in phase 1. They are mended in phase 2. Then the boats leave.",
            ["The nets dry in phase 1.", "They are mended in phase 2.", "Then the boats leave."],
        ),
        ("The price fell by 3. Nobody sold.", ["The price fell by 3.", "Nobody sold."]),
        ("Boats landed 12. Nobody sold.", ["Boats landed 12.", "Nobody sold."]),
    ],
)
def test_the_number_of_the_next_item_is_no_part_of_a_sentence(text: str, parts: list[str]) -> None:
    assert split(text) == parts
