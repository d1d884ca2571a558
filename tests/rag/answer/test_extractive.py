"""The extractive answer: which sentences it takes, how it marks them, when it refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from passages import hits, passage, report

from rag.answer.extractive import UNSURE, ExtractiveAnswerer
from rag.models.embeddings import make_embedding
from rag.models.prompts import is_refusal, refusal
from rag.query.entities import countries_in
from rag.retrieval.rerank import CrossEncoder
from rag.settings import Settings
from rag.text.citation_marks import marks
from rag.types import FACTS, Ask, Hit, Intent, Notice, Plan, Turn

QUESTION = "Why do women sell smoked fish?"
FISH = "Women sell smoked fish at the market because ice is dear in the summer."
BOATS = "From boats on the Volta, smoked fish goes to women who sell it."
HEAD = "Quotes from the Peru lab, 2023 plan:"
CLOSEST = f"{refusal('en')}\nClosest in the reports:"
PUMPS = "Gardeners rent the solar pumps by the hour along the river."


def written(
    plan: Plan, found: Sequence[Hit], reader: CrossEncoder | None = None, turns: Sequence[Turn] = ()
) -> str:
    answerer = ExtractiveAnswerer(make_embedding(Settings()), builtin=True, reranker=reader)
    return "".join(answerer.stream(plan, found, turns))


def answer_text(
    question: str, found: Sequence[Hit], language: str = "en", wide: bool = False, **more: Any
) -> str:
    more["countries"] = tuple(countries_in(question))
    # What is put to many and compares nothing has a digest.
    intent: Intent = "compare" if wide else "answer"
    return written(Plan(question, question, language, intent, wide=wide, **more), found)


def test_the_fitting_sentence_is_taken_once_with_our_marks_alone() -> None:
    text = answer_text(QUESTION, hits(FISH, PUMPS, FISH, "Smoked fish is a common dish."))
    assert text == f"{HEAD} {FISH[:-1]} [1]."
    # A report's own marks, bullets and questions are not ours.
    text = answer_text(QUESTION, hits(f"| Women | Smoked fish |\n2. As in [7], {FISH}"))
    assert text == f"{HEAD} As in (7), {FISH[:-1]} [1]."
    question = "Why do women sell smoked fish at the market in the summer?"
    text = answer_text(question, hits(f"{question} {FISH}"))
    assert FISH[:-1] in text
    assert question not in text


def test_sentences_stand_lab_by_lab_findings_first_in_the_order_of_their_passage() -> None:
    planned = "Women of Lima plan to sell smoked fish at a new stall."
    learned = "What keeps for a week, smoked fish above all, sells best for all women."
    passages = (
        passage(planned, report("a"), stage="intention"),
        passage(BOATS, report("b", "Ghana", "GH")),
        passage(learned, report("c")),
    )
    found = [Hit(p, 1.0 / n, 0.8) for n, p in enumerate(passages, start=1)]
    head, *lines = answer_text("How do women sell smoked fish?", found, wide=True).split("\n")
    assert head == "Quotes from 2 labs:"
    labs = [line.partition(" ")[0] for line in lines]
    assert labs in (["Peru,", "Peru,", "Ghana,"], ["Ghana,", "Peru,", "Peru,"])
    assert learned[:-1] in lines[labs.index("Peru,")]
    first = "At noon fish that women sell spoils where no boat brings any."
    for told in ((first, FISH), (FISH, first)):
        of_two = (passage(" ".join(told), report("a")), passage(BOATS, report("b", "Ghana", "GH")))
        text = answer_text(QUESTION, [Hit(p, 1.0, 0.8) for p in of_two], wide=True)
        assert -1 < text.find(told[0][:-1]) < text.find(told[1][:-1])


def test_other_labs_that_answer_a_short_question_are_quoted_too() -> None:
    ghana = "Smoked fish is sold there by young women from boats."
    passages = (passage(FISH, report("a")), passage(ghana, report("b", "Ghana", "GH")))
    found = [Hit(p, 1.0, 0.8) for p in passages]
    assert len(marks(answer_text("Who sells smoked fish?", found))) == 2
    # A question of many words asks for one thing of one report.
    long = "Why do women of Lima sell smoked fish at the market, ice or boats, in the summer?"
    assert len(marks(answer_text(long, found))) == 1


def test_labs_and_innovators_are_told_apart_and_labs_come_first() -> None:
    texts = (FISH, BOATS, "At dawn women buy smoked fish from traders of the coast.")
    for labs, innovators, language, head in (
        (0, 1, "en", "Quotes from an innovator in Ghana, collected by the lab:"),
        (0, 2, "en", "Quotes from 2 innovators:"),
        (2, 1, "es", "Citas de 2 laboratorios y 1 innovador:"),
        (1, 0, "ar", "اقتباسات من مختبر بيرو، خطة 2023:"),
    ):
        theirs = [report(f"s{n}", "Ghana", "GH", kind="solution") for n in range(innovators)]
        ours = [report("a", "Peru", "PE"), report("b", "Fiji", "FJ")][:labs]
        told = zip(texts, [*theirs, *ours], strict=False)
        found = [Hit(passage(text, info), 1.0 / n, 0.8) for n, (text, info) in enumerate(told, 1)]
        first, *lines = answer_text(QUESTION, found, language, wide=True).split("\n")
        named = labs + innovators > 1
        # The head already names who wrote the only report.
        assert first == head if named else first.startswith(f"{head} ")
        assert ["Ghana" in line for line in lines] == ([False] * labs + [True] * innovators) * named
        if language == "en" and named:
            assert lines[-1].startswith("An innovator in Ghana, Title of s1 (2023, solution): ")


def test_off_the_topic_is_what_looks_so_and_finds_nothing() -> None:
    # What may be on the topic, after all, is refused with what is closest.
    for value, closest in ((0.2, []), (0.0, [1])):
        text = answer_text("Who won the cup?", hits(FISH), off_topic=value)
        assert (is_refusal(text), marks(text)) == (True, closest)
        assert not is_refusal(answer_text(QUESTION, hits(FISH), off_topic=-value))


def test_a_quantity_is_answered_with_its_number_or_refused() -> None:
    question, spanish = "How many women sell smoked fish?", "¿Cuál fue el porcentaje de pago?"
    for number in ("34", "Three"):
        found = hits(f"{FISH} {number} women sell smoked fish there.")
        assert f"{number} women" in answer_text(question, found)
    for other in (question, spanish, "كم عدد النساء اللواتي يبعن السمك؟"):
        assert is_refusal(answer_text(other, hits(FISH)))
    # A cost that the best sentence gives is answered in its words.
    found = hits("Renting a solar pump for one hour costs a gardener 40 cents.", PUMPS)
    text = answer_text("how much do gardeners pay to rent a pump", found)
    assert not is_refusal(text)
    assert "40 cents" in text
    # One that only far sentences give is refused with the nearest words.
    near = "The women of the market will tell us how many kilograms of smoked fish they sell a day."
    question = "How many kilograms of smoked fish do the women sell a day?"
    text = answer_text(question, hits(near, "The meeting room has 34 chairs."))
    assert text.startswith(f"{CLOSEST}\nPeru, Title of r1 (2023, plan): {near[:-1]} [1].")


class Reader(CrossEncoder):
    """A reranker that gives each text its logit, whatever or what alone is asked, or is busy."""

    def __init__(self, logits: Mapping[str, float], asked: str = "") -> None:
        self._given, self._asked = logits, asked

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        if not self._given:
            raise TimeoutError
        if self._asked not in ("", question):
            return [-9.0] * len(texts)
        return [self._given[text.rpartition("\n")[2]] for text in texts]


def test_a_sentence_gains_by_how_likely_it_answers() -> None:
    boats = {FISH: -9.0, BOATS: 9.0}
    # What can't be told in English is not read.
    for logits, language, first in ((boats, "en", 2), ({}, "en", 1), (boats, "fr", 1)):
        text = written(Plan(QUESTION, QUESTION, language), hits(FISH, BOATS), Reader(logits))
        assert marks(text)[0] == first


def test_a_question_is_answered_unsurely_or_refused_as_its_best_sentence_is_read() -> None:
    for logit, relevance, head in (
        (-9.0, None, CLOSEST),
        (-1.5, None, f"{UNSURE}\nClosest in the reports:"),
        (9.0, None, HEAD),
        # A relevant passage speaks for its sentence.
        (-0.5, 0.1, f"{UNSURE}\nClosest in the reports:"),
        (-0.5, 0.9, HEAD),
    ):
        found = [replace(hit, relevance=relevance) for hit in hits(FISH)]
        text = written(Plan(QUESTION, QUESTION), found, Reader({FISH: logit}))
        assert text.startswith(head)
        assert FISH[:-1] in text


def test_a_fact_that_the_form_asked_for_does_not_answer_a_question_in_other_words() -> None:
    size = passage("Sample size: 10-49.", report("a", title="Smoked fish"), section=FACTS)
    found = [*hits(FISH), replace(hits(FISH)[0], passage=size)]
    reader = Reader({FISH: -9.0, "Sample size: 10-49.": 9.0, "Sample size: 10-49": 9.0})
    assert is_refusal(written(Plan(QUESTION, QUESTION), found, reader))
    named = "What is the size of the sample?"
    assert not is_refusal(written(Plan(named, named), found, reader))
    # Any report has a size: one that speaks of another thing does not tell that of this.
    for subject, refused in (("smoked fish", False), ("solar boats", True)):
        plan = replace(Plan(named, named), subject=subject)
        assert is_refusal(written(plan, found, reader)) == refused
    # What is read word by word in English tells, too.
    question = "¿Por qué las mujeres venden pescado?"
    plan = Plan(question, question, "es", gloss="why the women sell fish")
    assert is_refusal(written(plan, hits(FISH), Reader({FISH: -9.0})))
    assert not is_refusal(written(plan, hits(FISH), Reader({FISH: 9.0})))


def test_a_country_or_year_that_is_asked_about_is_told_of_or_the_question_refused() -> None:
    question = "Why do women in Chile sell smoked fish?"
    assert is_refusal(answer_text(question, hits(FISH)))
    chile = "As in Chile, women sell smoked fish because ice is dear."
    assert marks(answer_text(question, hits(FISH, chile))) == [2]
    # A year without reports is answered by what is closest.
    missing = (Notice("no_reports_of_year", {"years": "2019", "first": 2020, "last": 2025}),)
    text = answer_text(QUESTION, hits(FISH), notices=missing)
    assert text.startswith(f"{CLOSEST}\nPeru, Title of r1 (2023, plan): ")
    assert marks(text) == [1]


def test_a_follow_up_does_not_repeat_what_was_quoted_unless_nothing_else_is_left() -> None:
    plan = Plan(QUESTION, QUESTION, follows=True)
    first = [Turn("assistant", answer_text(QUESTION, hits(FISH)))]
    assert FISH[:-1] not in written(plan, hits(FISH, f"{PUMPS} {FISH}"), turns=first)
    assert FISH[:-1] in written(plan, hits(FISH), turns=first)


def test_each_thing_that_is_asked_is_answered_from_the_report_that_tells_both() -> None:
    price, ice = "A basket of it costs 40 soles.", "It was stopped when the ice melted."
    one, other = report("a"), report("b", "Ghana", "GH")
    passages = [passage(PUMPS, other), passage(f"{FISH} {price} {BOATS} {ice}", one)]
    found = [Hit(p, 1.0 / n, 0.8) for n, p in enumerate(passages, start=1)]
    question = "What does smoked fish cost and why was it stopped?"
    parts = ("What does smoked fish cost", "why was it stopped")
    asks = tuple(Ask(part, f"{part} (smoked fish)") for part in parts)
    text = answer_text(question, found, asks=asks)
    assert marks(text) == [2] * len(marks(text))
    assert price[:-1] in text
    assert ice[:-1] in text


def test_what_is_closest_to_what_no_sentence_answers_stands_apart() -> None:
    sank, ferries = "how many boats sank", "Two ferries ran aground in May."
    asks = (Ask(QUESTION[:-1], QUESTION[:-1]), Ask(sank, sank))
    plan = Plan("Why do women sell smoked fish and how many boats sank?", QUESTION, asks=asks)
    reader = Reader({FISH: 9.0, ferries: -9.0}, asked=QUESTION[:-1])
    text = written(plan, hits(f"{ferries} {FISH}"), reader)
    told, closest = text.split("\nClosest in the reports (how many boats sank): ")
    assert told == f"{HEAD} {FISH[:-1]} [1]."
    assert closest == f"{ferries[:-1]} [1]."
    plan = replace(plan, asks=asks[::-1])
    assert "Closest" not in written(plan, hits(FISH), reader)
