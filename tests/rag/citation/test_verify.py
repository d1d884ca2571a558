"""Whether passages support a sentence: numbers, places, denials, words, meaning."""

from unittest.mock import ANY

import pytest
from passages import passage, report

from rag.citation.verify import Verdict, Verifier
from rag.types import Notice, Passage

ICE = passage(
    "The lab asked 34 women who sell smoked fish. They sell it at the market because ice is dear "
    "in the summer. None of them owns a freezer."
)
WELLS = passage(
    "Farmers share the water of three wells by the hour.",
    report("wells", "Ghana", "GH", title="Water by the hour"),
)
CATCH = passage("They dried 1 049 767 kg of fish, 38,6% of the catch.")
GLACE = passage(
    "Les femmes vendent le poisson fumé parce que la glace est trop chère en été. "
    "Le Ministère aide.",
    report("glace", "Togo", "TG"),
    language="fr",
)
CLINIC = passage(
    "The register of physicians is kept by the Medical Council. Vaccines came by boat last year. "
    "Posters were printed by the Ministry of Health."
)


def verify(sentence: str, *passages: Passage, question: str = "", language: str = "en") -> Verdict:
    return Verifier(question=question).verify(sentence, passages, language)


@pytest.mark.parametrize(
    ("sentence", "passages"),
    [
        ("Peru (2023, plan): They sell it at the market because ice is dear in the summer.", [ICE]),
        ("In Peru women sell smoked fish, since ice costs too much in summer.", [ICE]),
        ("The Peruvian lab asked 34 women who sell smoked fish.", [ICE]),
        ("No woman asked in Peru owns a freezer.", [ICE]),
        ("Farmers share the water of 3 wells.", [WELLS]),
        ("1,049,767 kg of fish were dried, 38.6% of the catch.", [CATCH]),
        ("Ice is dear in summer in Peru, and in Ghana farmers share three wells.", [ICE, WELLS]),
    ],
)
def test_what_passages_say_is_supported(sentence: str, passages: list[Passage]) -> None:
    assert verify(sentence, *passages).status == "supported"


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("The lab in Peru asked 43 women who sell smoked fish.", "number_not_cited"),
        ("The Chilean lab asked 34 women who sell it.", "country_not_cited"),
        ("They do not sell it at the market because ice is dear.", "denied_by_the_passage"),
        ("All of them owns a freezer.", "denied_by_the_passage"),
        ("Penguins built a bank of ice in the far south.", "not_said"),
    ],
)
def test_what_a_passage_does_not_say_is_unsupported(sentence: str, code: str) -> None:
    verdict = verify(sentence, ICE)
    assert verdict.reason
    assert (verdict.status, verdict.reason.code) == ("unsupported", code)


def test_a_denial_in_other_words_than_the_passage_s_makes_it_unsupported() -> None:
    sentence = "In Peru, where 34 women were asked, smoked fish is never sold at any market."
    assert verify(sentence, passage(ICE.text.split(" None")[0])).status == "unsupported"


def test_strange_names_and_words_of_another_lab_lower_support() -> None:
    sentence = "In Peru the women of Catacaos sell smoked fish at the market because ice is dear."
    reason = Notice("name_not_cited", {"name": "Catacaos"})
    assert verify(sentence, ICE) == Verdict("partly", ANY, reason)
    claim = "In Ghana women sell smoked fish at the market because ice is dear in the summer."
    assert verify(claim, ICE, WELLS).status == "unsupported"


def test_a_bare_list_of_labs_is_supported_by_passages_of_each() -> None:
    question = "Which labs asked about smoked fish or the water of wells?"
    assert verify("Peru and Ghana.", ICE, WELLS, question=question).status == "supported"
    for sentence in ("Peru, Ghana and Togo.", "Peru and Ghana levy taxes."):
        assert verify(sentence, ICE, WELLS, question=question).status != "supported"


@pytest.mark.parametrize(
    ("sentence", "source", "status"),
    [
        ("The lab reported on women who sell smoked fish.", ICE, "unsupported"),
        ("Labs in Peru reported on women who sell smoked fish.", ICE, "partly"),
        ("In Peru the Medical Council keeps the register of physicians.", CLINIC, "supported"),
        # A name must stand where the rest does.
        ("The Ministry of Health keeps the register of physicians.", CLINIC, "unsupported"),
    ],
)
def test_the_words_of_the_question_alone_support_nothing(
    sentence: str, source: Passage, status: str
) -> None:
    question = "Who keeps the register of physicians in Peru?"
    if source is ICE:
        question = "Which labs reported on women who sell smoked fish?"
    assert verify(sentence, source, question=question).status == status


@pytest.mark.quality
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("women sell smoked fish", "supported"),
        ("women sell 500 kg of smoked fish", "unsupported"),
        # A name may be written as in the other language.
        ("women sell the smoked fish of the Ministry", "supported"),
        ("women sell the smoked fish of Catacaos", "partly"),
    ],
)
def test_support_may_come_from_another_language(words: str, status: str) -> None:
    sentence = f"In Togo {words} because ice is too expensive in summer."
    assert verify(sentence, GLACE).status == status
