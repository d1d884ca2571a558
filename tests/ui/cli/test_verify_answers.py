"""Saved answers checked against the reports of a later day by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingest.sync import sync
from rag.engine import open_engine
from rag.export.answer_json import answer_to_dict
from rag.settings import Settings

pytest_plugins = ("command_line",)

ORCHARDS = """# Quince orchards

[[country:Peru]]
[[year:2025]]
[[type:experiment]]

## Learnings

> What did you learn?

Twelve families keep quince orchards above the river, ask for them on +51 912 345 678 any day.
"""
QUESTION = "Who keeps quince orchards above the river?"


def test_a_saved_answer_is_checked_against_the_index_of_today(run: Any, tmp_path: Path) -> None:
    file, index = tmp_path / "reports" / "quince.md", tmp_path / "index"
    file.parent.mkdir()
    file.write_text(ORCHARDS, encoding="utf-8")
    (file.parent / "other.md").write_text(ORCHARDS.replace("uince", "pple"), encoding="utf-8")
    # A phone number that was not masked stands in the report, whatever is masked today.
    shown = Settings(index=index, mask_contacts=False)
    sync([file.parent], shown)
    saved = open_engine(shown).ask(QUESTION).answer
    assert saved.citations[0].quote.endswith("any day.")
    asked = answer_to_dict(saved)
    (tmp_path / "saved.json").write_text(json.dumps(asked), encoding="utf-8")
    verify = ("export", "saved.json", "--verify", "--index", index)

    same = run(*verify)
    assert (same.code, same.err) == (0, "")
    assert QUESTION in same.out
    assert "the index is the same" in same.out
    told = run(*verify, "--json").json
    assert told["holds"]
    (checked,) = told["answers"]
    assert checked["same_index"]
    assert checked["index"] == told["index"] == asked["index"]
    assert {one["state"] for one in checked["quotes"]} == {"stands"}
    text = file.read_text(encoding="utf-8")
    for one in checked["quotes"]:
        if one["report"] == "quince":
            assert text[slice(*one["span"])] == one["quote"]

    file.write_text(ORCHARDS.replace("## Learnings", "More.\n\n## Learnings"), encoding="utf-8")
    sync([file.parent], shown)
    moved = run(*verify)
    assert moved.code == 0
    assert "the index has changed since" in moved.out

    file.write_text(ORCHARDS.replace("Twelve families", "Nobody"), encoding="utf-8")
    sync([file.parent], shown)
    changed = run(*verify)
    assert changed.code == 1
    assert "The report has changed and has this no more: “Twelve families" in changed.out

    file.unlink()
    sync([file.parent], shown, prune=True)
    gone = run(*verify, "--json")
    assert gone.code == 1
    states = {one["report"]: one["state"] for one in gone.json["answers"][0]["quotes"]}
    assert states["quince"] == "gone"
    assert "not in the index any more: “Twelve families" in run(*verify).out


def test_an_answer_can_be_checked_and_written_at_once(
    run: Any, sample_index: Path, tmp_path: Path
) -> None:
    asked = run("ask", "What did labs learn about mobile money?", "--index", sample_index, "--json")
    (tmp_path / "saved.json").write_text(asked.out, encoding="utf-8")
    both = run(
        "export", "saved.json", "--to", "brief.CSL.json", "--verify", "--index", sample_index
    )
    assert both.code == 0
    assert json.loads((tmp_path / "brief.CSL.json").read_bytes())[0]["type"] == "report"
    assert "--verify" in run("export", "saved.json").err
    assert "goes with --verify" in run("export", "saved.json", "--to", "a.md", "--json").err
    missing = run("export", "saved.json", "--verify", "--index", "nowhere")
    assert (missing.code, missing.out) == (2, "")
    assert "asklabs ingest PATH" in missing.err
