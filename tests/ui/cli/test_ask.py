"""Asking, searching, batches and exporting: the JSON contract, what is printed, quotes checked."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from contract import PASSAGE, has, is_answer
from fake_engine import checked
from passages import text_notice

from ingest.sync import sync
from rag.engine import Engine, open_engine
from rag.errors import InputError, ModelError
from rag.export.answer_json import answer_to_dict
from rag.settings import Settings
from rag.types import Struck
from tests.rag.test_engine import QUINCE
from ui.cli.ask import print_sources, run_batch

QUESTION = "What did the labs learn about mobile money?"
BEFORE = [{"role": "user", "content": "What did Namibia do with solar pumps?"}]
QUESTIONS = [
    {"id": "a", "question": QUESTION},
    {"id": "b", "question": "Who dries seaweed?", "filters": {"country": "Fiji"}},
    {"id": "c", "question": "What got in the way?", "history": BEFORE, "type": "ignored"},
]
FIRST, SECOND, _ = map(json.dumps, QUESTIONS)
ROW = '{"id":"a","answer":"Yes."}\n'
MALFORMED = {
    "{": "Invalid JSON",
    r'{"id": "x", "question": "What \ud800?"}': "Invalid JSON: unexpected end of hex",
    '{"id": "x", "question": 3}': "question: Input should be a valid string",
    '{"id": "x", "question": "What?", "history": [3]}': "history.0: Input should be",
    '{"id": "x", "question": "What?", "filters": {"land": "Fiji"}}': "filters.land: ",
    '{"id": "x", "question": "What?", "filters": {"year": "soon"}}': "filters.year.0: Input",
    FIRST: "the id 'a' is taken",
}


def test_an_answer_is_printed_with_sources_and_exported(run_sample: Any, tmp_path: Path) -> None:
    done = run_sample("ask", QUESTION, "--json")
    assert (done.code, done.out.count("\n")) == (0, 1)
    is_answer(done.json)
    assert done.json["question"] == QUESTION
    assert len(done.json["passages"]) >= 20
    assert done.json["citations"]
    plain = run_sample("ask", QUESTION)
    assert plain.code == 0
    assert re.search(r"\n\n\[\d+\] \w", plain.out)
    assert re.search(r"\n    “[^”]+”\n", plain.out)
    assert "Based on" in plain.err
    assert "Answered by: extractive" in plain.err
    (tmp_path / "answers.json").write_text(done.out, encoding="utf-8")
    made = run_sample("export", "answers.json", "--to", "out.md", "--title", "A brief")
    assert (made.code, made.out) == (0, "")
    assert (tmp_path / "out.md").read_text(encoding="utf-8").startswith("# A brief\n")
    # It is checked at once.
    assert run_sample("export", "answers.json", "--to", "a.RIS", "--verify").code == 0
    assert (tmp_path / "a.RIS").read_text(encoding="utf-8").startswith("TY  - RPRT")


def test_filters_narrow_a_question(run_sample: Any) -> None:
    filters = {"country": ["Fiji", "Lesotho"], "year": [2023], "type": ["learningplan"]}
    filters |= {"kind": ["plan"], "method": ["Pilots"], "datasource": ["y"], "sdg": ["14"]}
    filters |= {"theme": ["x"], "language": ["fr"]}
    options = [part for name in filters for value in filters[name] for part in (f"--{name}", value)]
    assert run_sample("ask", "What?", "--json", *options).json["coverage"]["filters"] == filters


def test_the_sources_say_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    struck = (Struck("Ring\x07 \x1b[31mred\nand \u202eback.", text_notice("Why.")),)
    print_sources(replace(checked(), struck=struck))
    out, err = capsys.readouterr()
    assert "Left out: Ring [31mred and back.\n    Reason: Why." in out
    assert out.count("Citation corrected: the writer had cited another passage or none.\n") == 1
    assert "6 sentences checked: 3 supported, 1 partly, 2 left out; 1 citation corrected." in err


def test_search_lists_passages(run_sample: Any) -> None:
    done, plain = (run_sample("search", QUESTION, "-k", "3", *way) for way in (["--json"], []))
    assert done.code == 0
    assert set(done.json) == {"question", "passages"}
    assert [passage["rank"] for passage in done.json["passages"]] == [1, 2, 3]
    for passage in done.json["passages"]:
        has(passage, PASSAGE)
        assert passage["report"] in plain.out


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, QUESTIONS)) + "\n", encoding="utf-8")
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_batch_is_ordered_and_goes_on(sample_engine: Engine, asked: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "answers.jsonl"
    steps: list[tuple[int, int, int]] = []

    def progress(_: object, n: int, of: int) -> None:
        steps.append((n, of, len(lines(out))))

    assert run_batch(sample_engine, asked, out, progress) == (3, 0, [])
    # Each answer is written before the next question is asked.
    assert steps == [(1, 3, 1), (2, 3, 2), (3, 3, 3)]
    answers = lines(out)
    for answer in answers:
        is_answer(answer)
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert answers[1]["coverage"]["filters"] == {"country": ["Fiji"]}
    assert "solar pumps" in answers[2]["standalone"]
    before = out.read_bytes()
    assert run_batch(sample_engine, asked, out)[0] == 0
    assert out.read_bytes() == before
    # One that was interrupted is asked again.
    whole = before[: before.index(b'{"id":"c"')]
    out.write_bytes(whole + b'{"id":"c","quest')
    assert run_batch(sample_engine, asked, out) == (1, 2, [])
    assert [answer["id"] for answer in lines(out)] == ["a", "b", "c"]
    assert out.read_bytes().startswith(whole)


@pytest.mark.parametrize("content", [ROW + ROW.replace('"a"', '"c"'), "# Notes\n", f"{ROW}{{\n"])
def test_no_file_is_lost(sample_engine: Engine, asked: Path, tmp_path: Path, content: str) -> None:
    out = tmp_path / "answers.jsonl"
    out.write_text(content, encoding="utf-8")
    before = asked.read_bytes()
    for other in (out, asked, tmp_path):
        with pytest.raises(InputError, match="Name another --out"):
            run_batch(sample_engine, asked, other)
    assert out.read_text(encoding="utf-8") == content
    assert asked.read_bytes() == before


def test_malformed_lines_are_named_others_answered(quick_engine: Engine, tmp_path: Path) -> None:
    path, out = tmp_path / "questions.jsonl", tmp_path / "out"
    path.write_text("\n".join([FIRST, "", *MALFORMED, SECOND]), encoding="utf-8-sig")
    *_, failures = run_batch(quick_engine, path, out)
    assert [answer["id"] for answer in lines(out)] == ["a", "b"]
    for n, (failure, reason) in enumerate(zip(failures, MALFORMED.values(), strict=True), 3):
        assert f"line {n}: " in failure
        assert reason in failure
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        run_batch(quick_engine, path, out)


def test_a_question_that_fails_has_its_line(asked: Path, tmp_path: Path) -> None:
    failing = Mock(side_effect=ModelError(text_notice("The server is down.")))
    assert len(run_batch(Mock(ask=failing), asked, tmp_path / "out")[2]) == 3
    assert lines(tmp_path / "out")[0] == {**QUESTIONS[0], "error": "The server is down."}


def test_a_question_that_failed_is_asked_again_in_its_place(
    quick_engine: Engine, asked: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    down = ModelError(text_notice("The server is down."))

    def answering(*fails: int) -> Mock:
        made = Mock(answer=quick_engine.ask("What did labs learn about mobile money?").answer)
        return Mock(ask=Mock(side_effect=[down if fail else made for fail in fails]))

    for fails, asked_now, known, failed in (((0, 1, 1), 3, 0, 2), ((1, 0), 2, 1, 1)):
        *counts, failures = run_batch(answering(*fails), asked, out)
        assert (*counts, len(failures)) == (asked_now, known, failed)
    assert ["error" in line for line in lines(out)] == [False, True, False]
    # Those that were answered stay as they are.
    first, _, last = out.read_bytes().splitlines()
    assert run_batch(answering(0), asked, out) == (1, 2, [])
    assert [line["id"] for line in lines(out)] == ["a", "b", "c"]
    assert out.read_bytes().splitlines()[::2] == [first, last]


def test_a_saved_answer_is_checked_against_the_index_of_today(run: Any, tmp_path: Path) -> None:
    folder, index = tmp_path / "reports", tmp_path / "index"
    file = folder / "quince.md"
    folder.mkdir()
    (folder / "other.md").write_text(QUINCE.replace("uince", "pple"), encoding="utf-8")
    # A phone number that was not masked stands in the report, whatever is masked today.
    settings = Settings(index=index, mask_contacts=False)

    def rewrite(text: str) -> None:
        file.write_text(text, encoding="utf-8")
        sync([folder], settings)

    def verify(answer: dict[str, Any], code: int, *words: str) -> None:
        (tmp_path / "saved.json").write_text(json.dumps(answer), encoding="utf-8")
        done = run("export", "saved.json", "--verify", "--index", index)
        assert (done.code, done.err != "") == (code, code == 2)
        for told in words:
            assert told in (done.err or done.out)

    rewrite(QUINCE)
    made = open_engine(settings).ask("Who keeps quince orchards above the river?").answer
    saved = answer_to_dict(made)
    assert made.citations[0].quote.endswith("any day.")
    same = "the index is the same"
    more = f"{saved['answer']}\n\nThey like it there. It is warm."
    verify(saved | {"answer": more}, 0, same, "Not checked: 2 sentences without a citation")
    verify(saved, 0, same)
    result = run("export", "saved.json", "--verify", "--index", index, "--json").json
    (answer,) = result["answers"]
    assert result["holds"]
    assert answer["same_index"]
    for quote in answer["quotes"]:
        assert quote["state"] == "stands"
        if quote["report"] == "quince":
            assert QUINCE[slice(*quote["span"])] == quote["quote"]
    cited = made.citations[0]
    passage = cited.passage

    def forged(told: str, **changed: Any) -> None:
        verify(answer_to_dict(replace(made, **changed)), 1, told, same)

    def citing(told: str, **changed: Any) -> None:
        forged(told, citations=(replace(cited, **changed),), hits=())

    words = "Nobody keeps them."
    citing(f"The quote is not in the report: “{words}”", quote=words)
    tags = ({"title": "Another"}, {"year": 1999}, {"countries": ("Chad",)}, {"kind": "closing"})
    for place in (
        *({"report": replace(passage.report, **changed)} for changed in tags),
        {"section": "Challenge"},
        {"prompt": "Why?"},
    ):
        told = "Its title, country, year, kind, section or form question is another one"
        citing(told, passage=replace(passage, **place))
    for text in (
        made.text.replace("Twelve", "Twenty"),
        f"- Nobody keeps any [{cited.n}].",
        f"- Chad (1999, plan): {cited.quote.rstrip('.')} [{cited.n}].",
    ):
        forged("The answer says what its sources do not", text=text)
    # What it says of a citation twice it says the same.
    unlike = answer_to_dict(made)
    unlike["citations"][0]["title"] = "Another"
    verify(unlike, 2, "two values of title")

    rewrite(QUINCE.replace("## Learnings", "More.\n\n## Learnings"))
    verify(saved, 0, "the index has changed since")
    rewrite(QUINCE.replace("Twelve families", "Nobody"))
    verify(saved, 1, "The report has changed and has this no more: “Twelve families")
    file.unlink()
    sync([folder], settings, prune=True)
    verify(saved, 1, "The report is not in the index any more: “Twelve families")
