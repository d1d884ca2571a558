"""Tests of what the page does: asking, stopping, failing, saving, narrowing."""

from __future__ import annotations

import gc
import threading
import time

import pytest
from fake_engine import FakeEngine, answer, report

from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.i18n.translations import ENGLISH, translations_for
from rag.types import Answer, Coverage, Turn
from ui.web import handlers
from ui.web.conversation import Exchange
from ui.web.handlers import Update


def asked(engine: FakeEngine, question: str, talk: handlers.Talk = ()) -> list[Update]:
    return list(handlers.ask(engine, question, Filters(), talk, None, ENGLISH))


def test_an_answer_is_shown_growing_then_finished() -> None:
    engine = FakeEngine()
    updates = asked(engine, "  What keeps food cool? ")
    assert updates[0] == {"question": ""}
    assert updates[1]["busy"]
    assert "Reading the reports" in updates[1]["live"]
    last = updates[-1]
    assert last["live"] == ""
    assert not last["busy"]
    assert 'href="#source-1-1"' in last["thread"]
    assert 'id="source-1-1"' in last["sources"]
    assert engine.asked == [("What keeps food cool?", (), Filters())]
    assert engine.streams[0].closed is False


def test_sources_are_drawn_once_however_long_the_answer() -> None:
    engine = FakeEngine()
    engine.pause = 0.005
    updates = asked(engine, "a slow one")
    growing = [u for u in updates if u.keys() == {"live"}]
    assert len(growing) > 5
    assert len([u for u in updates if "sources" in u]) == 1
    assert len([u for u in updates if "thread" in u]) == 2


def test_the_page_narrows_and_remembers() -> None:
    engine = FakeEngine()
    talk = asked(engine, "First?")[-1]["talk"]
    talk = asked(engine, "Please fail", talk)[-1]["talk"]
    chosen = Filters(country=("Peru",), year=(2023,))
    updates = list(handlers.ask(engine, "Second?", chosen, talk, None, ENGLISH))
    _, history, filters = engine.asked[-1]
    assert filters == chosen
    assert [turn.role for turn in history] == ["user", "assistant"]
    assert history[0] == Turn("user", "First?")
    assert [one.question for one in updates[-1]["talk"]] == ["First?", "Please fail", "Second?"]


def test_nothing_happens_without_a_question_or_while_one_is_answered() -> None:
    engine = FakeEngine()
    engine.gate = threading.Event()
    assert asked(engine, " \n ") == []
    running = handlers.ask(engine, "slow", Filters(), (), None, ENGLISH)
    run = [next(running), next(running)][1]["run"]
    assert list(handlers.ask(engine, "another", Filters(), (), run, ENGLISH)) == []
    assert list(handlers.again(engine, Filters(), (Exchange("x"),), run, ENGLISH)) == []
    engine.gate.set()
    running.close()


def test_an_error_for_the_user_is_a_sentence_and_the_question_comes_back() -> None:
    last = asked(FakeEngine(), "Please fail")[-1]
    assert "Start it, or set the model." in last["thread"]
    assert last["question"] == "Please fail"
    assert handlers.answers(last["talk"]) == []


def test_an_unforeseen_error_is_not_hidden_and_not_shown() -> None:
    engine = FakeEngine()
    updates = handlers.ask(engine, "break", Filters(), (), None, ENGLISH)
    run = [next(updates), next(updates)][1]["run"]
    with pytest.raises(RuntimeError, match="a defect"):
        list(updates)
    last = handlers.failed(engine, (), run, ENGLISH)
    assert "a defect" not in last["thread"]
    assert "Something went wrong" in last["thread"]
    assert last["question"] == "break"
    assert not last["busy"]


def test_stop_closes_the_stream_and_keeps_what_was_written() -> None:
    engine = FakeEngine()
    updates = handlers.ask(engine, "slow", Filters(), (), None, ENGLISH)
    run = [next(updates), next(updates)][1]["run"]
    next(updates)
    handlers.stop(run)
    last = list(updates)[-1]
    assert engine.streams[0].closed
    one = last["talk"][0]
    assert one.stopped
    assert one.answer
    assert 0 < len(one.answer.text) < 500
    assert "Stopped before the end." in last["thread"]


def test_stop_does_not_wait_for_a_model_that_is_silent() -> None:
    engine = FakeEngine()
    engine.gate = threading.Event()
    updates = handlers.ask(engine, "silent", Filters(), (), None, ENGLISH)
    run = [next(updates), next(updates)][1]["run"]
    began = time.monotonic()
    handlers.stop(run)
    last = list(updates)[-1]
    assert time.monotonic() - began < 3
    assert last["talk"][0].stopped
    assert last["talk"][0].answer is None
    engine.gate.set()
    _until(lambda: engine.streams[0].closed)


def test_a_visitor_who_leaves_stops_the_model() -> None:
    engine = FakeEngine()
    updates = handlers.ask(engine, "slow", Filters(), (), None, ENGLISH)
    for _ in range(3):
        next(updates)
    del updates
    gc.collect()
    _until(lambda: engine.streams[0].closed)


