"""The command line as a whole: help, streams, exit codes, one-sentence errors; evaluations."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CASES

COMMANDS = (
    "ingest", "ask", "batch", "search", "serve", "login", "export", "info", "eval", "eval run",
    "eval compare", "eval verify", "eval feedback",
)  # fmt: skip
ERRORS = {
    "ask What? --index none": "asklabs ingest PATH --index",
    "ask What? --index INDEX --ignore colour=red": "there are country, year",
    "search What? --ignore =Peru": "FIELD=VALUE",
    "ingest nowhere --index x": "nowhere",
    "batch none.jsonl --out o --index INDEX": "none.jsonl can't be read",
    "export broken.json": "--verify",
    "export broken.json --to out.md": "not JSON",
    "export broken.json --to out.md --json": "goes with --verify",
    "export empty.json --to out.xyz": "md",
    "export empty.json --verify --index nowhere": "asklabs ingest PATH",
    "eval compare a b": "a",
}


def test_every_command_has_help(run: Any) -> None:
    overview = run("--help").out
    for command in COMMANDS:
        done = run(*command.split(), "--help")
        assert done.code == 0
        assert "Usage: asklabs" in done.out
        assert command.split()[0] in overview
    assert run("--version").out.strip().count(".") == 2


@pytest.mark.parametrize("command", ERRORS)
def test_an_error_is_a_sentence(run: Any, sample_index: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "broken.json").write_text("{]", encoding="utf-8")
    (tmp_path / "empty.json").write_text("[]", encoding="utf-8")
    done = run(*command.replace("INDEX", str(sample_index)).split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("asklabs: ")
    assert ERRORS[command] in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_wrong_usage_is_code_2(run: Any, run_sample: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (("ask",), ("nonsense",), ("ask", "What?", "--year", "x")):
        done = run(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "Usage" in done.err
    assert "The question is empty" in run_sample("ask", "  ").err
    monkeypatch.setenv("ASKLABS_PASAGES", "3")
    unknown = run_sample("ask", "What?")
    assert unknown.code == 2
    assert "Did you mean passages?" in unknown.err


def test_eval_runs_baselines_and_compares(run: Any, run_sample: Any, tmp_path: Path) -> None:
    cases = CASES.read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "cases.jsonl").write_text("\n".join(cases), encoding="utf-8")
    arguments = ("eval", "run", "cases.jsonl", "--out", "run")
    done = run_sample(*arguments, "--baseline")
    assert done.code == 0
    assert "rep@10" in done.out
    assert "| ours | Plain llama-index | BM25 alone |" in done.out
    for folder in ("run", "run/baselines/plain", "run/baselines/bm25"):
        names = {file.name for file in (tmp_path / folder).iterdir()}
        assert names >= {"outcomes.jsonl", "run.json", "summary.json", "table.md"}
    compared = run("eval", "compare", "run", "run")
    assert compared.code == 0
    assert "No difference: every score is the same in all 2 cases." in compared.out
    assert run("eval", "compare", "run", "run", "--json").json["verdict"] == "no difference"
