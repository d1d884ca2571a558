"""The extractive answer: which sentences it takes, how it marks them, when it refuses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from passages import hits, passage, report

from rag.answer.extractive import MIN_SIMILARITY, ExtractiveAnswerer, is_quantity
from rag.models.embeddings import make_embedding
from rag.models.prompts import REFUSALS, is_refusal
from rag.query.entities import countries_in
from rag.settings import Settings
from rag.text.marks import marks
from rag.types import Hit, Plan


@pytest.fixture(scope="module")
def answerer() -> ExtractiveAnswerer:
    return ExtractiveAnswerer(make_embedding(Settings()), MIN_SIMILARITY)


def answer_text(
    answerer: ExtractiveAnswerer,
    question: str,
    found: Sequence[Hit],
    language: str = "en",
    wide: bool = False,
) -> str:
    countries = tuple(countries_in(question))
    plan = Plan(question, question, language, wide=wide, countries=countries)
    text = "".join(answerer.stream(plan, found, ()))
    return text if is_refusal(text) else text.partition("\n")[2]


FISH = "Women sell smoked fish at the market because ice is dear in the summer."
BOATS = "From boats on the Volta, smoked fish goes to women who sell it."
PUMPS = "Gardeners rent the solar pumps by the hour along the river."


def test_the_fitting_sentence_is_taken_with_lab_year_and_mark(answerer: ExtractiveAnswerer) -> None:
    text = answer_text(answerer, "Why do women sell smoked fish?", hits(FISH, PUMPS))
    assert text == f"Peru (2023, plan): {FISH[:-1]} [1]."


@pytest.mark.parametrize(
    ("language", "one", "two"),
    [
        ("en", "The lab wrote:", "2 labs wrote:"),
        ("fr", "Le laboratoire dit\N{NO-BREAK SPACE}:", "2 laboratoires disent\N{NO-BREAK SPACE}:"),
        ("es", "El laboratorio dice:", "2 laboratorios dicen:"),
        ("pt", "O laboratório diz:", "2 laboratórios dizem:"),
        ("ar", "كتب المختبر:", "كتب مختبران:"),
    ],
)
def test_an_answer_begins_with_who_speaks_in_the_question_s_language(
    answerer: ExtractiveAnswerer, language: str, one: str, two: str
) -> None:
    question = "Why do women sell smoked fish?"
    by_one = "".join(answerer.stream(Plan(question, question, language), hits(FISH), ()))
    assert by_one.startswith(f"{one}\n")
    found = [*hits(FISH), Hit(passage(BOATS, report("g", "Ghana", "GH")), 0.5, 0.8)]
    plan = Plan(question, question, language, wide=True)
    assert "".join(answerer.stream(plan, found, ())).startswith(f"{two}\n")


def test_a_question_that_no_passage_is_like_is_refused(answerer: ExtractiveAnswerer) -> None:
    far = [Hit(p.passage, 1.0, 0.1) for p in hits(FISH, PUMPS)]
    for wide in (True, False):
        assert is_refusal(answer_text(answerer, "What did labs learn about fish?", far, wide=wide))


def test_sentences_stand_lab_by_lab_with_findings_first(answerer: ExtractiveAnswerer) -> None:
    plans = passage(
        "Women of Lima plan to sell smoked fish at a new stall.", report("a"), stage="intention"
    )
    other = passage(
        "From boats on the Volta, smoked fish goes to women who sell it.",
        report("b", "Ghana", "GH"),
    )
    learnt = passage(
        "What keeps for a week, smoked fish above all, sells best for all women.", report("c")
    )
    found = [Hit(p, 1.0 / n, 0.8) for n, p in enumerate((plans, other, learnt), start=1)]
    lines = answer_text(answerer, "How do women sell smoked fish?", found, wide=True).split("\n")
    peru = [line for line in lines if line.startswith("Peru")]
    assert len(lines) == 3
    assert lines.index(peru[1]) == lines.index(peru[0]) + 1
    assert "keeps for a week" in peru[0]


def test_a_question_to_one_report_is_answered_by_the_report_that_says_most(
    answerer: ExtractiveAnswerer,
) -> None:
    found = hits(FISH, "Smoked fish is a common dish.", PUMPS)
    text = answer_text(answerer, "Why do women sell smoked fish at the market?", found)
    assert marks(text) == [1]


def test_the_same_words_are_said_once(answerer: ExtractiveAnswerer) -> None:
    text = answer_text(answerer, "Why do women sell smoked fish?", hits(FISH, FISH))
    assert text.count("smoked fish") == 1


def test_marks_in_a_report_are_not_ours_and_bullets_are_dropped(
    answerer: ExtractiveAnswerer,
) -> None:
    text = answer_text(answerer, "Why do women sell smoked fish?", hits(f"2. As in [7], {FISH}"))
    assert marks(text) == [1]
    assert text.startswith("Peru (2023, plan): As in (7), Women sell")


def test_far_passages_are_refused_with_the_nearest(answerer: ExtractiveAnswerer) -> None:
    text = answer_text(answerer, "Who won the cup?", hits(FISH, PUMPS, similarity=0.1))
    assert text.startswith(f"{REFUSALS['en']}\nNearest: Peru (2023), Title of r1 [1]; ")
    assert marks(text) == [1, 2]


@pytest.mark.parametrize(
    "question",
    [
        "What was the exact repayment rate of the loans?",
        "¿Cuál fue el porcentaje de pago?",
        "How many women sell smoked fish?",
        "Combien de femmes vendent du poisson ?",
        "¿Cuántas mujeres venden pescado?",
        "Quantas mulheres vendem peixe?",
        "كم عدد النساء اللواتي يبعن السمك؟",
        "What share of women sells smoked fish?",
    ],
)
def test_a_quantity_that_no_passage_gives_is_refused(
    answerer: ExtractiveAnswerer, question: str
) -> None:
    assert is_quantity(question)
    assert not is_quantity("What was the first idea of the lab?")
    assert answer_text(answerer, question, hits(FISH)).startswith(REFUSALS["en"])


@pytest.mark.parametrize("number", ["34", "Three"])
def test_a_quantity_is_answered_with_its_number(answerer: ExtractiveAnswerer, number: str) -> None:
    found = hits(f"{FISH} {number} women sell smoked fish there.")
    assert f"{number} women" in answer_text(answerer, "How many women sell smoked fish?", found)


def test_a_quantity_that_only_far_sentences_give_is_refused_with_the_nearest_words(
    answerer: ExtractiveAnswerer,
) -> None:
    found = hits(
        "The women of the market will tell us how many kilograms of smoked fish they sell a day.",
        "The meeting room has 34 chairs.",
    )
    text = answer_text(
        answerer, "How many kilograms of smoked fish do the women sell a day?", found
    )
    assert text.startswith(
        f"{REFUSALS['en']}\nNearest:\nPeru (2023, plan): The women of the market"
    )
    assert marks(text)[0] == 1


def test_findings_go_before_questions(answerer: ExtractiveAnswerer) -> None:
    asking = "Why do women sell smoked fish at the market in the summer?"
    text = answer_text(answerer, asking, hits(f"{asking} {FISH}"))
    assert FISH[:-1] in text
    assert asking not in text


def test_a_country_that_is_asked_about_is_told_of_or_the_question_refused(
    answerer: ExtractiveAnswerer,
) -> None:
    question = "Why do women in Chile sell smoked fish?"
    assert answer_text(answerer, question, hits(FISH)).startswith(REFUSALS["en"])
    beside = "As in Chile, women sell smoked fish because ice is dear."
    text = answer_text(answerer, question, hits(FISH, beside))
    assert "As in Chile" in text
    assert marks(text) == [2]


def test_the_row_of_a_table_is_no_sentence(answerer: ExtractiveAnswerer) -> None:
    found = hits(f"| Women | Smoked fish sold at the market |\n{FISH}")
    assert "|" not in answer_text(answerer, "Why do women sell smoked fish at the market?", found)
