"""Works that questions name: by rare words of titles, never by common words or topics."""

import pytest

from rag.engine import Engine
from rag.types import Answer


@pytest.mark.quality
def test_what_is_a_work_is_answered_by_a_digest_of_it(quick_engine: Engine) -> None:
    for question, report in {
        "What is the charcoal cold box?": "charcoal_cold_box_for_the_fish_road",
        "ما هو Tide Broom؟": "tide_broom",
        "tell me about the fee boards in Lesotho": "fee_boards_at_the_market_gate",
        "What is the Tide Broom experiment?": "tide_broom",  # it is a solution
    }.items():
        plan = quick_engine.plan(question)
        assert plan.intent == "report", question
        assert report in plan.reports
    # Common words are a name where a title begins with them, unless labs are asked.
    title = "Women, seaweed and the warm lagoon"
    named = quick_engine.plan(f"{title.lower()} - what's in that one?").reports
    assert named == ("women__seaweed_and_the_warm_lagoon",)
    assert not quick_engine.plan(f"Which labs work on {title.lower()}?").reports
    # What it is asked for is no digest of it.
    for question in (
        "What is the charcoal cold box made from?",
        "charcoal cold box Togo, price and who sells it",
    ):
        assert quick_engine.plan(question).intent == "answer", question


@pytest.mark.quality
def test_a_summary_is_of_the_work_that_is_described(quick_engine: Engine) -> None:
    for report, question in {
        "foresight_for_a_town_that_shrinks": "sum up the work in Georgia on that mining town that "
        "gets smaller, for my boss, in three sentences, and did the council go along?",
        "smaller_trays__school_canteens_in_hue": "resumen de las bandejas más pequeñas en las "
        "escuelas, ¿y sirvió de algo?",
        "shared_solar_pump_by_the_hour": "un aperçu de la pompe solaire qu'on loue à l'heure et "
        "des hippopotames",
    }.items():
        answer: Answer = quick_engine.ask(question).answer
        assert answer.text.startswith("**"), question
        assert {citation.passage.report.id for citation in answer.citations} == {report}, question
    for question in (
        "Summarize the plot of Hamlet",
        "Overview of quantum physics in 3 sentences",
        "What is the blockchain voting project?",
    ):
        assert quick_engine.ask(question).answer.refused, question
    # An English "resume" and points of something ask for no summary.
    for question in ("Can fish traders resume the market?", "What are the points of friction?"):
        assert quick_engine.plan(question).intent not in ("report", "lab"), question
    several = quick_engine.ask("overview of what labs do about mobile money").answer
    assert len(several.coverage.labs) > 1


def test_a_particular_of_a_work_is_answered_from_its_reports_alone(quick_engine: Engine) -> None:
    question = "How much does the Tide Broom cost?"
    plan = quick_engine.plan(question)
    assert (plan.intent, plan.reports) == ("answer", ("tide_broom",))
    answer: Answer = quick_engine.ask(question).answer
    assert {citation.passage.report.id for citation in answer.citations} <= {"tide_broom"}
    # A topic is no work.
    for question in ("what are labs doing about mobile money?", "citizen science"):
        assert quick_engine.plan(question).reports == ()


def test_a_place_that_one_country_writes_of_stands_for_it(quick_engine: Engine) -> None:
    for question, countries in {
        "How many households haul the rubbish out of the fence in Encarnación?": ("Paraguay",),
        "how often do people around kazipur have to leave": ("Bangladesh",),
        "Compare the wallets of the traders in Nampula and Maseru": ("Mozambique", "Lesotho"),
        "¿en qué se diferencian las carteras de los puestos?": (),
        "How do Ferry workers save?": (),
        "What should I mind with a cold box?": (),
    }.items():
        assert quick_engine.plan(question).boosted.country == countries, question
