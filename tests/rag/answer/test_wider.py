"""Tests of what reading with an engine needs: more passages, what was not read, whole reports."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fake_engine import passage, report

from rag.engine import Engine
from rag.export.answer_json import answers_from_json, answers_to_json
from rag.retrieval.hybrid import SearchResult, choose_passages, count_unread
from rag.settings import Settings
from rag.types import Hit, Plan

QUESTION = "What did labs learn about mobile money?"


def hits(count: int, text: str) -> Sequence[Hit]:
    return [Hit(passage(report(n), n, f"{text} {n}"), 1 / (n + 1)) for n in range(count)]


def test_more_passages_are_read_where_more_are_wanted() -> None:
    plan, found = (
        Plan("Q?", "Q?"),
        SearchResult(tuple(hits(90, "Sand keeps boxes cool.")), frozenset()),
    )
    settings = Settings()
    assert [len(choose_passages(found, plan, settings, n)) for n in (0, 40, 80, 100)] == [
        20,
        40,
        80,
        90,
    ]
    long = SearchResult(tuple(hits(90, "Sand keeps boxes cool. " * 60)), frozenset())
    few, more = (len(choose_passages(long, plan, settings, n)) for n in (0, 40))
    assert 1 < few < 20
    assert more in (2 * few, 2 * few + 1)


def test_what_was_not_read_is_counted_by_lab() -> None:
    reports = {f"report_{n}": report(n) for n in range(7)}
    found = SearchResult((), frozenset(reports) | {"report_gone"})
    assert count_unread(found, ("report_0", "report_1"), reports) == (
        ("Peru", 2),
        ("Viet Nam", 2),
        ("Togo", 1),
    )


def test_a_wider_answer_says_what_it_read(sample_engine: Engine) -> None:
    first = sample_engine.ask(QUESTION).answer.coverage
    wide = sample_engine.ask(QUESTION, passages=40).answer
    covered = wide.coverage
    assert first.read_passages == 20 < covered.read_passages <= 40
    assert len(covered.read) == covered.read_reports
    assert set(covered.reports) <= set(covered.read)
    for one in (first, covered):
        assert sum(n for _, n in one.unread) == one.matched_reports - one.read_reports
    assert answers_from_json(answers_to_json([wide]))[0].coverage == covered


def test_the_passages_of_a_report_come_in_the_order_of_its_file(sample_engine: Engine) -> None:
    id_ = sample_engine.ask(QUESTION).answer.citations[0].passage.report.id
    found = sample_engine.passages_of(id_)
    assert len(found) == sum(p.report.id == id_ for p in sample_engine.passages)
    assert [p.spans for p in found] == sorted(p.spans for p in found)
    assert {p.report.id for p in found} == {id_}
    assert sample_engine.passages_of("no such report") == ()


def test_contacts_in_a_whole_report_are_masked(
    sample_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = (passage(report(0), 1, "Write to ana@example.org today."),)
    monkeypatch.setattr(Engine, "passages", property(lambda _: known))
    assert sample_engine.passages_of("report_0")[0].text == "Write to •••@•••••••.••• today."
