"""What becomes of a model's answer: citations kept, corrected or added, sentences struck."""

from __future__ import annotations

import pytest
from passages import passage, report

from rag.citation.checker import check, makes_claim
from rag.types import Notice

ICE = passage("Women sell smoked fish at the market because ice is dear in the summer.")
WELLS = passage(
    "Farmers share the water of three wells by the hour.", report("wells", "Ghana", "GH")
)
READ = [ICE, WELLS]
SAID = "In Ghana farmers share the water of three wells"
MADE_UP = "Penguins built a bank of ice in Antarctica"


def test_a_supported_sentence_stays_as_it_is() -> None:
    done = check(f"{SAID} [2].", READ, "en", strict=True)
    assert done.text == f"{SAID} [2]."
    assert done.counts == {"supported": 1}


def test_a_wrong_citation_is_corrected() -> None:
    done = check(f"{SAID} [1].", READ, "en", strict=True)
    assert done.text == f"{SAID} [2]."
    assert done.corrected == {f"{SAID}."}
    assert done.counts == {"supported": 1, "corrected": 1}


def test_a_missing_citation_is_added() -> None:
    assert check(f"{SAID}.", READ, "en", strict=True).text == f"{SAID} [2]."


def test_a_sentence_from_two_passages_gets_the_second_as_well() -> None:
    said = (
        "Ice is dear in the summer in Peru, while in Ghana farmers share the water of three wells"
    )
    assert check(f"{said} [1].", READ, "en", strict=True).text == f"{said} [1][2]."


def test_a_citation_beside_the_one_that_supports_is_dropped() -> None:
    done = check(f"{SAID} [1][2].", READ, "en", strict=True)
    assert done.text == f"{SAID} [2]."
    assert done.corrected == {f"{SAID}."}
    named = f"{SAID} of Kofi"
    in_part = check(f"{named} [1][2].", READ, "en", strict=True)
    assert in_part.text == f"{named} [2]."
    assert in_part.counts == {"partly": 1, "corrected": 1}


def test_what_has_no_support_is_struck_with_the_reason() -> None:
    done = check(f"{SAID} [2].\n\n{MADE_UP} [1]. {SAID} [2].", READ, "en", strict=True)
    assert done.text == f"{SAID} [2].\n\n{SAID} [2]."
    (struck,) = done.struck
    assert struck.text == f"{MADE_UP}."
    assert struck.reason.code == "country_not_cited"


def test_a_changed_number_is_struck() -> None:
    done = check("In Ghana farmers share the water of 30 wells [2].", READ, "en", strict=True)
    assert not done.text
    assert done.struck[0].reason == Notice("number_not_cited", {"number": "30"})


def test_without_strictness_nothing_is_struck() -> None:
    done = check(f"{MADE_UP} [1].", READ, "en", strict=False)
    assert done.text == f"{MADE_UP} [1]."
    assert done.statuses == {f"{MADE_UP}.": "unsupported"}


@pytest.mark.parametrize(
    "sentence",
    ["In short:", "**What labs of West Africa found:**", "## Findings of labs", "Yes."],
)
def test_frames_and_headings_make_no_claim(sentence: str) -> None:
    assert not makes_claim(sentence)
    done = check(f"{sentence}\n\n{SAID} [2].", READ, "en", strict=True)
    assert done.text == f"{sentence}\n\n{SAID} [2]."


def test_marks_after_the_full_stop_belong_to_the_sentence_before() -> None:
    assert check(f"{SAID}. [2]", READ, "en", strict=True).text == f"{SAID} [2]."


def test_a_question_of_the_model_s_own_is_struck() -> None:
    done = check(f"{SAID} [2]. Why do women sell smoked fish [1]?", READ, "en", strict=True)
    assert done.text == f"{SAID} [2]."
    assert done.struck[0].reason.code == "asks_a_question"


def test_a_question_that_the_report_asks_may_be_quoted() -> None:
    asked = passage("What would make farmers share the water of their wells?")
    done = check("What would make farmers share the water of their wells [1]?", [asked], "en", True)
    assert not done.struck
