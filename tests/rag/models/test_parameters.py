"""Parameters that a model refuses: renamed or left out, once it has said so, from then on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer

from rag.errors import ContextOverflow, ModelError
from rag.models.chat import make_chat
from rag.settings import Settings

ASKED = [{"role": "user", "content": "Hello?"}]
MAX = "Unsupported parameter: 'max_tokens' is not supported with this model. Use {} instead."
NO_MAX = MAX.format("'max_completion_tokens'")
NO_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) "
    "value is supported."
)
MAX_REFUSED = {
    "OpenAI": NO_MAX,
    "in short": "Unsupported parameter: 'max_tokens'",
    "a gateway": "Please use `max_completion_tokens`.",
}
TEMPERATURE_REFUSED = {
    "OpenAI's value": NO_TEMPERATURE,
    "OpenAI": "Unsupported parameter: 'temperature' is not supported with this model.",
    "Anthropic": "`temperature` is deprecated for this model.",
    "LiteLLM": "openai does not support parameters: {'temperature': 0.0}, for model=o9.",
}


def refusal(message: str, status: int = 400) -> Reply:
    return Reply(status=status, body=json.dumps({"error": {"message": message}}))


def settings(server: ScriptedServer, model: str, **more: Any) -> Settings:
    # What is remembered of a model holds for all tests: each has its own.
    return Settings(model=f"openai:{model}", openai_base_url=server.url, **more)


def said(server: ScriptedServer, model: str, **more: Any) -> str:
    llm = make_chat(settings(server, model, **more))
    assert llm is not None
    return "".join(llm.stream(ASKED))


def sent(server: ScriptedServer) -> list[dict[str, Any]]:
    names = ("max_tokens", "max_completion_tokens", "temperature")
    return [{n: one.body[n] for n in names if n in one.body} for one in server.chats]


@pytest.mark.parametrize("who", MAX_REFUSED)
def test_the_bound_of_an_answer_is_given_by_its_other_name(
    server: ScriptedServer, who: str
) -> None:
    server.script(refusal(MAX_REFUSED[who]), Reply(("Yes.",)))
    for _ in range(2):
        assert said(server, f"bound {who}", answer_tokens=123) == "Yes."
    first = {"max_tokens": 123, "temperature": 0.0}
    other = {"max_completion_tokens": 123, "temperature": 0.0}
    assert sent(server) == [first, other, other]


@pytest.mark.parametrize("who", TEMPERATURE_REFUSED)
def test_a_refused_temperature_is_left_out(server: ScriptedServer, who: str) -> None:
    server.script(refusal(TEMPERATURE_REFUSED[who], 422 if who == "OpenAI" else 400), Reply(("A",)))
    for _ in range(2):
        assert said(server, f"temperature {who}") == "A"
    bound = {"max_tokens": 700}
    assert sent(server) == [bound | {"temperature": 0.0}, bound, bound]


def test_one_refusal_may_follow_another(server: ScriptedServer) -> None:
    server.script(refusal(NO_MAX), refusal(NO_TEMPERATURE), Reply(("Yes.",)))
    assert said(server, "both") == "Yes."
    assert sent(server)[-1] == {"max_completion_tokens": 700}
    assert len(server.chats) == 3


def test_what_a_model_refuses_is_known_to_all_that_ask_it(server: ScriptedServer) -> None:
    server.script(refusal(NO_MAX), Reply(("Yes.",)))
    llm = make_chat(settings(server, "shared"), max_tokens=77, retries=0)
    assert llm is not None
    assert llm.complete(ASKED, 10) == "Yes."
    assert said(server, "shared") == "Yes."
    assert said(server, "another") == "Yes."
    bounds = [{k: v for k, v in one.items() if k != "temperature"} for one in sent(server)]
    assert bounds == [
        {"max_tokens": 77},
        {"max_completion_tokens": 77},
        {"max_completion_tokens": 700},
        {"max_tokens": 700},
    ]


def test_a_deployment_on_azure_is_asked_again_too(server: ScriptedServer) -> None:
    base = f"{server.url.removesuffix('/v1')}?api-version=2025-01-01"
    server.script(refusal(NO_MAX), Reply(("Yes.",)))
    model = settings(server, "our-best").model_copy(update={"openai_base_url": base})
    llm = make_chat(model)
    assert llm is not None
    assert "".join(llm.stream(ASKED)) == "Yes."
    assert "max_completion_tokens" in sent(server)[-1]
    assert server.chats[-1].path.startswith("/openai/deployments/our-best/")


def test_a_refusal_that_stays_is_told_and_not_repeated_for_ever(server: ScriptedServer) -> None:
    server.script(refusal(NO_MAX))
    with pytest.raises(ModelError, match="refused the request"):
        said(server, "stubborn")
    assert len(server.chats) == 2


@pytest.mark.parametrize(
    "message",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 700. This model's maximum context "
        "length is 512 tokens.",
        "max_tokens is too large: 700. This model's maximum context length is 512 tokens.",
    ],
)
def test_a_bound_that_is_too_large_is_no_refused_parameter(
    server: ScriptedServer, message: str
) -> None:
    server.script(refusal(message))
    with pytest.raises(ContextOverflow):
        said(server, "small")
    assert len(server.chats) == 1
