"""How many of the passages that were found are read, and what is left unread."""

from __future__ import annotations

from fake_engine import passage, report

from rag.retrieval.hybrid import SearchResult, choose_passages, count_unread
from rag.settings import Settings
from rag.types import Hit, Plan


def found(text: str) -> SearchResult:
    hits = [Hit(passage(report(n), n, f"{text} {n}"), 1 / (n + 1)) for n in range(90)]
    return SearchResult(tuple(hits), frozenset())


def test_more_passages_are_read_where_more_are_wanted() -> None:
    def count(result: SearchResult, passages: int) -> int:
        return len(choose_passages(result, Plan("Q?", "Q?"), Settings(), passages))

    short = found("Sand keeps boxes cool.")
    assert [count(short, n) for n in (0, 40, 80, 100)] == [20, 40, 80, 90]
    long = found("Sand keeps boxes cool. " * 60)
    assert 1 < count(long, 0) < 20
    assert count(long, 40) in (2 * count(long, 0), 2 * count(long, 0) + 1)


def test_what_was_not_read_is_counted_by_lab() -> None:
    reports = {f"report_{n}": report(n) for n in range(7)}
    result = SearchResult((), frozenset(reports) | {"report_gone"})
    unread = (("Peru", 2), ("Viet Nam", 2), ("Togo", 1))
    assert count_unread(result, ("report_0", "report_1"), reports) == unread
