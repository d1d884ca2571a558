"""The gate: how well the engine must answer the cases of the sample collection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.cases import CASE_TYPES, Case, load_cases
from eval.figures import Group, aggregate
from eval.report import write_report
from eval.run import Outcome, StoredText, Stream, load_outcomes, run_cases
from rag.settings import Settings
from rag.types import Turn

# The least mean of a metric, by group. Exact where the product promises it, else below what the
# engine reaches by about the reach of the interval, so that chance alone does not fail a build.
FLOORS: dict[tuple[str, str], float] = {
    ("all", "quote_ok"): 1.0,
    ("all", "cited_sent"): 1.0,
    ("all", "refusal_ok"): 0.75,
    ("single", "rep@10"): 0.85,
    ("single", "ev@10"): 0.60,
    ("single", "facts"): 0.60,
    ("multi", "rep@10"): 0.60,
    ("followup", "rep@10"): 0.60,
    ("crosslingual", "rep@10"): 0.65,
    ("cross", "rep@20"): 0.35,
    ("compare", "rep@20"): 0.70,
    ("listing", "list_f1"): 0.70,
    ("all", "cite_prec"): 0.65,
}

CASES = Path(__file__).parents[1] / "eval" / "sample" / "cases.jsonl"


def failures(groups: dict[str, Group]) -> list[str]:
    """What is below its floor, or was not measured."""
    found = []
    for (group, metric), floor in FLOORS.items():
        figures = groups.get(group)
        value = figures.metrics.get(metric) if figures else None
        if value is None:
            found.append(f"{group} {metric}: not measured")
        elif value.mean < floor:
            found.append(f"{group} {metric}: {value.mean:.3f} (n={value.n}) is below {floor}")
    return found


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return load_cases(CASES)


@pytest.fixture(scope="module")
def out(
    sample_engine: Any, cases: tuple[Case, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    run_cases(sample_engine, cases, folder)
    return folder


@pytest.fixture(scope="module")
def outcomes(out: Path) -> list[Outcome]:
    return load_outcomes(out)


def test_the_sample_has_cases_of_every_type(cases: tuple[Case, ...]) -> None:
    assert len(cases) >= 40
    assert {case.type for case in cases} == set(CASE_TYPES)
    assert "crosslingual" in {case.group for case in cases}


def test_every_case_is_answered_without_an_error(
    outcomes: list[Outcome], cases: tuple[Case, ...]
) -> None:
    assert [outcome.case for outcome in outcomes] == list(cases)
    assert {o.case.id: o.error for o in outcomes if o.error} == {}


def test_nothing_is_below_its_floor(out: Path, outcomes: list[Outcome]) -> None:
    found = failures(aggregate(outcomes))
    assert not found, "\n".join([*found, "", write_report(out)])


def test_the_gate_catches_an_engine_that_answers_another_question(
    sample_engine: Any, cases: tuple[Case, ...], tmp_path: Path
) -> None:
    found = failures(aggregate(run_cases(Mistaken(sample_engine, cases), cases, tmp_path)))
    assert any("rep@10" in failure for failure in found)
    assert any("list_f1" in failure for failure in found)


class Mistaken:
    """The engine, answering for each case the question seven cases on."""

    def __init__(self, engine: Any, cases: Sequence[Case]) -> None:
        self.engine = engine
        questions = [case.question for case in cases]
        self.other = dict(zip(questions, questions[7:] + questions[:7], strict=True))

    @property
    def settings(self) -> Settings:
        settings: Settings = self.engine.settings
        return settings

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Stream:
        stream: Stream = self.engine.ask(self.other[question], history=history)
        return stream

    def report(self, report_id: str) -> StoredText:
        report: StoredText = self.engine.report(report_id)
        return report
