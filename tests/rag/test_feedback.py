"""Tests of readers' votes: kept line by line by several at once, told, made into draft cases."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine, answer

from eval.cases import load_cases, write_cases
from eval.feedback import case_of
from rag import feedback as kept
from rag.catalog.fields import Filters
from rag.errors import FeedbackNotKept, InputError
from rag.feedback import Feedback, keep_feedback, load_feedback
from rag.i18n.translations import ENGLISH
from rag.settings import Settings
from rag.types import Coverage
from ui.web import report as reading
from ui.web.conversation import Exchange
from ui.web.handlers import Talk

pytest_plugins = ("command_line",)

Run = Callable[..., Any]

ONE = Feedback(
    id="a1",
    time="2026-03-04T05:06:07+00:00",
    vote="up",
    word="",
    question="And in Peru?",
    standalone="What keeps food cool in Peru?",
    language="en",
    filters=Filters(country=("Peru",), year=(2023,)),
    intent="answer",
    refused=False,
    mode="extractive",
    index="f1",
    reports=("report_0", "report_3"),
)


def votes(folder: Path) -> list[Feedback]:
    found, damaged = load_feedback(folder)
    assert damaged == 0
    return found


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    keep_feedback(tmp_path, ONE)
    other = replace(
        ONE, id="b2", vote="down", word='“quoted”\n<b> \ud800 [1] {"}', filters=Filters()
    )
    keep_feedback(tmp_path, other)
    first, second = votes(tmp_path)
    assert first == ONE
    assert second == replace(other, word=other.word.replace("\ud800", "?"))


def test_the_last_line_of_a_vote_counts(tmp_path: Path) -> None:
    for one in (ONE, replace(ONE, id="b2"), replace(ONE, vote="down"), replace(ONE, word="late")):
        keep_feedback(tmp_path, one)
    assert votes(tmp_path) == [replace(ONE, word="late"), replace(ONE, id="b2")]


def test_several_at_once_lose_nothing(tmp_path: Path) -> None:
    def write(name: int) -> None:
        for n in range(25):
            keep_feedback(tmp_path, replace(ONE, id=f"{name}-{n}", word="w" * 150))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.id for one in votes(tmp_path)} == {f"{a}-{b}" for a in range(6) for b in range(25)}


def test_a_line_that_was_cut_short_costs_only_itself(tmp_path: Path) -> None:
    keep_feedback(tmp_path, ONE)
    path = tmp_path / kept.FILE
    path.write_bytes(path.read_bytes()[:-40])
    keep_feedback(tmp_path, replace(ONE, id="b2"))
    found, damaged = load_feedback(tmp_path)
    assert ([one.id for one in found], damaged) == (["b2"], 1)


def test_where_votes_cannot_be_kept_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FeedbackNotKept, match="not a folder"):
        keep_feedback(Path("http://chroma.example:8000"), ONE)
    (tmp_path / "shut" / kept.FILE).mkdir(parents=True)
    with pytest.raises(FeedbackNotKept, match="can't be written to"):
        keep_feedback(tmp_path / "shut", ONE)
    keep_feedback(tmp_path, ONE)
    monkeypatch.setattr(kept, "LARGEST", (tmp_path / kept.FILE).stat().st_size + 10)
    with pytest.raises(FeedbackNotKept, match="full"):
        keep_feedback(tmp_path, ONE)
    assert votes(tmp_path) == [ONE]


def engine_in(folder: Path) -> FakeEngine:
    engine = FakeEngine()
    engine.settings = Settings(index=folder)
    return engine


def talk(count: int = 2) -> Talk:
    return tuple(Exchange(f"Question {n}?", answer=answer(f"Question {n}?")) for n in range(count))


def test_a_vote_and_its_word_are_kept_with_what_was_answered(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    after, told = reading.voted(engine, talk(), {"turn": 2, "vote": "down"}, ENGLISH)
    assert 'data-vote="down"' in told
    assert "Thank you." in told
    given = {"turn": 2, "vote": "down", "word": f"  call\n me: ana@example.org {'x' * 300}"}
    after, told = reading.voted(engine, after, given, ENGLISH)
    assert 'data-word="1"' in told
    (one,) = votes(tmp_path)
    assert (one.vote, one.question, one.index) == ("down", "Question 1?", "f1")
    assert one.reports == ("report_0", "report_1")
    assert one.word.startswith("call me: •••@")
    assert len(one.word) == kept.LONGEST_WORD
    assert [bool(x.vote) for x in after] == [False, True]
    assert after[1].vote == one
    before = (tmp_path / kept.FILE).read_bytes()
    reading.voted(engine, after, {**given, "word": one.word}, ENGLISH)
    assert (tmp_path / kept.FILE).read_bytes() == before


def test_nothing_that_is_kept_says_who_votes() -> None:
    assert {field.name for field in fields(Feedback)} == {
        *("id", "time", "vote", "word", "question", "standalone", "language", "filters"),
        *("intent", "refused", "mode", "index", "reports"),
    }
    first, second = (reading._feedback(one, answer(), "up", "") for one in talk())
    assert first.id != second.id


@pytest.mark.parametrize(
    "given",
    [
        {"turn": 0, "vote": "up"},
        {"turn": 3, "vote": "up"},
        {"turn": "1", "vote": "up"},
        {"turn": True, "vote": "up"},
        {"turn": 1, "vote": "sideways"},
        {"turn": 1, "vote": ["up"]},
        {"turn": 1},
        {},
    ],
)
def test_a_vote_that_means_nothing_changes_nothing(
    tmp_path: Path, given: dict[str, object]
) -> None:
    before = talk()
    assert reading.voted(engine_in(tmp_path), before, given, ENGLISH) == (before, "")
    assert list(tmp_path.iterdir()) == []


def test_a_vote_that_is_not_kept_is_told_and_not_counted(tmp_path: Path) -> None:
    before = talk()
    after, told = reading.voted(
        engine_in(tmp_path / "gone"), before, {"turn": 1, "vote": "up"}, ENGLISH
    )
    assert after == before
    assert "can&#x27;t be kept here" in told
    assert 'data-vote=""' in told
    assert not (tmp_path / "gone").exists()


def test_votes_become_cases(tmp_path: Path) -> None:
    down = replace(ONE, id="b2", vote="down", word="wrong lab")
    refused = replace(ONE, id="c3", refused=True, reports=())
    listed = replace(ONE, id="d4", intent="list", language="x-odd")
    out = tmp_path / "cases.jsonl"
    cases = [case_of(one) for one in (ONE, down, refused, listed)]
    write_cases(cases, out)
    assert [case.type for case in cases] == ["cross", "single", "unanswerable", "listing"]
    assert [case.draft for case in cases] == [False, True, False, False]
    assert cases[0].reports == ONE.reports
    assert cases[0].question == "What keeps food cool in Peru?"
    assert cases[1].reports == ()
    assert cases[1].note == "down on 2026-03-04; asked with country = Peru; year = 2023; wrong lab"
    assert load_cases(out) == (cases[0], cases[2], cases[3])


def test_an_answer_without_reports_that_is_no_refusal_is_a_draft() -> None:
    case = case_of(replace(ONE, intent="about", reports=()))
    assert (case.type, case.draft) == ("listing", True)


def test_a_file_of_drafts_only_says_what_to_do(tmp_path: Path) -> None:
    out = tmp_path / "cases.jsonl"
    write_cases([case_of(replace(ONE, vote="down"))], out)
    with pytest.raises(InputError, match="all cases are drafts"):
        load_cases(out)
    complete = json.loads(out.read_text("utf-8")) | {"reports": ["report_0"], "draft": False}
    out.write_text(json.dumps(complete), "utf-8")
    assert load_cases(out)[0].reports == ("report_0",)


def test_the_command_writes_cases_and_counts(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "cases.jsonl"
    command: Sequence[str] = ("eval", "feedback", "--index", str(tmp_path), "--out", str(out))
    assert "nobody has voted" in run(*command).err
    keep_feedback(tmp_path, ONE)
    keep_feedback(tmp_path, replace(ONE, id="b2", vote="down"))
    assert run(*command).out.strip() == f"{out}: 1 up, 1 down; 1 of them drafts"
    told = run(*command, "--json").json
    assert told == {"out": str(out), "cases": 2, "up": 1, "down": 1, "drafts": 1, "damaged": 0}
    with (tmp_path / kept.FILE).open("a") as file:
        file.write("{half\n")
    done = run(*command)
    assert done.code == 1
    assert "1 damaged" in done.err
    assert len(load_cases(out)) == 1


def test_answers_of_a_list_are_gold_as_a_whole(tmp_path: Path) -> None:
    covered = Coverage("list", tuple(f"report_{n}" for n in range(9)), ("Peru",), 9)
    listed = Exchange("Which?", answer=answer("Which?", coverage=covered))
    reading.voted(engine_in(tmp_path), (listed,), {"turn": 1, "vote": "up"}, ENGLISH)
    case = case_of(votes(tmp_path)[0])
    assert (case.type, len(case.reports)) == ("listing", 9)
