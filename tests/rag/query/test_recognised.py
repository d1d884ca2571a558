"""What a question names and is not wanted: never a filter, never first, and told."""

from __future__ import annotations

import pytest

from rag.catalog.fields import FILTER_FIELDS, Filters
from rag.engine import Engine
from rag.query.entities import coming_first, without
from rag.types import Plan

ETHNOGRAPHY = "Which labs used ethnography as a method?"
GOAL = "Which plans of 2023 are tagged with SDG 14?"
REGION = "What did labs in West Africa learn about mobile money?"


def plan(engine: Engine, question: str, **ignored: object) -> Plan:
    return engine.plan(question, ignored=Filters(**ignored))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("named", "ignored"),
    [
        ({"country": ("Ivory Coast",)}, {"country": ("Côte d'Ivoire",)}),
        ({"country": ("Ivory Coast",)}, {"country": ("CI",)}),
        ({"sdg": ("14. Life below water",)}, {"sdg": ("14",)}),
        ({"sdg": ("14. Life below water",)}, {"sdg": ("life below water",)}),
        ({"method": ("Ethnography",)}, {"method": ("ethno-graphy", "ETHNOGRAPHY")}),
        ({"kind": ("closing",)}, {"kind": ("Closing",)}),
        ({"year": (2023, 2024)}, {"year": (2024, 2023)}),
        ({"year": (2023, 2024)}, {"year": (0,)}),
        ({"fact": ("a: b", "c: d")}, {"fact": ("",)}),
    ],
)
def test_a_value_is_known_by_its_meaning(
    sample_engine: Engine, named: dict[str, tuple[str]], ignored: dict[str, tuple[str]]
) -> None:
    catalog = sample_engine.catalog
    assert not without(Filters(**named), Filters(**ignored), catalog)  # type: ignore[arg-type]


def test_other_values_and_fields_stay(sample_engine: Engine) -> None:
    named = Filters(country=("Fiji", "Togo"), year=(2023,))
    ignored = Filters(country=("Togo", "Peru"), method=("",))
    assert without(named, ignored, sample_engine.catalog) == Filters(
        country=("Fiji",), year=(2023,)
    )
    assert without(named, Filters(), sample_engine.catalog) == named


def test_what_is_ignored_does_not_come_first(sample_engine: Engine) -> None:
    question = "What did Lesotho learn about fees in 2023?"
    understood = plan(sample_engine, question, country=("Lesotho",))
    assert understood.boosted == Filters(year=(2023,))
    assert understood.ignored == Filters(country=("Lesotho",))
    assert plan(sample_engine, question, country=("Togo",)) == plan(sample_engine, question)


def test_two_sides_without_one_are_not_compared(sample_engine: Engine) -> None:
    question = "How do the plans of Fiji and Tanzania differ?"
    understood = plan(sample_engine, question, country=("Fiji",))
    assert (understood.intent, understood.boosted.country) == ("answer", ("Tanzania",))


def test_a_list_without_a_filter_is_a_longer_list(sample_engine: Engine) -> None:
    whole, broad = plan(sample_engine, GOAL), plan(sample_engine, GOAL, sdg=("14",))
    assert whole.filters.sdg
    assert (broad.intent, broad.filters.as_dict()) == (
        "list",
        {"year": [2023], "type": ["learningplan"]},
    )
    assert broad.ignored == Filters(sdg=whole.filters.sdg)
    ids = sample_engine.catalog.ids
    assert ids(whole.filters) < ids(broad.filters)
    answer = sample_engine.ask(GOAL, ignored=Filters(sdg=("14",))).answer
    assert set(answer.coverage.reports) == ids(broad.filters)
    assert answer.coverage.ignored == broad.ignored


def test_a_list_of_which_nothing_is_left_is_an_answer(sample_engine: Engine) -> None:
    everything = {name: (0,) if name == "year" else ("",) for name in FILTER_FIELDS}
    understood = plan(sample_engine, GOAL, **everything)
    assert understood.intent == "answer"
    assert not understood.filters
    assert not understood.boosted
    assert understood.ignored == plan(sample_engine, GOAL).filters
    answer = sample_engine.ask(ETHNOGRAPHY, ignored=Filters(method=("ethnography",))).answer
    assert answer.coverage.intent == "answer"
    assert answer.citations


def test_labs_of_a_region_are_ignored_one_by_one_or_all(sample_engine: Engine) -> None:
    whole = plan(sample_engine, REGION)
    some = plan(sample_engine, REGION, country=("Togo",))
    assert set(some.filters.country) == set(whole.filters.country) - {"Togo"}
    assert some.filters.country == some.boosted.country
    none = plan(sample_engine, REGION, country=("",))
    assert not none.filters
    assert not none.boosted
    assert none.ignored.country == whole.filters.country
    # The words of the region are searched for where its labs are not chosen.
    assert "West Africa" in none.standalone
    assert "West Africa" not in some.standalone


def test_filters_that_the_user_set_stay(sample_engine: Engine) -> None:
    asked = {"filters": Filters(year=(2023,)), "ignored": Filters(year=(2023,))}
    understood = sample_engine.plan("Which plans of 2023 are tagged with SDG 14?", **asked)
    assert understood.filters.year == (2023,)


def test_what_narrows_is_not_said_to_come_first(sample_engine: Engine) -> None:
    assert coming_first(plan(sample_engine, REGION)) == Filters()
    question = "What did Lesotho learn about fees in 2023?"
    narrowed = sample_engine.plan(question, filters=Filters(year=(2022,)))
    assert coming_first(narrowed) == Filters(country=("Lesotho",))
    answer = sample_engine.ask(question, filters=Filters(year=(2022,))).answer
    assert answer.coverage.first == Filters(country=("Lesotho",))


def test_a_search_ignores_too(sample_engine: Engine) -> None:
    region = set(plan(sample_engine, REGION).filters.country)
    everywhere = sample_engine.search(REGION, ignored=Filters(country=("",)))
    assert {hit.passage.report.lab for hit in sample_engine.search(REGION)} <= region
    assert {hit.passage.report.lab for hit in everywhere} - region
