"""Requests to a model's server that are given up leave it; slow ones have their time."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer, event

from rag.errors import ModelError
from rag.models.cancellation import Stop, iterate
from rag.models.chat import Generation, make_chat
from rag.settings import Settings

ASKED = [{"role": "user", "content": "Hello?"}]
# Seconds; far less than the servers here would go on, and machines may be busy.
SOON = 5.0


def settings(server: ScriptedServer, **more: Any) -> Settings:
    return Settings(model="openai:test-model", openai_base_url=server.url, **more)


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
