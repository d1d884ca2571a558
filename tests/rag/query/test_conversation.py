"""Follow-ups: which questions they are, and what they take over from the conversation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.query.conversation import is_follow_up, language_in
from rag.query.linker import Links
from rag.query.rules import Rules
from rag.types import Plan, Turn

METHOD = ("Ethnography",)
BOTH = Filters(method=(*METHOD, "Citizen Science"))
WORKS = SEAWEED, COLD_BOX = "_seaweed_is", "charcoal_cold_box_for_the_fish_road"


def said(question: str, answer: str, *reports: str) -> tuple[Turn, Turn]:
    return Turn("user", question), Turn("assistant", answer, reports)


def plan(engine: Engine, question: str, *history: Turn) -> Plan:
    return engine.plan(question, history=history)


BEFORE = said("What did Fiji try?", "Racks for seaweed [1].")
MANY = said(
    "What did labs learn about seaweed?",
    "2 labs wrote:\nFiji, Reefs of Samoa, and Tonga (2022, closing): Racks dry it [1].\n"
    "Tanzania, Women sell it (2023, experiment): Women sell it in Vanuatu [2].",
)
LIST = said("Which plans of 2023 are tagged with SDG 14?", "1 report of 1 lab")


def test_what_points_back_or_joins_on_is_a_follow_up() -> None:
    for question, (language, names_places, follows) in {
        "Who paid for that?": ("en", False, True),
        "What were the main challenges?": ("en", False, True),
        "وماذا عن تونس؟": ("ar", False, True),
        "Why did the fishers of Fiji dry their seaweed on racks?": ("en", True, False),
        "And what did labs learn about mobile money and market women?": ("en", True, False),
    }.items():
        for history in (BEFORE, ()):
            found = is_follow_up(question, language, names_places, history, Links((), ()))
            assert found is (follows and bool(history)), question


@pytest.mark.quality
def test_what_is_like_examples_of_follow_ups_is_one(quick_engine: Engine) -> None:
    for question, follows in {
        "¿alguien lo copió?": True,
        "كم كلفت؟": True,
        "parle-moi de la deuxième": True,
        "Plans from 2023 that used drones": False,
        "Y a-t-il des projets sur les algues marines ?": False,
        "something else: how many experiments do you have": False,
    }.items():
        assert plan(quick_engine, question, *BEFORE).follows is follows, question
        assert not plan(quick_engine, question).follows
    assert plan(quick_engine, "And why?", *LIST).intent == "reasons"


@pytest.mark.quality
def test_a_follow_up_is_put_to_the_work_that_was_quoted(quick_engine: Engine) -> None:
    one, both = (said("What did Fiji try?", "Racks [1].", *ids) for ids in ((SEAWEED,), WORKS))
    made = plan(quick_engine, "who were the partners?", *one)
    assert (made.reports, made.alone, made.standalone) == ((SEAWEED,), True, made.question)
    assert plan(quick_engine, "tell me more", *one).intent == "report"
    # "Why?" alone says nothing.
    assert plan(quick_engine, "Why?", *one).standalone == f"{one[0].content} Why?"
    for question in ("what did the second one cost?", "the cold box one, who paid for it"):
        picked = plan(quick_engine, question, *both)
        assert (picked.reports, picked.alone) == ((COLD_BOX,), True)
    among = plan(quick_engine, "what did they cost?", *both)
    assert (among.reports, among.alone) == (WORKS, False)
    compared = plan(quick_engine, "what is the difference between the two?", *both)
    assert (compared.intent, compared.boosted.country) == ("compare", ("Fiji", "Uganda"))
    assert not plan(quick_engine, "and about cooperatives?", *both).reports
    # What the user narrows to stays so.
    chosen = Filters(country=("Togo",))
    narrowed = quick_engine.plan("who were the partners?", history=one, filters=chosen)
    assert (narrowed.reports, narrowed.filters.country) == ((), ("Togo",))


@pytest.mark.quality
def test_a_follow_up_may_leave_the_work_that_was_quoted(quick_engine: Engine) -> None:
    one = said("What did Fiji learn about seaweed?", "On racks [1].", SEAWEED)
    # For more of its lab, as a list or an overview.
    other = plan(quick_engine, "other experiments from there?", *one)
    assert other.query
    assert other.query.filters == Filters(country=("Fiji",), kind=("experiment",))
    lab = plan(quick_engine, "and what was that lab up to in 2023?", *one)
    assert (lab.intent, lab.subject, lab.boosted.year) == ("lab", "", (2023,))
    # For its topic elsewhere.
    similar = plan(quick_engine, "anything similar in Tanzania?", *one)
    assert (similar.standalone, similar.filters.country) == ("seaweed", ("Tanzania",))
    # For another matter, of the same lab if it points back or puts right what was meant.
    for question, standalone in (
        ("ok, something else: who sells salt?", "who sells salt?"),
        ("another question: what did bees teach them?", "what did bees teach them? (Fiji)"),
        ("no, I meant the breadfruit", "the breadfruit (Fiji)"),
    ):
        made = plan(quick_engine, question, *one)
        assert (made.standalone, made.follows) == (standalone, False), question
    assert plan(quick_engine, "ok thanks", *one).about == ("thanks",)


@pytest.mark.quality
def test_the_last_question_is_asked_again_of_other_years_kinds_or_places(
    quick_engine: Engine,
) -> None:
    plans = "phones_full_of_doubt__mobile_money_and_the_market_women_of_maseru"
    asked = "What has the Lesotho lab done on mobile money?"
    before = said(asked, "Phones full of doubt [1].", plans)
    only = plan(quick_engine, "only the experiments", *before)
    assert (only.standalone, only.filters.kind) == (asked, ("experiment",))
    newer = plan(quick_engine, "anything newer?", *before)
    assert newer.filters.country == ("Lesotho",)
    assert newer.filters.year
    assert min(newer.filters.year) > 2022
    other = plan(quick_engine, "no, I meant Togo", *before)
    assert other.standalone == asked.replace("Lesotho", "Togo")
    assert other.boosted.country == ("Togo",)


def test_a_follow_up_keeps_topic_country_and_language(quick_engine: Engine) -> None:
    history = said(
        "¿Qué hicieron con el plástico en Paraguay?",
        "Pusieron barreras de bambú en el arroyo de Encarnación.",
    )
    made = plan(quick_engine, "¿Y luego?", *history)
    assert "plástico" in made.standalone
    assert (made.boosted.country, made.language) == (("Paraguay",), "es")
    quoted = Turn("assistant", "Les ménages ont pris conscience que les déchets se recyclent [1].")
    assert plan(quick_engine, "Why?", MANY[0], quoted).language == "en"


def test_labs_of_an_answer_count_if_it_has_one_or_is_pointed_at(quick_engine: Engine) -> None:
    one = said("Who dries seaweed?", "Fiji (2022): On racks [1].")
    made = plan(quick_engine, "Why?", *one)
    assert made.boosted.country == ("Fiji",)
    assert "On racks" in made.standalone
    made = plan(quick_engine, "And in 2022?", *MANY)
    assert made.standalone == "What did labs learn about seaweed?"
    assert (made.boosted.country, made.filters.year, made.wide) == ((), (2022,), True)
    made = plan(quick_engine, "Which of them asked women?", *MANY)
    assert (made.filters.country, made.wide) == (("Fiji", "Tanzania"), True)


def test_a_new_place_or_region_replaces_the_one_before(quick_engine: Engine) -> None:
    before = (Turn("user", "What did Fiji learn about seaweed?"), *MANY[1:])
    for question, place, named in (
        ("What about Togo?", "Togo", ("Togo",)),
        ("And in Brazil?", "Brazil", ()),
    ):
        made = plan(quick_engine, question, *before)
        assert made.standalone == f"What did {place} learn about seaweed?"
        assert made.boosted.country == named
    countries = plan(quick_engine, "And in West Africa?", *MANY).filters.country
    assert {*countries} & {"Togo", "Fiji"} == {"Togo"}


def test_the_topic_is_that_of_the_question_that_opened_it_or_another_one_that_is_named(
    quick_engine: Engine,
) -> None:
    later = (*MANY, *said("And in 2022?", "The reports don't say."))
    made = plan(quick_engine, "Why?", *later)
    assert (made.standalone, made.intent) == ("Why – seaweed", "reasons")
    assert made.filters.year == (2022,)
    other = (*later, *said("Write me a poem about the sea", "The reports don't say."))
    assert "seaweed" not in plan(quick_engine, "Why?", *other).standalone
    # Another topic takes the place of the one before.
    question = "And about cooperatives?"
    made = plan(quick_engine, question, *MANY)
    assert (made.standalone, made.wide, made.follows) == (question, True, True)
    one = said("What is Fiji doing on seaweed?", "Fiji (2022): On racks [1].")
    made = plan(quick_engine, question, *one)
    assert (made.standalone, made.boosted.country) == ("And about cooperatives – Fiji", ("Fiji",))
    assert question in plan(quick_engine, "Why?", *one, Turn("user", question)).standalone
    for same in ("And the racks?", "And the results?", "And how do gardeners pay for it?"):
        assert "seaweed" in plan(quick_engine, same, *one).standalone


def test_a_list_is_refined(quick_engine: Engine) -> None:
    first = "Which reports used ethnography?"
    before = plan(quick_engine, first).query
    assert before
    changes: dict[str, dict[str, Any]] = {
        "only the experiments": {"filters": Filters(method=METHOD, kind=("experiment",))},
        "without closings": {"excluded": Filters(kind=("closing",))},
        "and in French?": {"filters": Filters(method=METHOD, language=("fr",))},
        "and the data sources?": {"group_by": "datasource"},
        "how many?": {"form": "count"},
        "which of them used citizen science?": {"filters": BOTH, "every": ("method",)},
    }
    for question, changed in changes.items():
        made = plan(quick_engine, question, *said(first, "7 reports of 4 labs"))
        assert made.query == replace(before, **changed), question
        assert made.query.filters == made.filters
    # A list of no tags has nothing that could be compared.
    per_year = said("How many reports per year?", "2022: 7 reports")
    assert plan(quick_engine, "Compare Lesotho and Togo", *per_year).intent == "compare"
    # It is repeated by what is new, and asked what those in it did.
    for question, intent, year in (
        ("And in 2022?", "list", 2022),
        ("How did they find their volunteers?", "answer", 2023),
    ):
        made = plan(quick_engine, question, *LIST)
        assert (made.intent, made.filters.year) == (intent, (year,))
        assert made.filters.sdg == ("14. Life below water",)


def test_a_follow_up_has_the_form_that_it_asks_for(quick_engine: Engine) -> None:
    labs = said("Which labs work on seaweed?", MANY[1].content)
    fiji = said("What is Fiji working on?", "8 reports")
    counted = said("How many reports are from Fiji?", "6 reports")
    for before, question, intent, subject in (
        (labs, "what problems did they have?", "reasons", "seaweed"),
        (labs, "what about plastic waste?", "topic", "plastic waste"),
        (fiji, "and on mobile money?", "lab", "mobile money"),
        (counted, "what are they working on?", "lab", ""),
    ):
        made = plan(quick_engine, question, *before)
        assert (made.intent, made.subject, made.follows) == (intent, subject, True), question
    made = plan(quick_engine, "how many reports does it have?", *BEFORE)
    assert (made.intent, made.filters.country) == ("list", ("Fiji",))
    # Those that lack something are asked on.
    lacking = said("Which labs have never written an experiment?", "14 labs")
    labs = plan(quick_engine, lacking[0].content).query
    assert labs
    names = {name for name, _ in quick_engine.catalog.table(labs)[0]}
    for question, field, form in (
        ("how many are there?", "", "count"),
        ("and the methods?", "method", "list"),
    ):
        asked = plan(quick_engine, question, *lacking).query
        assert asked
        assert (asked.group_by, asked.form, asked.lacking) == (field, form, False)
        assert {*asked.filters.country} == names


def test_a_few_words_are_in_the_language_whose_dictionary_has_them() -> None:
    asked = {"vendedores ambulantes": "es", "lixo": "pt", "pêche": "fr", "waste": "en", "AI": "en"}
    asked |= {"argent mobile": "fr", "road safety": "en"}  # names of topics in the glossary
    # Words that English has as well, and that it alone has.
    asked |= {"données d'observation": "fr", "women entrepreneurs": "en"}
    assert {text: language_in(text) for text in asked} == asked


def test_each_question_of_a_long_conversation_is_planned_once(
    quick_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[int] = []
    made = Rules.plan

    def counted(self: Rules, question: str, language: str, history: Sequence[Turn] = ()) -> Plan:
        planned.append(len(history))
        return made(self, question, language, history)

    monkeypatch.setattr(Rules, "plan", counted)
    follow_up = said("and in 2022?", "Racks [1].", SEAWEED)
    plan(quick_engine, "And in 2023?", *BEFORE, *follow_up * 30)
    after = [length for length in planned if length]
    assert len(after) == len(set(after)) > 1
