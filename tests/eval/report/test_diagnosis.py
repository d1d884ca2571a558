"""Why a case went wrong, which go wrong worst, and what the headline counts."""

from __future__ import annotations

from typing import Any

import pytest
from runs import case, outcome

from eval.cases import Case, Evidence
from eval.figures import claims
from eval.report.diagnosis import (
    Finding,
    case_score,
    causes,
    diagnose,
    worst_first,
)
from eval.report.labels import (
    CLAIMS,
    FINDINGS,
    claim_note,
    count_words,
    finding_words,
)
from eval.run import Outcome

QUOTE = "twelve boats carried a beacon in the first year"
ASKED = Case(
    "c", "single", "en", "How many?", ("boats",), (Evidence("boats", QUOTE),), ("12 boats",)
)


def answered(
    asked: Case = ASKED,
    found: tuple[str, ...] = (),
    cited: tuple[str, ...] = (),
    text: str = "12 boats [1].",
    **given: Any,
) -> Outcome:
    """An outcome whose passages and citations are of these reports; `boats` has the quote."""
    scores = given.pop("scores", {})
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
    return Outcome(asked, answer | given, scores)


def codes(one: Outcome) -> list[str]:
    return [finding.code for finding in diagnose(one).findings]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (answered(found=("boats",), cited=("boats",)), []),
        (Outcome(ASKED, error="ModelError: down"), ["error"]),
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
def test_the_cause_is_named_by_rules(one: Outcome, expected: list[str]) -> None:
    assert codes(one) == expected
    assert diagnose(one).cause == (expected[0] if expected else "right")


def test_reports_asked_for_together_are_counted() -> None:
    asked = Case("x", "cross", "en", "Who?", ("a", "b", "c"))
    findings = diagnose(answered(asked, found=("a", "b"), cited=("a",))).findings
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


def test_a_report_that_answers_as_well_is_right() -> None:
    asked = Case("c", "single", "en", "Why?", ("boats",), alt_reports=("other",))
    assert codes(answered(asked, found=("other",), cited=("other",))) == []


def test_lists_tell_what_they_lack_and_have_too_many() -> None:
    told = diagnose(answered(case("l", "listing"), cited=("b", "c")))
    assert (told.lacking, told.extra) == (("a",), ("b", "c"))


def test_facts_are_told_one_by_one() -> None:
    asked = Case("c", "single", "en", "Why?", ("boats",), facts=("12", "Suva"))
    assert diagnose(answered(asked, text="12 of them.")).facts == (("12", True), ("Suva", False))


@pytest.mark.parametrize(
    ("one", "score"),
    [
        (Outcome(ASKED, error="x"), 0.0),
        (outcome(ASKED, refusal_ok=0.0, facts=1.0), 0.0),
        (outcome(case("l", "listing"), refusal_ok=1.0, list_f1=0.8), 0.8),
        (outcome(ASKED, **{"rep@10": 1.0, "cite_prec": 0.5, "facts": 0.0}), 0.5),
        (outcome(case("x", "cross"), **{"rep@10": 0.0, "rep@20": 1.0}), 1.0),
        (outcome(case("u", "unanswerable"), refusal_ok=1.0), 1.0),
    ],
)
def test_a_case_has_one_score(one: Outcome, score: float) -> None:
    assert case_score(one) == pytest.approx(score)


def test_the_worst_come_first_and_ties_by_what_was_found() -> None:
    found = outcome(case("found"), refusal_ok=0.0, **{"rep@20": 1.0})
    lost = outcome(case("lost"), refusal_ok=0.0, **{"rep@20": 0.0})
    good = outcome(case("good"), refusal_ok=1.0, **{"rep@10": 1.0, "rep@20": 1.0})
    ordered = [one.case.id for one in worst_first([good, found, lost])]
    assert ordered == ["lost", "found", "good"]


def test_causes_count_each_case_once_with_the_right_ones_last() -> None:
    right = [diagnose(answered(found=("boats",), cited=("boats",)))] * 3
    late = [diagnose(answered(found=("x",), cited=("x",)))] * 2
    assert list(causes([*right, *late]).items()) == [("not_found", 2), ("right", 3)]


def test_every_cause_and_claim_has_words() -> None:
    assert finding_words(Finding("unheard of")) == "unheard of"
    for code, said in FINDINGS.items():
        assert finding_words(Finding(code)) == said
    assert all(said for said in CLAIMS.values())


def test_the_headline_counts_cases() -> None:
    unanswered = [case(f"u{i}", "unanswerable") for i in range(4)]
    found = {
        claim.name: claim
        for claim in claims(
            [
                outcome(case("1"), refused=0.0, cite_rec=1.0, facts=1.0, **{"rep@10": 1.0}),
                outcome(case("2"), refused=0.0, cite_rec=0.0, facts=0.5, **{"rep@10": 0.0}),
                outcome(case("3"), refused=1.0, facts=0.0, **{"rep@10": 1.0}),
                outcome(case("x", "cross"), refused=0.0, cite_rec=0.5, **{"rep@10": 0.0}),
                outcome(case("l", "listing"), refused=0.0, list_exact=1.0),
                *(outcome(one, refused=1.0) for one in unanswered[:3]),
                outcome(unanswered[3], refused=0.0),
                Outcome(case("e"), error="x"),
            ]
        )
    }
    counts = {name: (claim.hits, claim.share.n) for name, claim in found.items()}
    assert counts == {
        "found": (2, 3),
        "wrong": (2, 4),  # one cites no right report, one answers what isn't there
        "facts": (None, 3),
        "refused": (3, 4),
        "refused_wrongly": (1, 5),
        "lists": (1, 1),
    }
    assert count_words(found["found"]) == "2 of 3"
    assert count_words(found["facts"]) == "50%"
    assert claim_note(found["refused"]) == "75%, 95 % interval 30–95%"
    assert claim_note(found["facts"]) == "95 % interval 0–100%, n 3"


def test_no_case_makes_no_claim() -> None:
    assert claims([Outcome(case("e"), error="x")]) == ()
