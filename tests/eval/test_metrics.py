"""Metrics against numbers computed by hand."""

from __future__ import annotations

import pytest

from eval import metrics
from eval.cases import Case, CaseType, Evidence
from eval.matching import (
    fold,
    has_fact,
    holds,
    overlap,
)
from eval.metrics import score, within_budget
from rag.catalog.fields import ReportInfo
from rag.types import Answer, Citation, Coverage, Hit, Passage


def case(
    kind: CaseType = "single",
    reports: tuple[str, ...] = ("a",),
    quotes: tuple[tuple[str, str], ...] = (),
    facts: tuple[str, ...] = (),
    alt: tuple[str, ...] = (),
) -> Case:
    evidence = tuple(Evidence(report, quote) for report, quote in quotes)
    return Case("c", kind, "en", "Q?", reports, evidence, facts, alt_reports=alt)


def passage(report: str, text: str = "") -> Passage:
    return Passage("p", ReportInfo(report, report), "", "", text, ())


def hits(*found: str | tuple[str, str]) -> tuple[Hit, ...]:
    pairs = [(item, "") if isinstance(item, str) else item for item in found]
    return tuple(Hit(passage(report, text), 1.0) for report, text in pairs)


def answer(
    text: str = "",
    cited: tuple[tuple[str, str], ...] = (),
    found: tuple[Hit, ...] = (),
    listed: tuple[str, ...] = (),
    refused: bool = False,
) -> Answer:
    citations = tuple(Citation(n, passage(r), q) for n, (r, q) in enumerate(cited, start=1))
    coverage = Coverage("answer", listed)
    return Answer("Q?", "Q?", text, refused, citations, found, coverage, mode="hand")


def test_rep_at_counts_any_accepted_report_for_one_report_cases() -> None:
    assert metrics.rep_at(case(), hits("x", "a"), 1) == 0.0
    assert metrics.rep_at(case(), hits("x", "a"), 2) == 1.0
    assert metrics.rep_at(case(alt=("b",)), hits("b"), 5) == 1.0


def test_rep_at_wants_every_gold_report_where_there_are_many() -> None:
    wide = case("cross", ("a", "b", "c", "d"), alt=("e",))
    assert metrics.rep_at(wide, hits("a", "b", "a", "e"), 5) == 0.5


def test_retrieval_does_not_apply_to_lists_and_the_unanswerable() -> None:
    assert metrics.rep_at(case("listing"), hits("a"), 5) is None
    assert metrics.mrr(case("unanswerable", ()), hits("a")) is None
    assert metrics.ev_at(case(), hits("a")) is None  # no evidence given


def test_ev_at_wants_the_quote_in_an_accepted_report() -> None:
    two = case(quotes=(("a", "twelve boats"), ("a", "one beacon")))
    found = hits(("x", "one beacon"), ("a", "We saw Twelve\u00a0boats."))
    assert metrics.ev_at(two, found) == 0.5


def test_mrr_is_one_over_the_rank_within_ten() -> None:
    assert metrics.mrr(case(), hits("x", "x", "a", "a")) == pytest.approx(1 / 3)
    assert metrics.mrr(case(), hits(*"xxxxxxxxxx", "a")) == 0.0


def test_within_budget_stops_at_the_first_that_does_not_fit() -> None:
    found = hits(("a", "w " * 10), ("b", "w " * 10), ("c", "w"))  # 13.5, 13.5 and 1.35 tokens
    assert within_budget(found, 27) == found[:2]
    assert within_budget(found, 20) == found[:1]
    assert within_budget(found, 5) == found[:1]
    assert within_budget((), 5) == ()


def test_quote_ok_wants_the_words_in_the_named_report() -> None:
    raw = {"a": "The lab\u2019s  boats &amp; nets", "b": "other"}
    cited = (("a", "LAB'S BOATS & nets"), ("b", "boats"), ("gone", "boats"), ("a", " "))
    assert metrics.quote_ok(answer(cited=cited).citations, raw) == 0.25
    assert metrics.quote_ok((), raw) is None


def test_cite_prec_is_the_share_of_citations_of_accepted_reports() -> None:
    cited = answer(cited=(("a", ""), ("x", ""), ("b", ""), ("x", "")))
    assert metrics.cite_prec(case(alt=("b",)), cited) == 0.5
    assert metrics.cite_prec(case(), answer()) == 0.0
    assert metrics.cite_prec(case(), answer(refused=True)) is None


def test_cite_rec_is_the_share_of_gold_reports_cited() -> None:
    cited = answer(cited=(("a", ""), ("x", "")))
    assert metrics.cite_rec(case("compare", ("a", "b")), cited) == 0.5
    assert metrics.cite_rec(case("single", ("a", "b")), cited) == 1.0
    assert metrics.cite_rec(case("listing"), cited) is None


def test_ev_cited_wants_a_citation_that_overlaps_the_quote() -> None:
    gold = case(quotes=(("a", "one two three four"), ("a", "five six seven eight")))
    cited = answer(cited=(("a", "one two x y z"), ("x", "five six seven eight")))
    assert metrics.ev_cited(gold, cited) == 0.5  # shares of 2/4 and 2/5; the other report is wrong
    assert metrics.ev_cited(gold, answer(cited=(("a", "one b c d e f g"),))) == 0.0  # 1/4 and 1/7


