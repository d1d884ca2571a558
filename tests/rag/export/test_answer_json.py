"""Answers as JSON: the contract's keys and types, and reading back what was written."""

import json
from typing import Any

import pytest
from answers import PLAIN, RIGHT_TO_LEFT, answers
from contract import is_answer
from hypothesis import given

from rag.errors import InputError
from rag.export.answer_json import answer_from_dict, answer_to_dict, answers_from_json
from rag.export.formats import export
from rag.types import Answer


def test_json_has_the_keys_and_types_of_the_contract() -> None:
    data = answer_to_dict(PLAIN, "q1")
    is_answer(data)
    assert data["timings"] == {"plan_ms": 1, "retrieve_ms": 50, "answer_ms": 7}
    assert data["tokens"] == {"prompt": 3, "completion": 4}
    assert data["coverage"]["filters"] == {"year": [2023]}
    assert data["citations"][0]["country"] == "Côte d’Ivoire, Perú"
    assert data["id"] == "q1"
    # It is read back as an object and as lines.
    both = (PLAIN, RIGHT_TO_LEFT)
    lines = [json.dumps(answer_to_dict(answer)) for answer in both]
    assert answers_from_json("\n".join(lines).encode()) == both
    assert answers_from_json(lines[0].encode()) == (PLAIN,)


@given(answers())
def test_any_answer_is_read_back_equal(answer: Answer) -> None:
    assert answer_from_dict(json.loads(json.dumps(answer_to_dict(answer, "x")))) == answer
    assert answers_from_json(export([answer], "json")) == (answer,)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("question",), None, "question"),
        (("coverage", "filters"), {"colour": ["red"]}, r"filters\.colour"),
        (("detail", "ignored"), {"year": [True]}, r"ignored\.year\.0"),
        (("passages",), [], "zip"),
        (("detail", "passages", 0, "info"), 9, "out of range"),
        (("detail", "citations", 0), {"passage": 9}, "out of range"),
        (("detail",), [], "wrong kind"),
    ],
)
def test_bad_answers_are_named(path: tuple[str | int, ...], value: object, named: str) -> None:
    data = answer_to_dict(PLAIN)
    inner: Any = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    lines = "\n".join(map(json.dumps, (answer_to_dict(PLAIN), data))).encode()
    with pytest.raises(InputError, match=rf"a\.jsonl, line 2 .*{named}"):
        answers_from_json(lines, "a.jsonl")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        *((b"\xff", "UTF-8"), (b"{nope", "not JSON"), (b"[3]", "asklabs wrote")),
        (b'{"id": NaN}', "not JSON"),
    ],
)
def test_files_that_are_no_answers_are_refused(data: bytes, named: str) -> None:
    with pytest.raises(InputError, match=named):
        answers_from_json(data)
