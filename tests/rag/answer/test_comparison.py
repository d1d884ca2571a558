"""Comparisons without a model: what stands on each side, and what is told of neither."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from readers import squeezed, text_of

from rag.answer.chosen import ReportChooser
from rag.answer.comparison import Comparer
from rag.answer.topic_comparison import leading
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.engine import Engine
from rag.export.formats import export
from rag.i18n.labels import title_of
from rag.i18n.translations import ENGLISH
from rag.survey.types import Survey
from rag.text.citation_marks import marks
from rag.types import Answer

pytestmark = pytest.mark.quality
Ask = Callable[[str], Answer]


def test_a_side_has_nothing_only_where_no_report_of_it_is_near_the_question(ask: Ask) -> None:
    warnings = "Compare os avisos de ciclone de Vanuatu com os avisos de erosão do Bangladesh"
    assert labs_of(ask(warnings)) == {"Vanuatu", "Bangladesh"}
    answer = ask("Vanuatu vs Namibia: how are cyclone warnings passed on?")
    assert answer.coverage.sides == ("Vanuatu", "Namibia")
    assert labs_of(answer) == {"Vanuatu"}
    (reports, _), *rows = answer.comparison
    assert reports == "Reports"
    for _, (told, missing) in rows:
        assert marks(told)
        assert missing.startswith("nothing found on it")


def labs_of(answer: Answer) -> set[str]:
    return {citation.passage.report.lab for citation in answer.citations}


TRIALS = "How many took part in the lamp trial of Mongolia and in the tag trial of Mersin?"
PLANS = "What changed between the first and the second plan of Bangladesh?"
OUTCOME = "Mongolia sensors: what did they plan and what came out in the end?"
YEARS = "Compare 2022 and 2023 in Bangladesh"
ASKED, NEW = "On the question", "What only this plan says"


def test_sides_stand_beside_each_other(ask: Ask) -> None:
    both = ("upazila disaster committee",) * 2
    for question, sides, heading, cells in (
        (TRIALS, ("Mongolia", "Türkiye"), ASKED, ("60 families", "24 traders")),
        # A plan and the one that was sent in again; a plan and what came of it.
        (PLANS, ("2022, plan", "2023, plan"), NEW, ("4,200", "3,700")),
        (PLANS, ("2022, plan", "2023, plan"), NEW, ("", "voice message")),
        (OUTCOME, ("2021, plan", "2022, experiment"), "In short", ("60 families", "3.1 to 1.9")),
        # Where no form question asks what it is about, the challenge tells that.
        ("Compare Lesotho and Togo", ("Lesotho", "Togo"), "What it is about", ("robbed", "Togo")),
        # What no text says, tags do.
        (
            "Compare Lesotho and Tanzania on SDG 5",
            ("Lesotho", "Tanzania"),
            "What was found",
            ("31 to 74", ""),
        ),
        # What two sides say alike is not missing on one.
        (YEARS, ("2022", "2023"), "What comes next", both),
    ):
        answer = ask(question)
        assert answer.coverage.sides == sides
        told = dict(answer.comparison)[heading]
        assert all(words in cell for words, cell in zip(cells, told, strict=True)), question
    # Who asks how many wants nothing else.
    assert list(dict(ask(TRIALS).comparison)) == ["Reports", ASKED]


def test_titles_that_begin_alike_are_told_apart(quick_engine: Engine, monkeypatch: Any) -> None:
    def cut(info: ReportInfo, most: int = 0) -> str:
        return title_of(info, most) if most else "Works …"

    monkeypatch.setattr("rag.answer.comparison.title_of", cut)
    answer = quick_engine.ask("Compare phones full of doubt with tide broom").answer
    assert answer.coverage.sides == ("Phones full of doubt re-submission 2023", "Tide broom")
    assert answer.comparison[0] == ("Reports", ("2023, plan", "2023, solution"))


WRITTEN_OF = "Do labs write more about mobile money or about seaweed?"
SPANISH = "¿Hay más trabajo sobre ciencia ciudadana o sobre etnografía?"


def test_topics_stand_beside_each_other_with_their_counts(ask: Ask, sample_engine: Engine) -> None:
    for question, sides, tagged in (
        (WRITTEN_OF, ("mobile money", "seaweed"), "2 reports"),
        (SPANISH, ("ciencia ciudadana", "etnografía"), "7 informes"),
    ):
        answer = ask(question)
        assert answer.coverage.sides == sides
        counts, tags, _, *parts = [cells for _, cells in answer.comparison]
        for topic, cell in zip(sides, counts, strict=True):
            # A word alone may be of any language.
            found = sample_engine.survey(topic).survey.found
            assert answer.language != "en" or re.search(rf"\b{len(found)} reports", cell)
        assert tags[1].startswith(tagged)
        # What is told of a topic is told with who says it.
        quoted = [title_of(c.passage.report) for c in answer.citations]
        assert quoted
        assert all(title in "".join(map("".join, parts)) for title in quoted)


def test_a_topic_leads_by_texts_where_their_bounds_are_apart_and_by_tags() -> None:
    for bees, fish, tagged, said in (
        ((4, 9), (1, 3), (0, 5), "Clearly more reports speak of “bees” than of “fish”."),
        ((1, 3), (4, 9), (2, 5), "Clearly more reports speak of “fish” than of “bees”."),
        ((1, 5), (4, 9), (5, 2), "By tags “bees” has more reports than “fish”; by their texts"),
        ((1, 3), (4, 9), (5, 2), "By tags “bees” has more reports, by their texts “fish”."),
        ((1, 5), (4, 9), (2, 2), "These numbers are too uncertain"),
        ((1, 5), (4, 9), (0, 2), "These numbers are too uncertain"),
    ):
        topics = (("bees", bees), ("fish", fish))
        surveys = [Survey("?", name, "en", Filters(), (), bounds) for name, bounds in topics]
        assert leading(surveys, tagged, ENGLISH).startswith(said)


def test_a_part_left_out_is_told_by_other_reports(sample_engine: Engine, monkeypatch: Any) -> None:
    def plans_of(_: Comparer, side: Any) -> list[ReportInfo]:
        return [info for info in side.saying if info.kind == "plan"]

    monkeypatch.setattr(Comparer, "_reports_of", plans_of)
    answer = sample_engine.ask("Compare Lesotho and Mozambique on mobile money").answer
    rows = dict(answer.comparison)
    lesotho, mozambique = rows["What got in the way"]
    told = [c.passage.report for c in answer.citations if c.quote.rstrip(".") in lesotho]
    assert told
    assert all(report.kind != "plan" for report in told)
    # Where no other report does, that is said.
    assert mozambique.startswith("nothing found")


def test_how_many_of_each_side_speak_of_the_topic_is_told(ask: Ask, sample_engine: Engine) -> None:
    answer = ask("Compare Lesotho and Fiji on mobile money: which of the two did more?")
    cells = dict(answer.comparison)["Reports that speak of “mobile money”"]
    for side, cell in zip(answer.coverage.sides, cells, strict=True):
        size = len(sample_engine.catalog.select(Filters(country=(side,))))
        speaking, all_of = map(int, re.findall(r"\d+", cell)[:2])
        assert all_of == size
        assert (speaking > 0) == (side == "Lesotho")
        assert f"({speaking / size:.0%})" in cell


def test_two_labs_are_told_by_what_says_most(sample_engine: Engine, monkeypatch: Any) -> None:
    question = "Lesotho and Togo both asked women about phones. How did their findings differ?"

    def saying(_: ReportChooser, infos: Sequence[ReportInfo], __: object) -> list[ReportInfo]:
        return [info for info in infos if info.kind == "closing"]

    monkeypatch.setattr(ReportChooser, "saying", saying)
    answer = sample_engine.ask(question).answer
    assert "On the question" in dict(answer.comparison)
    assert {citation.passage.report.kind for citation in answer.citations} == {"closing"}


def test_titles_and_years_of_one_kind_are_compared(quick_engine: Engine) -> None:
    own = [info for info in quick_engine.catalog.reports.values() if info.author == "lab"]
    first, second = (next(info for info in own if info.lab == lab) for lab in ("Lesotho", "Togo"))
    answer = quick_engine.ask(f"Compare {first.title} and {second.title}").answer
    # What came of a plan is told with it.
    assert {first.id, second.id} < set(answer.coverage.reports)
    assert set(answer.coverage.labs) == {"Lesotho", "Togo"}
    answer = quick_engine.ask("Compare the plans of Lesotho of 2022 and 2023").answer
    assert answer.coverage.sides == ("2022", "2023")
    assert "experiment" not in {citation.passage.report.kind for citation in answer.citations}
    # What is of no work with a plan is not what came of it.
    question = "Fiji and its seaweed: what was planned at first and what came out in the end?"
    answer = quick_engine.ask(question).answer
    assert answer.coverage.sides == ()
    assert {citation.passage.report.countries for citation in answer.citations} == {("Fiji",)}


def test_works_are_compared_by_what_is_said_of_them(ask: Ask, quick_engine: Engine) -> None:
    english = "how does the cold box made of charcoal hold up against that tide broom?"
    spanish = "La escoba de marea y la caja de carbón para el pescado, ¿en qué se parecen?"
    for answer in (quick_engine.ask(english).answer, ask(spanish)):
        assert answer.coverage.intent == "compare"
        assert len(answer.coverage.sides) == 2
        assert {"tide_broom", "charcoal_cold_box_for_the_fish_road"} <= {*answer.coverage.reports}
    for question in (
        "What did women and men say about the fee boards?",
        "ethnography or prototyping: which do labs use?",
    ):
        assert quick_engine.ask(question).answer.coverage.sides == (), question
    assert quick_engine.ask("Compare Messi and Ronaldo").answer.refused
    # Nothing is lost of what was named.
    three = "Compare the fee boards in Lesotho, the stove display in Mongolia and the tide broom"
    assert {"Lesotho", "Mongolia"} <= set(quick_engine.ask(three).answer.coverage.labs)


def test_a_comparison_is_a_table_in_every_file(ask: Ask) -> None:
    answer = ask(YEARS)
    numbers = list(dict.fromkeys(marks(answer.text)))
    assert numbers == list(range(1, len(numbers) + 1))
    assert {citation.n for citation in answer.citations} == {*numbers}
    for ending in ("md", "html", "docx", "pdf"):
        words = squeezed(text_of(export([answer], ending, "", day=date(2026, 3, 4)), ending))
        for heading, cells in answer.comparison:
            assert squeezed(heading) in words
            assert all(squeezed(cell[:20]) in words for cell in cells)
        assert "###" not in words
