"""How questions are understood: what is named, lists, comparisons, regions, follow-ups."""

from __future__ import annotations

import pytest

from rag.catalog.fields import Filters
from rag.engine import Engine
from rag.query.plan import make_plan
from rag.types import Plan, Turn


def plan(engine: Engine, question: str, *history: Turn, **given: object) -> Plan:
    return make_plan(question, history, Filters(**given), engine.catalog)  # type: ignore[arg-type]


def test_only_labs_of_the_collection_are_named(sample_engine: Engine) -> None:
    understood = plan(sample_engine, "How do Fiji and France compare?")
    assert understood.boosted.country == ("Fiji",)
    assert understood.intent == "answer"


def test_a_named_country_comes_first_and_narrows_nothing(sample_engine: Engine) -> None:
    understood = plan(sample_engine, "What did Lesotho learn about fees?")
    assert understood.boosted == Filters(country=("Lesotho",))
    assert not understood.filters
    assert not understood.wide


def test_given_filters_narrow(sample_engine: Engine) -> None:
    understood = plan(sample_engine, "What did Lesotho learn?", country=("Fiji",), year=(2023,))
    assert understood.filters == Filters(country=("Fiji",), year=(2023,))


@pytest.mark.parametrize(
    ("question", "kinds", "types"),
    [
        ("What do the experiments show?", ("experiment",), ()),
        ("¿Qué muestran los experimentos?", ("experiment",), ()),
        ("What does the action learning plan say?", (), ("learningplan",)),
        ("Que disent les plans d'action ?", (), ("learningplan",)),
        ("What did people say?", (), ()),
    ],
)
def test_kinds_of_reports_are_found(
    sample_engine: Engine, question: str, kinds: tuple[str, ...], types: tuple[str, ...]
) -> None:
    boosted = plan(sample_engine, question).boosted
    assert (boosted.kind, boosted.type) == (kinds, types)


@pytest.mark.parametrize(
    "question",
    [
        "Which labs named ethnography among the methods of action plans dated 2022?",
        "How many labs used ethnography as a method?",
        "List the plans of 2023 tagged with SDG 14.",
        "Quels plans de 2023 sont rattachés à l'ODD 14 ?",
        "Which 2023 plans are tagged with SDG 14?",
        "What are the 2023 plans that used ethnography?",
        "Give me the complete list of plans from 2022 that used ethnography",
        "All 2022 action learning plans with ethnography",
        "Quels labos ont utilisé la méthode « ethnography » ?",
        "¿Qué planes de 2023 llevan el ODS 14?",
        "Quais planos de 2023 têm o ODS 14?",
    ],
)
def test_questions_for_a_list_are_recognised(sample_engine: Engine, question: str) -> None:
    understood = plan(sample_engine, question)
    assert understood.intent == "list"
    assert understood.filters
    assert not understood.boosted


@pytest.mark.parametrize(
    "question",
    [
        "Which labs tested drones to deliver vaccines to remote clinics?",
        "Which of the two approaches cut uneaten food?",
        "What did the labs learn about mobile money?",
        "How many kilos of fish were lost?",
        "How many litres did the pumps of Namibia deliver?",
        "Why did the lab in Fiji use ethnography?",
        "What methods work?",
        "Show me what people feared.",
    ],
)
def test_questions_that_tags_can_not_answer_are_no_lists(
    sample_engine: Engine, question: str
) -> None:
    assert plan(sample_engine, question).intent != "list"


def test_a_list_is_narrowed_by_given_filters_too(sample_engine: Engine) -> None:
    understood = plan(sample_engine, "Which plans are tagged with SDG 14?", year=(2023,))
    assert understood.filters.year == (2023,)
    assert [str(goal)[:2] for goal in understood.filters.sdg] == ["14"]


