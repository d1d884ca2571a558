"""A run asks every case and records errors instead of stopping; the gate of the sample."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from fake_engine import FakeEngine, answer
from passages import passage, report
from runs import numbered, save

from eval.cases import CASE_TYPES, Case, Evidence
from eval.report import PROMISED, below_floors, write_report
from eval.run import load_outcomes, load_record, run_cases
from rag.answer.pipeline import AnswerStream
from rag.errors import InputError
from rag.index.interface import StoredReport
from rag.settings import Settings
from rag.types import Citation, Coverage, Hit, Turn
from tests.conftest import CASES

FLOORS = CASES.with_name("floors.json")
BOATS = passage("In Fiji 12 boats carried a beacon.", report("boats", "Fiji", "FJ"))


def echo(**given: Any) -> FakeEngine:
    """An engine that answers everything with the one sentence that it knows."""
    known = {
        "text": "In Fiji 12 boats carried a beacon [1].",
        "citations": (Citation(1, BOATS, "12 boats carried a beacon"),),
        "hits": (Hit(BOATS, 1.0),),
        "coverage": Coverage("answer", ("boats",)),
    }
    stored = {"boats": StoredReport(BOATS.report, f"# Boats\n\n{BOATS.text}\n")}
    return FakeEngine(lambda asked: answer(asked, **known), report=stored.__getitem__, **given)


def case(name: str, question: str = "How many boats?", **more: object) -> Case:
    evidence = (Evidence("boats", "12 boats"),)
    return Case(name, "single", "en", question, ("boats",), evidence, ("12",), **more)  # type: ignore[arg-type]


def names(out: Path) -> list[str]:
    return [outcome.case.id for outcome in load_outcomes(out)]


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[AnswerStream]:
    seen: list[AnswerStream] = []
    monkeypatch.setattr(AnswerStream, "close", lambda stream: seen.append(stream))
    return seen


def test_each_case_is_asked_with_its_history_and_an_error_is_its_outcome(
    tmp_path: Path, closed: list[AnswerStream]
) -> None:
    engine, steps = echo(), []
    history = (Turn("user", "Which lab?"), Turn("assistant", "Fiji."))
    cases = [case("c1", "fail"), case("c2", history=history)]
    run_cases(engine, cases, tmp_path, lambda *step: steps.append(step))
    failed, good = load_outcomes(tmp_path)
    assert [asked[:2] for asked in engine.asked] == [("fail", ()), ("How many boats?", history)]
    assert steps == [("asking", 1, 2), ("asking", 2, 2)]
    assert failed.error.startswith("ModelError: The model's server does not answer. Start it")
    assert (failed.answer, failed.scores) == (None, {})
    assert {m: v for m, v in good.scores.items() if v != 1.0} == {"refused": 0.0}
    assert [failed.case, good.case] == cases
    assert engine.streams == closed


def test_an_interrupted_run_keeps_what_it_has(tmp_path: Path, closed: list[AnswerStream]) -> None:
    engine = echo()

    def progress(*_: object) -> None:
        engine.gate = Mock(wait=Mock(side_effect=KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        run_cases(engine, [case("c1"), case("c2"), case("c3")], tmp_path, progress)
    assert (names(tmp_path), load_record(tmp_path)["cases"]) == (["c1"], 3)
    assert len(closed) == 2
    # A last line cut short is left out.
    with (tmp_path / "outcomes.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "c2", "err')
    assert names(tmp_path) == ["c1"]


def test_the_record_tells_how_to_repeat_the_run_but_no_secret(tmp_path: Path) -> None:
    given = {"openai_base_url": "http://me:word@localhost:1/v1?token=hidden#part"}
    settings = Settings(model="openai:small", openai_api_key="sk-secret", **given)
    run_cases(echo(settings=settings), [case("c1")], tmp_path)
    text, record = (tmp_path / "run.json").read_text(encoding="utf-8"), load_record(tmp_path)
    assert not any(secret in text for secret in ("sk-secret", "word", "hidden"))
    assert record["settings"]["openai_base_url"] == "http://***@localhost:1/v1"
    assert record["model"] == "openai:small"
    assert {"python", "chromadb"} <= set(record["versions"])


@pytest.mark.quality
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_sample_holds_its_floors(sample_engine: Any, sample_cases: Any, tmp_path: Path) -> None:
    assert {case.group for case in sample_cases} == {*CASE_TYPES, "crosslingual"} - {"survey"}
    run_cases(sample_engine, sample_cases, tmp_path)
    outcomes = load_outcomes(tmp_path)
    assert [outcome.case for outcome in outcomes] == list(sample_cases)
    assert {o.case.id: o.error for o in outcomes if o.error} == {}
    assert json.loads(FLOORS.read_bytes())[PROMISED] == 1.0
    found = below_floors(tmp_path, FLOORS)
    assert not found, "\n".join([*found, "", write_report(tmp_path)])


def test_a_run_is_held_to_floors_and_renews_them(tmp_path: Path) -> None:
    out, path = save(tmp_path / "run", *numbered(20, facts=0.8)), tmp_path / "floors.json"
    path.write_text('{"all quote_ok": 1.0, "all facts": 0.85}', encoding="utf-8")
    low = "all facts: 0.800 (n=20) is below 0.85"
    assert below_floors(out, path) == ["all quote_ok: not measured", low]
    assert below_floors(out, path, renew=True) == []
    # One case of twenty below the interval, which has no width.
    assert json.loads(path.read_bytes()) == {"all quote_ok": 1.0, "all facts": 0.75}
    path.write_text('{"all": "high"}', encoding="utf-8")
    with pytest.raises(InputError, match="no floors, such as"):
        below_floors(out, path)
