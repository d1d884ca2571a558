"""Chat models over HTTP: what is sent, what becomes of each failure, and where a text ends."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import chain, islice, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import KEY, MESSAGES, Reply, ScriptedServer, chat_at, event, running

from rag.errors import ContextOverflow, ModelError, SettingsError
from rag.models.chat import (
    CUT_SHORT,
    Generation,
    make_chat,
    truncate,
    without_reasoning,
)
from rag.models.tokens import PRICES_OF
from rag.settings import Settings
from rag.types import GenerationRecord, Notice


def stream(server: ScriptedServer, model: str = "test-model", **more: Any) -> str:
    return "".join(chat_at(server.url, model, **more).stream(MESSAGES))


def test_a_model_is_made_by_its_name() -> None:
    assert make_chat(Settings()) is None
    assert make_chat(Settings(model="extractive", openai_api_key=KEY)) is None
    with pytest.raises(SettingsError, match="'gpt-4' is unknown"):
        make_chat(Settings(model="gpt-4"))
    with pytest.raises(SettingsError, match="Set OPENAI_API_KEY"):
        make_chat(Settings(model="openai:gpt-4.1-mini"))


def test_a_completion_is_streamed_and_asks_for_no_feature_that_some_servers_lack(
    server: ScriptedServer,
) -> None:
    server.say("Mobile ", "money.")
    assert stream(server, answer_tokens=123) == "Mobile money."
    (request,) = server.chats
    assert request.body == {
        "model": "test-model",
        "messages": MESSAGES,
        "stream": True,
        "temperature": 0.0,
        "max_tokens": 123,
    }
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_whole_completion_is_one_request(server: ScriptedServer) -> None:
    server.say("<think>Hm.</think> Mobile ", "money.")
    chat = chat_at(server.url, max_tokens=77, openai_api_key=None)
    assert chat.complete(MESSAGES, 10) == "Mobile money."
    (request,) = server.chats
    assert not request.body.get("stream")
    assert request.body["max_tokens"] == 77


BAD_KEY = f'{{"error": {{"message": "bad {KEY}"}}}}'
WELL = event(reasoning_content="Well. ")
# Of a stream, or of a whole completion: what the server does, and what is said of it.
FAULTS = [
    (True, Reply(("One ",), cut=True), "broke off"),
    (True, Reply(("One ",), raw=("data: {not json",)), "can't be read"),
    (True, Reply(raw=("data: [1]",)), "can't be read"),
    (True, Reply(raw=('data: {"choices": [{"delta": 7}]}',)), "can't be read"),
    (True, Reply(raw=(f"data: {BAD_KEY}",)), "broke off"),
    (True, Reply((" ", "\n")), "empty answer"),
    (True, Reply(("<think>Hm.", "</think>\n")), "empty answer"),
    (True, Reply(("<think>Hm.",), finish="length"), "ASKLABS_ANSWER_TOKENS"),
    (True, Reply(("<think>", *("Well. ",) * 2000)), "ASKLABS_ANSWER_TOKENS"),
    (True, Reply(raw=(WELL,) * 2000), "ASKLABS_ANSWER_TOKENS"),
    (False, Reply(status=401, body=BAD_KEY), "API_KEY"),
    (False, Reply(status=503, body="<html>down</html>"), "HTTP 503"),
    (False, Reply(raw=("{not json",)), "can't be read"),
    (False, Reply(raw=('{"choices": []}',)), "can't be read"),
    (False, Reply(("Yes.",), cut=True), "broke off"),
    (False, Reply(), "empty answer"),
]


@pytest.mark.parametrize(("streamed", "reply", "words"), FAULTS, ids=range(len(FAULTS)))
def test_each_fault_has_its_sentence(
    server: ScriptedServer, streamed: bool, reply: Reply, words: str
) -> None:
    server.script(reply)
    chat = chat_at(server.url, retries=0, answer_tokens=50)
    with pytest.raises(ModelError, match=words) as caught:
        "".join(chat.stream(MESSAGES)) if streamed else chat.complete(MESSAGES, 10)
    assert KEY not in str(caught.value)
    assert len(server.chats) == 1


def test_a_server_that_is_not_there_is_named() -> None:
    with running() as gone:
        pass
    with pytest.raises(ModelError, match=r"can't be reached\. Check OPENAI_BASE_URL"):
        stream(gone)


def test_what_came_before_a_break_is_given(server: ScriptedServer) -> None:
    for broken in (Reply(("One ", "two "), cut=True), Reply(("One ", "two "), stall=3.0)):
        server.script(broken)
        pieces = chat_at(server.url, timeout=0.3).stream(MESSAGES)
        assert [next(pieces), next(pieces)] == ["One ", "two "]
        with pytest.raises(ModelError, match=r"broke off|took too long.*ASKLABS_TIMEOUT"):
            next(pieces)


def test_a_server_that_dribbles_is_given_up_in_time(server: ScriptedServer) -> None:
    server.script(Reply(tuple("word " for _ in range(20)), delay=0.1))
    started = time.monotonic()
    with pytest.raises(ModelError, match="too long"):
        chat_at(server.url, retries=0).complete(MESSAGES, 0.3)
    assert time.monotonic() - started < 1


NO_MAX = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. "
    "Use 'max_completion_tokens' instead."
)
NO_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) "
    "value is supported."
)
BOUND, OTHER_BOUND = {"max_tokens": 123}, {"max_completion_tokens": 123, "temperature": 0.0}
REFUSED = {
    "OpenAI's bound": (NO_MAX, 400, OTHER_BOUND),
    "a gateway": ("Please use `max_completion_tokens`.", 422, OTHER_BOUND),
    "OpenAI's value": (NO_TEMPERATURE, 400, BOUND),
    "Anthropic": ("`temperature` is deprecated for this model.", 400, BOUND),
    "LiteLLM": ("openai does not support parameters: {'temperature': 0.0}, for o9.", 400, BOUND),
}


def refusal(message: str, status: int = 400) -> Reply:
    return Reply(status=status, body=json.dumps({"error": {"message": message}}))


def sent(server: ScriptedServer) -> list[dict[str, Any]]:
    names = ("max_tokens", "max_completion_tokens", "temperature")
    return [{n: r.body[n] for n in names if n in r.body} for r in server.chats]


@pytest.mark.parametrize("who", REFUSED)
def test_a_refused_parameter_is_replaced_and_remembered(server: ScriptedServer, who: str) -> None:
    message, status, others = REFUSED[who]
    # What is remembered of a model holds for all tests: each has its own.
    server.script(refusal(message, status), Reply(("Yes.",)))
    for _ in range(2):
        assert stream(server, f"refusing {who}", answer_tokens=123) == "Yes."
    assert sent(server) == [BOUND | {"temperature": 0.0}, others, others]


def test_one_refusal_may_follow_another_and_all_who_ask_know_both(server: ScriptedServer) -> None:
    server.script(refusal(NO_MAX), refusal(NO_TEMPERATURE), Reply(("Yes.",)))
    chat = chat_at(server.url, "both", max_tokens=77, retries=0)
    assert chat.complete(MESSAGES, 10) == "Yes."
    assert stream(server, "both") == stream(server, "another") == "Yes."
    assert sent(server)[2:] == [
        {"max_completion_tokens": 77},
        {"max_completion_tokens": 700},
        {"max_tokens": 700, "temperature": 0.0},
    ]


def test_a_refusal_that_stays_is_raised(server: ScriptedServer) -> None:
    server.script(refusal(NO_MAX))
    with pytest.raises(ModelError, match="refused the request"):
        stream(server, "stubborn")
    assert len(server.chats) == 2


def test_a_bound_that_is_too_large_is_no_refused_parameter(server: ScriptedServer) -> None:
    bound = "'max_tokens' or 'max_completion_tokens' is too large: 700."
    server.script(refusal(f"{bound} This model's maximum context length is 512 tokens."))
    with pytest.raises(ContextOverflow):
        stream(server, "small")
    assert len(server.chats) == 1


TEXTS = {
    "Yes.": "Yes.",
    "\n<think>\nHm.\n</think>\n\nYes. No. ": "Yes. No. ",
    "<think></think>\n\n<think>2 < 3</thin </think>Yes.": "Yes.",
    "<think>Hm.": "",
    "<think>Hm.</think>": "",
    "<thin": "<thin",
    "<thinking is hard": "<thinking is hard",
    "Yes <think>No</think>": "Yes <think>No</think>",
}


def test_reasoning_is_left_out_however_it_is_cut() -> None:
    for text, rest in TEXTS.items():
        for size in (1, 2, 3, 5, 7, 100):
            pieces = [text[i : i + size] for i in range(0, len(text), size)]
            assert "".join(without_reasoning(pieces)) == rest
    # What can be no tag is not held back.
    assert next(without_reasoning(iter(["<thi", "s", " is"]))) == "<this"


@given(st.lists(st.text("<think/> a\n", max_size=9), max_size=20), st.text("ab<>", min_size=1))
def test_where_a_text_is_cut_makes_no_difference(pieces: Sequence[str], rest: str) -> None:
    uncut = "".join(pieces) + rest
    assert "".join(without_reasoning([*pieces, rest])) == "".join(without_reasoning([uncut]))


OWN = "Fees matter to vendors in Peru [1]. Trust matters more in Fiji [2]."


def truncated(
    *pieces: str, again: str = "", finish: str = "", tokens: int = 700
) -> tuple[str, Generation]:
    """What is kept of pieces, followed by `again` without end, and what is noted."""
    generation = Generation(finish=finish)
    endless = chain(pieces, repeat(again) if again else ())
    text = "".join(islice(truncate(iter(endless), generation, tokens), 20_000))
    assert len(text) < 20_000
    return text[: generation.kept], generation


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        ("Yes. ", " Yes."),
        ("- Labs agree on it [1]\n", " - Labs agree on it [1]"),
        ("المختبرات تتفق على ذلك [1]. ", " المختبرات تتفق على ذلك [1]."),
        ("the ", ""),
        ("[1]", ""),
        ("x" * 33, ""),
    ],
)
def test_a_sentence_that_is_repeated_is_kept_once_and_all_else_dropped(
    again: str, kept: str
) -> None:
    text, generation = truncated(f"{OWN} ", again=again)
    assert text == OWN + kept
    assert generation.notices == [Notice("model_repeated_itself")]


def test_a_model_that_only_repeats_has_failed() -> None:
    with pytest.raises(ModelError, match="repeated itself"):
        truncated(again="the ")


@pytest.mark.parametrize(
    "text",
    [
        "| lab | year |\n|---|---|\n| Peru | 2023 |\n| Peru | 2024 |\n| Peru | 2022 |\n",
        "".join(f"- Lab {n} reports that fees matter [1].\n" for n in range(40)),
        "No. " * 9 + "Yes.",
        "",
    ],
)
def test_lists_tables_and_short_echoes_are_no_repetition(text: str) -> None:
    kept, generation = truncated(*text)
    assert kept == text
    assert not generation.notices


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        (f"{OWN} And [3", OWN),
        ("- Fees [1]\n- Trust [2]\n- And", "- Fees [1]\n- Trust [2]"),
        ("Fees matter. [1]", "Fees matter. [1]"),
        ("هل هذا صحيح؟ نعم و", "هل هذا صحيح؟"),
        ("Half of it", "Half of it"),
    ],
)
def test_an_answer_that_was_cut_short_says_so_and_ends_with_a_sentence(
    text: str, complete: str
) -> None:
    for finish, code in CUT_SHORT.items():
        kept, generation = truncated(text, finish=finish)
        assert kept == complete
        assert generation.notices == [Notice(code)]
    assert not truncated(text, finish="stop")[1].notices


def test_text_that_is_far_too_long_is_cut_in_many_pieces_or_one() -> None:
    text = " ".join(f"Lab {n} has {n * n} boats [1]." for n in range(30_000))
    for pieces in ([text], [text[i : i + 9] for i in range(0, len(text), 9)]):
        kept, generation = truncated(*pieces, tokens=50)
        assert 500 < len(kept) <= 600
        assert text.startswith(kept)
        assert kept.endswith("boats [1].")
        assert generation.finish == "length"


@given(st.lists(st.text("ab. \n[1]", max_size=6), max_size=60))
def test_what_is_kept_is_always_a_beginning(pieces: list[str]) -> None:
    try:
        text, generation = truncated(*pieces, finish="length")
    except ModelError:
        return
    assert "".join(pieces).startswith(text)
    assert generation.kept is None or generation.kept > 0


def test_a_record_has_a_cost_only_where_a_price_is_known() -> None:
    assert Generation().record("2", 10) == GenerationRecord()
    assert Generation("gpt-4o", prompt=1000).record("2", 10) == GenerationRecord("gpt-4o", "2")
    priced = Generation("gpt-4o", priced=True, prompt=1000).record("2", 100)
    assert priced == GenerationRecord("gpt-4o", "2", pytest.approx(0.0035), PRICES_OF)
    own = Generation("own", priced=True, prompt=1000).record("2", 100)
    assert own == GenerationRecord("own", "2")