def _until(done: object, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():  # type: ignore[operator]
        time.sleep(0.02)
    assert done()  # type: ignore[operator]


def test_two_visitors_are_not_mixed_and_do_not_wait_for_each_other() -> None:
    engine = FakeEngine()
    engine.gate = threading.Event()
    waiting = handlers.ask(engine, "first visitor", Filters(), (), None, ENGLISH)
    next(waiting), next(waiting)
    gate, engine.gate = engine.gate, None
    _until(lambda: engine.streams)
    assert "second visitor" in asked(engine, "second visitor")[-1]["thread"]
    gate.set()
    last = list(waiting)[-1]
    assert "first visitor" in last["thread"]
    assert "second visitor" not in last["thread"]


def test_again_replaces_the_last_answer() -> None:
    engine = FakeEngine()
    talk = asked(engine, "Second?", asked(engine, "First?")[-1]["talk"])[-1]["talk"]
    last = list(handlers.again(engine, Filters(country=("Togo",)), talk, None, ENGLISH))[-1]
    assert [one.question for one in last["talk"]] == ["First?", "Second?"]
    assert last["talk"][-1].asked == Filters(country=("Togo",))
    assert len(engine.asked[-1][1]) == 2


def _named(question: str) -> Answer:
    """An answer to a question that names Peru and 2023."""
    covered = Coverage("answer", filters=Filters(country=("Peru",)), first=Filters(year=(2023,)))
    return answer(question, coverage=covered)


def removed(engine: FakeEngine, talk: handlers.Talk, **chip: str) -> list[Update]:
    return list(
        handlers.without(engine, Filters(), talk, None, {"turn": str(len(talk)), **chip}, ENGLISH)
    )


def test_a_chip_asks_the_last_question_without_it() -> None:
    engine = FakeEngine(_named)
    talk = asked(engine, "Second?", asked(engine, "First?")[-1]["talk"])[-1]["talk"]
    updates = removed(engine, talk, field="country", value="Peru")
    assert "Use again" not in updates[0]["thread"] + updates[0]["live"]
    assert "not used" in updates[0]["live"]
    talk = updates[-1]["talk"]
    assert [one.question for one in talk] == ["First?", "Second?"]
    assert (engine.asked[-1][0], len(engine.asked[-1][1])) == ("Second?", 2)
    assert engine.ignored[-1] == talk[-1].ignored == Filters(country=("Peru",))


def test_removals_are_remembered_and_can_be_taken_back() -> None:
    engine = FakeEngine(_named)
    talk = asked(engine, "Peru in 2023?")[-1]["talk"]
    talk = removed(engine, talk, field="country", value="Peru")[-1]["talk"]
    talk = removed(engine, talk, field="year", value="2023")[-1]["talk"]
    assert engine.ignored[-1] == Filters(country=("Peru",), year=(2023,))
    talk = list(handlers.again(engine, Filters(), talk, None, ENGLISH))[-1]["talk"]
    assert engine.ignored[-1] == Filters(country=("Peru",), year=(2023,))
    talk = removed(engine, talk, field="country", value="Peru", back="1")[-1]["talk"]
    assert engine.ignored[-1] == talk[-1].ignored == Filters(year=(2023,))
    talk = asked(engine, "Another?", talk)[-1]["talk"]
    assert not engine.ignored[-1]


def test_a_chip_of_another_question_or_of_none_does_nothing() -> None:
    engine = FakeEngine(_named)
    talk = asked(engine, "Second?", asked(engine, "First?")[-1]["talk"])[-1]["talk"]
    for chip in ({"turn": "1"}, {"turn": "9"}, {"value": "Togo"}, {"field": "colour"}):
        assert removed(engine, talk, **{"field": "country", "value": "Peru", **chip}) == []
    assert list(handlers.without(engine, Filters(), (), None, {}, ENGLISH)) == []
    assert len(engine.asked) == 2


def test_an_error_keeps_what_was_ignored() -> None:
    engine = FakeEngine()
    one = Exchange("Please fail", ignored=Filters(country=("Peru",)))
    last = list(handlers.again(engine, Filters(), (one,), None, ENGLISH))[-1]
    assert last["talk"][0].ignored == one.ignored
    assert "Use again" in last["thread"]


def test_the_sources_of_an_older_answer_come_back() -> None:
    engine = FakeEngine()
    talk = asked(engine, "Second?", asked(engine, "First?")[-1]["talk"])[-1]["talk"]
    assert 'id="source-1-1"' in handlers.show(talk, 1, ENGLISH)["sources"]
    for wrong in (0, 3, -1, "1", None, [1]):
        assert handlers.show(talk, wrong, ENGLISH) == {}


def test_clearing_leaves_nothing() -> None:
    cleared = handlers.clear(ENGLISH)
    assert cleared["talk"] == ()
    assert cleared["thread"] == cleared["live"] == cleared["question"] == ""


def test_examples_come_from_the_collection() -> None:
    assert handlers.examples(FakeEngine().catalog) == [
        "What did the labs learn about food waste?",
        "How did Peru and Togo approach food waste?",
        "Which labs used prototyping?",
        "What stood in the way of work on markets?",
    ]
    broad = [report(i, thematic_areas=("Innovation",)) for i in range(9)]
    narrow = [report(10, thematic_areas=("Food waste",), methods=())]
    assert handlers.examples(Catalog(broad + narrow))[0].endswith("about food waste?")
    bare = [report(1, methods=(), thematic_areas=())]
    assert handlers.examples(Catalog(bare)) == ["What did the lab of Togo find out?"]
    assert handlers.examples(Catalog([])) == []
    french = handlers.examples(
        Catalog([report(2, thematic_areas=(), methods=())]), translations_for("fr")
    )
    assert "Viêt Nam" in french[0]
