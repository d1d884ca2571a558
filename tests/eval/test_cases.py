"""Cases: what a file of them may say, and what the messages about a bad one name."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.cases import case_from_json, case_to_dict, load_cases
from rag.errors import InputError
from rag.types import Turn

EVIDENCE = {"report": "beacons", "section": "## Results", "prompt": "", "quote": "12 boats"}
GOOD: dict[str, Any] = {
    "id": "c1", "type": "single", "lang": "en", "question": "How many boats carried a beacon?",
    "answer": "Twelve.", "facts": ["12"], "reports": ["beacons"], "evidence": [EVIDENCE],
}  # fmt: skip


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_line_becomes_a_case_and_a_line_again(tmp_path: Path) -> None:
    history = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Fiji."}]
    row = GOOD | {"type": "followup", "history": history, "alt_reports": ["beacons_2"]}
    # With a byte order mark and a line's end of Windows.
    (case,) = load_cases(write(tmp_path / "cases.jsonl", f"\ufeff{json.dumps(row)}\r", ""))
    assert (case.id, case.type, case.facts) == ("c1", "followup", ("12",))
    assert case.evidence[0].quote == "12 boats"
    assert case.history == (Turn("user", "Who?"), Turn("assistant", "Fiji."))
    assert (case.gold, case.accepted) == ({"beacons"}, {"beacons", "beacons_2"})
    assert case_from_json(json.dumps(case_to_dict(case))) == case
    # Of natural questions only what is scored is kept.
    row = GOOD | {"kind": "tags", "half": "dev", "how": "counted", "evidence": "12", "count": 0}
    del row["type"], row["reports"]
    case = case_from_json(json.dumps(row))
    assert (case.group, case.reports, case.expected_values) == ("tags", (), (0,))
    assert case_from_json(json.dumps(case_to_dict(case))) == case


def test_a_bad_field_is_named_by_line(tmp_path: Path) -> None:
    for changes, named in (
        ({"type": "sngle"}, "type: Input should be 'single'"),
        ({"lang": "English"}, "lang: "),
        ({"facts": ["12", ""]}, "facts.1: "),
        ({"type": "tags", "reports": []}, "Name the gold reports of this tags case"),
        ({"points": [{"report": "beacons"}]}, "points.0.quote: Field required"),
        ({"reports": []}, "Name the gold reports of this single case"),
        ({"evidence": [{"report": "other", "quote": "x"}]}, "in neither"),
        ({"type": "followup"}, '"history" is empty'),
        ({"type": "unanswerable"}, "Empty them, or change the type"),
        ({"alt_report": []}, "alt_report: Unexpected"),
        ({"id": "c1"}, "'c1' stands in a line before it"),
    ):
        path = write(tmp_path / "cases.jsonl", GOOD, "", GOOD | {"id": "c2"} | changes)
        with pytest.raises(InputError) as caught:
            load_cases(path)
        assert str(caught.value).startswith(f"{path}, line 3: ")
        assert named in str(caught.value)
    # So is a file without a case.
    for line in ("[1]", '{"id": ', "", json.dumps(GOOD | {"draft": True})):
        with pytest.raises(InputError, match=r"cases\.jsonl(, line 1)?: "):
            load_cases(write(tmp_path / "cases.jsonl", line))
