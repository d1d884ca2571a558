"""Metrics against numbers computed by hand, and how texts are compared for them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from passages import passage as lab_passage
from passages import report

from eval.cases import Case, Evidence, case_from_json
from eval.metrics import Observation, fold, has_fact, holds, overlap, score
from rag.answer.extractive import UNSURE
from rag.catalog.tag_fields import ReportInfo
from rag.types import Answer, Citation, Coverage, Hit, Passage

A = lab_passage("We gave twelve boats a beacon in the spring.", report("a", "Fiji", "FJ"))
B = lab_passage("The fishers paid for fuel themselves.", report("b", "Fiji", "FJ"))
D = lab_passage("Mothers in Suva kept the queue short.", report("d", "Togo", "TG"))


def case(kind: Any = "single", reports: str = "a", quotes: Any = (), **more: Any) -> Case:
    """A case whose evidence is of the report `a`."""
    evidence = tuple(Evidence("a", quote) for quote in quotes)
    return Case("c", kind, "en", "Q?", tuple(reports), evidence, **more)


def part(report: str, text: str = "") -> Passage:
    return Passage("p", ReportInfo(report, report), "", "", text, ())


def answer(text: str = "", cited: Any = (), found: Any = (), listed: Any = "") -> Answer:
    """An answer that cites these quotes of reports, or passages."""
    quotes = [(c, c.text) if isinstance(c, Passage) else (part(c[0]), c[1]) for c in cited]
    citations = tuple(Citation(n, *quote) for n, quote in enumerate(quotes, start=1))
    hits = tuple(Hit(passage, 1.0) for passage in found)
    coverage = Coverage("answer", tuple(listed))
    return Answer("Q?", "Q?", text, False, citations, hits, coverage, mode="hand")


def refusal(*given: Any, **more: Any) -> Answer:
    return replace(answer(*given, **more), refused=True)


def found(*passages: str | tuple[str, str]) -> Answer:
    return answer(found=[part(p) if isinstance(p, str) else part(*p) for p in passages])


QUOTES = case(quotes=("twelve boats", "one beacon"))
NONE = case("unanswerable", "")
CITED = answer(cited=(("a", ""), ("x", ""), ("b", ""), ("x", "")))
FACTS = case(facts=("USD 1,200", "Ministry of Health", "9 km"))
LIST = case("listing", "abcd")
WORDS = case(quotes=("one two three four", "five six seven eight"))


def natural(kind: str, reports: str = "", points: Sequence[Passage] = (), **gold: Any) -> Case:
    """A natural case as its file has it, whose points are what these passages say."""
    said = [{"report": p.report.id, "point": "A point.", "quote": p.text} for p in points]
    row = {"id": "n", "kind": kind, "half": "dev", "lang": "en", "question": "Q?", "note": "None."}
    return case_from_json(json.dumps(row | {"reports": list(reports), "points": said} | gold))


WORK = natural("lab", "ad", [A, D], lab="Fiji", count=2)
TOLD = natural("detail", "a", facts=["12|twelve", "Suva"], evidence="twelve boats")
TOPIC = natural("topic", "a", [A])
RANKED = natural("tags", ranking=[["Pilots", 9], ["Ethnography", 4], ["Prototyping", 1]])
LISTED = natural("tags", "ab", list=["b", "a"], count=2, how="counted", labs=["Fiji"])
YEARS = natural("tags", list=["2021", "2023"], pair="x", alternatives=[{"list": []}])
COUNTED = natural("tags", count=12)
NO_MORE = natural("tags", count=0, list=[])
MARKED = "The lab in Fiji gave out beacons [1]. Nobody knows what became of them. Yes."


def test_each_metric_is_the_number_computed_by_hand() -> None:
    cases: list[tuple[str, Case, Answer, float | None]] = [
        # One-report cases want any accepted report, others all gold ones.
        ("rep@5", case(), found(*"xxxxx", "a"), 0.0),
        ("rep@10", case(), found(*"xxxxx", "a"), 1.0),
        ("rep@5", case("cross", "abcd", alt_reports=("e",)), found(*"abae"), 0.5),
        ("rep@5", case("listing"), found("a"), None),
        # Evidence counts in an accepted report alone.
        ("ev@5", QUOTES, found(("x", "one beacon"), ("a", "We saw Twelve\u00a0boats.")), 0.5),
        # A budget of tokens ends at the first passage that does not fit.
        ("ev@4k", QUOTES, found(("a", "w " * 4000), ("a", "one beacon")), 0.0),
        ("ev@4k", QUOTES, found(("a", "w " * 2000), ("a", "one beacon")), 0.5),
        ("cite_prec", case(alt_reports=("b",)), CITED, 0.5),
        ("cite_prec", case(), answer(), 0.0),
        ("cite_rec", case("compare", "ac"), CITED, 0.5),
        ("cite_rec", case("single", "ac"), CITED, 1.0),
        # A quote of another report is wrong; one of seven words is too little.
        ("ev_cited", WORDS, answer(cited=(("a", "one two x y"), ("x", "five six seven"))), 0.5),
        ("ev_cited", WORDS, answer(cited=(("a", "one b c d e f g"),)), 0.0),
        ("facts", FACTS, answer("The health ministry of X paid usd 1 200."), 2 / 3),
        ("facts", FACTS, refusal("USD 1200"), 0.0),
        ("cited_sent", case(), answer(MARKED), 0.5),
        ("cited_sent", case(), answer(f"{UNSURE}\n{MARKED}"), 0.5),
        ("refusal_ok", NONE, answer(), 0.0),
        ("refusal_ok", case(), refusal(), 0.0),
        ("list_f1", LIST, answer(listed="abx"), 4 / 7),
        ("list_exact", LIST, answer(listed="dcba"), 1.0),
        # Key points: their reports cited, listed or read, and their words.
        ("points", WORK, CITED, 0.5),
        ("points", WORK, refusal(cited=[("a", "")]), 0.0),
        ("listed", WORK, answer(cited=(("a", ""),), listed="d"), 1.0),
        ("read", WORK, found(*"xd"), 0.5),
        ("points_ev", WORK, answer(cited=(("a", "Twelve boats!"), ("x", D.text))), 0.5),
        ("cite_prec", WORK, refusal(), 0.0),
        ("cite_prec", TOPIC, CITED, None),
        ("rep@5", WORK, found(*"xd"), 0.5),
        ("facts", TOLD, answer("It gave 12 boats a beacon."), 0.5),
        ("list_f1", LISTED, answer(listed="abx"), 0.8),
        ("ranking", RANKED, answer("pilots: 9, ethnography: 4"), 2 / 3),
        ("values", YEARS, answer("In 2023."), 0.5),
        ("count", COUNTED, answer("There are 12."), 1.0),
        ("count", COUNTED, answer("There are 1,312, or 2012."), 0.0),
        ("count", NO_MORE, answer("None of them."), 1.0),
        ("count", NO_MORE, answer("Two.", listed="ab"), 0.0),
    ]
    for metric, of, given, expected in cases:
        value = score(Observation(of, given)).get(metric)
        wanted = expected if expected is None else pytest.approx(expected)
        assert value == wanted, (metric, of, given)
    # Quotes have to stand in the report that they name.
    raw = {"a": "The lab\u2019s  boats &amp; nets", "b": "other"}
    cited = (("a", "LAB'S BOATS & nets"), ("b", "boats"), ("gone", "boats"), ("a", " "))
    assert score(Observation(case(), answer(cited=cited), raw))["quote_ok"] == 0.25


def test_how_texts_are_compared() -> None:
    quote = "one two three four five six seven eight nine ten"
    assert holds("ten nine eight seven six five four three two x", quote)
    assert not holds("ten nine eight seven six five four three x y", quote)
    assert not holds("one two three x four five six seven eight nine ten " + "y " * 400, quote)
    assert overlap("a a b", "A c") == (pytest.approx(1 / 3), 0.5)
    text = "\u00ab L\u2019\u00c9t\u00e9\u00a0\u2014 &amp;quot;x\u200b \u00bb"
    assert fold(text) == '" l\'été - "x "'
    assert has_fact("It cost 34 000$ in all", "34,000")
    assert has_fact("a share of 38,6%", "38.6%")
    assert has_fact("twelve of the boats in Fiji", "boats of Fiji")
    assert not has_fact("It cost 134", "135")
