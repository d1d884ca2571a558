"""The contract of the command line: keys and types, streams, exit codes, one-sentence errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from command_line import Done, outside
from contract import PASSAGE, has, is_answer

from rag.export.formats import FORMATS
from tests.conftest import SAMPLE

pytest_plugins = ("command_line",)

QUESTION = "What did the labs learn about mobile money?"
COMMANDS = (
    ("ingest",),
    ("ask",),
    ("batch",),
    ("search",),
    ("serve",),
    ("eval",),
    ("eval", "run"),
    ("eval", "compare"),
    ("eval", "feedback"),
    ("export",),
    ("info",),
)


def test_every_command_has_help(run: Any) -> None:
    overview = run("--help").out
    for command in COMMANDS:
        done = run(*command, "--help")
        assert done.code == 0
        assert "Usage: asklabs" in done.out
        assert len(done.out.split()) > 20
        assert command[0] in overview
    assert run("--version").out.strip().count(".") == 2


def test_ask_json_keeps_the_contract(run: Any, sample_index: Path) -> None:
    done = run("ask", QUESTION, "--index", sample_index, "--json")
    assert done.code == 0
    assert done.out.count("\n") == 1
    is_answer(done.json)
    assert done.json["question"] == QUESTION
    assert len(done.json["passages"]) >= 20
    assert done.json["citations"]


def test_ask_passes_every_filter(run: Any, sample_index: Path) -> None:
    given = ("--country", "Fiji", "--country", "Lesotho", "--year", "2023", "--type",
             "learningplan",
             "--kind", "plan", "--sdg", "14", "--method", "Pilots", "--theme", "x",
             "--datasource", "y", "--language", "fr")  # fmt: skip
    done = run("ask", "What?", "--index", sample_index, "--json", *given)
    assert done.json["coverage"]["filters"] == {
        "country": ["Fiji", "Lesotho"], "year": [2023], "type": ["learningplan"],
        "kind": ["plan"], "method": ["Pilots"], "datasource": ["y"], "sdg": ["14"], "theme": ["x"],
        "language": ["fr"],
    }  # fmt: skip
    narrowed = run("ask", "Who dries seaweed?", "--index", sample_index, "--json",
                   "--country", "Fiji").json  # fmt: skip
    assert {p["report"] for p in narrowed["passages"]} == {"_seaweed_is"}


def test_ask_ignores_values_of_the_question(run: Any, sample_index: Path) -> None:
    question = "Which plans of 2023 are tagged with SDG 14?"
    given = ("--index", sample_index, "--json", "--ignore", "sdg=14", "--ignore", "year")
    done = run("ask", question, *given)
    is_answer(done.json)
    assert done.json["coverage"]["filters"] == {"type": ["learningplan"]}
    assert done.json["detail"]["ignored"] == {"year": [2023], "sdg": ["14. Life below water"]}


def test_ask_prints_the_sources_and_what_was_read(run: Any, sample_index: Path) -> None:
    done = run("ask", QUESTION, "--index", sample_index)
    assert done.code == 0
    assert re.search(r"\n\n\[\d+\] \w", done.out)
    assert re.search(r"\n    “[^”]+”\n", done.out)
    assert "passages from" in done.err
    assert "Answered by: extractive" in done.err


def test_search_json_keeps_the_contract(run: Any, sample_index: Path) -> None:
    done = run("search", QUESTION, "-k", "3", "--index", sample_index, "--json")
    assert done.code == 0
    assert set(done.json) == {"question", "passages"}
    assert [p["rank"] for p in done.json["passages"]] == [1, 2, 3]
    for passage in done.json["passages"]:
        has(passage, PASSAGE)
    plain = run("search", QUESTION, "-k", "3", "--index", sample_index)
    assert all(p["report"] in plain.out for p in done.json["passages"])


def test_info_json_keeps_the_contract(run: Any, sample_index: Path) -> None:
    done = run("info", "--index", sample_index, "--json")
    assert done.code == 0
    has(
        done.json,
        {
            "reports": int, "passages": int, "labs": int, "years": dict, "kinds": dict,
            "languages": dict, "index": str, "fingerprint": str, "embedding": str,
            "answers": str, "versions": dict,
        },
    )  # fmt: skip
    plain = run("info", "--index", sample_index)
    assert done.json["fingerprint"] in plain.out


def test_ingest_json_keeps_the_contract_and_exit_codes(run: Any, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in ("tide_broom", "_seaweed_is"):
        (reports / f"{name}.md").write_bytes((SAMPLE / f"{name}.md").read_bytes())
    index = tmp_path / "index"

    def ingest(*more: str) -> Done:
        done: Done = run("ingest", reports, "--index", index, "--json", *more)
        has(
            done.json,
            {
                "added": list, "updated": list, "unchanged": list, "deleted": list,
                "skipped": list, "passages": int, "index": str, "dry_run": bool,
            },
        )  # fmt: skip
        return done

    dry = ingest("--dry-run")
    assert (dry.code, dry.json["dry_run"], dry.json["index"]) == (0, True, "")
    first = ingest()
    assert first.code == 0
    assert sorted(first.json["added"]) == ["_seaweed_is", "tide_broom"]
    assert ingest().json["passages"] == 0
    (reports / "bad.md").write_text("no tags here", encoding="utf-8")
    (reports / "tide_broom.md").unlink()
    skipped = ingest("--prune")
    assert skipped.code == 1
    assert skipped.json["deleted"] == ["tide_broom"]
    (one,) = skipped.json["skipped"]
    assert one["path"].endswith("bad.md")
    assert "no lab report" in one["reason"]
    assert "bad.md" in skipped.err
    plain = run("ingest", reports, "--index", index)
    assert plain.code == 1
    assert "0 added, 0 updated, 1 unchanged, 0 moved, 0 deleted, 1 skipped" in plain.out


def test_standard_output_is_empty_if_a_process_fails(tmp_path: Path) -> None:
    missing = outside(("ask", QUESTION, "--json"), tmp_path)
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.startswith("asklabs: There is no index in asklabs-index.")
    assert "Traceback" not in missing.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ask", "What?", "--index", "none"), "There is no index in none"),
        (("ask", "  ", "--index", "INDEX"), "The question is empty"),
        (("ask", "What?", "--ignore", "colour=red", "--index", "INDEX"), "there are country, year"),
        (("search", "What?", "--ignore", "year=x"), "--ignore: year needs a number."),
        (("ask", "What?", "--ignore", "=Peru"), "FIELD=VALUE"),
        (("ingest", "nowhere", "--index", "x"), "nowhere"),
        (("batch", "none.jsonl", "--out", "o", "--index", "INDEX"), "none.jsonl can't be read"),
        (("eval", "compare", "a", "b"), "a"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_error_is_a_sentence_and_code_2(
    run: Any, sample_index: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run(*(str(sample_index) if a == "INDEX" else a for a in arguments))
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("asklabs: ")
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_wrong_usage_is_code_2(run: Any) -> None:
    for arguments in (("ask",), ("nonsense",), ("ask", "What?", "--year", "x")):
        done = run(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "Usage" in done.err


def test_an_unknown_setting_is_named(
    run: Any, monkeypatch: pytest.MonkeyPatch, sample_index: Path
) -> None:
    monkeypatch.setenv("ASKLABS_PASAGES", "3")
    done = run("ask", "What?", "--index", sample_index)
    assert done.code == 2
    assert "Did you mean passages?" in done.err


def test_answers_are_exported(run: Any, sample_index: Path, tmp_path: Path) -> None:
    answer = run("ask", QUESTION, "--index", sample_index, "--json").out
    (tmp_path / "answers.json").write_text(answer, encoding="utf-8")
    done = run("export", "answers.json", "--to", "out.md", "--title", "A brief")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "out.md").read_text(encoding="utf-8").startswith("# A brief\n")
    assert {"md", "docx", "pdf", "html", "json", "csv", "bib", "ris"} <= set(FORMATS)
    wrong = run("export", "answers.json", "--to", "out.xyz")
    assert wrong.code == 2
    assert "md" in wrong.err
    (tmp_path / "answers.json").write_text("{]", encoding="utf-8")
    broken = run("export", "answers.json", "--to", "out.md")
    assert broken.code == 2
    assert "not JSON" in broken.err


def test_eval_runs_and_compares(run: Any, sample_index: Path, tmp_path: Path) -> None:
    cases = (SAMPLE.parent / "cases.jsonl").read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "cases.jsonl").write_text("\n".join(cases), encoding="utf-8")
    done = run("eval", "run", "cases.jsonl", "--out", "run", "--index", sample_index)
    assert done.code == 0
    assert "rep@10" in done.out
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert names >= {"outcomes.jsonl", "summary.json", "table.md", "report.html", "report.md"}
    compared = run("eval", "compare", "run", "run", "--out", "compared.html")
    assert compared.code == 0
    assert "No difference: every score is the same in all 2 cases." in compared.out
    assert "No difference" in (tmp_path / "compared.html").read_text(encoding="utf-8")
    told = run("eval", "compare", "run", "run", "--json")
    assert told.json["verdict"] == "no difference"


def test_eval_runs_the_baselines_too(run: Any, sample_index: Path, tmp_path: Path) -> None:
    cases = (SAMPLE.parent / "cases.jsonl").read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "cases.jsonl").write_text("\n".join(cases), encoding="utf-8")
    asked = ("eval", "run", "cases.jsonl", "--out", "run", "--index", sample_index)
    done = run(*asked, "--baseline")
    assert done.code == 0
    assert "| ours | plain llama-index | BM25 |" in done.out
    for name in ("plain", "bm25"):
        made = {p.name for p in (tmp_path / "run" / "baselines" / name).iterdir()}
        assert made >= {"outcomes.jsonl", "run.json", "summary.json", "report.html"}
    assert run("eval", "compare", "run/baselines/plain", "run").code == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Ours less BM25 alone" in page
    refused = run(*asked, "--judge", "model")
    assert refused.code == 2
    assert "no chat model" in refused.err
