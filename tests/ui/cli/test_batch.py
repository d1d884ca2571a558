"""Batches: in order, resumable; bad lines are named, other files refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contract import is_answer

from rag.engine import Engine
from rag.errors import InputError, ModelError
from rag.i18n.notices import text_notice
from ui.cli.ask import run_batch

QUESTIONS = [
    {"id": "a", "question": "What did the labs learn about mobile money?"},
    {"id": "b", "question": "Who dries seaweed?", "filters": {"country": "Fiji"}},
    {
        "id": "c",
        "question": "What got in the way?",
        "history": [{"role": "user", "content": "What did Namibia do with solar pumps?"}],
        "type": "ignored",
    },
]
FIRST, SECOND, _ = map(json.dumps, QUESTIONS)
MALFORMED = {
    "{": "not JSON",
    '{"id": "x", "question": 3}': 'no text under "question"',
    '{"id": "x", "question": "What?", "history": [3]}': '"history" needs',
    '{"id": "x", "question": "What?", "filters": {"land": "Fiji"}}': "no filter 'land'",
    '{"id": "x", "question": "What?", "filters": {"year": "soon"}}': "year needs a number",
    FIRST: "the id 'a' is taken",
}


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, QUESTIONS)) + "\n", encoding="utf-8")
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def row(question_id: str) -> str:
    return f'{{"id":"{question_id}","answer":"Yes."}}\n'


def test_each_question_has_its_answer_in_order(
    sample_engine: Engine, asked: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "answers.jsonl"
    steps: list[tuple[int, int, int]] = []
    done = run_batch(
        sample_engine, asked, out, lambda _, n, of: steps.append((n, of, len(lines(out))))
    )
    assert (done.answered, done.answered_before, done.failures) == (3, 0, [])
    # Each answer is written before the next question is asked.
    assert steps == [(1, 3, 1), (2, 3, 2), (3, 3, 3)]
    answers = lines(out)
    for answer in answers:
        is_answer(answer)
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert answers[1]["coverage"]["filters"] == {"country": ["Fiji"]}
    assert "solar pumps" in answers[2]["standalone"]
    before = out.read_bytes()
    assert run_batch(sample_engine, asked, out).answered == 0
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("answered", "cut"),
    [("", '{"i'), ("ab", '{"id":"c","quest'), ("abc", '{"id":"d","answer":""}')],
)
def test_an_interrupted_batch_goes_on(
    sample_engine: Engine, asked: Path, tmp_path: Path, answered: str, cut: str
) -> None:
    out = tmp_path / "answers.jsonl"
    before = "".join(map(row, answered))
    out.write_text(before + cut, encoding="utf-8")
    done = run_batch(sample_engine, asked, out)
    assert (done.answered, done.answered_before) == (3 - len(answered), len(answered))
    assert [answer["id"] for answer in lines(out)] == ["a", "b", "c"]
    assert out.read_text(encoding="utf-8").startswith(before)


@pytest.mark.parametrize(
    "content", [row("z"), row("a") + row("c"), row("a") * 2, "# Notes\n", "[1]\n", row("a") + "{\n"]
)
def test_other_files_are_not_overwritten(
    sample_engine: Engine, asked: Path, tmp_path: Path, content: str
) -> None:
    out = tmp_path / "answers.jsonl"
    out.write_text(content, encoding="utf-8")
    before = asked.read_bytes()
    for other in (out, asked, tmp_path):
        with pytest.raises(InputError, match="Name another --out"):
            run_batch(sample_engine, asked, other)
    assert out.read_text(encoding="utf-8") == content
    assert asked.read_bytes() == before


def test_malformed_lines_are_named_and_those_around_them_answered(
    sample_engine: Engine, tmp_path: Path
) -> None:
    path, out = tmp_path / "questions.jsonl", tmp_path / "out"
    path.write_text("\n".join([FIRST, "", *MALFORMED, SECOND]), encoding="utf-8-sig")
    done = run_batch(sample_engine, path, out)
    assert [answer["id"] for answer in lines(out)] == ["a", "b"]
    for n, (failure, reason) in enumerate(zip(done.failures, MALFORMED.values(), strict=True), 3):
        assert f"line {n}: " in failure
        assert reason in failure
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        run_batch(sample_engine, path, out)


def test_a_question_that_fails_has_its_line(asked: Path, tmp_path: Path) -> None:
    class Failing:
        def ask(self, _: str, **__: object) -> None:
            raise ModelError(text_notice("The server is down."))

    done = run_batch(Failing(), asked, tmp_path / "out")  # type: ignore[arg-type]
    assert len(done.failures) == 3
    assert lines(tmp_path / "out")[0] == {**QUESTIONS[0], "error": "The server is down."}
