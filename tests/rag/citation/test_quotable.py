"""Which sentences of a passage can be quoted, how they are shown, and that they are found again."""

from dataclasses import replace

import pytest
from passages import passage

from rag.citation.citations import best_support
from rag.citation.quotable import usable
from rag.types import FREE_TEXT


@pytest.mark.parametrize(
    ("question", "text", "shown"),
    [
        ("The cost? (in USD)", "34 000$", ["The cost (in USD): 34 000$"]),
        ("Stages: Which are next?", "- Test\n- Grow", ["Stages: Test; Grow"]),
        ("Proven?", "Partially proven.\nIce is dear.", ["Proven: Partially proven."]),
        ("Q", "Partners:\n- two ports\n- the market", ["Partners: two ports; the market"]),
        ("Q", "IF they have ice\nTHEN the fish keeps.", ["IF they have ice THEN the fish keeps."]),
        (
            "Q",
            "The women sell it\nat noon, to\ntheir kin.",
            ["The women sell it at noon, to their kin."],
        ),
        (
            "Q",
            "It gives us : 1. A map. 2. Three ice boxes.",
            ["It gives us : A map; Three ice boxes."],
        ),
        (
            "Q",
            "It is open from 8 - 10 a.m. - or later.",
            ["It is open from 8 - 10 a.m. - or later."],
        ),
        ("Q", "We learned that:", []),
        ("Q", "1.\nThe boats land at noon.", ["The boats land at noon."]),
        ("Q", "The port\nIts boats land at noon.", ["The port: Its boats land at noon."]),
        ("Q", "| Port | Lima |\nhttps://a.example/b\n" + "QUJD" * 20, []),
    ],
)
def test_sentences_have_what_they_need(question: str, text: str, shown: list[str]) -> None:
    source = passage(text, prompt=question)
    sentences = usable(source)
    assert [s.text for s in sentences] == shown
    for own in sentences:
        support = best_support(f"Peru (2023, plan): {own.text}", source, "en")
        assert (support.status, support.quote) == ("supported", text[own.start : own.end])


@pytest.mark.parametrize(("prompt", "shown"), [("Prototype?", ["Prototype: No"]), (FREE_TEXT, [])])
def test_a_short_answer_is_shown_with_its_question(prompt: str, shown: list[str]) -> None:
    assert [s.text for s in usable(replace(passage("No", prompt=prompt), section=""))] == shown
