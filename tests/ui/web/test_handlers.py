"""What the page does: asking, stopping, failing, narrowing, widening, saving files."""

import base64
import json
import threading
from dataclasses import replace
from typing import Any

from answers import PLAIN, RIGHT_TO_LEFT
from fake_engine import FakeEngine, answer

from rag.catalog.tag_fields import Filters
from rag.engine import checked
from rag.i18n.translations import translations_for
from rag.settings import Settings
from rag.types import Answer, Coverage, Notice, Struck, Turn
from ui.web import handlers
from ui.web.handlers import Exchange, Talk, Update, Visit

PERU = Filters(country=("Peru",))
MARKETS = Filters(theme=("Markets",))
ASKED = Filters(country=("Peru", "Togo"), type=("experiment",))
NAMED = Coverage("answer", filters=ASKED, first=Filters(year=(2022, 2023)))


def ask(engine: FakeEngine, question: str, talk: Talk = (), **more: Any) -> list[Update]:
    return list(handlers.ask(Visit(engine, question=question, talk=talk, **more)))


def test_a_question_goes_with_its_filters_and_the_answered_questions_before_it() -> None:
    engine = FakeEngine()
    talk = ask(engine, "Please fail", ask(engine, "First?")[-1]["talk"])[-1]["talk"]
    last = ask(engine, "Second?", talk, chosen=PERU)[-1]
    _, history, filters = engine.asked[-1]
    assert filters == PERU
    assert history[0] == Turn("user", "First?")
    assert [turn.role for turn in history] == ["user", "assistant"]
    assert [x.question for x in last["talk"]] == ["First?", "Please fail", "Second?"]
    assert Visit(engine, sent={"turn": 3}, talk=last["talk"]).exchange == last["talk"][2]
    for wrong in (0, 4, -1, "1", None, [1]):
        assert Visit(engine, sent={"turn": wrong}, talk=last["talk"]).exchange is None


def test_nothing_is_asked_while_a_question_is_answered_and_stopping_waits_for_no_model() -> None:
    engine = FakeEngine(gate=threading.Event())
    assert ask(engine, " \n ") == []
    updates = handlers.ask(Visit(engine, question="silent"))
    run = [next(updates), next(updates)][1]["run"]
    assert run
    assert list(handlers.ask(Visit(engine, question="another", run=run))) == []
    assert list(handlers.again(Visit(engine, talk=(Exchange("x"),), run=run))) == []
    run.stop()
    (exchange,) = list(updates)[-1]["talk"]
    assert (exchange.stopped, exchange.answer) == (True, None)
    engine.gate.set()
    assert engine.stopped[0].wait(5)


def test_what_was_taken_out_of_the_last_question_is_used_again() -> None:
    ignored = Filters(year=(2023,))
    talk = (Exchange("First?", ignored=ignored), Exchange("Last?", ignored=ignored))
    chip = {"field": "year", "value": "2023", "back": "1"}
    assert not list(handlers.without(Visit(FakeEngine(), sent={**chip, "turn": 1}, talk=talk)))
    *_, done = handlers.without(Visit(FakeEngine(), sent={**chip, "turn": 2}, talk=talk))
    assert [exchange.ignored for exchange in done["talk"]] == [ignored, Filters()]


def test_the_last_question_can_be_looked_into_further() -> None:
    engine = FakeEngine()
    talk = (Exchange("First?", answer=answer()), Exchange("Last?", PERU, answer()))
    assert not list(handlers.deepen(Visit(engine, sent={"turn": 1}, talk=talk)))
    *_, done = handlers.deepen(Visit(engine, sent={"turn": 2}, talk=talk))
    assert [exchange.deep for exchange in done["talk"]] == [False, True]
    assert (engine.asked[0][0], engine.asked[0][2], engine.more[0]["deep"]) == ("Last?", PERU, True)


def test_a_chip_is_ignored_or_taken_back() -> None:
    exchange = Exchange("Q", Filters(type=("experiment",)), answer(coverage=NAMED), ignored=MARKETS)
    for chip, ignored in (
        ({"field": "country", "value": "Peru"}, Filters(country=("Peru",), theme=("Markets",))),
        ({"field": "country", "value": ""}, Filters(country=("Peru", "Togo"), theme=("Markets",))),
        ({"field": "year", "value": "2023"}, Filters(year=(2023,), theme=("Markets",))),
        ({"field": "theme", "value": "Markets", "back": "1"}, Filters()),
        # What the question does not have, or the visitor chose, or is no chip.
        ({}, None),
        ({"field": "country", "value": "Chad"}, None),
        ({"field": "country", "value": "Peru", "back": "1"}, None),
        ({"field": "type", "value": "experiment"}, None),
        ({"field": "__class__", "value": ""}, None),
        ({"field": ["country"], "value": "Peru"}, None),
    ):
        assert exchange.changed(chip) == ignored


def test_the_whole_conversation_or_its_last_answer_is_saved() -> None:
    def content(file: dict[str, str]) -> bytes:
        return base64.b64decode(file["data"])

    def download(answers: list[Answer], ending: object, url: str = "", **sent: bool) -> Any:
        engine = FakeEngine(settings=Settings(report_url=url))
        talk = tuple(Exchange(answer.question, answer=answer) for answer in answers)
        return handlers.download(Visit(engine, sent={"ending": ending, **sent}, talk=talk))

    both = [PLAIN, replace(PLAIN, question="And then?")]
    for is_last in (False, True):
        saved = json.loads(content(download(both, "json", last=is_last)))
        assert [item["question"] for item in saved] == [PLAIN.question, "And then?"][is_last:]
    linked = download(both, "md", "https://labs.example/{report}")
    assert "<https://labs.example/one_report>" in content(linked).decode()
    assert download([RIGHT_TO_LEFT], "md")["name"] == "conversation.md"
    for ending in ("exe", "../md", None, ["md"], ""):
        file = download([PLAIN], ending)
        assert file.keys() == {"error"}
        assert "Choose one of docx, " in file["error"]
    assert "Ask a question first" in download([], "md")["error"]


def test_a_struck_sentence_is_put_back_where_it_stood() -> None:
    reason = Notice("not_said")
    struck = (Struck("Two.", reason, 4), Struck("Zero.", reason, 0), Struck("Last.", reason))
    text = replace(answer("Q"), text="One.\n\nThree.", struck=struck, checked={"struck": 3})
    talk: Talk = (Exchange("Q", answer=text), Exchange("R"))
    for left in (2, 1, 0):
        (update,) = handlers.restore(Visit(FakeEngine(), sent={"turn": 1, "n": 0}, talk=talk))
        talk = update["talk"]
        assert (len(talk[0].answer.struck), update["turn"]) == (left, 1)
    assert talk[0].answer.text == "Zero. One. Two.\n\nThree. Last."
    assert talk[0].answer.checked == {"unsupported": 3}
    for event in ({"turn": 1, "n": 0}, {"turn": 2, "n": 0}, {"turn": "x"}, {}):
        assert not list(handlers.restore(Visit(FakeEngine(), sent=event, talk=talk)))


def test_a_question_that_is_too_long_is_refused_in_the_readers_language() -> None:
    engine: Any = FakeEngine()
    engine.ask = lambda question, **_: checked(question)
    *_, last = handlers.ask(Visit(engine, translations_for("fr"), question="a" * 4001))
    assert "Une question peut avoir 4" in last["thread"]
    assert last["question"] == "a" * 4001
