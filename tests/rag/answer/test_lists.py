"""Lists that no report is in: which filters left nothing, and which of them to give up."""

from __future__ import annotations

import pytest
from fake_engine import report

from rag.answer.lists import list_answer
from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.i18n.translations import translations_for
from rag.models.prompts import REFUSALS, is_refusal
from rag.types import Plan

FACTS = {"cost": ("High",), "sample_size": ("Small",)}
CATALOG = Catalog([*(report(i) for i in range(12)), report(12, year=2031, facts=FACTS)])


def said(language: str = "en", **filters: object) -> str:
    plan = Plan("?", "?", language, "list", Filters(**filters))  # type: ignore[arg-type]
    answer = list_answer(plan, CATALOG, lambda _: {}, ())
    assert answer.refused
    assert is_refusal(answer.text)
    assert "\n" not in answer.text
    return answer.text


def test_the_filter_to_give_up_is_named_with_what_is_left() -> None:
    text = said(country=("Togo",), year=(2031,))
    assert text.endswith(
        "No report passes these filters: country = Togo; year = 2031. "
        "Without year = 2031: 4 reports; without country = Togo: 1 report."
    )


def test_one_filter_alone_has_no_way_out() -> None:
    assert said(year=(1990, 1991)).endswith("filters: year = 1990 / 1991.")


def test_no_way_out_is_said_where_giving_up_one_filter_is_not_enough() -> None:
    text = said(country=("Fiji",), year=(1990,), theme=("Markets",))
    assert text.endswith("theme = Markets.")


def test_each_key_of_a_fact_is_a_filter() -> None:
    text = said(fact=("cost: High", "sample_size: Huge"))
    assert text.endswith(" Without fact = sample_size: Huge: 1 report.")


@pytest.mark.parametrize("language", REFUSALS)
def test_every_language_says_so(language: str) -> None:
    text = said(language, country=("Togo",), year=(2031,))
    t = translations_for(language)
    year = "year" if language == "en" else t.gettext("Year").lower()
    assert f"{year} = 2031" in text.split(".")[-2]
    assert " 4 " in text


def test_a_language_without_sentences_gets_the_english_ones() -> None:
    assert "Without year = 2031: 4 reports" in said("de", country=("Togo",), year=(2031,))
