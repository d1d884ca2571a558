"""Asking, searching and exporting: the JSON contract, what is printed, quotes checked later."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from contract import PASSAGE, has, is_answer

from ingest.sync import sync
from rag.engine import open_engine
from rag.export.answer_json import answer_to_dict
from rag.settings import Settings

pytest_plugins = ("command_line",)

QUESTION = "What did the labs learn about mobile money?"
ORCHARDS = """# Quince orchards

[[country:Peru]]
[[year:2025]]
[[type:experiment]]

## Learnings

> What did you learn?

Twelve families keep quince orchards above the river, ask for them on +51 912 345 678 any day.
"""


def test_ask_prints_an_answer_with_its_sources(run_sample: Any) -> None:
    done = run_sample("ask", QUESTION, "--json")
    assert (done.code, done.out.count("\n")) == (0, 1)
    is_answer(done.json)
    assert done.json["question"] == QUESTION
    assert len(done.json["passages"]) >= 20
    assert done.json["citations"]
    plain = run_sample("ask", QUESTION)
    assert plain.code == 0
    assert re.search(r"\n\n\[\d+\] \w", plain.out)
    assert re.search(r"\n    “[^”]+”\n", plain.out)
    assert "passages from" in plain.err
    assert "Answered by: extractive" in plain.err


def test_filters_narrow_a_question_and_some_of_its_own_are_ignored(run_sample: Any) -> None:
    options = ("--country", "Fiji", "--country", "Lesotho", "--year", "2023", "--type",
               "learningplan", "--kind", "plan", "--sdg", "14", "--method", "Pilots",
               "--theme", "x", "--datasource", "y", "--language", "fr")  # fmt: skip
    assert run_sample("ask", "What?", "--json", *options).json["coverage"]["filters"] == {
        "country": ["Fiji", "Lesotho"], "year": [2023], "type": ["learningplan"],
        "kind": ["plan"], "method": ["Pilots"], "datasource": ["y"], "sdg": ["14"], "theme": ["x"],
        "language": ["fr"],
    }  # fmt: skip
    narrowed = run_sample("ask", "Who dries seaweed?", "--json", "--country", "Fiji").json
    assert {passage["report"] for passage in narrowed["passages"]} == {"_seaweed_is"}
    question = "Which plans of 2023 are tagged with SDG 14?"
    ignored = run_sample("ask", question, "--json", "--ignore", "sdg=14", "--ignore", "year").json
    assert ignored["coverage"]["filters"] == {"type": ["learningplan"]}
    assert ignored["detail"]["ignored"] == {"year": [2023], "sdg": ["14. Life below water"]}


def test_search_lists_passages(run_sample: Any) -> None:
    done = run_sample("search", QUESTION, "-k", "3", "--json")
    assert done.code == 0
    assert set(done.json) == {"question", "passages"}
    assert [passage["rank"] for passage in done.json["passages"]] == [1, 2, 3]
    plain = run_sample("search", QUESTION, "-k", "3").out
    for passage in done.json["passages"]:
        has(passage, PASSAGE)
        assert passage["report"] in plain


def test_answers_are_exported_and_checked_at_once(
    run: Any, run_sample: Any, tmp_path: Path
) -> None:
    answer = run_sample("ask", QUESTION, "--json").out
    (tmp_path / "answers.json").write_text(answer, encoding="utf-8")
    done = run("export", "answers.json", "--to", "out.md", "--title", "A brief")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "out.md").read_text(encoding="utf-8").startswith("# A brief\n")
    assert run_sample("export", "answers.json", "--to", "a.CSL.json", "--verify").code == 0
    assert json.loads((tmp_path / "a.CSL.json").read_bytes())[0]["type"] == "report"


def test_a_saved_answer_is_checked_against_the_index_of_today(run: Any, tmp_path: Path) -> None:
    file, index = tmp_path / "reports" / "quince.md", tmp_path / "index"
    file.parent.mkdir()
    (file.parent / "other.md").write_text(ORCHARDS.replace("uince", "pple"), encoding="utf-8")
    # A phone number that was not masked stands in the report, whatever is masked today.
    settings = Settings(index=index, mask_contacts=False)
    verify = ("export", "saved.json", "--verify", "--index", index)

    def rewrite(text: str) -> None:
        file.write_text(text, encoding="utf-8")
        sync([file.parent], settings)

    rewrite(ORCHARDS)
    answer = open_engine(settings).ask("Who keeps quince orchards above the river?").answer
    assert answer.citations[0].quote.endswith("any day.")
    saved = answer_to_dict(answer)
    (tmp_path / "saved.json").write_text(json.dumps(saved), encoding="utf-8")
    same = run(*verify)
    assert (same.code, same.err) == (0, "")
    assert "the index is the same" in same.out
    result = run(*verify, "--json").json
    (checked,) = result["answers"]
    assert result["holds"]
    assert checked["same_index"]
    assert checked["index"] == result["index"] == saved["index"]
    for quote in checked["quotes"]:
        assert quote["state"] == "stands"
        if quote["report"] == "quince":
            assert ORCHARDS[slice(*quote["span"])] == quote["quote"]

    rewrite(ORCHARDS.replace("## Learnings", "More.\n\n## Learnings"))
    moved = run(*verify)
    assert moved.code == 0
    assert "the index has changed since" in moved.out

    rewrite(ORCHARDS.replace("Twelve families", "Nobody"))
    changed = run(*verify)
    assert changed.code == 1
    assert "The report has changed and has this no more: “Twelve families" in changed.out

    file.unlink()
    sync([file.parent], settings, prune=True)
    gone = run(*verify, "--json")
    assert gone.code == 1
    states = {quote["report"]: quote["state"] for quote in gone.json["answers"][0]["quotes"]}
    assert states["quince"] == "gone"
