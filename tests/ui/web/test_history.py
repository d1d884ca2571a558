"""What a browser is given to save, and what is refused when it comes back."""

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
from ui.web import handlers, history
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


def message(update: handlers.Update) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(update["message"])
    return values


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.question)
def test_what_is_saved_comes_back_as_it_was(exchange: Exchange) -> None:
    stored = history.exchange_to_json(exchange)
    again = history.exchange_from_json(stored)
    assert replace(again, answer=None) == replace(exchange, answer=None)
    assert (again.answer is None) == (exchange.answer is None)
    assert history.exchange_to_json(again) == stored


def test_a_lone_surrogate_is_saved_as_a_question_mark() -> None:
    exchange = Exchange("Why \ud800?", answer=answer(text="So \udfff [1]."))
    again = history.exchange_from_json(history.exchange_to_json(exchange))
    assert again.question == "Why ??"
    assert history.save_message(IDENT, (exchange,)).encode()


def changed(**given: Any) -> str:
    return json.dumps(json.loads(history.exchange_to_json(EXCHANGES[0])) | given)


def in_answer(**given: Any) -> str:
    whole = json.loads(history.exchange_to_json(EXCHANGES[0]))
    return json.dumps(whole | {"answer": whole["answer"] | given})


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "{",
        "[" * 100_000,
        '{"format": 1}',
        changed(format=2),
        changed(question=None),
        changed(asked={"planet": ["Mars"]}),
        changed(asked={"year": ["2023"]}),
        changed(answer="<script>"),
        changed(answer={}),
        changed(stopped="yes"),
        changed(question="\ud800"),
        changed(text=1e400),
        changed(passages=10**9),
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
        history.exchange_from_json(data)
    with pytest.raises(InputError, match="can't be opened: question 2 was changed or damaged"):
        history.read_talk([history.exchange_to_json(EXCHANGES[0]), data], ENGLISH)


@pytest.mark.parametrize("turns", [None, "", {}, [], [1], [["x"]], "x" * 10, [{"data": "x"}]])
def test_a_conversation_is_a_list_of_texts(turns: object) -> None:
    with pytest.raises(InputError, match="can't be opened"):
        history.read_talk(turns, ENGLISH)


def test_a_conversation_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    one = history.exchange_to_json(EXCHANGES[-1])
    with pytest.raises(InputError, match="too large"):
        history.read_talk([one] * (history.MOST_TURNS + 1), ENGLISH)
    monkeypatch.setattr(history, "LARGEST", len(one))
    assert len(history.read_talk([one], ENGLISH)) == 1
    with pytest.raises(InputError, match="too large"):
        history.read_talk([one, one], ENGLISH)


def test_a_question_is_saved_before_its_answer_and_again_with_it() -> None:
    asked = handlers.ask(FakeEngine(), "Why?", Filters(), (), None, ENGLISH)
    updates = list(history.with_saving(asked, "", 1))
    sent = [update for update in updates if "message" in update]
    before, after = map(message, sent)
    assert before["pending"]
    assert not after["pending"]
    assert before["id"] == after["id"] == sent[0]["conversation_id"] == sent[1]["conversation_id"]
    assert before["first"] == after["first"] == 1
    waiting = history.exchange_from_json(before["turns"][0]["data"])
    assert waiting == Exchange("Why?", stopped=True)
    finished = history.exchange_from_json(after["turns"][0]["data"])
    assert finished.answer
    assert after["turns"][0]["text"] == finished.answer.text


def test_only_the_last_question_is_sent_and_the_name_stays() -> None:
    talk, engine = tuple(EXCHANGES), FakeEngine()
    more = handlers.ask(engine, "More?", Filters(), talk, None, ENGLISH)
    last = message(list(history.with_saving(more, IDENT, 7))[-1])
    assert (last["id"], last["first"], len(last["turns"])) == (IDENT, 7, 1)
    repeated = handlers.again(engine, Filters(), talk, None, ENGLISH)
    again = message(list(history.with_saving(repeated, IDENT, 6))[-1])
    assert (again["first"], again["turns"][0]["question"]) == (6, "Failed")


def test_opening_shows_the_conversation_and_goes_on_with_it() -> None:
    engine = FakeEngine()
    turns = [history.exchange_to_json(exchange) for exchange in EXCHANGES]
    update = history.open_conversation(engine, IDENT, turns, None, ENGLISH)
    assert update["conversation_id"] == IDENT
    assert message(update)["do"] == "opened"
    assert [x.question for x in update["talk"]] == [x.question for x in EXCHANGES]
    assert HOSTILE not in update["thread"]
    assert 'data-turn="4"' in update["sources"]
    list(handlers.ask(engine, "And then?", Filters(), update["talk"], None, ENGLISH))
    assert engine.asked[-1][1][0].content == "What keeps food cool?"


@pytest.mark.parametrize("ident", [None, 5, "", "../../etc/passwd", "a" * 65, "<script>" + IDENT])
def test_a_changed_name_is_refused(ident: object) -> None:
    turns = [history.exchange_to_json(EXCHANGES[0])]
    update = history.open_conversation(FakeEngine(), ident, turns, None, ENGLISH)
    assert update.keys() == {"message"}
    assert message(update)["do"] == "refused"


def test_nothing_is_opened_while_an_answer_is_being_written() -> None:
    engine = FakeEngine()
    running = handlers.ask(engine, "slow", Filters(), (), None, ENGLISH)
    run = [next(running), next(running)][1]["run"]
    turns = [history.exchange_to_json(EXCHANGES[0])]
    for update in (
        history.open_conversation(engine, IDENT, turns, run, ENGLISH),
        history.new_conversation(run, ENGLISH),
    ):
        assert update.keys() == {"message"}
        assert "Wait for it" in message(update)["text"]
    running.close()


def test_a_conversation_is_saved_apart_where_another_tab_went_on_with_it() -> None:
    talk = tuple(replace(exchange) for exchange in EXCHANGES)
    same, apart = history.save_all(IDENT, talk, False), history.save_all(IDENT, talk, True)
    assert message(same)["id"] == same["conversation_id"] == IDENT
    assert message(apart)["id"] == apart["conversation_id"] != IDENT
    assert len(message(apart)["turns"]) == len(EXCHANGES)
    assert history.save_all(IDENT, (), True) == {}
