"""Servers of models: their addresses, how long they are waited for, and what their errors mean."""

from __future__ import annotations

import logging
import time
import traceback
from typing import Any

import anyio
import pytest
from openai_server import KEY, MESSAGES, Reply, ScriptedServer, chat_at

from rag.errors import ContextOverflow, ModelError, SettingsError
from rag.models.client import API_VERSION, CONNECT, find_server
from rag.models.embeddings import make_embedding
from rag.settings import Settings


def settings(url: str, **more: str) -> Settings:
    return Settings(openai_api_key=KEY, openai_base_url=url, **more)


def stream(url: str, **more: Any) -> str:
    return "".join(chat_at(url, **more).stream(MESSAGES))


AZURE = "https://name.openai.azure.com"
DEPLOYMENT = f"{AZURE}/openai/deployments"
SERVERS = {
    "http://127.0.0.1:8080/v1/chat/completions": ("http://127.0.0.1:8080/v1", {}, False),
    "https://a.example/v1/?team=b": ("https://a.example/v1", {"team": "b"}, False),
    AZURE: (f"{DEPLOYMENT}/m%2F1", {"api-version": API_VERSION}, True),
    f"{AZURE}/openai/?api-version=7": (f"{DEPLOYMENT}/m%2F1", {"api-version": "7"}, True),
    f"{DEPLOYMENT}/o/chat/completions?api-version=7": (
        f"{DEPLOYMENT}/o",
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


def test_what_is_no_address_is_named() -> None:
    for address in ("nowhere", "ftp://a.example", "http://", "http://a:b"):
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
    chat = chat_at(server.url, timeout=600.0, retries=0)
    with pytest.raises(ModelError, match="can't be reached"):
        chat.complete(MESSAGES, 20)
    assert waits == [pytest.approx(CONNECT, abs=1)]


@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}])
def test_a_failing_server_is_asked_again_after_a_while(
    server: ScriptedServer, headers: dict[str, str]
) -> None:
    server.script(Reply(status=429, headers=headers), Reply(("Yes.",)))
    started = time.monotonic()
    assert stream(server.url) == "Yes."
    assert len(server.chats) == 2
    assert (0.9 if "1" in headers.values() else 0.2) < time.monotonic() - started < 10


def test_a_server_is_not_waited_for_beyond_patience(server: ScriptedServer) -> None:
    server.script(Reply(status=429, headers={"retry-after": "21"}), Reply(("Yes.",)))
    started = time.monotonic()
    with pytest.raises(ModelError, match="over its limit"):
        stream(server.url)
    assert time.monotonic() - started < 10
    assert len(server.chats) == 1


OVERFLOWS = {
    "This model's maximum context length is 8192 tokens. You requested 9000.": 400,
    "Too big (context_length_exceeded)": 400,
    "Context size has been exceeded.": 500,
    "Requested tokens (2285) exceed context window of 2048": 400,
}


@pytest.mark.parametrize("message", OVERFLOWS)
def test_a_prompt_that_is_too_long_is_recognised(server: ScriptedServer, message: str) -> None:
    error = f'{{"error": {{"message": "{message}"}}}}'
    for reply in (Reply(status=OVERFLOWS[message], body=error), Reply(raw=(f"data: {error}",))):
        server.script(reply)
        with pytest.raises(ContextOverflow, match="ASKLABS_CONTEXT_WINDOW"):
            stream(server.url)


@pytest.mark.parametrize(
    ("status", "query", "words"),
    [
        (400, "", "ASKLABS_CONTEXT_TOKENS"),
        (401, "", "OPENAI_API_KEY"),
        (401, "?api-version=1", "OPENAI_API_KEY"),
        (404, "", "model's name"),
        (429, "", "over its limit"),
        (500, "?api-version=1", "HTTP 500"),
    ],
)
def test_each_status_has_its_sentence_and_no_message_or_log_has_the_key(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, status: int, query: str, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    message = "the context length" if status in (401, 404, 429) else "bad"
    server.script(Reply(status=status, body=f'{{"error": {{"message": "{message} {KEY}"}}}}'))
    with pytest.raises(ModelError, match=words) as caught:
        stream(server.url + query)
    assert not isinstance(caught.value, ContextOverflow)
    assert len(server.chats) == (3 if status in (429, 500) else 1)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in f"{shown}{caught.value!r}{caplog.text}"
    assert str(status) in caplog.text
