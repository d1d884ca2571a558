"""Why a case went wrong, and which go wrong worst."""

from __future__ import annotations

import pytest
from runs import BOATS, answered, case

from eval.cases import Case
from eval.report.diagnosis import Finding, diagnose
from eval.report.labels import finding_words
from eval.run import Outcome

SEVERAL = Case("x", "cross", "en", "Who?", ("a", "b", "c"))
LISTING = case("l", "listing")
NONE = case("u", "unanswerable")


def boats(text: str = "12 boats [1].", **scores: float) -> Outcome:
    """An answer from the right report, with these scores."""
    return answered(found=("boats",), cited=("boats",), text=text, scores=scores)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (boats(), []),
        (boats(ev_cited=0.0), ["evidence_not_cited"]),
        (boats("Some."), ["facts_missing"]),
        (boats(quote_ok=0.5), ["not_verbatim"]),
        (answered(found=("boats", "x"), cited=("boats", "x")), ["other_cited"]),
        (answered(found=("x", "boats"), cited=("x",)), ["not_cited"]),
        (answered(found=("x",), cited=("x",)), ["not_found", "evidence_not_found"]),
        (answered(found=("x",), refused=True), ["refused", "not_found", "evidence_not_found"]),
        (Outcome(BOATS, error="ModelError: down"), ["error"]),
        (answered(SEVERAL, found=("a", "b"), cited=("a",)), ["some_not_found", "some_not_cited"]),
        (answered(NONE), ["answered"]),
        (answered(NONE, refused=True), []),
        (answered(LISTING, cited=("b",)), ["list_lacks", "list_extra"]),
    ],
)
def test_the_cause_is_named_by_rules(of: Outcome, expected: list[str]) -> None:
    report = diagnose(of)
    assert [finding.code for finding in report.findings] == expected
    assert report.cause == (expected[0] if expected else "right")


def test_what_stands_below_rank_twenty_is_found_too_late() -> None:
    late = diagnose(answered(found=(*("x",) * 24, "boats"), cited=("x",)))
    assert late.findings[0] == Finding("not_found", rank=25)
    assert finding_words(late.findings[0]) == "No right report in the first 20 passages (rank 25)"
    assert [(f.report, f.ranks, f.right) for f in late.found] == [
        ("x", tuple(range(1, 21)), False),
        ("boats", (25,), True),
    ]
