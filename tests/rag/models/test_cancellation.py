"""Requests to a model's server that are given up leave it; slow ones have their time."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from openai_server import MESSAGES, Reply, ScriptedServer, chat_at, event

from rag.errors import ModelError
from rag.models.cancellation import Stop, iterate
from rag.models.chat import Generation

# Seconds; far less than the servers here would go on, and machines may be busy.
SOON = 5.0


def test_whoever_leaves_a_stream_leaves_the_server(server: ScriptedServer) -> None:
    for leave in ("close", "forget"):
        server.script(Reply(("One ", "two "), stall=30))
        pieces = chat_at(server.url).stream(MESSAGES)
        assert [next(pieces), next(pieces)] == ["One ", "two "]
        if leave == "close":
            pieces.close()
        del pieces
        gc.collect()
        assert server.hung_up.wait(SOON)


def test_a_whole_completion_that_is_given_up_leaves_the_server(server: ScriptedServer) -> None:
    server.script(Reply(("Yes.",), mute=30))
    with pytest.raises(ModelError, match="took too long"):
        chat_at(server.url).complete(MESSAGES, 0.3)
    assert server.hung_up.wait(SOON)


def test_a_model_that_thinks_or_writes_slowly_is_waited_for(server: ScriptedServer) -> None:
    thought = (event(reasoning_content="Hm. "),) * 6
    server.script(Reply(raw=(*thought, event(content="Yes."), event(content=" No.")), delay=0.25))
    assert "".join(chat_at(server.url, timeout=1.0).stream(MESSAGES)) == "Yes. No."


def test_each_attempt_has_the_whole_time(server: ScriptedServer) -> None:
    again = Reply(status=503, headers={"retry-after-ms": "500"})
    server.script(again, again, Reply(("Yes.",), mute=0.4))
    assert "".join(chat_at(server.url, timeout=1.0).stream(MESSAGES)) == "Yes."
    assert len(server.chats) == 3


def test_a_failure_after_the_stop_is_none(server: ScriptedServer) -> None:
    server.script(Reply(("One ",), cut=True))
    generation = Generation()
    pieces = chat_at(server.url).stream(MESSAGES, generation)
    assert next(pieces) == "One "
    generation.stop.set()
    assert list(pieces) == []


def test_actions_run_once_and_only_inside_their_block() -> None:
    stop, ran = Stop(), list[str]()
    with stop.calls(lambda: ran.append("left")):
        pass
    with stop.calls(lambda: ran.append("stopped")):
        stop.set()
        stop.set()
    with stop.calls(lambda: ran.append("already")):
        assert stop.is_set()
    assert ran == ["stopped", "already"]


def test_an_error_is_raised_after_what_came_before_it() -> None:
    async def work(emit: Any) -> None:
        emit(1)
        raise OSError("broken")

    items: list[int] = []
    with pytest.raises(OSError, match="broken"):
        items.extend(iterate(work, Stop()))
    assert items == [1]
