"""The gate: how well the engine must answer the cases of the sample collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs import ChangedEngine

from eval.cases import CASE_TYPES, Case
from eval.figures import Group, aggregate
from eval.gate import (
    Floor,
    failures,
    load_floors,
    main,
    renewed,
    write_floors,
)
from eval.report.pages import write_report
from eval.run import Outcome, load_outcomes, run_cases
from eval.stats import Estimate
from rag.errors import InputError

pytestmark = pytest.mark.quality


@pytest.fixture(scope="module")
def out(
    sample_engine: Any, sample_cases: tuple[Case, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    run_cases(sample_engine, sample_cases, folder)
    return folder


@pytest.fixture(scope="module")
def outcomes(out: Path) -> list[Outcome]:
    return load_outcomes(out)


def test_the_sample_has_cases_of_every_type(sample_cases: tuple[Case, ...]) -> None:
    assert len(sample_cases) >= 40
    assert {case.type for case in sample_cases} == set(CASE_TYPES)
    assert "crosslingual" in {case.group for case in sample_cases}


def test_every_case_is_answered_without_an_error(
    outcomes: list[Outcome], sample_cases: tuple[Case, ...]
) -> None:
    assert [outcome.case for outcome in outcomes] == list(sample_cases)
    assert {o.case.id: o.error for o in outcomes if o.error} == {}


def test_nothing_is_below_its_floor(out: Path, outcomes: list[Outcome]) -> None:
    found = failures(aggregate(outcomes), load_floors())
    assert not found, "\n".join([*found, "", write_report(out)])


def test_the_gate_catches_an_engine_that_answers_another_question(
    sample_engine: Any, sample_cases: tuple[Case, ...], tmp_path: Path
) -> None:
    questions = [case.question for case in sample_cases]
    other = dict(zip(questions, questions[7:] + questions[:7], strict=True))
    mistaken = ChangedEngine(sample_engine, question=other.__getitem__)
    found = failures(aggregate(run_cases(mistaken, sample_cases, tmp_path)), load_floors())
    assert any("rep@10" in failure for failure in found)
    assert any("list_f1" in failure for failure in found)


def test_floors_leave_the_reach_of_the_interval_and_a_case() -> None:
    floors = load_floors()
    assert {f.floor for f in floors if f.promised} == {1.0}
    assert {f.metric for f in floors if f.promised} == {"quote_ok", "cited_sent"}
    for one in floors:
        if not one.promised:
            assert 0 <= one.floor <= max(0.0, one.low - 1 / one.n), one
            assert one.low <= one.mean


def group(mean: float, low: float, n: int) -> dict[str, Group]:
    return {"all": Group(n, 0, {"facts": Estimate(mean, low, 1.0, n)}, {})}


def test_a_floor_is_set_one_case_below_the_interval() -> None:
    floors = (Floor("all", "facts", 0.9), Floor("all", "quote_ok", 1.0, promised=True))
    first, second = renewed(group(0.8, 0.7, 20), floors)
    assert first == Floor("all", "facts", 0.64, mean=0.8, low=0.7, n=20)
    assert second == floors[1]
    assert renewed(group(0.1, 0.0, 5), floors)[0].floor == 0.0
    with pytest.raises(InputError, match="single facts was not measured"):
        renewed(group(0.8, 0.7, 20), [Floor("single", "facts", 0.5)])


def test_what_is_below_or_missing_is_told() -> None:
    floors = (Floor("all", "facts", 0.85), Floor("all", "mrr", 0.1), Floor("all", "facts", 0.8))
    assert failures(group(0.8, 0.7, 20), floors) == [
        "all facts: 0.800 (n=20) is below 0.85",
        "all mrr: not measured",
    ]


def test_the_command_checks_and_renews(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "floors.json"
    write_floors([Floor("all", "facts", 1.0)], path)
    assert main([str(out), "--floors", str(path)]) == 1
    assert "is below 1.0" in capsys.readouterr().out
    assert main([str(out), "--floors", str(path), "--renew"]) == 0
    assert main([str(out), "--floors", str(path)]) == 0
    assert load_floors(path)[0].floor < 1.0
    path.write_text("{}", encoding="utf-8")
    assert main([str(out), "--floors", str(path)]) == 2
    assert "no readable floors" in capsys.readouterr().err
