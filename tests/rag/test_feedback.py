"""Votes of readers: kept by several processes at once, shown, and made into draft cases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine, answer

from eval.cases import case_of_vote, load_cases
from rag import feedback
from rag.catalog.tag_fields import Filters
from rag.errors import FeedbackNotKept
from rag.feedback import Feedback, keep_feedback, load_feedback
from rag.settings import Settings
from ui.web import reading
from ui.web.handlers import Exchange, Visit

VOTE = Feedback(
    id=16 * "a",
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
TALK = tuple(Exchange(f"Question {n}?", answer=answer(f"Question {n}?")) for n in range(2))


def test_votes_are_read_as_they_were_kept(tmp_path: Path) -> None:
    keep_feedback(tmp_path, VOTE)
    odd = '“quoted”\n<b> \ud800 [1] {"}'
    other = replace(VOTE, id=16 * "b", vote="down", word=odd, filters=Filters())
    keep_feedback(tmp_path, other)
    last = replace(VOTE, word="late")  # it counts
    keep_feedback(tmp_path, last)
    assert load_feedback(tmp_path) == ([last, replace(other, word=odd.replace("\ud800", "?"))], 0)
    # A line that was cut short costs only itself.
    path = tmp_path / feedback.FILE
    path.write_bytes(path.read_bytes()[:-40])
    keep_feedback(tmp_path, replace(VOTE, id=16 * "c"))
    loaded, damaged = load_feedback(tmp_path)
    assert ([vote.id[0] for vote in loaded], damaged) == (["a", "b", "c"], 1)


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    def write(name: int) -> None:
        for n in range(25):
            keep_feedback(tmp_path, replace(VOTE, id=f"{name:08x}{n:08x}", word="w" * 150))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    kept, damaged = load_feedback(tmp_path)
    assert (len(kept), damaged) == (6 * 25, 0)


def test_an_error_says_why_no_vote_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeedbackNotKept, match="not a folder"):
        keep_feedback(Path("http://chroma.example:8000"), VOTE)
    (tmp_path / "shut" / feedback.FILE).mkdir(parents=True)
    with pytest.raises(FeedbackNotKept, match="can't be written to"):
        keep_feedback(tmp_path / "shut", VOTE)
    keep_feedback(tmp_path, VOTE)
    monkeypatch.setattr(feedback, "MAX_BYTES", (tmp_path / feedback.FILE).stat().st_size + 10)
    with pytest.raises(FeedbackNotKept, match="full"):
        keep_feedback(tmp_path, VOTE)
    assert load_feedback(tmp_path) == ([VOTE], 0)


def voted(folder: Path, talk: tuple[Exchange, ...] = TALK, **sent: Any) -> Any:
    return reading.vote(Visit(FakeEngine(settings=Settings(index=folder)), sent=sent, talk=talk))


def test_a_vote_and_its_comment_are_kept_with_the_answer(tmp_path: Path) -> None:
    update = voted(tmp_path, turn=2, vote="down")
    assert 'data-vote="down"' in update["voted"]
    word = f"  call\n me: ana@example.org {'x' * 300}"
    update = voted(tmp_path, update["talk"], turn=2, vote="down", word=word)
    assert 'data-word="1"' in update["voted"]
    ((vote,), _) = load_feedback(tmp_path)
    assert [exchange.vote for exchange in update["talk"]] == [None, vote]
    assert (vote.vote, vote.question, vote.index) == ("down", "Question 1?", "f1")
    assert vote.reports == ("report_0", "report_1")
    assert vote.word.startswith("call me: •••@")
    assert len(vote.word) == feedback.MAX_COMMENT
    before = (tmp_path / feedback.FILE).read_bytes()
    voted(tmp_path, update["talk"], turn=2, vote="down", word=vote.word)
    assert (tmp_path / feedback.FILE).read_bytes() == before


def test_a_vote_that_is_invalid_or_cannot_be_kept_is_not_counted(tmp_path: Path) -> None:
    for turn, vote in ((3, "up"), (True, "up"), (1, ["up"])):
        assert voted(tmp_path, turn=turn, vote=vote) == {}
    assert list(tmp_path.iterdir()) == []
    update = voted(tmp_path / "gone", turn=1, vote="up")
    assert update.keys() == {"voted"}
    assert "can&#39;t be kept here" in update["voted"]
    assert 'data-vote=""' in update["voted"]
    assert not (tmp_path / "gone").exists()


def test_votes_become_cases() -> None:
    down = {"vote": "down", "word": "wrong lab"}
    others = (down, {"refused": True, "reports": ()}, {"intent": "list", "language": "x-odd"})
    cases = [case_of_vote(replace(VOTE, **changed)) for changed in ({}, *others)]
    assert [case.type for case in cases] == ["cross", "single", "unanswerable", "listing"]
    assert [case.draft for case in cases] == [False, True, False, False]
    assert (cases[0].question, cases[0].reports) == (VOTE.standalone, VOTE.reports)
    asked = "asked with {'country': ['Peru'], 'year': [2023]}"
    assert (cases[1].note, cases[1].reports) == (f"down on 2026-03-04, {asked}. wrong lab", ())


def test_the_command_writes_cases_and_counts(tmp_path: Path, run: Any) -> None:
    out = tmp_path / "cases.jsonl"
    command = ("eval", "feedback", "--index", str(tmp_path), "--out", str(out))
    assert "nobody has voted" in run(*command).err
    keep_feedback(tmp_path, VOTE)
    keep_feedback(tmp_path, replace(VOTE, id=16 * "b", vote="down"))
    assert run(*command).out.strip() == f"{out}: 1 up, 1 down; 1 of them drafts"
    assert [case.reports for case in load_cases(out)] == [VOTE.reports]
    with (tmp_path / feedback.FILE).open("a") as file:
        file.write("{half\n")
    done = run(*command, "--json")
    assert (done.code, "1 damaged" in done.err) == (1, True)
    counts = {"cases": 2, "up": 1, "down": 1, "drafts": 1, "damaged": 1}
    assert done.json == {"out": str(out)} | counts