def test_two_labs_or_years_are_compared(sample_engine: Engine) -> None:
    two = plan(sample_engine, "How do the plans of Fiji and Tanzania differ?")
    assert two.intent == "compare"
    assert two.boosted.country == ("Fiji", "Tanzania")
    against = plan(sample_engine, "Fiji against Tanzania on seaweed")
    assert (against.intent, against.wide) == ("compare", True)
    both = plan(sample_engine, "What did Fiji and Tanzania do about seaweed?")
    assert both.intent == "compare"
    assert plan(sample_engine, "Compare 2022 with 2023 in Paraguay.").intent == "compare"
    assert plan(sample_engine, "How does Fiji differ?").intent == "answer"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What did the labs learn about mobile money?", "en"),
        ("Qu'ont appris les laboratoires sur la monnaie mobile ?", "fr"),
        ("Que retiennent les labos sur la monnaie mobile ?", "fr"),
        ("¿Qué aprendieron los laboratorios sobre el dinero móvil?", "es"),
        ("O que aprenderam os laboratórios sobre o dinheiro móvel?", "pt"),
        ("ماذا تعلمت المختبرات عن المال عبر الهاتف؟", "ar"),
    ],
)
def test_the_language_is_told_and_labs_in_the_plural_are_many(
    sample_engine: Engine, question: str, language: str
) -> None:
    understood = plan(sample_engine, question)
    assert understood.language == language
    assert understood.wide


def test_a_follow_up_keeps_topic_country_and_language(sample_engine: Engine) -> None:
    history = (
        Turn("user", "¿Qué hicieron con el plástico en Paraguay?"),
        Turn("assistant", "Pusieron barreras de bambú en el arroyo de Encarnación."),
    )
    understood = plan(sample_engine, "¿Y luego?", *history)
    assert understood.question == "¿Y luego?"
    assert "plástico" in understood.standalone
    assert understood.boosted.country == ("Paraguay",)
    assert understood.language == "es"
    other = plan(sample_engine, "¿Y en Ecuador?", *history)
    assert other.boosted.country == ("Ecuador",)


def test_a_question_that_stands_alone_is_left_alone(sample_engine: Engine) -> None:
    history = (Turn("user", "What did Paraguay do about plastic?"), Turn("assistant", "Barriers."))
    question = "Why did the fishers of Fiji dry their seaweed on racks off the ground?"
    understood = plan(sample_engine, question, *history)
    assert understood.standalone == question
    assert understood.boosted.country == ("Fiji",)


def test_a_region_stands_for_its_labs(sample_engine: Engine) -> None:
    understood = plan(sample_engine, "What did labs in West Africa learn about mobile money?")
    assert set(understood.boosted.country) == {"Ivory Coast", "Sierra Leone", "Togo", "Cape Verde"}
    assert understood.filters.country == understood.boosted.country
    assert understood.wide
    assert understood.intent == "answer"
    only = plan(sample_engine, "What happened in West Africa in 2023?")
    assert only.boosted.country == understood.boosted.country
    assert not only.filters
    city = plan(sample_engine, "Which firm did a West African town hire to count its buses?")
    assert city.boosted.country == understood.boosted.country
    assert not city.wide
    named = plan(sample_engine, "What did Togo, in West Africa, learn?")
    assert named.boosted.country == ("Togo",)
    assert not named.wide


def test_who_asks_for_the_first_asks_for_one(sample_engine: Engine) -> None:
    for asked in (
        "Which country was the first to dry seaweed on racks?",
        "Quel pays a été le premier à sécher des algues sur des claies ?",
        "¿Qué país fue el primero en secar algas en estantes?",
        "Que país foi o primeiro a secar algas em prateleiras?",
    ):
        assert not plan(sample_engine, asked).wide, asked
    assert plan(sample_engine, "Which country dried seaweed on racks?").wide
    assert plan(sample_engine, "Which labs were the first to dry seaweed on racks?").wide


def test_questions_about_the_collection_are_told(sample_engine: Engine) -> None:
    assert plan(sample_engine, "Which years do you cover?").intent == "about"
    assert plan(sample_engine, "Hello!").intent == "about"
    assert plan(sample_engine, "Which years did the cyclone hit Vanuatu?").intent != "about"


def test_a_question_without_a_topic_is_about_what_is_chosen(sample_engine: Engine) -> None:
    vague = plan(sample_engine, "What worked and what did not?", theme=("Fisheries",))
    assert vague.standalone == "What worked and what did not? Fisheries"
    told = plan(sample_engine, "What worked against flies?", theme=("Fisheries",))
    assert told.standalone == "What worked against flies?"


def test_several_chosen_labs_are_all_heard(sample_engine: Engine) -> None:
    assert plan(sample_engine, "Who sells ice?", country=("Fiji", "Togo")).wide
    assert not plan(sample_engine, "Who sells ice?", country=("Fiji",)).wide
    assert not plan(sample_engine, "Who sells ice in Fiji?", country=("Fiji", "Togo")).wide
