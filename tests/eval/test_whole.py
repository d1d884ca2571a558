"""Metrics of a whole run: refusals, tokens and cost."""

from __future__ import annotations

from typing import Any

from eval.cases import Case
from eval.figures import Usage, usage, usage_line, whole_run
from eval.run import Outcome


def outcome(name: str, *, answerable: bool, refused: bool) -> Outcome:
    kind = "single" if answerable else "unanswerable"
    case = Case(name, kind, "en", "Why?", ("a",) if answerable else ())  # type: ignore[arg-type]
    return Outcome(case, {}, {"refused": float(refused)})


def test_refusal_precision_and_recall() -> None:
    outcomes = [
        *(outcome(f"u{i}", answerable=False, refused=i < 3) for i in range(4)),
        *(outcome(f"a{i}", answerable=True, refused=i < 2) for i in range(6)),
    ]
    found = whole_run(outcomes)
    assert (found["refusal_p"].mean, found["refusal_p"].n) == (0.6, 5)  # 3 of the 5 refused
    assert (found["refusal_r"].mean, found["refusal_r"].n) == (0.75, 4)  # of the 4 unanswerable


def test_nothing_refused_has_no_precision() -> None:
    outcomes = [
        outcome("u", answerable=False, refused=False),
        outcome("a", answerable=True, refused=False),
    ]
    assert {name: e.mean for name, e in whole_run(outcomes).items()} == {"refusal_r": 0.0}


def test_it_says_nothing_of_cases_of_one_kind() -> None:
    assert whole_run([outcome("a", answerable=True, refused=True)]) == {}
    assert whole_run([outcome("u", answerable=False, refused=True)]) == {}


def written(prompt: int, completion: int, cost: float | None, model: str = "m") -> Outcome:
    answer: dict[str, Any] = {
        "tokens": {"prompt": prompt, "completion": completion},
        "detail": {"run": {"model": model, "cost_usd": cost}},
    }
    return Outcome(Case("c", "single", "en", "Why?", ("a",)), answer)


def test_tokens_and_cost_are_added_up() -> None:
    used = usage([written(1000, 50, 0.25), written(2000, 70, 0.5), written(0, 0, None, model="")])
    assert used == Usage(2, 3000, 120, 0.75, 2)
    assert usage_line(used) == (
        "2 answers written by a model: 3,000 tokens of prompts and 120 of completions, "
        "$0.7500 at list prices"
    )


def test_what_has_no_price_is_told() -> None:
    some = usage([written(1000, 50, 0.25), written(2000, 70, None)])
    assert usage_line(some).endswith("$0.2500 at list prices for 1 of them")
    assert usage_line(usage([written(10, 5, None)])).endswith("cost unknown")
    assert usage_line(usage([])) == ""
