"""Comparisons without a model: what stands on each side, and what is told of neither."""

from collections.abc import Sequence
from datetime import date

import pytest
from readers import squeezed, text_of

from rag.answer.chosen import ReportChooser
from rag.catalog.tag_fields import ReportInfo
from rag.engine import Engine
from rag.export.formats import export

pytestmark = pytest.mark.quality


@pytest.mark.parametrize(
    ("question", "silent"),
    [
        ("Lesotho vs Ivory Coast: why do the sellers end the day in cash?", ""),
        ("Turkey vs Vietnam: what becomes of the food that nobody takes?", ""),
        ("Compare os avisos de ciclone de Vanuatu com os avisos de erosão do Bangladesh", ""),
        ("Vanuatu vs Namibia: how are cyclone warnings passed on?", "Namibia"),
        ("Ivory Coast vs Georgia: sellers who withdraw their mobile money", "Georgia"),
    ],
)
def test_a_side_has_nothing_only_where_no_report_of_it_is_near_the_question(
    sample_engine: Engine, question: str, silent: str
) -> None:
    answer = sample_engine.ask(question).answer
    cited = {citation.passage.report.lab for citation in answer.citations}
    assert len(answer.coverage.sides) == 2
    assert len(cited) == (1 if silent else 2)
    assert silent not in cited


def test_what_is_asked_of_each_side_comes_first(sample_engine: Engine) -> None:
    question = "How many took part in the lamp trial of Mongolia and in the tag trial of Mersin?"
    answer = sample_engine.ask(question).answer
    assert answer.coverage.sides == ("Mongolia", "Türkiye")
    rows = dict(answer.comparison)
    assert list(rows) == ["Reports", "On the question"]
    families, traders = rows["On the question"]
    assert "60 families" in families
    assert "24 traders" in traders


def test_a_question_to_two_labs_is_answered_from_their_reports_that_say_most_of_its_topic(
    sample_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "Lesotho and Togo both asked women about phones. How did their findings differ?"

    def saying(_: ReportChooser, infos: Sequence[ReportInfo], __: object) -> list[ReportInfo]:
        return [info for info in infos if info.kind == "closing"]

    monkeypatch.setattr(ReportChooser, "saying", saying)
    answer = sample_engine.ask(question).answer
    assert "On the question" in dict(answer.comparison)
    assert {citation.passage.report.kind for citation in answer.citations} == {"closing"}


def test_who_they_work_with_is_told_by_the_partners_of_each_side(sample_engine: Engine) -> None:
    answer = sample_engine.ask("Who do the Fiji and the Tanzania labs work with on seaweed?").answer
    fiji, tanzania = dict(answer.comparison)["On the question"]
    assert "Vatulele" in fiji
    assert "Kaskazi" in tanzania


def test_a_plan_and_the_one_that_was_sent_in_again_are_told_apart(sample_engine: Engine) -> None:
    answer = sample_engine.ask(
        "What changed between the first and the second plan of Bangladesh?"
    ).answer
    assert answer.coverage.sides == ("2022, plan", "2023, plan")
    first, second = dict(answer.comparison)["What only this plan says"]
    assert "4,200" in first
    assert "3,700" in second
    assert "voice message" in second


def test_a_plan_is_held_against_what_came_of_it(sample_engine: Engine) -> None:
    answer = sample_engine.ask(
        "Mongolia sensors: what did they plan and what came out in the end?"
    ).answer
    assert answer.coverage.sides == ("2021, plan", "2022, experiment")
    planned, found = dict(answer.comparison)["In short"]
    assert "60 families" in planned
    assert "3.1 to 1.9" in found


def test_what_is_of_no_work_with_a_plan_is_not_what_came_of_it(sample_engine: Engine) -> None:
    question = "Fiji and its seaweed: what was planned at first and what came out in the end?"
    answer = sample_engine.ask(question).answer
    assert answer.coverage.sides == ()
    assert {citation.passage.report.countries for citation in answer.citations} == {("Fiji",)}


def test_what_two_sides_say_alike_is_not_missing_on_one(sample_engine: Engine) -> None:
    answer = sample_engine.ask("Compare 2022 and 2023 in Bangladesh").answer
    assert answer.coverage.sides == ("2022", "2023")
    first, second = dict(answer.comparison)["What comes next"]
    assert "upazila disaster committee" in first
    assert "upazila disaster committee" in second


def test_reports_are_compared_by_their_titles(sample_engine: Engine) -> None:
    first, second = [
        next(
            r for r in sample_engine.catalog.reports.values() if r.lab == lab and r.author == "lab"
        )
        for lab in ("Lesotho", "Togo")
    ]
    answer = sample_engine.ask(f"Compare {first.title} and {second.title}").answer
    assert set(answer.coverage.reports) == {first.id, second.id}


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_a_comparison_is_a_table_in_every_file(sample_engine: Engine, ending: str) -> None:
    answer = sample_engine.ask("Compare Lesotho and Bangladesh on mobile money").answer
    words = squeezed(text_of(export([answer], ending, "", day=date(2026, 3, 4)), ending))
    for heading, cells in answer.comparison:
        assert squeezed(heading) in words
        assert all(squeezed(cell[:20]) in words for cell in cells)
    assert "###" not in words


def test_years_of_one_kind_of_report_are_compared_side_by_side(sample_engine: Engine) -> None:
    answer = sample_engine.ask("Compare the plans of Lesotho of 2022 and 2023").answer
    assert answer.coverage.sides == ("2022", "2023")
    assert "experiment" not in {citation.passage.report.kind for citation in answer.citations}
