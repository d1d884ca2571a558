"""The page of results: what was measured stands between its marks, what was not is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from runs import case, outcome, save

from eval.cases import case_to_dict
from eval.results import write
from rag.errors import InputError

PAGE = "# Results\n\nBefore.\n" + "".join(
    f"\n<!-- measured: {name} -->\nthe old {name}\n<!-- end of {name} -->\n\nAfter {name}.\n"
    for name in ("questions", "check", "surveys", "speed")
)
TOPICS = {"a": {"says_r": 0.5, "inside": 1.0}, "b": {"says_r": 1.0, "inside": 0.0}}
TOPICS |= {"mean": {"says_r": 0.75, "inside": 0.5}}
STRUCK = {"mean": 0.004, "low": 0.0, "high": 0.014, "n": 233}
BENCH = f"reports, 2 cores\n{'ingest':55s}     2.500 s\n{'  of it CPU time':55s}     3.000 s\n"


@pytest.fixture
def measured(tmp_path: Path) -> tuple[Path, Path, Path]:
    folder, page, cases = tmp_path / "results", tmp_path / "page.md", tmp_path / "few_cases.jsonl"
    for name, found in {"": 1.0, "plain": 0.0, "plain-512": 0.5, "plain-256": 0.25}.items():
        out = folder / "run" / ("baselines" if name else "") / name
        save(out, outcome(case("c1"), facts=found, refused=0.0), outcome(case("other"), facts=0.0))
    (folder / "info.json").write_text('{"reports": 2189, "passages": 24485}', "utf-8")
    (folder / "bench.txt").write_text(BENCH, "utf-8")
    cases.write_text(json.dumps(case_to_dict(case("c1"))), "utf-8")
    page.write_text(PAGE, "utf-8")
    return folder, page, cases


def test_tables_replace_what_stood_between_the_marks(measured: Any) -> None:
    folder, page, cases = measured
    survey = {"topics": TOPICS, "ece": 0.01, "ece_from_0.1": 0.05}
    (folder / "survey.json").write_text(json.dumps(survey), "utf-8")
    (folder / "verify.json").write_text(json.dumps({"check": "facts", "right_struck": STRUCK}))
    write(folder, page, [cases])
    text = page.read_text("utf-8")
    assert "**few\\_cases.jsonl**: 1 asked, 0 failed." in text
    sides = "1.00 [1.00, 1.00] | 0.00 [0.00, 0.00] | 0.50 [0.50, 0.50] (512) | - |"
    assert f"| One report | 1 | Facts told | {sides}" in text
    assert "| Mentions found | 2 | 0.75 [0.50, 1.00] | 0.50; 1.00 |" in text
    assert "| Right sentences struck | 233 | 0.004 [0.000, 0.014] |" in text
    assert "| ingest | 2.500 s |\n| of it CPU time | 3.000 s |" in text
    assert text.count("2,189 reports, 24,485 passages") == 3
    assert text.count(" cores, ") == text.count(", Python 3.") == 4
    assert "the old" not in text
    assert [line for line in text.splitlines() if "After" in line or "<!--" in line] == [
        line for line in PAGE.splitlines() if "After" in line or "<!--" in line
    ]
    write(folder, page, [cases])
    assert page.read_text("utf-8") == text


def test_what_was_not_measured_is_said(measured: Any) -> None:
    folder, page, _ = measured
    write(folder, page, [])
    text = page.read_text("utf-8")
    assert "was given no questions to these reports (`CASES=FILES`)" in text
    assert "was given no graded topics (`GRADED=FILE`)" in text
    assert "was given no labelled replies (`REPLIES=FILE`)" in text
    page.write_text("# Results\n", "utf-8")
    with pytest.raises(InputError, match="no lines <!-- measured: questions -->"):
        write(folder, page, [])
