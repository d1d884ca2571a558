"""`asklabs survey` and `asklabs eval survey`: JSON, what is printed, bad input, a judge."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import KEY, Reply, ScriptedServer
from passages import report
from readers import text_of

from rag.catalog.tag_fields import Filters
from rag.survey.types import Survey, SurveyCell, SurveyRow
from ui.rendering import render_text

ROW = {
    "report", "verdict", "score", "about", "quote", "span", "section", "prompt", "stage", "author",
    "title", "country", "year", "kind", "judge", "stance", "cells", "evidence", "finding",
}  # fmt: skip
Run = Callable[..., Any]


def test_json_has_a_row_for_every_report_and_is_checked(run_sample: Run, tmp_path: Path) -> None:
    asked = ("survey", "mobile money", "--columns", "methods")
    done = run_sample(*asked, "--json", "--out", "made.json")
    made = done.json
    assert done.code == 0
    assert {"question", "scope", "counts", "rows"} <= made.keys()
    assert len(made["rows"]) == made["scope"] == 32
    assert all(row.keys() == ROW for row in made["rows"])
    verdicts = [row["verdict"] for row in made["rows"]]
    for verdict in ("about", "mentions", "silent"):
        assert made["counts"][verdict] == verdicts.count(verdict)
    file = tmp_path / "made.json"
    assert json.loads(file.read_bytes()) == made
    done = run_sample("export", "made.json", "--verify")
    assert done.code == 0
    assert "quotes and tags stand; the index is the same" in done.out
    first, second, third, *_ = made["rows"]
    first["quote"], second["report"], third["year"] = "Nobody wrote this.", "nowhere", 1999
    file.write_text(json.dumps(made), encoding="utf-8")
    done = run_sample("export", "made.json", "--verify", "--json")
    assert done.code == 1
    words = [failed["words"] for failed in done.json["failures"]]
    assert words[:2] == ["Nobody wrote this.", ""]
    assert "1999" in words[2]
    refused = run_sample("export", "made.json", "--to", "a.docx")
    assert refused.code == 2
    assert "missing: 'nowhere'). Run `asklabs survey`" in refused.err
    first["score"] = float("nan")
    file.write_text(json.dumps(made), encoding="utf-8")
    for way in (("--verify",), ("--to", "a.csv")):
        refused = run_sample("export", "made.json", *way)
        assert refused.code == 2
        assert "is not JSON" in refused.err


def test_the_survey_is_told_or_the_nearest_reports(run_sample: Run) -> None:
    assert "speak of “mobile money” (between" in run_sample("survey", "mobile money").out
    none = run_sample("survey", "zeppelins", "--fast", "--year", "2023").out
    assert none.startswith("No report speaks of “zeppelins” (11 reports read).")
    assert none.count("silent (0.") == 3
    assert "Evidence" not in none
    one = run_sample("survey", "trade", "--fast", "--country", "Fiji", "--year", "2023").out
    assert "(1 report read)" in one.splitlines()[0]
    done = run_sample("survey", "water", "--fast", "--out", "missing/made.json")
    assert (done.code, done.out) == (2, "")
    assert "can't be written" in done.err


def test_a_written_survey_becomes_the_documents_that_it_would_have_been(
    run_sample: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ("--columns", "Quels obstacles ?", "--columns", "methods")
    command = ("survey", "énergie solaire", "--fast", *columns, "--out")
    endings = ("docx", "xlsx")
    for ending in ("json", *endings):
        run_sample(*command, f"first.{ending}")
    monkeypatch.setattr("rag.engine.open_engine", None)
    for ending in endings:
        done = run_sample("export", "first.json", "--to", f"again.{ending}")
        assert (done.code, done.err) == (0, f"again.{ending}: 32 rows\n")
        first, again = ((tmp_path / f"{n}.{ending}").read_bytes() for n in ("first", "again"))
        assert text_of(again, ending) == text_of(first, ending)
    named = run_sample("export", "first.json", "--to", "again.docx", "--title", "Sun")
    assert (named.code, "Leave out --title" in named.err) == (2, True)
    made = json.loads((tmp_path / "first.json").read_bytes())
    made["rows"][0]["verdict"], made["rows"][0]["judge"] = "mentions", "a model"
    (tmp_path / "first.json").write_text(json.dumps(made), encoding="utf-8")
    run_sample("export", "first.json", "--to", "judged.csv")
    judged = list(csv.DictReader((tmp_path / "judged.csv").open(encoding="utf-8-sig")))
    assert [row["judge"] for row in judged[:2]] == ["a model", "rules"]
    assert judged[0]["verdict"] == "mentions"


def test_long_quotes_and_cells_are_cut_between_words_and_say_so() -> None:
    long = "The nets held well. " * 20
    cells = {"cost": SurveyCell(long)}
    rows = (SurveyRow(report("one"), "about", 0.9, 0.8, quote=long, cells=cells),)
    survey = Survey("nets?", "nets", "en", Filters(), rows, (1, 1))
    told = render_text("survey.txt", survey=survey, rows=rows, nearest=(), said=None, stances=())
    assert "“The nets" in told
    assert "The nets held …”\n" in told
    assert told.count(" …") == 2


def test_graded_topics_are_scored_alone_and_among_cases(run_sample: Run, tmp_path: Path) -> None:
    grades = {"fee_boards_at_the_market_gate": 2, "tide_broom": 1}
    topic = {"topic": "mobile money", "question": "mobile money", "grades": grades}
    (tmp_path / "graded.jsonl").write_text(json.dumps(topic), encoding="utf-8")
    told = run_sample("eval", "survey", "graded.jsonl").out
    assert told.startswith("mobile money: gold=1 gold_any=2 rows=")
    assert "expected calibration error" in told
    scored = run_sample("eval", "survey", "graded.jsonl", "--json").json
    assert scored["topics"]["mean"] == scored["topics"]["mobile money"]
    figures = {"about_r", "says_p", "count_err"}
    assert figures <= scored["topics"]["mean"].keys()
    assert sum(count for _, _, count in scored["bins"]) == 32
    assert 0 < scored["ece"] < scored["ece_from_0.1"] < 1
    done = run_sample("eval", "run", "graded.jsonl", "--out", "run")
    assert done.code == 0
    assert all(name in done.out for name in ("| survey | 1 |", *figures))


def test_a_stopped_survey_goes_on_where_it_stopped(
    run_sample: Run, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("ASKLABS_MODEL", "openai:judge")
    entry = {"report": 1, "verdict": "about", "sentence": 1}
    command = ("survey", "mobile money", "--fast", "--judge", "--out", "made.json")

    def judged() -> list[Any]:
        rows = json.loads((tmp_path / "made.json").read_bytes())["rows"]
        return [row for row in rows if row["judge"] == "judge"]

    server.script(Reply((json.dumps({"reports": [entry]}),)), Reply(status=500))
    first = run_sample(*command)
    assert first.code == 0
    assert "calls: about" in first.err
    (told,) = re.findall("Tokens in all: (.+)", first.err)
    assert "their verdicts are by rules" in first.out
    (row,) = judged()
    server.script(Reply(status=500))
    assert run_sample(*command).code == 0
    assert judged() == [row]
    assert row["title"] not in str(server.chats[0].body)
    # What was spent before counts, and a document tells it.
    assert run_sample("export", "made.json", "--to", "made.docx").code == 0
    assert f"Tokens: {told}" in text_of((tmp_path / "made.docx").read_bytes(), "docx")
    failed = run_sample(*command, "--json")
    assert "their verdicts are by rules" in failed.err
    assert failed.json["notice"] in failed.err
    assert failed.json["notices"][-1]["code"] == "survey_by_rules"
