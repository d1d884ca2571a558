"""Tests of what a browser is given to keep, and of what is refused when it comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fake_engine import HOSTILE, FakeEngine, answer, checked, hostile

from rag.catalog.fields import Filters
from rag.errors import InputError
from rag.feedback import feedback_from_dict
from rag.i18n.translations import ENGLISH
from ui.web import handlers, kept
from ui.web.conversation import Exchange

VOTE = {
    "id": "0123456789abcdef",
    "time": "2026-01-01T00:00:00+00:00",
    "vote": "down",
    "word": "too short",
    "question": "Again?",
    "standalone": "Again?",
    "language": "en",
    "filters": {"year": [2023]},
    "intent": "answer",
    "refused": False,
    "mode": "extractive",
    "index": "f1",
    "reports": ["report_0"],
}
NARROWED = Filters(country=("Peru",), year=(2023,))
EXCHANGES = [
    Exchange("What keeps food cool?", NARROWED, answer()),
    Exchange("Which?", answer=checked(), ignored=Filters(year=(2022,))),
    Exchange("ماذا تعلمت المختبرات؟", answer=hostile("x")),
    Exchange("Again?", answer=answer(), passages=40, vote=feedback_from_dict(VOTE)),
    Exchange("Cut short", text="What was there", stopped=True),
    Exchange("Failed", error="The model's server does not answer."),
]
IDENT = "a" * 22


def said(update: handlers.Update) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(update["says"])
    return found


@pytest.mark.parametrize("one", EXCHANGES, ids=lambda one: one.question)
def test_what_is_kept_comes_back_as_it_was(one: Exchange) -> None:
    again = kept.exchange_from_json(kept.exchange_to_json(one))
    assert again.question == one.question
    assert (again.asked, again.ignored) == (one.asked, one.ignored)
    assert (again.text, again.error, again.stopped) == (one.text, one.error, one.stopped)
    assert (again.passages, again.vote) == (one.passages, one.vote)
    assert (again.answer is None) == (one.answer is None)
    assert kept.exchange_to_json(again) == kept.exchange_to_json(one)


def test_a_lone_surrogate_is_kept_as_a_question_mark() -> None:
    one = Exchange("Why \ud800?", answer=answer(text="So \udfff [1]."))
    again = kept.exchange_from_json(kept.exchange_to_json(one))
    assert again.question == "Why ??"
    assert kept.keep(IDENT, (one,)).encode()


def changed(**given: Any) -> str:
    return json.dumps(json.loads(kept.exchange_to_json(EXCHANGES[0])) | given)


def in_answer(**given: Any) -> str:
    whole = json.loads(kept.exchange_to_json(EXCHANGES[0]))
    return json.dumps(whole | {"answer": whole["answer"] | given})


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        '{"format": 1}',
        changed(format=2),
        changed(question=1),
        changed(question=None),
        changed(asked={"planet": ["Mars"]}),
        changed(asked={"year": ["2023"]}),
        changed(ignored=[]),
        changed(answer="<script>"),
        changed(answer={}),
        changed(stopped="yes"),
        changed(question="\ud800"),
        changed(text=1e400),
        changed(passages=-1),
        changed(passages=10**9),
        changed(vote="up"),
        changed(vote={"vote": "up"}),
        changed(vote=VOTE | {"id": "../x"}),
        changed(vote=VOTE | {"word": "long " * 100}),
        changed(vote=VOTE | {"vote": "sideways"}),
        in_answer(refused=None),
        in_answer(citations=[{"n": "<b>"}]),
        in_answer(passages=[]),
        in_answer(coverage={"intent": "steal"}),
    ],
)
def test_what_was_changed_is_refused_with_a_sentence(data: str) -> None:
    with pytest.raises(InputError):
        kept.exchange_from_json(data)
    with pytest.raises(InputError, match="can't be opened: question 2 was changed or damaged"):
        kept.read_talk([kept.exchange_to_json(EXCHANGES[0]), data], ENGLISH)


@pytest.mark.parametrize("turns", [None, "", {}, [], [1], [["x"]], "x" * 10, [{"data": "x"}]])
def test_a_conversation_is_a_list_of_texts(turns: object) -> None:
    with pytest.raises(InputError, match="can't be opened"):
        kept.read_talk(turns, ENGLISH)


def test_a_conversation_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    one = kept.exchange_to_json(EXCHANGES[-1])
    with pytest.raises(InputError, match="too large"):
        kept.read_talk([one] * (kept.MOST_TURNS + 1), ENGLISH)
    monkeypatch.setattr(kept, "LARGEST", len(one))
    assert len(kept.read_talk([one], ENGLISH)) == 1
    with pytest.raises(InputError, match="too large"):
        kept.read_talk([one, one], ENGLISH)


def test_a_question_is_kept_before_its_answer_and_again_with_it() -> None:
    engine = FakeEngine()
    updates = list(kept.keeping(handlers.ask(engine, "Why?", Filters(), (), None, ENGLISH), "", 1))
    spoken = [update for update in updates if "says" in update]
    before, after = map(said, spoken)
    assert before["pending"]
    assert not after["pending"]
    assert before["id"] == after["id"] == spoken[0]["kept_id"] == spoken[1]["kept_id"]
    assert before["first"] == after["first"] == 1
    waiting = kept.exchange_from_json(before["turns"][0]["data"])
    assert waiting == Exchange("Why?", stopped=True)
    finished = kept.exchange_from_json(after["turns"][0]["data"])
    assert finished.answer
    assert after["turns"][0]["text"] == finished.answer.text


def test_only_the_last_question_is_sent_and_the_name_stays() -> None:
    talk = tuple(EXCHANGES)
    updates = list(
        kept.keeping(handlers.ask(FakeEngine(), "More?", Filters(), talk, None, ENGLISH), IDENT, 6)
    )
    last = said(updates[-1])
    assert (last["id"], last["first"], len(last["turns"])) == (IDENT, 7, 1)
    again = said(
        list(kept.keeping(handlers.again(FakeEngine(), Filters(), talk, None, ENGLISH), IDENT, 5))[
            -1
        ]
    )
    assert (again["first"], again["turns"][0]["question"]) == (6, "Failed")


def test_opening_shows_the_conversation_and_goes_on_with_it() -> None:
    engine = FakeEngine()
    turns = [kept.exchange_to_json(one) for one in EXCHANGES]
    update = kept.opened(engine, IDENT, turns, None, ENGLISH)
    assert update["kept_id"] == IDENT
    assert said(update)["do"] == "opened"
    assert [one.question for one in update["talk"]] == [one.question for one in EXCHANGES]
    assert HOSTILE not in update["thread"]
    assert 'data-turn="4"' in update["sources"]
    list(handlers.ask(engine, "And then?", Filters(), update["talk"], None, ENGLISH))
    assert engine.asked[-1][1][0].content == "What keeps food cool?"


@pytest.mark.parametrize("ident", [None, 5, "", "../../etc/passwd", "a" * 65, "<script>" + IDENT])
def test_a_changed_name_is_refused(ident: object) -> None:
    turns = [kept.exchange_to_json(EXCHANGES[0])]
    update = kept.opened(FakeEngine(), ident, turns, None, ENGLISH)
    assert update.keys() == {"says"}
    assert said(update)["do"] == "refused"


def test_nothing_is_opened_while_an_answer_is_being_written() -> None:
    engine = FakeEngine()
    running = handlers.ask(engine, "slow", Filters(), (), None, ENGLISH)
    run = [next(running), next(running)][1]["run"]
    turns = [kept.exchange_to_json(EXCHANGES[0])]
    for update in (kept.opened(engine, IDENT, turns, run, ENGLISH), kept.fresh(run, ENGLISH)):
        assert update.keys() == {"says"}
        assert "Wait for it" in said(update)["text"]
    running.close()


def test_the_whole_is_kept_under_a_name_of_its_own_where_it_is_to_be_apart() -> None:
    talk = tuple(replace(one) for one in EXCHANGES)
    same, apart = kept.again(IDENT, talk, False), kept.again(IDENT, talk, True)
    assert said(same)["id"] == same["kept_id"] == IDENT
    assert said(apart)["id"] == apart["kept_id"] != IDENT
    assert len(said(apart)["turns"]) == len(EXCHANGES)
    assert kept.again(IDENT, (), True) == {}