def test_facts_are_found_or_lost_by_refusing() -> None:
    gold = case(facts=("USD 1,200", "Ministry of Health", "9 km"))
    assert metrics.facts(gold, answer("The health ministry of X paid usd 1 200.")) == (
        pytest.approx(2 / 3)
    )
    assert metrics.facts(gold, answer("USD 1200", refused=True)) == 0.0
    assert metrics.facts(case(), answer("USD 1200")) is None


def test_cited_sent_counts_sentences_with_a_mark() -> None:
    text = "The lab in Fiji gave out beacons [1]. Nobody knows what became of them. Yes."
    assert metrics.cited_sent(case(), answer(text)) == 0.5
    assert metrics.cited_sent(case(), answer("Yes.")) is None
    assert metrics.cited_sent(case("unanswerable", ()), answer(text)) is None


def test_refusal_ok_when_exactly_the_unanswerable_is_refused() -> None:
    for kind, refused, good in (
        ("single", False, 1.0),
        ("single", True, 0.0),
        ("unanswerable", True, 1.0),
        ("unanswerable", False, 0.0),
    ):
        asked = case("single") if kind == "single" else case("unanswerable", ())
        assert metrics.refusal_ok(asked, answer(refused=refused)) == good


def test_list_metrics() -> None:
    gold, listed = case("listing", ("a", "b", "c", "d")), answer(listed=("a", "b", "x"))
    assert metrics.list_p(gold, listed) == pytest.approx(2 / 3)
    assert metrics.list_r(gold, listed) == 0.5
    assert metrics.list_f1(gold, listed) == pytest.approx(4 / 7)
    assert metrics.list_exact(gold, listed) == 0.0
    assert metrics.list_exact(gold, answer(listed=("d", "c", "b", "a"))) == 1.0


def test_an_empty_list_scores_zero_and_other_types_have_no_list() -> None:
    for metric in (metrics.list_p, metrics.list_r, metrics.list_f1, metrics.list_exact):
        assert metric(case("listing"), answer()) == 0.0
        assert metric(case("single"), answer()) is None


def test_holds_allows_a_tenth_of_the_words_to_differ() -> None:
    quote = "one two three four five six seven eight nine ten"
    assert holds("ten nine eight seven six five four three two x", quote)
    assert not holds("ten nine eight seven six five four three x y", quote)
    assert not holds("one two three x four five six seven eight nine ten " + "y " * 400, quote)


def test_has_fact_reads_numbers_alike() -> None:
    assert has_fact("It cost 34 000$ in all", "34,000")
    assert has_fact("a share of 38,6%", "38.6%")
    assert has_fact("twelve of the boats in Fiji", "boats of Fiji")
    assert not has_fact("It cost 134", "135")


def test_overlap_counts_repeated_words_once_each() -> None:
    assert overlap("a a b", "A c") == (pytest.approx(1 / 3), 0.5)
    assert overlap("", "a") == (0.0, 0.0)


def test_fold_makes_typography_alike() -> None:
    assert (
        fold("\u00ab L\u2019\u00c9t\u00e9\u00a0\u2014 &amp;quot;x\u200b \u00bb")
        == '" l\'été - "x "'
    )


def test_score_holds_just_what_applies_in_the_order_of_the_table() -> None:
    refusal = score(case("unanswerable", ()), answer(refused=True), {})
    assert refusal == {"refused": 1.0, "refusal_ok": 1.0}
    full = score(
        case("compare", quotes=(("a", "12 boats"),), facts=("12",)),
        answer("12 boats carried a beacon [1].", (("a", "12 boats"),), hits(("a", "12 boats"))),
        {"a": "12 boats"},
        labs=("Unknown lab",),
        support=lambda claims: [True for _ in claims],
    )
    assert list(full) == [m for m in metrics.METRICS if not m.startswith("list_")]
    assert {name for name, value in full.items() if value != 1.0} == {"refused"}


def test_facts_num_compares_values_and_takes_no_mark_for_a_number() -> None:
    gold = case(facts=("1.2 million", "7%"))
    assert metrics.facts_num(gold, answer("It cost 1 200 000 in all [7].")) == 0.5
    assert metrics.facts_num(gold, answer("1.2 million, 7 %", refused=True)) == 0.0
    assert metrics.facts_num(case(), answer("7")) is None


def test_lab_spread_is_the_share_of_gold_labs_that_are_cited() -> None:
    wide, cited = case("cross", ("a", "b")), answer(cited=(("a", ""), ("x", "")))
    assert metrics.lab_spread(wide, cited, ("Unknown lab", "Fiji")) == 0.5
    assert metrics.lab_spread(wide, cited, ()) is None
    assert metrics.lab_spread(case(), cited, ("Fiji",)) is None
    assert metrics.lab_spread(wide, answer(refused=True), ("Fiji",)) is None
