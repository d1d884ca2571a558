"""A model's server is left at once by whoever stops, and in time where it only seems to live."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer, event

from rag.catalog.fields import Filters
from rag.engine import Engine, open_engine
from rag.errors import ModelError
from rag.i18n.notices import notice_words
from rag.i18n.translations import ENGLISH
from rag.models.cancellation import Stop, iterate
from rag.models.chat import Generation, make_chat
from rag.settings import Settings
from ui.web import handlers

QUESTION = "What did the labs learn about mobile money?"
ASKED = [{"role": "user", "content": "Hello?"}]
# Far less than the servers here would go on; machines may be busy.
SOON = 5.0


def settings(server: ScriptedServer, **more: Any) -> Settings:
    given = {"model": "openai:test-model", "openai_base_url": server.url, "strict": False}
    return Settings(**(given | more))


@pytest.fixture(scope="module")
def engine(server: ScriptedServer, sample_index: Path) -> Engine:
    return open_engine(settings(server, index=sample_index))


SILENT = {
    "before its headers": Reply(mute=30),
    "before its first word": Reply(stall=30),
    "after some words": Reply(("Fees ", "matter "), stall=30),
    "while it thinks": Reply(raw=(event(reasoning_content="Hm. "),) * 500, delay=0.05),
    "while it says to be asked again": Reply(status=503, headers={"retry-after": "15"}),
}


def waiting(server: ScriptedServer, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not server.chats:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.2)


@pytest.mark.parametrize("when", SILENT)
def test_stopping_on_the_page_leaves_a_silent_server(
    engine: Engine, server: ScriptedServer, when: str
) -> None:
    server.script(SILENT[when])
    updates = handlers.ask(engine, QUESTION, Filters(), (), None, ENGLISH)
    run = [next(updates), next(updates)][1]["run"]
    waiting(server)
    started = time.monotonic()
    handlers.stop(run)
    if server.chats and SILENT[when].status == 200:
        assert server.hung_up.wait(SOON)
    last = list(updates)[-1]["talk"][0]
    assert time.monotonic() - started < SOON
    assert last.stopped
    assert not last.error
    assert bool(last.answer) == ("words" in when)
    said = last.answer.text if last.answer else last.text
    assert said == ("Fees matter" if "words" in when else "")
    assert len(server.chats) == 1


def test_what_is_stopped_before_anything_was_asked_asks_nothing(
    engine: Engine, server: ScriptedServer
) -> None:
    server.say("Fees matter [1].")
    stream = engine.ask(QUESTION)
    stream.stop()
    assert not stream.answer.text
    assert not server.chats
    stream.stop()


@pytest.mark.quality
def test_whoever_stops_waits_for_no_judge(server: ScriptedServer, sample_index: Path) -> None:
    judged = open_engine(settings(server, index=sample_index, judge=True, reranker="none"))
    quote = "It was the motorbike boy, not a data set, who told us that money is carried away"
    pieces = f"{quote} at 17:30.", " as the drivers in the harbour told [1][2][3]. "
    server.script(Reply(pieces), Reply(("1: partly",)))
    assert judged.ask(QUESTION).answer.checked["partly"]
    assert len(server.chats) == 2
    server.script(Reply(pieces, stall=30), Reply(("1: partly",)))
    stream = judged.ask(QUESTION)
    assert (next(stream) + next(stream)).endswith("[3].")
    stream.stop()
    assert stream.answer.checked["partly"]
    assert len(server.chats) == 1


def test_whoever_leaves_a_stream_leaves_the_server(server: ScriptedServer) -> None:
    llm = make_chat(settings(server))
    assert llm is not None
    for leave in ("close", "forget"):
        server.script(Reply(("One ", "two "), stall=30))
        pieces = llm.stream(ASKED)
        assert [next(pieces), next(pieces)] == ["One ", "two "]
        if leave == "close":
            pieces.close()
        del pieces
        gc.collect()
        assert server.hung_up.wait(SOON)


def test_a_whole_completion_that_is_given_up_leaves_the_server(server: ScriptedServer) -> None:
    server.script(Reply(("Yes.",), mute=30))
    llm = make_chat(settings(server))
    assert llm is not None
    with pytest.raises(ModelError, match="took too long"):
        llm.complete(ASKED, 0.3)
    assert server.hung_up.wait(SOON)


SIGNS_OF_LIFE = {
    "comments": Reply(raw=(": ping",) * 600, delay=0.05),
    "empty deltas": Reply(("",) * 600, delay=0.05),
    "no choices": Reply(raw=('data: {"choices": []}',) * 600, delay=0.05),
    "comments after words": Reply(("Fees matter [1].",), raw=(": ping",) * 600, delay=0.05),
}


@pytest.mark.parametrize("sign", SIGNS_OF_LIFE)
def test_signs_of_life_are_no_answer(
    server: ScriptedServer, sample_index: Path, sample_engine: Engine, sign: str
) -> None:
    short = open_engine(settings(server, index=sample_index, timeout=0.5))
    server.script(SIGNS_OF_LIFE[sign])
    started = time.monotonic()
    answer = short.ask(QUESTION).answer
    assert 0.4 < time.monotonic() - started < 15
    assert answer.mode == "extractive"
    assert answer.text == sample_engine.ask(QUESTION).answer.text
    assert "took too long" in notice_words(answer.notices)
    assert "own sentences instead" in notice_words(answer.notices)
    assert server.hung_up.wait(SOON)
    assert len(server.chats) == 1


def test_a_model_that_thinks_or_writes_slowly_is_waited_for(server: ScriptedServer) -> None:
    thought = (event(reasoning_content="Hm. "),) * 6
    server.script(Reply(raw=(*thought, event(content="Yes."), event(content=" No.")), delay=0.25))
    llm = make_chat(settings(server, timeout=1.0))
    assert llm is not None
    assert "".join(llm.stream(ASKED)) == "Yes. No."


def test_each_attempt_has_the_whole_time(server: ScriptedServer) -> None:
    again = Reply(status=503, headers={"retry-after-ms": "500"})
    server.script(again, again, Reply(("Yes.",), mute=0.4))
    llm = make_chat(settings(server, timeout=1.0))
    assert llm is not None
    assert "".join(llm.stream(ASKED)) == "Yes."
    assert len(server.chats) == 3


def test_a_failure_after_the_stop_is_none(server: ScriptedServer) -> None:
    server.script(Reply(("One ",), cut=True))
    llm, writing = make_chat(settings(server)), Generation()
    assert llm is not None
    pieces = llm.stream(ASKED, writing)
    assert next(pieces) == "One "
    writing.stop.set()
    assert list(pieces) == []


def test_a_stop_is_told_once_and_only_inside_its_block() -> None:
    stop, told = Stop(), list[str]()
    with stop.calls(lambda: told.append("left")):
        pass
    with stop.calls(lambda: told.append("stopped")):
        assert not stop.is_set()
        stop.set()
        stop.set()
    with stop.calls(lambda: told.append("already")):
        assert stop.is_set()
    assert told == ["stopped", "already"]


def test_what_work_raises_is_raised_after_what_it_gave() -> None:
    async def work(give: Any) -> None:
        give(1)
        raise OSError("broken")

    given: list[int] = []
    with pytest.raises(OSError, match="broken"):
        given.extend(iterate(work, Stop()))
    assert given == [1]
