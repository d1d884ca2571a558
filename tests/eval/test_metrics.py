"""Metrics against numbers computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import pytest
from openai_server import Reply, ScriptedServer
from passages import passage as lab_passage
from passages import report

from eval.cases import Case, CaseType, Evidence
from eval.metrics import (
    METRICS,
    Claim,
    Observation,
    Support,
    make_support,
    score,
    support_by_rules,
    within_budget,
)
from rag.catalog.fields import ReportInfo
from rag.errors import SettingsError
from rag.settings import Settings
from rag.types import Answer, Citation, Coverage, Hit, Passage, Status

SECOND, THIRD = 1 / log2(3), 1 / log2(4)
A = lab_passage("We gave twelve boats a beacon in the spring.", report("a", "Fiji", "FJ"))
B = lab_passage("The fishers paid for fuel themselves.", report("b", "Fiji", "FJ"))
C = lab_passage("Schools closed early that year.", report("c", "Fiji", "FJ"))
BEACONS = "The lab gave beacons to twelve fishing boats"
FUEL = "The fishers paid for their fuel and got a beacon"


def case(
    kind: CaseType = "single",
    reports: tuple[str, ...] = ("a",),
    quotes: tuple[tuple[str, str], ...] = (),
    facts: tuple[str, ...] = (),
    alt: tuple[str, ...] = (),
) -> Case:
    evidence = tuple(Evidence(report, quote) for report, quote in quotes)
    return Case("c", kind, "en", "Q?", reports, evidence, facts, alt_reports=alt)


def hits(*found: str | tuple[str, str]) -> tuple[Hit, ...]:
    pairs = [(item, "") if isinstance(item, str) else item for item in found]
    return tuple(Hit(_passage(report, text), 1.0) for report, text in pairs)


def _passage(report: str, text: str = "") -> Passage:
    return Passage("p", ReportInfo(report, report), "", "", text, ())


def answer(
    text: str = "",
    cited: Sequence[tuple[str, str]] = (),
    found: tuple[Hit, ...] = (),
    listed: tuple[str, ...] = (),
    refused: bool = False,
) -> Answer:
    citations = tuple(Citation(n, _passage(r), q) for n, (r, q) in enumerate(cited, start=1))
    coverage = Coverage("answer", listed)
    return Answer("Q?", "Q?", text, refused, citations, found, coverage, mode="hand")


def value(
    metric: str, of: Case, given: Answer | tuple[Hit, ...] | None = None, **context: object
) -> float | None:
    """A metric of an answer, or of an answer that found these hits."""
    if not isinstance(given, Answer):
        given = answer(found=given or ())
    return METRICS[metric].function(Observation(of, given, **context))  # type: ignore[arg-type]


def test_report_recall_counts_any_accepted_report_for_one_report_cases() -> None:
    assert value("rep@5", case(), hits(*"xxxxx", "a")) == 0.0
    assert value("rep@10", case(), hits(*"xxxxx", "a")) == 1.0
    assert value("rep@5", case(alt=("b",)), hits("b")) == 1.0
    wide = case("cross", ("a", "b", "c", "d"), alt=("e",))
    assert value("rep@5", wide, hits("a", "b", "a", "e")) == 0.5


@pytest.mark.parametrize("metric", ["rep@5", "ev@5", "ev@4k", "mrr", "ndcg@10", "ev_ndcg@10"])
def test_retrieval_does_not_apply_to_lists_and_the_unanswerable(metric: str) -> None:
    assert value(metric, case("listing"), hits("a")) is None
    assert value(metric, case("unanswerable", ()), hits("a")) is None


def test_evidence_recall_wants_the_quote_in_an_accepted_report() -> None:
    two = case(quotes=(("a", "twelve boats"), ("a", "one beacon")))
    found = hits(("x", "one beacon"), ("a", "We saw Twelve\u00a0boats."))
    assert value("ev@5", two, found) == 0.5
    assert value("ev@4k", two, found) == 0.5
    assert value("ev@5", case(), hits("a")) is None  # no evidence given


def test_mrr_is_one_over_the_rank_within_ten() -> None:
    assert value("mrr", case(), hits("x", "x", "a", "a")) == pytest.approx(1 / 3)
    assert value("mrr", case(), hits(*"xxxxxxxxxx", "a")) == 0.0


def test_a_budget_stops_at_the_first_passage_that_does_not_fit() -> None:
    found = hits(("a", "w " * 10), ("b", "w " * 10), ("c", "w"))  # 13.5, 13.5 and 1.35 tokens
    assert within_budget(found, 27) == found[:2]
    assert within_budget(found, 5) == found[:1]
    assert within_budget((), 5) == ()


def test_ndcg_ranks_reports_by_their_first_passage() -> None:
    assert value("ndcg@10", case(), hits("x", "x", "x", "a", "a")) == pytest.approx(SECOND)
    assert value("ndcg@10", case("single", ("a", "b"), alt=("c",)), hits("b")) == 1.0
    assert value("ndcg@10", case(), hits(*"bcdefghijk", "a")) == 0.0
    wide = case("cross", ("a", "b"), alt=("c",))
    expected = pytest.approx((1 + THIRD) / (1 + SECOND))
    assert value("ndcg@10", wide, hits("a", "x", "b")) == expected
    # Alternatives take no place.
    assert value("ndcg@10", wide, hits("c", "a", "c", "b")) == 1.0


def test_evidence_ndcg_gains_each_quote_where_it_stands_first() -> None:
    two = case(quotes=(("a", "twelve boats"), ("a", "one beacon")))
    again = hits(("a", "twelve boats"), ("a", "twelve boats"), ("a", "one beacon"))
    assert value("ev_ndcg@10", two, again) == pytest.approx((1 + THIRD) / (1 + SECOND))
    assert value("ev_ndcg@10", two, hits(("a", "twelve boats and one beacon"))) == 1.0
    assert value("ev_ndcg@10", two, hits(("x", "twelve boats"))) == 0.0


def test_quotes_have_to_stand_in_the_report_they_name() -> None:
    raw = {"a": "The lab\u2019s  boats &amp; nets", "b": "other"}
    cited = (("a", "LAB'S BOATS & nets"), ("b", "boats"), ("gone", "boats"), ("a", " "))
    assert value("quote_ok", case(), answer(cited=cited), raw=raw) == 0.25
    assert value("quote_ok", case(), answer(), raw=raw) is None


def test_citations_are_right_where_their_report_is_accepted() -> None:
    cited = answer(cited=(("a", ""), ("x", ""), ("b", ""), ("x", "")))
    assert value("cite_prec", case(alt=("b",)), cited) == 0.5
    assert value("cite_prec", case(), answer()) == 0.0
    assert value("cite_prec", case(), answer(refused=True)) is None
    assert value("cite_rec", case("compare", ("a", "c")), cited) == 0.5
    assert value("cite_rec", case("single", ("a", "c")), cited) == 1.0
    assert value("cite_rec", case("listing"), cited) is None


def test_evidence_is_cited_where_a_citation_overlaps_the_quote() -> None:
    gold = case(quotes=(("a", "one two three four"), ("a", "five six seven eight")))
    cited = answer(cited=(("a", "one two x y z"), ("x", "five six seven eight")))
    assert value("ev_cited", gold, cited) == 0.5  # 2/4 and 2/5; the other report is wrong
    assert value("ev_cited", gold, answer(cited=(("a", "one b c d e f g"),))) == 0.0  # 1/4, 1/7


def test_facts_are_found_or_lost_by_refusing() -> None:
    gold = case(facts=("USD 1,200", "Ministry of Health", "9 km"))
    text = "The health ministry of X paid usd 1 200."
    assert value("facts", gold, answer(text)) == pytest.approx(2 / 3)
    assert value("facts", gold, answer("USD 1200", refused=True)) == 0.0
    assert value("facts", case(), answer("USD 1200")) is None
    by_value = case(facts=("1.2 million", "7%"))
    assert value("facts_num", by_value, answer("It cost 1 200 000 in all [7].")) == 0.5
    assert value("facts_num", by_value, answer("1.2 million, 7 %", refused=True)) == 0.0


def test_sentences_with_a_mark_are_counted() -> None:
    text = "The lab in Fiji gave out beacons [1]. Nobody knows what became of them. Yes."
    assert value("cited_sent", case(), answer(text)) == 0.5
    assert value("cited_sent", case(), answer("Yes.")) is None
    assert value("cited_sent", case("unanswerable", ()), answer(text)) is None


@pytest.mark.parametrize("refused", [True, False])
def test_a_refusal_is_right_when_exactly_the_unanswerable_is_refused(refused: bool) -> None:
    given = answer(refused=refused)
    assert value("refusal_ok", case("unanswerable", ()), given) == float(refused)
    assert value("refusal_ok", case(), given) == float(not refused)


def test_list_metrics() -> None:
    gold, listed = case("listing", ("a", "b", "c", "d")), answer(listed=("a", "b", "x"))
    expected = {"list_p": 2 / 3, "list_r": 0.5, "list_f1": 4 / 7, "list_exact": 0.0}
    for metric, share in expected.items():
        assert value(metric, gold, listed) == pytest.approx(share)
        assert value(metric, case("listing"), answer()) == 0.0
        assert value(metric, case("single"), answer()) is None
    assert value("list_exact", gold, answer(listed=("d", "c", "b", "a"))) == 1.0


def test_lab_spread_is_the_share_of_gold_labs_that_are_cited() -> None:
    wide, cited = case("cross", ("a", "b")), answer(cited=(("a", ""), ("x", "")))
    assert value("lab_spread", wide, cited, labs=("Unknown lab", "Fiji")) == 0.5
    assert value("lab_spread", wide, cited) is None
    assert value("lab_spread", case(), cited, labs=("Fiji",)) is None
    assert value("lab_spread", wide, answer(refused=True), labs=("Fiji",)) is None


def test_score_holds_just_what_applies_in_the_order_of_the_table() -> None:
    refusal = score(Observation(case("unanswerable", ()), answer(refused=True)))
    assert refusal == {"refused": 1.0, "refusal_ok": 1.0}
    everything = Observation(
        case("compare", quotes=(("a", "12 boats"),), facts=("12",)),
        answer("12 boats carried a beacon [1].", (("a", "12 boats"),), hits(("a", "12 boats"))),
        {"a": "12 boats"},
        labs=("Unknown lab",),
        support=lambda claims: [True for _ in claims],
    )
    scores = score(everything)
    assert list(scores) == [m for m in METRICS if not m.startswith("list_")]
    assert {name for name, share in scores.items() if share != 1.0} == {"refused"}


def test_every_metric_has_a_meaning() -> None:
    assert METRICS["rep@10"].meaning.startswith("Report recall at k: the share of gold reports")
    assert all(metric.meaning.endswith((".", "citations", "none")) for metric in METRICS.values())


def prose(text: str, *cited: Passage, statuses: Sequence[Status] = ()) -> Answer:
    shown: list[Status] = [*statuses, *["supported"] * len(cited)]  # type: ignore[list-item]
    pairs = zip(cited, shown, strict=False)
    citations = tuple(Citation(n, p, p.text, s) for n, (p, s) in enumerate(pairs, start=1))
    return Answer("Q?", "Q?", text, False, citations, (), Coverage("answer"), mode="hand")


def knows(*supported: tuple[str, str]) -> Support:
    """A judge for whom a sentence is supported by passages (letters) that hold a known set."""

    def support(claims: Sequence[Claim]) -> list[bool | None]:
        return [
            any(
                claim.sentence.startswith(sentence)
                and set(needed) <= {p.report.id for p in claim.passages}
                for sentence, needed in supported
            )
            for claim in claims
        ]

    return support


def alce(given: Answer, support: Support) -> tuple[float | None, float | None]:
    observation = Observation(case(), given, support=support)
    return METRICS["alce_rec"].function(observation), METRICS["alce_prec"].function(observation)


@pytest.mark.parametrize(
    ("text", "supported", "recall", "precision"),
    [
        (f"{BEACONS} [1]. {FUEL} [1][2]. {FUEL}!", ((BEACONS, "a"), (FUEL, "ab")), 2 / 3, 1.0),
        # A citation is precise where it supports alone or is needed.
        (f"{FUEL} [1][3].", ((FUEL, "a"),), 1.0, 0.5),
        (f"{FUEL} [1][2].", ((FUEL, "a"), (FUEL, "b")), 1.0, 1.0),
        # Citations of a sentence without support are not.
        (f"{BEACONS} [1]. {FUEL} [2][3].", ((BEACONS, "a"),), 0.5, 1 / 3),
        # Sentences that introduce others state nothing.
        (f"3 labs wrote:\n{BEACONS} [1].", ((BEACONS, "a"),), 1.0, 1.0),
        ("3 labs wrote:", (), None, None),
        (f"{BEACONS}.", (), 0.0, None),
    ],
)
def test_citation_recall_and_precision_of_alce(
    text: str,
    supported: tuple[tuple[str, str], ...],
    recall: float | None,
    precision: float | None,
) -> None:
    expected = [n if n is None else pytest.approx(n) for n in (recall, precision)]
    assert list(alce(prose(text, A, B, C), knows(*supported))) == expected


def test_what_the_judge_leaves_open_counts_in_neither() -> None:
    assert alce(prose(f"{BEACONS} [1].", A), lambda c: [None] * len(c)) == (None, None)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("We gave twelve boats a beacon in the spring", True),
        ("Fiji (2023, plan): We gave twelve boats a beacon in the spring", True),
        ("The lab gave beacons to twelve boats in the spring", True),
        ("The lab gave 48 boats a beacon in the spring", False),
        ("Schools closed early that year", False),
        ("Peru (2023, plan): We gave twelve boats a beacon in the spring", False),
    ],
)
def test_the_rules_know_what_stands_there_and_whose_it_is(sentence: str, expected: bool) -> None:
    assert support_by_rules([Claim(sentence, (A,), "en")]) == [expected]


def test_supported_sentences_are_read_from_the_statuses_that_are_shown() -> None:
    text = f"{BEACONS} [1]. {FUEL} [1][2]."
    assert value("sent_ok", case(), prose(text, A, B)) == 1.0
    assert value("sent_ok", case(), prose(text, A, B, statuses=("supported", "partly"))) == 0.5
    assert value("sent_ok", case(), prose(f"{BEACONS}. {FUEL} [1].", A)) == 0.5
    assert value("sent_ok", case(), prose("")) is None


def test_a_chat_model_judges_all_of_an_answer_at_once(server: ScriptedServer) -> None:
    server.script(Reply(("1: yes\n2: yes\n3: no\n4: yes",)))
    support = make_support(Settings(model="openai:test", openai_base_url=server.url), "model")
    # The first sentence by [1]; the second by [1], by [2], and by both.
    found = alce(prose(f"{BEACONS} [1]. {FUEL} [1][2].", A, B), support)
    assert len(server.requests) == 1
    assert found == (1.0, pytest.approx(2 / 3))


def test_a_judge_wants_a_chat_model() -> None:
    with pytest.raises(SettingsError, match="no chat model"):
        make_support(Settings(model="extractive"), "model")
