"""Answers as JSON: the contract's keys and types, and reading back what was written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from answers import PLAIN, RIGHT_TO_LEFT, answers
from contract import is_answer
from hypothesis import given

from rag.catalog.fields import Filters
from rag.engine import Engine
from rag.errors import InputError
from rag.export.answer_json import answer_from_dict, answer_to_dict, answers_from_json
from rag.export.formats import export
from rag.i18n.notices import notice_words
from rag.types import Answer, GenerationRecord, Notice, Struck


def test_json_has_the_keys_and_types_of_the_contract() -> None:
    data = answer_to_dict(PLAIN, "q1")
    is_answer(data)
    assert data["citations"][0]["span"] is None
    assert data["timings"] == {"plan_ms": 1, "retrieve_ms": 50, "answer_ms": 7}
    assert data["tokens"] == {"prompt": 3, "completion": 4}
    assert data["coverage"]["filters"] == {"year": [2023]}
    assert data["citations"][0]["country"] == "Côte d’Ivoire, Perú"
    assert len(data["passages"]) == 3
    assert data["passages"][0]["score"] == 0.3333
    assert data["id"] == "q1"
    assert json.loads(json.dumps(data)) == data


def test_a_citation_has_the_place_of_its_quote_which_older_answers_lack() -> None:
    citation = replace(PLAIN.citations[0], span=(12, 90))
    known = replace(PLAIN, citations=(citation,))
    data = json.loads(json.dumps(answer_to_dict(known)))
    assert data["citations"][0]["span"] == [12, 90]
    assert answer_from_dict(data) == known
    del data["citations"][0]["span"]
    assert answer_from_dict(data).citations == (replace(citation, span=None),)


def test_notices_stand_beside_their_english_text_which_is_all_that_older_answers_have() -> None:
    known = replace(
        PLAIN,
        notices=(Notice("passages_left_out", {"read": 3, "all": 20}), Notice("nothing_supported")),
        struck=(Struck("So it was.", Notice("number_not_cited", {"number": "43"})),),
    )
    data = json.loads(json.dumps(answer_to_dict(known)))
    assert data["detail"]["notice"].startswith("The language model read only the first 3 of 20")
    assert data["detail"]["struck"][0]["why"] == "the number 43 stands in no passage cited"
    assert answer_from_dict(data) == known
    del data["detail"]["notices"], data["detail"]["struck"][0]["reason"]
    older = answer_from_dict(data)
    assert notice_words(older.notices) == notice_words(known.notices)
    assert notice_words([older.struck[0].reason]) == "the number 43 stands in no passage cited"


def test_json_is_read_back_as_array_object_and_lines() -> None:
    both = (PLAIN, RIGHT_TO_LEFT)
    assert answers_from_json(export(both, "json")) == both
    lines = [json.dumps(answer_to_dict(one)) for one in both]
    assert answers_from_json("\n".join(lines).encode()) == both
    assert answers_from_json(lines[0].encode()) == (PLAIN,)


@pytest.mark.parametrize(
    "question",
    ["What did the labs learn about mobile money?", "Which reports mention bamboo?"],
)
def test_what_an_engine_answered_is_read_back_equal(sample_engine: Engine, question: str) -> None:
    one = sample_engine.ask(question, ignored=Filters(type=("learningplan",))).answer
    assert answers_from_json(export([one], "json")) == (one,)


def test_what_a_model_s_answer_has_besides_is_read_back_equal() -> None:
    covered = replace(PLAIN.coverage, intent="list", mentioned=("two",))
    one = replace(
        PLAIN,
        coverage=covered,
        struck=(Struck("All will [1].", Notice("number_not_cited", {"number": "43"})),),
        checked={"supported": 3, "struck": 1, "corrected": 1},
        generation=GenerationRecord("gpt-4.1-mini", "2", 0.0021, "2025-08"),
        citations=(replace(PLAIN.citations[0], corrected=True), *PLAIN.citations[1:]),
    )
    (again,) = answers_from_json(export([one], "json"))
    assert again == one
    assert [hit.passage.report.id for hit in again.mentions] == ["two"]


@given(answers())
def test_any_answer_is_read_back_equal(one: Answer) -> None:
    data = answer_to_dict(one, "x")
    assert json.loads(json.dumps(data)) == data
    assert answer_from_dict(data) == one
    assert answers_from_json(export([one], "json")) == (one,)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("question",), None, "question"),
        (("refused",), "perhaps", "refused"),
        (("citations", 0, "status"), "sure", r"citations\.0\.status"),
        (("coverage", "filters"), {"colour": ["red"]}, r"coverage\.filters\.colour"),
        (("detail", "first"), {"colour": ["red"]}, r"detail\.first\.colour"),
        (("detail", "ignored"), {"year": [True]}, r"detail\.ignored\.year\.0"),
        (("passages",), [], r"passages\.0"),
        (("detail", "passages", 0, "info"), 9, r"detail\.passages\.0\.info"),
        (("detail", "citations", 0), {"passage": 9}, r"detail\.citations\.0\.passage"),
        (("detail", "infos", 0), {}, r"report\.id"),
        (("detail",), [], "detail"),
    ],
)
def test_malformed_answers_are_named(
    path: tuple[str | int, ...], value: object, named: str
) -> None:
    data = answer_to_dict(PLAIN)
    inner: Any = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(InputError, match=named):
        answer_from_dict(data)


@pytest.mark.parametrize(
    ("data", "named"), [(b"\xff", "UTF-8"), (b"{nope", "not JSON"), (b"[3]", "asklabs wrote")]
)
def test_files_that_are_no_answers_are_refused(data: bytes, named: str) -> None:
    with pytest.raises(InputError, match=named):
        answers_from_json(data)


def test_an_error_names_file_line_and_field() -> None:
    sound, broken = answer_to_dict(PLAIN), answer_to_dict(PLAIN)
    del broken["detail"]["citations"]
    lines = "\n".join(map(json.dumps, (sound, broken))).encode()
    with pytest.raises(InputError, match=r"a\.jsonl, line 2 .*detail\.citations.* ask "):
        answers_from_json(lines, "a.jsonl")
