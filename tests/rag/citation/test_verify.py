"""Whether passages support a sentence: numbers, places, denials, words, meaning."""

from __future__ import annotations

import pytest
from passages import passage, report

from rag.citation.verify import Verdict, Verifier
from rag.i18n.notices import notice_words

ICE = passage(
    "The lab asked 34 women who sell smoked fish. They sell it at the market because ice is dear "
    "in the summer. None of them owns a freezer."
)
WELLS = passage(
    "Farmers share the water of three wells by the hour.",
    report("wells", "Ghana", "GH", title="Water by the hour"),
)
GLACE = passage(
    "Les femmes vendent le poisson fumé parce que la glace est trop chère en été.",
    report("glace", "Togo", "TG"),
    language="fr",
)


def why_not(verdict: Verdict) -> str:
    return notice_words([verdict.reason]) if verdict.reason else ""


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier()


@pytest.mark.parametrize(
    "sentence",
    [
        "Women sell smoked fish at the market because ice is dear in the summer.",
        "Peru (2023, plan): They sell it at the market because ice is dear in the summer.",
        "In Peru women sell smoked fish, since ice costs too much in summer.",
        "The Peruvian lab asked 34 women who sell smoked fish.",
        "No woman asked in Peru owns a freezer.",
    ],
)
def test_what_a_passage_says_is_supported(verifier: Verifier, sentence: str) -> None:
    assert verifier.verify(sentence, [ICE], "en").status == "supported"


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The lab in Peru asked 43 women who sell smoked fish.", "number 43"),
        ("The lab in Chile asked 34 women who sell smoked fish.", "Chile"),
        ("The Chilean lab asked 34 women who sell smoked fish.", "Chile"),
        ("They do not sell it at the market because ice is dear in the summer.", "denies"),
        ("All of them owns a freezer.", "denies"),
        ("Penguins built a bank of ice in the far south of the world.", "don't say"),
    ],
)
def test_what_a_passage_does_not_say_is_not(verifier: Verifier, sentence: str, why: str) -> None:
    verdict = verifier.verify(sentence, [ICE], "en")
    assert verdict.status == "unsupported"
    assert why in why_not(verdict)


def test_a_bare_list_of_labs_is_supported_by_passages_of_each() -> None:
    asked = Verifier(question="Which labs asked about smoked fish or the water of wells?")
    assert asked.verify("Peru and Ghana.", [ICE, WELLS], "en").status == "supported"
    assert asked.verify("Au Pérou et au Ghana.", [ICE, WELLS], "fr").status == "supported"
    verdict = asked.verify("Peru, Ghana and Togo.", [ICE, WELLS], "en")
    assert (verdict.status, "Togo" in why_not(verdict)) == ("unsupported", True)
    assert asked.verify("Peru and Ghana levy taxes.", [ICE, WELLS], "en").status != "supported"
    off = Verifier(question="Which labs flew drones over burning forests?")
    assert off.verify("Peru and Ghana.", [ICE, WELLS], "en").status != "supported"


def test_a_strange_name_makes_it_support_in_part(verifier: Verifier) -> None:
    sentence = "In Peru the women of Catacaos sell smoked fish at the market because ice is dear."
    verdict = verifier.verify(sentence, [ICE], "en")
    assert (verdict.status, "Catacaos" in why_not(verdict)) == ("partly", True)


@pytest.mark.quality
def test_a_name_may_be_written_as_in_the_other_language(verifier: Verifier) -> None:
    said = "In Togo women sell the smoked fish of {} because ice is too expensive in summer."
    kept = passage(f"{GLACE.text} Le Ministère aide.", GLACE.report, language="fr")
    assert verifier.verify(said.format("the Ministry"), [kept], "en").status == "supported"
    strange = verifier.verify(said.format("Catacaos"), [kept], "en")
    assert (strange.status, "Catacaos" in why_not(strange)) == ("partly", True)


def test_a_denial_in_other_words_than_the_passage_s_makes_it_unsupported(
    verifier: Verifier,
) -> None:
    said = "In Peru, where 34 women were asked, smoked fish is not sold at any market in summer."
    verdict = verifier.verify(said, [passage(ICE.text.split(" None")[0])], "en")
    assert (verdict.status, "denies" in why_not(verdict)) == ("unsupported", True)


@pytest.mark.parametrize(
    ("sentence", "status"),
    [
        ("The lab reported on women who sell smoked fish.", "unsupported"),
        ("Labs in Peru reported on women who sell smoked fish.", "partly"),
        ("Women sell smoked fish in Peru because ice is dear in the summer.", "supported"),
    ],
)
def test_the_words_of_the_question_alone_support_nothing(sentence: str, status: str) -> None:
    asked = Verifier(question="Which labs reported on women who sell smoked fish?")
    assert asked.verify(sentence, [ICE], "en").status == status


CLINIC = passage(
    "The register of physicians is kept by the Medical Council. Vaccines came by boat last year. "
    "Posters were printed by the Ministry of Health."
)
KEEPER = "Who keeps the register of physicians in Peru?"


@pytest.mark.parametrize(
    ("sentence", "status"),
    [
        ("The register of physicians is kept by the Medical Council.", "supported"),
        ("In Peru, the Medical Council keeps the register of physicians.", "supported"),
        ("In Peru, the Ministry of Health keeps the register of physicians.", "unsupported"),
    ],
)
def test_a_name_must_stand_where_the_rest_does(sentence: str, status: str) -> None:
    assert Verifier(question=KEEPER).verify(sentence, [CLINIC], "en").status == status


def test_numbers_count_however_they_are_written(verifier: Verifier) -> None:
    assert verifier.verify("Farmers share the water of 3 wells.", [WELLS], "en").status == (
        "supported"
    )
    large = passage("They dried 1 049 767 kg of fish, 38,6% of the catch.")
    for said in ("1,049,767 kg of fish were dried, 38.6% of the catch.",):
        assert verifier.verify(said, [large], "en").status == "supported"


@pytest.mark.quality
def test_support_may_come_from_another_language(verifier: Verifier) -> None:
    said = "In Togo women sell smoked fish because ice is too expensive in summer."
    assert verifier.verify(said, [GLACE], "en").status == "supported"
    wrong = "In Togo women sell 500 kg of smoked fish because ice is too expensive in summer."
    assert verifier.verify(wrong, [GLACE], "en").status == "unsupported"


def test_several_passages_support_a_sentence_together(verifier: Verifier) -> None:
    said = "Ice is dear in the summer in Peru, and in Ghana farmers share three wells by the hour."
    assert verifier.verify(said, [ICE, WELLS], "en").status == "supported"
    assert verifier.verify(said, [ICE], "en").status == "unsupported"


def test_one_lab_s_words_do_not_support_a_claim_about_another_that_is_cited_too(
    verifier: Verifier,
) -> None:
    claim = "In Ghana women sell smoked fish at the market because ice is dear in the summer."
    assert verifier.verify(claim, [ICE, WELLS], "en").status == "unsupported"
