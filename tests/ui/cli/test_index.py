"""The commands that look at reports and the index: audit, rebuild, tags, families."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import SAMPLE

pytest_plugins = ("command_line",)


def test_the_audit_counts_and_writes_nothing(run: Any, tmp_path: Path) -> None:
    result = run("ingest", SAMPLE, "--audit", "--json")
    assert result.code == 0
    assert result.json["answer_share"] >= 0.998
    assert {"form text", "question", "tag"} <= set(result.json["left_out"])
    assert all(check["pieces"] == 0 for check in result.json["checks"].values())
    assert result.json["reports"] == 32
    assert list(tmp_path.iterdir()) == []
    plain = run("ingest", SAMPLE, "--audit")
    assert "of 32 reports" in plain.out or "32 reports" in plain.out
    assert "Left out:" in plain.out


def test_the_audit_names_unreadable_files(run: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"\xff\x00")
    done = run("ingest", SAMPLE, tmp_path / "bad.md", "--audit", "--json")
    assert (done.code, done.json["reports"]) == (1, 32)
    assert "bad.md" in done.err


def test_rebuild_replaces_an_index_of_another_version(run: Any, tmp_path: Path) -> None:
    reports, index = tmp_path / "reports", tmp_path / "index"
    reports.mkdir()
    (reports / "tide.md").write_bytes((SAMPLE / "tide_broom.md").read_bytes())
    index.mkdir()
    (index / "chroma.sqlite3").write_bytes(b"of an older kind")
    refused = run("ingest", reports, "--index", index)
    assert refused.code == 2
    assert "--rebuild" in refused.err
    assert run("ingest", reports, "--index", index, "--rebuild", "--json").json["added"] == ["tide"]
    assert run("ingest", reports, "--index", index, "--json").json["unchanged"] == ["tide"]
    none = tmp_path / "none"
    none.mkdir()
    refused = run("ingest", none, "--index", index, "--rebuild")
    assert (refused.code, "no readable report" in refused.err) == (2, True)
    assert run("info", "--index", index, "--json").json["reports"] == 1


def test_tags_are_listed_with_their_spellings(run: Any, sample_index: Path) -> None:
    result = run("info", "--tags", "--index", sample_index, "--json").json
    assert set(result) == {"country", "method", "datasource", "sdg", "theme"}
    methods = {value["name"]: value for value in result["method"]}
    assert all(value["reports"] > 0 for value in methods.values())
    assert all(name in value["variants"] for name, value in methods.items())
    plain = run("info", "--tags", "--index", sample_index).out
    assert all(name in plain for name in methods)


def test_families_are_listed_with_their_reports(run: Any, sample_index: Path) -> None:
    result = run("info", "--families", "--index", sample_index, "--json").json
    assert result["count"] == len(result["families"]) > 0
    for family in result["families"]:
        assert len(family) > 1
    plain = run("info", "--families", "--index", sample_index).out
    assert f"{result['count']} families" in plain
    assert result["families"][0][0]["report"] in plain
