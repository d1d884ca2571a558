"""`asklabs survey --judge`: what it takes is told before, and a run goes on where it stopped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import KEY, Reply, ScriptedServer

Run = Callable[..., Any]


def test_a_stopped_survey_goes_on_where_it_stopped(
    run_sample: Run, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("ASKLABS_MODEL", "openai:judge")
    entry = {"report": 1, "verdict": "about", "sentence": 1}
    command = ("survey", "mobile money", "--fast", "--judge", "--out", "made.json")
    server.script(Reply((json.dumps({"reports": [entry]}),)), Reply(status=500))
    first = run_sample(*command)
    assert first.code == 0
    assert "calls: about" in first.err
    assert "their verdicts are by rules" in first.out
    rows = json.loads((tmp_path / "made.json").read_bytes())["rows"]
    judged = [row for row in rows if row["judge"] == "judge"]
    assert len(judged) == 1
    server.script(Reply(status=500))
    assert run_sample(*command).code == 0
    rows = json.loads((tmp_path / "made.json").read_bytes())["rows"]
    assert [row for row in rows if row["judge"] == "judge"] == judged
    assert judged[0]["title"] not in str(server.chats[0].body)
