"""Evaluations of the command line: a run with its baselines, and two runs compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import CASES

pytest_plugins = ("command_line",)


def test_eval_runs_cases_with_baselines_and_compares(
    run: Any, run_sample: Any, tmp_path: Path
) -> None:
    cases = CASES.read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "cases.jsonl").write_text("\n".join(cases), encoding="utf-8")
    arguments = ("eval", "run", "cases.jsonl", "--out", "run")
    done = run_sample(*arguments, "--baseline")
    assert done.code == 0
    assert "rep@10" in done.out
    assert "| ours | plain llama-index | BM25 |" in done.out
    for folder in ("run", "run/baselines/plain", "run/baselines/bm25"):
        names = {file.name for file in (tmp_path / folder).iterdir()}
        assert names >= {"outcomes.jsonl", "run.json", "summary.json", "report.html", "report.md"}
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Ours less BM25 alone" in page
    compared = run("eval", "compare", "run", "run", "--out", "compared.html")
    assert compared.code == 0
    assert "No difference: every score is the same in all 2 cases." in compared.out
    assert "No difference" in (tmp_path / "compared.html").read_text(encoding="utf-8")
    assert run("eval", "compare", "run", "run", "--json").json["verdict"] == "no difference"
    refused = run_sample(*arguments, "--judge", "model")
    assert refused.code == 2
    assert "no chat model" in refused.err
