"""Servers of models: where they are asked, how long they are waited for, what is told of them."""

from __future__ import annotations

import logging
import time
import traceback
from email.utils import formatdate
from typing import Any

import anyio
import pytest
from openai_server import Reply, ScriptedServer

from rag.errors import ContextOverflow, ModelError, SettingsError
from rag.models.chat import make_chat
from rag.models.client import API_VERSION, CONNECT, find_server
from rag.models.embeddings import make_embedding
from rag.settings import Settings

KEY = "sk-secret-4711"
ASKED = [{"role": "user", "content": "Hello?"}]


def settings(url: str, **more: Any) -> Settings:
    given = {"model": "openai:test-model", "openai_api_key": KEY, "openai_base_url": url}
    return Settings(**(given | more))


def said(url: str, **more: Any) -> str:
    llm = make_chat(settings(url, **more))
    assert llm is not None
    return "".join(llm.stream(ASKED))


AZURE = "https://name.openai.azure.com"
PLACES = {
    "http://127.0.0.1:11434/v1": ("http://127.0.0.1:11434/v1", {}, False),
    "http://127.0.0.1:8000/v1/": ("http://127.0.0.1:8000/v1", {}, False),
    "http://127.0.0.1:8080/v1/chat/completions": ("http://127.0.0.1:8080/v1", {}, False),
    "https://a.example/v1?team=b": ("https://a.example/v1", {"team": "b"}, False),
    AZURE: (f"{AZURE}/openai/deployments/m%2F1", {"api-version": API_VERSION}, True),
    f"{AZURE}/openai/?api-version=7": (
        f"{AZURE}/openai/deployments/m%2F1",
        {"api-version": "7"},
        True,
    ),
    f"{AZURE}/openai/deployments/own/chat/completions?api-version=7": (
        f"{AZURE}/openai/deployments/own",
        {"api-version": "7"},
        True,
    ),
    f"{AZURE}/openai/v1/": (f"{AZURE}/openai/v1", {}, False),
    "https://gate.example/ai?api-version=7": (
        "https://gate.example/ai/openai/deployments/m%2F1",
        {"api-version": "7"},
        True,
    ),
}


@pytest.mark.parametrize("given", PLACES)
def test_one_setting_names_servers_of_all_kinds(given: str) -> None:
    found = find_server(settings(given), "m/1")
    assert (found.url, found.query, found.azure) == PLACES[given]


