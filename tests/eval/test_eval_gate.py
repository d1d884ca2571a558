"""The gate: how well the engine must answer the cases of the sample collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs import numbered, save

from eval.cases import CASE_TYPES, Case
from eval.figures import aggregate
from eval.gate import Floor, failures, load_floors, main, write_floors
from eval.report.pages import write_report
from eval.run import load_outcomes, run_cases


@pytest.mark.quality
def test_the_sample_is_answered_above_its_floors(
    sample_engine: Any, sample_cases: tuple[Case, ...], tmp_path: Path
) -> None:
    assert {case.group for case in sample_cases} == {*CASE_TYPES, "crosslingual"}
    run_cases(sample_engine, sample_cases, tmp_path)
    outcomes = load_outcomes(tmp_path)
    assert [outcome.case for outcome in outcomes] == list(sample_cases)
    assert {o.case.id: o.error for o in outcomes if o.error} == {}
    floors = load_floors()
    assert {(f.metric, f.floor) for f in floors if f.promised} == {
        ("quote_ok", 1.0),
        ("cited_sent", 1.0),
    }
    found = failures(aggregate(outcomes), floors)
    assert not found, "\n".join([*found, "", write_report(tmp_path)])


def test_the_command_checks_and_renews(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, path = save(tmp_path / "run", *numbered(20, facts=0.8)), tmp_path / "floors.json"
    promised = Floor("all", "facts", 0.5, promised=True)
    write_floors([Floor("all", "facts", 0.85), promised], path)
    command = [str(out), "--floors", str(path)]
    assert main(command) == 1
    assert capsys.readouterr().out == "all facts: 0.800 (n=20) is below 0.85\n"
    assert main([*command, "--renew"]) == 0
    # One case of twenty below the interval, which has no width.
    assert load_floors(path) == (Floor("all", "facts", 0.75, False, 0.8, 0.8, 20), promised)
    assert main(command) == 0
    write_floors([Floor("all", "mrr", 0.1)], path)
    assert main(command) == 1
    assert "all mrr: not measured" in capsys.readouterr().out
    assert main([*command, "--renew"]) == 2
    path.write_text("{}", encoding="utf-8")
    assert main(command) == 2
    assert "no readable floors" in capsys.readouterr().err
