"""Facts that a question names: ticked values of other tags than those of the filters."""

from __future__ import annotations

import pytest

from rag.catalog.fields import Filters
from rag.engine import Engine
from rag.query.entities import facts_in

NAMED = {
    "Which experiments assigned people at random?": ["assignment_type: Random assignment"],
    "Which assignments were non-random?": ["assignment_type: non-random assignment"],
    "Which had a sample of more than 1,000?": ["sample_size: More than 1,000"],
    "Which cost under 1,000 dollars?": ["total_cost: Less than 1,000 USD"],
    "a control group that is entirely separate, and a cost above 20,000 dollars": [
        "control_group: Yes, a different group entirely",
        "total_cost: More than 20,000 USD",
    ],
}
UNNAMED = (
    "Which experiments had a control group?",
    "How much did experiments cost?",
    "What did labs learn about random checks?",
    "Which sample was lost?",
)


@pytest.mark.parametrize("question", NAMED)
def test_facts_are_found(sample_engine: Engine, question: str) -> None:
    assert sorted(facts_in(question, sample_engine.catalog)) == NAMED[question]


@pytest.mark.parametrize("question", UNNAMED)
def test_a_key_alone_names_no_fact(sample_engine: Engine, question: str) -> None:
    assert facts_in(question, sample_engine.catalog) == ()


def test_each_key_is_a_field_of_its_own(sample_engine: Engine) -> None:
    catalog = sample_engine.catalog
    random, cheap = "assignment_type: Random assignment", "total_cost: Less than 1,000 USD"
    both = catalog.ids(Filters(fact=(random, cheap)))
    assert both == catalog.ids(Filters(fact=(random,))) & catalog.ids(Filters(fact=(cheap,)))
    other = "assignment_type: non-random assignment"
    either = catalog.ids(Filters(fact=(random, other)))
    assert either == catalog.ids(Filters(fact=(random,))) | catalog.ids(Filters(fact=(other,)))


def test_a_list_by_facts_is_exact_and_cited_by_its_tags(sample_engine: Engine) -> None:
    answer = sample_engine.ask(
        "How many experiments assigned people at random and cost less than 1,000 dollars?"
    ).answer
    assert answer.coverage.intent == "list"
    expected = [
        info.id
        for info in sample_engine.catalog.reports.values()
        if "Random assignment" in info.facts.get("assignment_type", ())
        and "Less than 1,000 USD" in info.facts.get("total_cost", ())
    ]
    assert sorted(answer.coverage.reports) == sorted(expected)
    assert expected
    assert all("assignment_type:Random" in c.passage.text for c in answer.citations)
    narrower = "Which experiments with a sample of more than 1,000 people tested smaller trays?"
    assert sample_engine.ask(narrower).answer.coverage.intent == "answer"