@pytest.mark.parametrize("given", ["nowhere", "ftp://a.example", "http://", "//a"])
def test_what_is_no_address_is_named(given: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL is no address"):
        make_chat(settings(given))


def test_azure_gets_its_key_version_and_deployment(server: ScriptedServer) -> None:
    base = server.url.removesuffix("/v1")
    server.say("Yes.")
    assert said(f"{base}?api-version=2025-01-01") == "Yes."
    model = make_embedding(settings(f"{base}?api-version=2025-01-01", embedding="openai:ada"))
    model.get_query_embedding("hello")
    chat, embed = server.requests
    path = "/openai/deployments/{}?api-version=2025-01-01"
    assert chat.path == path.format("test-model/chat/completions")
    assert embed.path == path.format("ada/embeddings")
    for request in (chat, embed):
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["api-key"] == KEY
        assert "authorization" not in headers


def test_no_feature_is_asked_for_that_some_servers_lack(server: ScriptedServer) -> None:
    server.say("Yes.")
    said(server.url)
    (request,) = server.chats
    assert set(request.body) == {"model", "messages", "stream", "temperature", "max_tokens"}


def test_a_server_that_does_not_accept_is_given_up_soon(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def connect(*_: object, **__: object) -> None:
        waited.append(anyio.current_effective_deadline() - anyio.current_time())
        await anyio.sleep(0)
        raise TimeoutError

    monkeypatch.setattr(anyio, "connect_tcp", connect)
    llm = make_chat(settings(server.url, timeout=600.0), retries=0)
    assert llm is not None
    with pytest.raises(ModelError, match="can't be reached"):
        llm.complete(ASKED, 20)
    assert waited == [pytest.approx(CONNECT, abs=1)]


def test_a_server_that_stalls_is_given_up_after_what_it_said(server: ScriptedServer) -> None:
    server.script(Reply(("One ", "two "), stall=3.0))
    llm = make_chat(settings(server.url, timeout=0.3))
    assert llm is not None
    pieces = llm.stream(ASKED)
    assert [next(pieces), next(pieces)] == ["One ", "two "]
    with pytest.raises(ModelError, match=r"took too long.*ASKLABS_TIMEOUT"):
        next(pieces)


def test_a_failing_server_is_asked_again_after_a_while(server: ScriptedServer) -> None:
    server.script(Reply(status=500, headers={}), Reply(("Yes.",)))
    started = time.monotonic()
    assert said(server.url) == "Yes."
    assert len(server.chats) == 2
    assert 0.2 < time.monotonic() - started < 10


@pytest.mark.parametrize(
    "after",
    ["3600", "21", formatdate(time.time() + 3600, usegmt=True)],
    ids=["an hour", "a second too many", "a date"],
)
def test_a_server_is_not_waited_for_beyond_patience(server: ScriptedServer, after: str) -> None:
    server.script(Reply(status=429, headers={"retry-after": after}), Reply(("Yes.",)))
    started = time.monotonic()
    with pytest.raises(ModelError, match="over its limit"):
        said(server.url)
    assert time.monotonic() - started < 10
    assert len(server.chats) == 1


@pytest.mark.parametrize("after", ["soon", "", "-5", "nan"])
def test_a_wait_that_is_no_number_is_not_taken(server: ScriptedServer, after: str) -> None:
    server.script(Reply(status=429, headers={"retry-after": after}), Reply(("Yes.",)))
    assert said(server.url) == "Yes."


OVERFLOWS = {
    "OpenAI": (400, "This model's maximum context length is 8192 tokens. You requested 9000."),
    "OpenAI's code": (400, "Too big (context_length_exceeded)"),
    "vLLM": (400, "This model's maximum context length is 4096 tokens. However, you requested"),
    "llama.cpp": (400, "the request exceeds the available context size, try increasing it"),
    "older llama.cpp": (500, "Context size has been exceeded."),
    "llama-cpp-python": (400, "Requested tokens (2285) exceed context window of 2048"),
    "Ollama": (400, "the input length exceeds the context length"),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_a_prompt_that_is_too_long_is_recognised(server: ScriptedServer, name: str) -> None:
    status, message = OVERFLOWS[name]
    server.script(Reply(status=status, body=f'{{"error": {{"message": "{message}"}}}}'))
    with pytest.raises(ContextOverflow, match="ASKLABS_CONTEXT_WINDOW"):
        said(server.url)
    server.script(Reply(raw=(f'data: {{"error": {{"message": "{message}"}}}}',)))
    with pytest.raises(ContextOverflow):
        said(server.url)


def test_other_refusals_are_no_overflow(server: ScriptedServer) -> None:
    for status in (400, 401, 404, 429):
        message = "bad" if status == 400 else "the context length"
        server.script(Reply(status=status, body=f'{{"error": {{"message": "{message}"}}}}'))
        with pytest.raises(ModelError) as caught:
            said(server.url)
        assert not isinstance(caught.value, ContextOverflow)


def test_a_model_that_only_thought_is_told_apart(server: ScriptedServer) -> None:
    server.script(Reply(finish="length"))
    with pytest.raises(ModelError, match="ASKLABS_ANSWER_TOKENS"):
        said(server.url)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("azure", [False, True])
def test_the_key_is_in_no_error_no_traceback_and_no_log(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, status: int, azure: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(Reply(status=status, body=f'{{"error": {{"message": "bad {KEY}"}}}}'))
    url = f"{server.url}?api-version=1" if azure else server.url
    with pytest.raises(ModelError) as caught:
        said(url)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in f"{shown}{caught.value!r}{caplog.text}"
    assert str(status) in caplog.text
