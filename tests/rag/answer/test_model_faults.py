"""What becomes of an answer where a window, a text or a server ends too early, or never."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer

from rag.catalog.fields import Filters
from rag.engine import Engine, open_engine
from rag.export.answer_json import answer_to_dict
from rag.export.formats import export
from rag.i18n.notices import notice_words
from rag.i18n.translations import ENGLISH
from rag.models.prompts import PROMPT_VERSION
from rag.settings import Settings
from rag.types import Answer, Notice
from ui.web import handlers

KEY = "sk-secret-4711"
QUESTION = "What did the labs learn about mobile money?"
TOO_LONG = Reply(status=400, body='{"error": {"message": "maximum context length is 4096"}}')


def opened(server: ScriptedServer, index: Path, **more: Any) -> Engine:
    # What the scripted model says stands in no report: it is not to be struck here.
    given = {"model": "openai:test-model", "openai_api_key": KEY, "timeout": 0.5, "strict": False}
    return open_engine(Settings(index=index, openai_base_url=server.url, **(given | more)))


@pytest.fixture(scope="module")
def engine(server: ScriptedServer, sample_index: Path) -> Engine:
    return opened(server, sample_index)


def user(server: ScriptedServer, number: int = -1) -> str:
    content: str = server.chats[number].body["messages"][1]["content"]
    return content


FAULTS = {
    "forbidden": Reply(status=403),
    "stall": Reply(("Fees matter [1].", " And"), stall=1.5),
    "unavailable": Reply(status=503, body="<html>down</html>"),
    "no events": Reply(raw=('{"error": {"message": "no stream"}}',)),
    "only thought": Reply(finish="length"),
    "only repeats": Reply(("the ",) * 300),
    "too long": TOO_LONG,
    "too long in the end": Reply(
        ("Fees matter [1].",),
        raw=('data: {"error": {"message": "Context size has been exceeded."}}',),
    ),
    "over the limit for an hour": Reply(status=429, headers={"retry-after": "3600"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_model_is_replaced_and_the_notice_says_why(
    engine: Engine, sample_engine: Engine, server: ScriptedServer, fault: str
) -> None:
    server.script(FAULTS[fault])
    answer = engine.ask(QUESTION).answer
    expected = sample_engine.ask(QUESTION).answer
    assert (answer.mode, answer.text) == ("extractive", expected.text)
    assert answer.coverage == expected.coverage
    assert "own sentences instead" in notice_words(answer.notices)
    assert answer.run == expected.run
    assert KEY not in json.dumps(answer_to_dict(answer)) + export([answer], "md").decode()


def test_a_prompt_that_is_too_long_is_sent_again_with_half_of_the_passages(
    engine: Engine, server: ScriptedServer
) -> None:
    server.script(TOO_LONG, Reply(("Fees matter [1][20].",)))
    answer = engine.ask(QUESTION).answer
    first, second = (user(server, n).count("<passage ") for n in (0, 1))
    assert second == first // 2
    assert answer.mode == "test-model"
    assert answer.text == "Fees matter [1]."
    assert answer.coverage.read_passages == second
    assert notice_words(answer.notices).startswith(
        f"The language model read only the first {second} of {first}"
    )


def test_passages_that_do_not_fit_are_not_read_and_the_notice_says_so(
    server: ScriptedServer, sample_index: Path
) -> None:
    small = opened(server, sample_index, context_window=2500)
    server.say("Fees matter [1][20].")
    answer = small.ask(QUESTION).answer
    read = user(server).count("<passage ")
    assert 0 < read < 20
    assert answer.coverage.read_passages == read
    assert f"first {read} of " in notice_words(answer.notices)
    assert "ASKLABS_CONTEXT_WINDOW" in notice_words(answer.notices)
    assert answer.tokens["prompt"] + 700 <= 2500


def test_where_no_passage_fits_nothing_is_sent(server: ScriptedServer, sample_index: Path) -> None:
    tiny = opened(server, sample_index, context_window=900)
    server.say("Invented [1].")
    answer = tiny.ask(QUESTION).answer
    assert not server.chats
    assert answer.mode == "extractive"
    assert notice_words(answer.notices).startswith(
        "No passage fits in the language model's window of 900 tokens"
    )


def test_a_model_that_repeats_itself_is_stopped(engine: Engine, server: ScriptedServer) -> None:
    endless = tuple("It is so, they say [2]. " for _ in range(5000))
    server.script(Reply(("Fees matter [1]. ", *endless), delay=0.001))
    answer = engine.ask(QUESTION).answer
    assert answer.text == "Fees matter [1]. It is so, they say [2]."
    assert answer.mode == "test-model"
    assert answer.notices[0] == Notice("model_repeated_itself")
    assert server.hung_up.wait(5)


def test_an_answer_that_was_cut_short_ends_with_a_whole_sentence(
    engine: Engine, server: ScriptedServer
) -> None:
    server.script(Reply(("Fees matter [1].", " Trust mat"), finish="length"))
    answer = engine.ask(QUESTION).answer
    assert answer.text == "Fees matter [1]."
    assert "cut short" in notice_words(answer.notices)
    assert answer.mode == "test-model"
    server.script(Reply(("Fees matter [1].", " Trust too [2]."), finish="stop"))
    assert not engine.ask(QUESTION).answer.notices


def test_an_answer_carries_how_it_was_written(engine: Engine, server: ScriptedServer) -> None:
    server.say("Fees matter [1].")
    answer = engine.ask(QUESTION).answer
    assert (answer.run.model, answer.run.prompt_version) == ("test-model", PROMPT_VERSION)
    assert answer.run.cost_usd is None
    assert answer.tokens["prompt"] > 200
    assert answer.tokens["completion"] >= 5
    assert set(answer.timings) >= {"plan_ms", "retrieve_ms", "answer_ms"}
    assert answer.index
    assert answer_to_dict(answer)["detail"]["run"]["model"] == "test-model"


def test_a_server_of_one_s_own_has_no_price(server: ScriptedServer, sample_index: Path) -> None:
    server.say("Fees matter [1].")
    answer: Answer = opened(server, sample_index, model="openai:gpt-4o").ask(QUESTION).answer
    assert answer.run.model == "gpt-4o"
    assert answer.run.cost_usd is None


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (QUESTION, "how many labs these are"),
        ("How do Peru and Fiji differ on mobile money?", "side by side"),
        ("What did the lab of Peru learn about mobile money in 2023?", "a few short sentences"),
    ],
)
def test_the_shape_of_an_answer_is_that_of_its_question(
    engine: Engine, server: ScriptedServer, question: str, words: str
) -> None:
    server.say("Fees matter [1].")
    engine.ask(question).answer  # noqa: B018
    (request,) = server.chats
    assert words in request.body["messages"][0]["content"]


def test_stopping_on_the_page_hangs_up(engine: Engine, server: ScriptedServer) -> None:
    server.script(Reply(tuple(f"word{n} " for n in range(5000)), delay=0.005))
    updates = handlers.ask(engine, QUESTION, Filters(), (), None, ENGLISH)
    run = [next(updates), next(updates)][1]["run"]
    next(updates)
    handlers.stop(run)
    assert server.hung_up.wait(5)
    last = list(updates)[-1]["talk"][0]
    assert last.stopped


def test_a_visitor_who_leaves_hangs_up(engine: Engine, server: ScriptedServer) -> None:
    server.script(Reply(tuple(f"word{n} " for n in range(5000)), delay=0.005))
    updates = handlers.ask(engine, QUESTION, Filters(), (), None, ENGLISH)
    for _ in range(3):
        next(updates)
    updates.close()  # type: ignore[attr-defined]
    assert server.hung_up.wait(5)
