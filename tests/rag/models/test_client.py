"""Servers of models: their addresses, how long they are waited for, and what their errors mean."""

from __future__ import annotations

import logging
import time
import traceback
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
MESSAGES = [{"role": "user", "content": "Hello?"}]


def settings(url: str, **more: Any) -> Settings:
    values = {"model": "openai:test-model", "openai_api_key": KEY, "openai_base_url": url}
    return Settings(**(values | more))


def stream(url: str, **more: Any) -> str:
    chat = make_chat(settings(url, **more))
    assert chat is not None
    return "".join(chat.stream(MESSAGES))


AZURE = "https://name.openai.azure.com"
DEPLOYMENT = f"{AZURE}/openai/deployments"
SERVERS = {
    "http://127.0.0.1:11434/v1": ("http://127.0.0.1:11434/v1", {}, False),
    "http://127.0.0.1:8080/v1/chat/completions": ("http://127.0.0.1:8080/v1", {}, False),
    "https://a.example/v1/?team=b": ("https://a.example/v1", {"team": "b"}, False),
    AZURE: (f"{DEPLOYMENT}/m%2F1", {"api-version": API_VERSION}, True),
    f"{AZURE}/openai/?api-version=7": (f"{DEPLOYMENT}/m%2F1", {"api-version": "7"}, True),
    f"{DEPLOYMENT}/own/chat/completions?api-version=7": (
        f"{DEPLOYMENT}/own",
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


@pytest.mark.parametrize("address", SERVERS)
def test_one_setting_names_servers_of_all_kinds(address: str) -> None:
    server = find_server(settings(address), "m/1")
    assert (server.url, server.query, server.azure) == SERVERS[address]


@pytest.mark.parametrize("address", ["nowhere", "ftp://a.example", "http://", "http://a:b"])
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL is no address"):
        find_server(settings(address), "m")


def test_azure_gets_its_key_version_and_deployment(server: ScriptedServer) -> None:
    base = f"{server.url.removesuffix('/v1')}?api-version=2025-01-01"
    server.say("Yes.")
    assert stream(base) == "Yes."
    make_embedding(settings(base, embedding="openai:ada")).get_query_embedding("hello")
    chat, embed = server.requests
    path = "/openai/deployments/{}?api-version=2025-01-01"
    assert chat.path == path.format("test-model/chat/completions")
    assert embed.path == path.format("ada/embeddings")
    for request in (chat, embed):
        assert request.headers["api-key"] == KEY
        assert "authorization" not in request.headers


def test_a_server_that_does_not_accept_is_given_up_soon(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def connect(*_: object, **__: object) -> None:
        waits.append(anyio.current_effective_deadline() - anyio.current_time())
        await anyio.sleep(0)
        raise TimeoutError

    monkeypatch.setattr(anyio, "connect_tcp", connect)
    chat = make_chat(settings(server.url, timeout=600.0), retries=0)
    assert chat is not None
    with pytest.raises(ModelError, match="can't be reached"):
        chat.complete(MESSAGES, 20)
    assert waits == [pytest.approx(CONNECT, abs=1)]


def test_a_slow_server_is_given_up(server: ScriptedServer) -> None:
    server.script(Reply(("Yes.",), delay=2.0))
    started = time.monotonic()
    with pytest.raises(ModelError, match=r"too long.*ASKLABS_TIMEOUT"):
        stream(server.url, timeout=0.2)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}, {"retry-after": "soon"}])
def test_a_failing_server_is_asked_again_after_a_while(
    server: ScriptedServer, headers: dict[str, str]
) -> None:
    server.script(Reply(status=429, headers=headers), Reply(("Yes.",)))
    started = time.monotonic()
    assert stream(server.url) == "Yes."
    assert len(server.chats) == 2
    assert (0.9 if "1" in headers.values() else 0.2) < time.monotonic() - started < 10


@pytest.mark.parametrize("after", ["3600", "21"])
def test_a_server_is_not_waited_for_beyond_patience(server: ScriptedServer, after: str) -> None:
    server.script(Reply(status=429, headers={"retry-after": after}), Reply(("Yes.",)))
    started = time.monotonic()
    with pytest.raises(ModelError, match="over its limit"):
        stream(server.url)
    assert time.monotonic() - started < 10
    assert len(server.chats) == 1


OVERFLOWS = {
    "OpenAI": (400, "This model's maximum context length is 8192 tokens. You requested 9000."),
    "OpenAI's code": (400, "Too big (context_length_exceeded)"),
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
        stream(server.url)
    server.script(Reply(raw=(f'data: {{"error": {{"message": "{message}"}}}}',)))
    with pytest.raises(ContextOverflow):
        stream(server.url)


STATUSES = {
    400: "ASKLABS_CONTEXT_TOKENS",
    401: "OPENAI_API_KEY",
    403: "OPENAI_API_KEY",
    404: "model's name",
    429: "over its limit",
    500: "HTTP 500",
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("azure", [False, True])
def test_each_status_has_its_sentence_and_no_message_or_log_has_the_key(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, status: int, azure: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    message = "the context length" if status in (401, 404, 429) else f"bad {KEY}"
    server.script(Reply(status=status, body=f'{{"error": {{"message": "{message}"}}}}'))
    with pytest.raises(ModelError, match=STATUSES[status]) as caught:
        stream(f"{server.url}?api-version=1" if azure else server.url)
    assert not isinstance(caught.value, ContextOverflow)
    assert len(server.chats) == (3 if status in (429, 500) else 1)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in f"{shown}{caught.value!r}{caplog.text}"
    assert str(status) in caplog.text
