"""Language and embedding models over HTTP: what is sent, and what becomes of each failure."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer, running

from rag.errors import ModelError, SettingsError
from rag.models.chat import make_chat
from rag.settings import Settings

KEY = "sk-secret-4711"
ASKED = [{"role": "user", "content": "Hello?"}]


def settings(server: ScriptedServer, **more: Any) -> Settings:
    given = {"model": "openai:test-model", "openai_api_key": KEY, "openai_base_url": server.url}
    return Settings(**(given | more))


def said(server: ScriptedServer, **more: Any) -> str:
    llm = make_chat(settings(server, **more))
    assert llm is not None
    return "".join(llm.stream(ASKED))


def test_a_completion_is_streamed_with_the_settings_limits(server: ScriptedServer) -> None:
    server.say("Mobile ", "money.")
    assert said(server, answer_tokens=123) == "Mobile money."
    (request,) = server.chats
    assert request.body["model"] == "test-model"
    assert request.body["stream"] is True
    assert request.body["max_tokens"] == 123
    assert request.body["messages"] == [{"role": "user", "content": "Hello?"}]
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_local_server_needs_no_key(server: ScriptedServer) -> None:
    server.say("Yes.")
    assert said(server, openai_api_key=None) == "Yes."


FAULTS = {
    "refused key": (Reply(status=401, body=f'{{"error": {{"message": "bad {KEY}"}}}}'), "API_KEY"),
    "forbidden": (Reply(status=403), "OPENAI_API_KEY"),
    "unknown model": (Reply(status=404), "model's name"),
    "over the limit": (Reply(status=429), "over its limit"),
    "too long": (Reply(status=400), "ASKLABS_CONTEXT_TOKENS"),
    "server error": (Reply(status=500), "HTTP 500"),
    "no JSON in an error": (Reply(status=503, body="<html>down</html>"), "HTTP 503"),
    "cut": (Reply(("One ",), cut=True), "broke off"),
    "garbage": (Reply(("One ",), raw=("data: {not json",)), "can't be read"),
    "another shape": (Reply(raw=('data: {"hello": 1}',)), "can't be read"),
    "a number": (Reply(raw=("data: 3",)), "can't be read"),
    "null": (Reply(raw=("data: null",)), "can't be read"),
    "a list": (Reply(raw=("data: [1]",)), "can't be read"),
    "no choices": (Reply(raw=('data: {"choices": null}',)), "can't be read"),
    "odd delta": (Reply(raw=('data: {"choices": [{"delta": 7}]}',)), "can't be read"),
    "error in the stream": (
        Reply(("One ",), raw=(f'data: {{"error": {{"message": "bad {KEY}"}}}}',)),
        "broke off",
    ),
    "empty": (Reply(), "empty answer"),
    "only white space": (Reply((" ", "\n")), "empty answer"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_sentence(server: ScriptedServer, fault: str) -> None:
    reply, words = FAULTS[fault]
    server.script(reply)
    with pytest.raises(ModelError) as caught:
        said(server)
    message = str(caught.value)
    assert words in message
    assert message.endswith(".")
    assert KEY not in message
    assert "\n" not in message


def whole(server: ScriptedServer, limit: float = 10.0, **more: Any) -> str:
    llm = make_chat(settings(server), **more)
    assert llm is not None
    return llm.complete(ASKED, limit)


def test_a_whole_completion_is_one_request_with_its_own_limit(server: ScriptedServer) -> None:
    server.say("Mobile ", "money.")
    assert whole(server, max_tokens=77) == "Mobile money."
    (request,) = server.chats
    assert not request.body.get("stream")
    assert request.body["max_tokens"] == 77


WHOLE_FAULTS = {name: fault for name, fault in FAULTS.items() if fault[0].status != 200} | {
    "garbage": (Reply(raw=("{not json",)), "can't be read"),
    "a number": (Reply(raw=("3",)), "can't be read"),
    "no choices": (Reply(raw=('{"choices": []}',)), "can't be read"),
    "null": (Reply(raw=('{"choices": null}',)), "can't be read"),
    "no message": (Reply(raw=('{"choices": [{"message": null}]}',)), "can't be read"),
    "cut": (Reply(("Yes.",), cut=True), "broke off"),
    "empty": (Reply(), "empty answer"),
    "only white space": (Reply((" ", "\n")), "empty answer"),
}


@pytest.mark.parametrize("fault", WHOLE_FAULTS)
def test_each_fault_of_a_whole_completion_has_its_sentence(
    server: ScriptedServer, fault: str
) -> None:
    reply, words = WHOLE_FAULTS[fault]
    server.script(reply)
    with pytest.raises(ModelError) as caught:
        whole(server, retries=0)
    assert words in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.chats) == 1


def test_a_server_that_dribbles_is_given_up_in_time(server: ScriptedServer) -> None:
    server.script(Reply(tuple("word " for _ in range(20)), delay=0.1))
    started = time.monotonic()
    with pytest.raises(ModelError, match="too long"):
        whole(server, 0.3, timeout=0.3, retries=0)
    assert time.monotonic() - started < 1


def test_what_came_before_a_break_is_given(server: ScriptedServer) -> None:
    server.script(Reply(("One ", "two "), cut=True))
    llm = make_chat(settings(server))
    assert llm is not None
    pieces = llm.stream(ASKED)
    assert [next(pieces), next(pieces)] == ["One ", "two "]
    with pytest.raises(ModelError):
        next(pieces)


def test_an_overloaded_server_is_asked_again(server: ScriptedServer) -> None:
    server.script(Reply(status=429), Reply(status=500), Reply(("Yes.",)))
    assert said(server) == "Yes."
    assert len(server.chats) == 3


def test_retry_after_is_waited_for(server: ScriptedServer) -> None:
    server.script(Reply(status=429, headers={"retry-after": "1"}), Reply(("Yes.",)))
    started = time.monotonic()
    assert said(server) == "Yes."
    assert 0.9 <= time.monotonic() - started < 5


def test_a_refused_key_is_not_tried_again(server: ScriptedServer) -> None:
    server.script(Reply(status=401))
    with pytest.raises(ModelError):
        said(server)
    assert len(server.chats) == 1


def test_a_slow_server_is_given_up(server: ScriptedServer) -> None:
    server.script(Reply(("Yes.",), delay=2.0))
    started = time.monotonic()
    with pytest.raises(ModelError, match=r"too long.*ASKLABS_TIMEOUT"):
        said(server, timeout=0.2)
    assert time.monotonic() - started < 10


def test_a_server_that_is_not_there_is_named(server: ScriptedServer) -> None:
    with running() as gone:
        url = gone.url
    with pytest.raises(ModelError, match=r"can't be reached\. Check OPENAI_BASE_URL"):
        said(server, openai_base_url=url)


def test_the_key_is_in_no_log(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for reply in (Reply(("Yes.",)), Reply(status=401), Reply(status=500)):
        server.script(reply)
        with suppress(ModelError):
            said(server)
    assert caplog.text
    assert KEY not in caplog.text


def test_who_answers_is_refused_or_found_by_name() -> None:
    assert make_chat(Settings()) is None
    assert make_chat(Settings(model="extractive", openai_api_key=KEY)) is None
    with pytest.raises(SettingsError, match="'gpt-4' is unknown"):
        make_chat(Settings(model="gpt-4"))
    with pytest.raises(SettingsError, match="Set OPENAI_API_KEY"):
        make_chat(Settings(model="openai:gpt-4.1-mini"))
