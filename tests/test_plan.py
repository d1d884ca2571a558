"""How questions are understood: countries, years, kinds, lists, comparisons, follow-ups."""

from __future__ import annotations

import pytest

from rag.engine import Engine
from rag.plan import countries_in, make_plan
from rag.types import Filters, QueryPlan, Turn

NAMED = {
    "What did the lab of Peru learn?": "PE",
    "Qu'a appris le Pérou ?": "PE",
    "¿Qué aprendió el Perú?": "PE",
    "O que aprendeu o Peru?": "PE",
    "ماذا تعلم مختبر بيرو؟": "PE",
    "What did labs in Côte d'Ivoire try?": "CI",
    "What did the Ivory Coast try?": "CI",
    "¿Qué probó Costa de Marfil?": "CI",
    "O que fez a Costa do Marfim?": "CI",
    "What did Türkiye test?": "TR",
    "What did Turkey test?": "TR",
    "Que fait la Turquie ?": "TR",
    "What did Timor-Leste do?": "TL",
    "East Timor's taxis": "TL",
    "What happens in Cape Verde?": "CV",
    "O que se passa em Cabo Verde?": "CV",
    "ما الذي فعلته المختبرات في العراق؟": "IQ",
    "كيف ساعد مختبر مصر الفلاحين؟": "EG",
    "ماذا حدث بليبيا؟": "LY",
    "Peru and Colombia": "PE CO",
    "Colombia and Peru": "CO PE",
    "Jordan's young people": "JO",
    "The market in Georgia": "GE",
    "Did Chad measure it?": "TD",
    "Is Guinea ahead of Guinea-Bissau?": "GN GW",
    "Equatorial Guinea only": "GQ",
    "Papua New Guinea only": "PG",
    "Niger, not Nigeria": "NE NG",
    "The Dominican Republic": "DO",
    "Dominica was hit": "DM",
    "La República Dominicana": "DO",
    "DR Congo and Uganda": "CD UG",
    "The Democratic Republic of the Congo": "CD",
    "The Republic of the Congo": "CG",
    "South Sudan or Sudan?": "SS SD",
    "South Africa's townships": "ZA",
    "Burkina and Mali": "BF ML",
    "Viet Nam's schools": "VN",
    "Lao PDR": "LA",
    "Bosnia and Herzegovina": "BA",
    "Trinidad and Tobago": "TT",
    "North Macedonia": "MK",
    "what did peru learn about fish": "PE",
    # Adjectives.
    "Togolese nurses": "TG",
    "les infirmières togolaises": "TG",
    "colombianos y peruanas": "CO PE",
    "as vendedeiras moçambicanas": "MZ",
    "les commerçantes ivoiriennes": "CI",
    "Filipino fishers": "PH",
    "South African farmers": "ZA",
    "Burkinabè youth": "BF",
    "l'agriculteur nigérien": "NE",
    "l'agriculteur nigérian": "NG",
    "Nigerian traders": "NG",
    "Dominican farmers": "DO",
    "Guinean and Bissau-Guinean": "GN GW",
    "Basotho women": "LS",
    "Lebanese bakers": "LB",
    "les boulangers libanais": "LB",
    "el plan paraguayo": "PY",
    "uruguayas": "UY",
    "salvadoreños": "SV",
    "Tunisian, tunisienne": "TN",
    "Fijian women": "FJ",
    "Mongolian yurts": "MN",
    "Malian women": "ML",
    "Ghanaian cocoa": "GH",
    "Iraqi youth": "IQ",
}
UNNAMED = (
    "We ate turkey and rice.",
    "They chatted by the chad.",
    "The guinea fowl of the market",
    "A plate of fine china in Paris' cafés",
    "Did children like the chile peppers?",
    "A malicious message was sent.",
    "No woman was asked.",
    "Peruse the list.",
    "Food that will perish.",
    "They fear chaos in the market.",
    "Males and females",
    "Le malaise des malades",
    "Las malas hierbas y las peras",
    "Cubes of ice",
    "El cubo de agua",
    "The crowd was irate.",
    "He wore a jersey.",
    "George spoke to the mayor.",
    "It pales in comparison.",
    "Camarones y peces",
    "Ils ont servi du pain.",
    "Turkana and Colombo",
    "The romance of nightlife",
    "An individual and independent index",
    "To us, it is in or at no place.",
    "Samples of land and iron",
)


@pytest.mark.parametrize("text", NAMED)
def test_countries_are_found(text: str) -> None:
    assert countries_in(text) == NAMED[text].split()


@pytest.mark.parametrize("text", UNNAMED)
def test_other_words_are_no_countries(text: str) -> None:
    assert countries_in(text) == []


def plan(engine: Engine, question: str, *history: Turn, **given: object) -> QueryPlan:
    return make_plan(question, history, Filters(**given), engine.catalogue)  # type: ignore[arg-type]


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
    ("question", "years"),
    [
        ("What was learned in 2022?", (2022,)),
        ("Between 2022 and 2023", (2022, 2023)),
        ("In 1999 and 2019", ()),
        ("120222 people", ()),
        ("Costs of 2022.", (2022,)),
        ("No year", ()),
    ],
)
def test_years_of_the_collection_are_found(
    sample_engine: Engine, question: str, years: tuple[int, ...]
) -> None:
    assert plan(sample_engine, question).boosted.year == years


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
    assert plan(sample_engine, "Compare 2022 with 2023 in Paraguay.").intent == "compare"
    assert plan(sample_engine, "How does Fiji differ?").intent == "answer"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What did the labs learn about mobile money?", "en"),
        ("Qu'ont appris les laboratoires sur la monnaie mobile ?", "fr"),
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
