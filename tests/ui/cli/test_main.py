"""The command line as a whole: help, exit codes, errors; the commands about the index, and eval."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from contract import has

from eval.report import SIDES
from rag.catalog.tag_fields import TAGS
from rag.i18n.translations import languages
from rag.index.local import POINTER
from tests.conftest import CASES, SAMPLE, Done
from ui.web.suggestions import FILE

COMMANDS = (
    "ingest", "ask", "batch", "search", "serve", "login", "export", "info", "eval", "eval run",
    "eval survey", "eval compare", "eval verify", "eval feedback",
)  # fmt: skip
ERRORS = {
    "ask What? --index none": "asklabs ingest PATH --index",
    "ingest nowhere --index x": "nowhere",
    "batch none.jsonl --out o --index INDEX": "none.jsonl can't be read",
    "export broken.json": "--verify",
    "export broken.json --to out.md": "not JSON",
    "export broken.json --to out.md --json": "goes with --verify",
    "export empty.json --to out.xyz": "md",
    "export empty.json --verify --index nowhere": "asklabs ingest PATH",
    "survey water --out made.exe --index INDEX": "should end in",
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
    for command in ("ask", "nonsense", "ask What? --year x"):
        done = run(*command.split())
        assert (done.code, done.out) == (2, "")
        assert "Usage" in done.err
    assert "The question is empty" in run_sample("ask", "  ").err
    monkeypatch.setenv("ASKLABS_PASAGES", "3")
    unknown = run_sample("ask", "What?")
    assert (unknown.code, "Did you mean passages?" in unknown.err) == (2, True)


def test_eval_runs_baselines_and_compares(run: Any, run_sample: Any, tmp_path: Path) -> None:
    cases = CASES.read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "cases.jsonl").write_text("\n".join(cases), encoding="utf-8")
    done = run_sample("eval", "run", "cases.jsonl", "--out", "run", "--baseline")
    assert done.code == 0
    assert "rep@10" in done.out
    assert f"| ours | {' | '.join(SIDES.values())} |" in done.out
    names = {file.name for file in (tmp_path / "run").iterdir()}
    assert names >= {"outcomes.jsonl", "run.json", "summary.json", "table.md"}
    compared = run("eval", "compare", "run", "run")
    same = "No difference that can be shown: 2 of 2 cases score the same."
    assert compared.code == 0
    for words in (same, "| +0.000 | [+0.000, +0.000] | 1.000 | 1.000 |"):
        assert words in compared.out
    assert "Got better" not in compared.out
    assert run("eval", "compare", "run", "run", "--json").json["headline"] == same


def test_ingest_keeps_its_contract_and_exit_codes(run: Any, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in ("tide_broom.md", "_seaweed_is.md"):
        shutil.copy(SAMPLE / name, reports)
    index = tmp_path / "index"

    def ingest(*options: str) -> Done:
        done: Done = run("ingest", reports, "--index", index, "--json", *options)
        lists = dict.fromkeys(("added", "updated", "unchanged", "deleted", "skipped"), list)
        has(done.json, {**lists, "passages": int, "index": str, "dry_run": bool})
        return done

    assert ingest("--dry-run").json["index"] == ""
    assert not index.exists()
    first = ingest()
    assert (first.code, sorted(first.json["added"])) == (0, ["_seaweed_is", "tide_broom"])
    # Each stage has a line as it begins.
    for line in ("reading 1", "parsing 1 of 2", "embedding 0 of ", "preparing search"):
        assert f"\n{line}" in f"\n{first.err}", line
    # The page has its examples before it is opened.
    assert set(json.loads((index / FILE).read_bytes())) == set(languages())
    assert ingest().json["passages"] == 0
    (reports / "bad.md").write_text("no tags here", encoding="utf-8")
    (reports / "tide_broom.md").unlink()
    partly = ingest("--prune")
    assert (partly.code, partly.json["deleted"]) == (1, ["tide_broom"])
    (skipped,) = partly.json["skipped"]
    assert skipped["path"].endswith("bad.md")
    assert "Not a lab report" in skipped["reason"]
    assert "bad.md" in partly.err
    plain = run("ingest", reports, "--index", index)
    assert "0 added, 0 updated, 1 unchanged, 0 moved, 0 deleted, 1 skipped" in plain.out
    assert ingest("--rebuild").json["added"] == ["_seaweed_is"]


def test_info_tells_index_and_tags(run_sample: Any, sample_index: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    plain, done = run_sample("info"), run_sample("info", "--json")
    info = done.json
    assert info["fingerprint"] in plain.out
    told = {"keys": {"OPENAI_API_KEY": True}, "settings": {"index": str(sample_index)}}
    told |= {"model": "openai:gpt-4.1-mini", "problem": ""}
    assert info.items() >= told.items()
    assert info["size"] > 100_000
    assert info["made"].endswith("+00:00")
    assert set(info["made_with"]) == {"schema", "parser", "chunker", "embedding"}
    assert "OPENAI_API_KEY yes" in plain.out
    assert "sk-secret" not in done.out + plain.out
    # The tags come with their spellings.
    tags, plain = run_sample("info", "--tags", "--json").json, run_sample("info", "--tags").out
    assert set(tags) == {"country", *TAGS}
    for method in tags["method"]:
        assert method["reports"] > 0
        assert method["name"] in method["variants"]
        assert method["name"] in plain


@pytest.mark.parametrize("broken", [True, False])
def test_info_of_an_unusable_index_shows_the_rest(
    run: Any, sample_index: Path, tmp_path: Path, broken: bool
) -> None:
    index = tmp_path / "index"
    if broken:
        shutil.copytree(sample_index, index)
        (index / POINTER).write_text("nonsense", encoding="utf-8")
    done = run("info", "--index", index, "--json")
    assert done.code == 2
    assert done.json["problem"] in done.err
    assert "asklabs ingest PATH" in done.err
    assert done.json["made_with"] == {}
    assert "reports" not in done.json
    assert done.json["versions"]["gradio"]
    assert (done.json["size"] > 0) is broken
