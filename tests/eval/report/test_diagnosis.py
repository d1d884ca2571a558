"""Why a case went wrong, and which go wrong worst."""

from __future__ import annotations

from typing import Any

import pytest
from runs import case, outcome

from eval.cases import Case, Evidence
from eval.report.diagnosis import (
    Finding,
    case_score,
    causes,
    diagnose,
    worst_first,
)
from eval.report.labels import (
    finding_words,
)
from eval.run import Outcome

QUOTE = "twelve boats carried a beacon in the first year"
BOATS = Case(
    "c", "single", "en", "How many?", ("boats",), (Evidence("boats", QUOTE),), ("12 boats",)
)


def answered(
    of: Case = BOATS,
    found: tuple[str, ...] = (),
    cited: tuple[str, ...] = (),
    text: str = "12 boats [1].",
    **fields: Any,
) -> Outcome:
    """An outcome whose passages and citations are of these reports; `boats` has the quote."""
    scores = fields.pop("scores", {})
    answer = {
        "answer": text,
        "refused": False,
        "passages": [
            {"rank": rank, "report": name, "text": QUOTE if name == "boats" else "Else."}
            for rank, name in enumerate(found, 1)
        ],
        "citations": [
            {"n": n, "report": name, "quote": "q", "status": "supported"}
            for n, name in enumerate(cited, 1)
        ],
        "coverage": {"reports": list(cited)},
    }
    return Outcome(of, answer | fields, scores)


def codes(of: Outcome) -> list[str]:
    return [finding.code for finding in diagnose(of).findings]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (answered(found=("boats",), cited=("boats",)), []),
        (Outcome(BOATS, error="ModelError: down"), ["error"]),
        (answered(found=("x",), cited=("x",)), ["not_found", "evidence_not_found"]),
        (answered(found=("x", "boats"), cited=("x",)), ["not_cited"]),
        (
            answered(found=("boats",), cited=("boats",), scores={"ev_cited": 0.0}),
            ["evidence_not_cited"],
        ),
        (answered(found=("boats",), cited=("boats",), text="Some."), ["facts_missing"]),
        (answered(found=("boats", "x"), cited=("boats", "x")), ["other_cited"]),
        (
            answered(found=("boats",), cited=("boats",), scores={"quote_ok": 0.5}),
            ["not_verbatim"],
        ),
        (answered(found=("boats",), refused=True), ["refused"]),
        (answered(found=("x",), refused=True), ["refused", "not_found", "evidence_not_found"]),
        (answered(case("u", "unanswerable")), ["answered"]),
        (answered(case("u", "unanswerable"), refused=True), []),
        (answered(case("l", "listing"), cited=("a",)), []),
        (answered(case("l", "listing"), cited=("b",)), ["list_lacks", "list_extra"]),
    ],
)
def test_the_cause_is_named_by_rules(of: Outcome, expected: list[str]) -> None:
    assert codes(of) == expected
    assert diagnose(of).cause == (expected[0] if expected else "right")


def test_reports_asked_for_together_are_counted() -> None:
    several = Case("x", "cross", "en", "Who?", ("a", "b", "c"))
    findings = diagnose(answered(several, found=("a", "b"), cited=("a",))).findings
    assert findings == (Finding("some_not_found", 1, 3), Finding("some_not_cited", 1, 3))
    assert finding_words(findings[0]) == "Right reports not in the first 20 passages (1 of 3)"


def test_what_stands_below_rank_twenty_is_found_too_late() -> None:
    late = diagnose(answered(found=(*("x",) * 24, "boats"), cited=("x",)))
    assert late.findings[0] == Finding("not_found", rank=25)
    assert finding_words(late.findings[0]) == "No right report in the first 20 passages (rank 25)"
    assert [(f.report, f.ranks, f.right, f.evidence) for f in late.found] == [
        ("x", tuple(range(1, 21)), False, 0),
        ("boats", (25,), True, 25),
    ]


def test_missing_reports_and_facts_are_listed() -> None:
    report = diagnose(answered(case("l", "listing"), cited=("b", "c")))
    assert (report.lacking, report.extra) == (("a",), ("b", "c"))
    two = Case("c", "single", "en", "Why?", ("boats",), facts=("12", "Suva"))
    assert diagnose(answered(two, text="12 of them.")).facts == (("12", True), ("Suva", False))


@pytest.mark.parametrize(
    ("of", "score"),
    [
        (Outcome(BOATS, error="x"), 0.0),
        (outcome(BOATS, refusal_ok=0.0, facts=1.0), 0.0),
        (outcome(case("l", "listing"), refusal_ok=1.0, list_f1=0.8), 0.8),
        (outcome(BOATS, **{"rep@10": 1.0, "cite_prec": 0.5, "facts": 0.0}), 0.5),
        (outcome(case("x", "cross"), **{"rep@10": 0.0, "rep@20": 1.0}), 1.0),
        (outcome(case("u", "unanswerable"), refusal_ok=1.0), 1.0),
    ],
)
def test_a_case_has_one_score(of: Outcome, score: float) -> None:
    assert case_score(of) == pytest.approx(score)


def test_the_worst_come_first_and_ties_by_what_was_found() -> None:
    ranked = outcome(case("found"), refusal_ok=0.0, **{"rep@20": 1.0})
    lost = outcome(case("lost"), refusal_ok=0.0, **{"rep@20": 0.0})
    good = outcome(case("good"), refusal_ok=1.0, **{"rep@10": 1.0, "rep@20": 1.0})
    ordered = [outcome.case.id for outcome in worst_first([good, ranked, lost])]
    assert ordered == ["lost", "found", "good"]


def test_causes_count_each_case_once_with_the_right_ones_last() -> None:
    right = [diagnose(answered(found=("boats",), cited=("boats",)))] * 3
    late = [diagnose(answered(found=("x",), cited=("x",)))] * 2
    assert list(causes([*right, *late]).items()) == [("not_found", 2), ("right", 3)]
