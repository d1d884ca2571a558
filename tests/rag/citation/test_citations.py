"""The words that support a sentence, and the citations that carry them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from passages import passage, report

from rag.citation.citations import best_support, has_numbers, numbers_in, resolve
from rag.types import FACTS

WOMEN = passage("Women sell fish at 6 a.m. every day. Ice is dear. They lost 1 049 kg in 2022.")


@pytest.mark.parametrize(
    ("sentence", "quote", "status"),
    [
        ("Peru (2023, plan): Ice is dear.", "Ice is dear.", "supported"),
        (
            "In Peru they lost 1,049 kg of fish in 2022.",
            "They lost 1 049 kg in 2022.",
            "supported",
        ),
        ("They lost 1,050 kg in 2022.", "They lost 1 049 kg in 2022.", "partly"),
    ],
)
def test_the_sentence_that_shares_most_words_supports(
    sentence: str, quote: str, status: str
) -> None:
    support = best_support(sentence, WOMEN, "en")
    assert (support.quote, support.status) == (quote, status)


def test_an_invented_sentence_is_unsupported() -> None:
    assert best_support("Drones carry vaccines to clinics.", WOMEN, "en").status == "unsupported"


def test_a_citation_carries_the_words_of_its_passage() -> None:
    other = passage("Radio reaches the islands.", report("other"))
    found = resolve("Ice is dear [1]. Radio reaches the islands [2][7]. [1]", [WOMEN, other], "en")
    assert {(c.n, c.quote) for c in found} >= {
        (1, "Ice is dear."),
        (2, "Radio reaches the islands."),
    }
    assert all(c.quote in c.passage.text for c in found)
    assert {c.n for c in found} == {1, 2}


def test_the_same_words_are_cited_once() -> None:
    assert len(resolve("Ice is dear [1]. Ice is dear [1].", [WOMEN], "en")) == 1


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1 049 767 people", {"1049767"}),
        ("1\u202f049\u00a0767 people", {"1049767"}),
        ("11.132 personas", {"11132"}),
        ("11,132 people", {"11132"}),
        ("38,6% des femmes", {"38.6"}),
        ("38.6% of women", {"38.6"}),
        ("USD130", {"130"}),
        ("34 000$", {"34000"}),
        ("4.600+", {"4600"}),
        ("from 12 to 15 kg", {"12", "15"}),
        ("1.234.567,89", {"1234567.89"}),
        ("1,234,567.89", {"1234567.89"}),
        ("٣٥ امرأة", {"35"}),
        ("none", set()),
    ],
)
def test_numbers_are_read_in_any_format(text: str, numbers: set[str]) -> None:
    assert numbers_in(text) == numbers


def test_a_report_s_year_counts_as_its_number() -> None:
    assert has_numbers("In 2023 ice is dear.", WOMEN)
    assert not has_numbers("In 2024 ice is dear.", WOMEN)


def test_of_a_fact_the_value_is_quoted() -> None:
    fact = replace(passage("Assignment type: not by chance\nSample size: 40"), section=FACTS)
    (citation,) = resolve("Peru (2023): Assignment type: not by chance [1].", [fact], "en")
    assert (citation.quote, citation.status) == ("not by chance", "supported")


def test_what_is_only_near_is_quoted_for_the_question() -> None:
    text = "The reports don't say.\nNearest: Peru (2023), Title of r [1]."
    (citation,) = resolve(text, [WOMEN], "en", sought="Why is ice dear?")
    assert citation.status == "supported"
    assert "ce is dear" in citation.quote
