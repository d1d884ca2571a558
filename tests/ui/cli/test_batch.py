"""Batches: in order, resumable; bad lines are named, other files refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contract import is_answer

from rag.catalog.fields import Filters
from rag.engine import Engine
from rag.errors import InputError, ModelError
from rag.i18n.notices import text_notice
from rag.types import Turn
from ui.cli.batch import question_from_json, run_batch
from ui.cli.options import parse_filters

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


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, QUESTIONS)) + "\n", encoding="utf-8")
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


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
    assert [a["id"] for a in answers] == ["a", "b", "c"]
    assert answers[1]["coverage"]["filters"] == {"country": ["Fiji"]}
    assert "solar pumps" in answers[2]["standalone"]


@pytest.mark.parametrize("answered", [0, 2, 3])
@pytest.mark.parametrize("rest", ["", '{"id":"b","question":"Wh', '{"i', '{"id":"b","answer":""}'])
def test_an_interrupted_batch_goes_on(
    sample_engine: Engine, asked: Path, tmp_path: Path, answered: int, rest: str
) -> None:
    out = tmp_path / "answers.jsonl"
    before = [
        json.dumps({"id": question["id"], "answer": "", "mine": n})
        for n, question in enumerate(QUESTIONS[:answered])
    ]
    out.write_text("".join(f"{line}\n" for line in before) + rest, encoding="utf-8")
    done = run_batch(sample_engine, asked, out)
    assert (done.answered, done.answered_before) == (3 - answered, answered)
    answers = lines(out)
    assert [a["id"] for a in answers] == ["a", "b", "c"]
    assert [a.get("mine") for a in answers[:answered]] == list(range(answered))


def test_a_finished_batch_is_left_as_it_is(
    sample_engine: Engine, asked: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    run_batch(sample_engine, asked, out)
    before = out.read_bytes()
    assert run_batch(sample_engine, asked, out).answered == 0
    assert out.read_bytes() == before


def row(question_id: str) -> str:
    return f'{{"id":"{question_id}","answer":"Yes."}}\n'


@pytest.mark.parametrize(
    "content",
    [row("z"), row("a") + row("c"), row("a") * 2, "# Notes\n", "[1]\n", "{}", row("a") + "{\n"],
)
def test_other_files_are_not_overwritten(
    sample_engine: Engine, asked: Path, tmp_path: Path, content: str
) -> None:
    out = tmp_path / "answers.jsonl"
    out.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="Name another --out"):
        run_batch(sample_engine, asked, out)
    assert out.read_text(encoding="utf-8") == content


def test_the_questions_and_folders_are_no_files_for_answers(
    sample_engine: Engine, asked: Path, tmp_path: Path
) -> None:
    before = asked.read_bytes()
    with pytest.raises(InputError, match="Name another --out"):
        run_batch(sample_engine, asked, asked)
    assert asked.read_bytes() == before
    with pytest.raises(InputError, match=r"can't be written.*Name another --out"):
        run_batch(sample_engine, asked, tmp_path)


def test_question_files_of_other_encodings(sample_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        run_batch(sample_engine, path, tmp_path / "out")
    path.write_text(json.dumps(QUESTIONS[1]), encoding="utf-8-sig")
    done = run_batch(sample_engine, path, tmp_path / "out")
    assert (done.answered, done.failures) == (1, [])


MALFORMED = {
    "{": "not JSON",
    '{"id": "x", "question": 3}': 'no text under "question"',
    '{"id": "x", "question": " "}': "empty",
    '{"id": "x", "question": "What?", "history": [3]}': '"history" needs',
    '{"id": "x", "question": "What?", "history": [{"role": "user"}]}': '"history" needs',
    '{"id": "x", "question": "?", "history": [{"role": "x", "content": ""}]}': '"history" needs',
    '{"id": "x", "question": "What?", "filters": {"land": "Fiji"}}': "no filter 'land'",
    '{"id": "x", "question": "What?", "filters": {"year": "soon"}}': "year needs a number",
    '{"id": "x", "question": "What?", "filters": ["Fiji"]}': "needs an object",
}


def test_a_malformed_line_is_named() -> None:
    for line, problem in MALFORMED.items():
        with pytest.raises(InputError, match=problem):
            question_from_json(line)


def test_the_lines_around_a_malformed_one_are_answered(
    sample_engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(
        f'{json.dumps(QUESTIONS[0])}\n{{"id": \n\n{json.dumps(QUESTIONS[1])}\n'
        f"{json.dumps(QUESTIONS[0])}\n",
        encoding="utf-8",
    )
    done = run_batch(sample_engine, path, tmp_path / "out")
    assert [a["id"] for a in lines(tmp_path / "out")] == ["a", "b"]
    first, second = done.failures
    assert "line 2: not JSON" in first
    assert "line 5: the id 'a' is taken" in second


def test_a_question_that_fails_has_its_line(asked: Path, tmp_path: Path) -> None:
    class Failing:
        def ask(self, question: str, **_: object) -> None:
            raise ModelError(text_notice(f"The server is down for {question[:4]}."))

    done = run_batch(Failing(), asked, tmp_path / "out")  # type: ignore[arg-type]
    assert len(done.failures) == 3
    assert lines(tmp_path / "out")[0] == {
        "id": "a",
        "question": QUESTIONS[0]["question"],
        "error": "The server is down for What.",
    }


def test_a_question_line_holds_history_and_filters() -> None:
    line = question_from_json(
        '{"id": 7, "question": "What?", "history": [{"role": "user", "content": "Hi"}],'
        ' "filters": {"country": ["Fiji", "Peru"], "year": 2023}}'
    )
    assert line.id == "7"
    assert line.history == (Turn("user", "Hi"),)
    assert line.filters == Filters(country=("Fiji", "Peru"), year=(2023,))
    assert parse_filters({"year": ["2023"]}) == Filters(year=(2023,))
