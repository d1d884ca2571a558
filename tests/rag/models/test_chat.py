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
from openai_server import Reply, ScriptedServer, event, running

from rag.errors import ContextOverflow, ModelError, SettingsError
from rag.models.chat import (
    CUT_SHORT,
    ChatModel,
    Generation,
    complete_sentences,
    make_chat,
    truncate,
    without_reasoning,
)
from rag.models.tokens import PRICES_OF, cost_usd
from rag.settings import Settings
from rag.types import GenerationRecord, Notice

KEY = "sk-secret-4711"
MESSAGES = [{"role": "user", "content": "Hello?"}]


def make(server: ScriptedServer, model: str = "test-model", **more: Any) -> ChatModel:
    options = {name: more.pop(name) for name in ("max_tokens", "retries") if name in more}
    values = {"openai_api_key": KEY, "openai_base_url": server.url} | more
    chat = make_chat(Settings(model=f"openai:{model}", **values), **options)
    assert chat is not None
    return chat


def stream(server: ScriptedServer, model: str = "test-model", **more: Any) -> str:
    return "".join(make(server, model, **more).stream(MESSAGES))


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
    assert make(server, max_tokens=77, openai_api_key=None).complete(MESSAGES, 10) == (
        "Mobile money."
    )
    (request,) = server.chats
    assert not request.body.get("stream")
    assert request.body["max_tokens"] == 77


STREAM_FAULTS = {
    "cut": (Reply(("One ",), cut=True), "broke off"),
    "garbage": (Reply(("One ",), raw=("data: {not json",)), "can't be read"),
    "another shape": (Reply(raw=('data: {"hello": 1}',)), "can't be read"),
    "a number": (Reply(raw=("data: 3",)), "can't be read"),
    "a list": (Reply(raw=("data: [1]",)), "can't be read"),
    "no choices": (Reply(raw=('data: {"choices": null}',)), "can't be read"),
    "odd delta": (Reply(raw=('data: {"choices": [{"delta": 7}]}',)), "can't be read"),
    "error": (Reply(raw=(f'data: {{"error": {{"message": "bad {KEY}"}}}}',)), "broke off"),
    "white space": (Reply((" ", "\n")), "empty answer"),
    "only reasoning": (Reply(("<think>Hm.", "</think>\n")), "empty answer"),
    "cut reasoning": (Reply(("<think>Hm.",), finish="length"), "ASKLABS_ANSWER_TOKENS"),
    "endless reasoning": (Reply(("<think>", *("Well. ",) * 2000)), "ASKLABS_ANSWER_TOKENS"),
    "endless reasoning apart": (
        Reply(raw=(event(reasoning_content="Well. "),) * 2000),
        "ASKLABS_ANSWER_TOKENS",
    ),
}
WHOLE_FAULTS = {
    "refused key": (Reply(status=401, body=f'{{"error": {{"message": "bad {KEY}"}}}}'), "API_KEY"),
    "HTML": (Reply(status=503, body="<html>down</html>"), "HTTP 503"),
    "garbage": (Reply(raw=("{not json",)), "can't be read"),
    "a number": (Reply(raw=("3",)), "can't be read"),
    "no choices": (Reply(raw=('{"choices": []}',)), "can't be read"),
    "no message": (Reply(raw=('{"choices": [{"message": null}]}',)), "can't be read"),
    "cut": (Reply(("Yes.",), cut=True), "broke off"),
    "empty": (Reply(), "empty answer"),
}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_each_fault_of_a_stream_has_its_sentence(server: ScriptedServer, fault: str) -> None:
    reply, words = STREAM_FAULTS[fault]
    server.script(reply)
    with pytest.raises(ModelError, match=words) as caught:
        stream(server, answer_tokens=50)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", WHOLE_FAULTS)
def test_each_fault_of_a_whole_completion_has_its_sentence(
    server: ScriptedServer, fault: str
) -> None:
    reply, words = WHOLE_FAULTS[fault]
    server.script(reply)
    with pytest.raises(ModelError, match=words) as caught:
        make(server, retries=0).complete(MESSAGES, 10)
    assert KEY not in str(caught.value)
    assert len(server.chats) == 1


def test_a_server_that_is_not_there_is_named(server: ScriptedServer) -> None:
    with running() as gone:
        url = gone.url
    with pytest.raises(ModelError, match=r"can't be reached\. Check OPENAI_BASE_URL"):
        stream(server, openai_base_url=url)


def test_what_came_before_a_break_is_given(server: ScriptedServer) -> None:
    for broken in (Reply(("One ", "two "), cut=True), Reply(("One ", "two "), stall=3.0)):
        server.script(broken)
        pieces = make(server, timeout=0.3).stream(MESSAGES)
        assert [next(pieces), next(pieces)] == ["One ", "two "]
        with pytest.raises(ModelError, match=r"broke off|took too long.*ASKLABS_TIMEOUT"):
            next(pieces)


def test_a_server_that_dribbles_is_given_up_in_time(server: ScriptedServer) -> None:
    server.script(Reply(tuple("word " for _ in range(20)), delay=0.1))
    started = time.monotonic()
    with pytest.raises(ModelError, match="too long"):
        make(server, retries=0).complete(MESSAGES, 0.3)
    assert time.monotonic() - started < 1


MAX = "Unsupported parameter: 'max_tokens' is not supported with this model. Use {} instead."
NO_MAX = MAX.format("'max_completion_tokens'")
NO_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) "
    "value is supported."
)
BOUND, OTHER_BOUND = {"max_tokens": 123}, {"max_completion_tokens": 123}
REFUSED = {
    "OpenAI's bound": (NO_MAX, OTHER_BOUND | {"temperature": 0.0}),
    "in short": ("Unsupported parameter: 'max_tokens'", OTHER_BOUND | {"temperature": 0.0}),
    "a gateway": ("Please use `max_completion_tokens`.", OTHER_BOUND | {"temperature": 0.0}),
    "OpenAI's value": (NO_TEMPERATURE, BOUND),
    "OpenAI": ("Unsupported parameter: 'temperature' is not supported with this model.", BOUND),
    "Anthropic": ("`temperature` is deprecated for this model.", BOUND),
    "LiteLLM": (
        "openai does not support parameters: {'temperature': 0.0}, for model=o9.",
        BOUND,
    ),
}


def refusal(message: str, status: int = 400) -> Reply:
    return Reply(status=status, body=json.dumps({"error": {"message": message}}))


def sent(server: ScriptedServer) -> list[dict[str, Any]]:
    names = ("max_tokens", "max_completion_tokens", "temperature")
    return [{n: r.body[n] for n in names if n in r.body} for r in server.chats]


@pytest.mark.parametrize("who", REFUSED)
def test_a_refused_parameter_is_replaced_and_remembered(server: ScriptedServer, who: str) -> None:
    message, others = REFUSED[who]
    # What is remembered of a model holds for all tests: each has its own.
    server.script(refusal(message, 422 if who == "OpenAI" else 400), Reply(("Yes.",)))
    for _ in range(2):
        assert stream(server, f"refusing {who}", answer_tokens=123) == "Yes."
    assert sent(server) == [BOUND | {"temperature": 0.0}, others, others]


def test_one_refusal_may_follow_another_and_all_who_ask_know_both(server: ScriptedServer) -> None:
    server.script(refusal(NO_MAX), refusal(NO_TEMPERATURE), Reply(("Yes.",)))
    assert make(server, "both", max_tokens=77, retries=0).complete(MESSAGES, 10) == "Yes."
    assert stream(server, "both") == "Yes."
    assert stream(server, "another") == "Yes."
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
    "<think>Hm.</think>Yes.": "Yes.",
    "\n<think>\nHm.\n</think>\n\nYes. No. ": "Yes. No. ",
    "<think></think>\n\n<think>2 < 3</thin </think>Yes.": "Yes.",
    "<think>Hm.": "",
    "<think>Hm.</think>": "",
    "<think>": "",
    "": "",
    "<thin": "<thin",
    "<b>Yes</b>": "<b>Yes</b>",
    "<thinking is hard": "<thinking is hard",
    "Yes <think>No</think>": "Yes <think>No</think>",
}


@pytest.mark.parametrize("text", TEXTS)
def test_reasoning_is_left_out_however_it_is_cut(text: str) -> None:
    for size in (1, 2, 3, 5, 7, 100):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert "".join(without_reasoning(pieces)) == TEXTS[text]


@given(st.lists(st.text("<think/> a\n", max_size=9), max_size=20), st.text("ab<>", min_size=1))
def test_where_a_text_is_cut_makes_no_difference(pieces: Sequence[str], rest: str) -> None:
    uncut = "".join(pieces) + rest
    assert "".join(without_reasoning([*pieces, rest])) == "".join(without_reasoning([uncut]))


def test_what_can_be_no_tag_is_not_held_back() -> None:
    assert next(without_reasoning(iter(["<thi", "s", " is"]))) == "<this"


def test_reasoning_that_a_server_sends_apart_is_left_out(server: ScriptedServer) -> None:
    reasoning = event(reasoning_content="They ask whether.")
    server.script(Reply(raw=(reasoning, reasoning, event(content="Yes."))))
    assert stream(server) == "Yes."


OWN = "Fees matter to vendors in Peru [1]. Trust matters more in Fiji [2]."


def keep(
    *pieces: str, again: str = "", finish: str = "", tokens: int = 700
) -> tuple[str, Generation]:
    """What is kept of pieces, followed by `again` without end, and what is noted."""
    generation = Generation(finish=finish)
    endless = chain(pieces, repeat(again) if again else ())
    text = "".join(islice(truncate(iter(endless), generation, tokens), 20_000))
    assert len(text) < 20_000
    return text[: generation.kept], generation


@pytest.mark.parametrize(
    "again",
    [
        "Yes. ",
        "Fees are high [1]. Labs say so in every report that they wrote about it [2].\n\n",
        "- Labs agree on it [1]\n",
        "المختبرات تتفق على ذلك [1]. ",
    ],
)
def test_repetition_is_kept_once(again: str) -> None:
    text, generation = keep(f"{OWN} ", again=again)
    assert text == f"{OWN} {again}".strip()
    assert generation.notices == [Notice("model_repeated_itself")]


@pytest.mark.parametrize("again", ["the ", "\n", "and so on, ", "[1]", "x" * 33])
def test_repetition_that_is_no_sentence_is_left_out(again: str) -> None:
    text, generation = keep(f"{OWN} In short: ", again=again)
    assert text == OWN
    assert generation.notices == [Notice("model_repeated_itself")]


def test_a_model_that_only_repeats_has_failed() -> None:
    with pytest.raises(ModelError, match="repeated itself"):
        keep(again="the ")


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        "| lab | year |\n|---|---|\n| Peru | 2023 |\n| Peru | 2024 |\n| Peru | 2022 |\n",
        "".join(f"- Lab {n} reports that fees matter [1].\n" for n in range(40)),
        "No. " * 9 + "Yes.",
        "=" * 60,
        "",
    ],
)
def test_lists_tables_and_short_echoes_are_no_repetition(text: str) -> None:
    found, generation = keep(*text)
    assert found == text
    assert not generation.notices


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        (f"{OWN} And [3", OWN),
        (OWN, OWN),
        ("- Fees [1]\n- Trust [2]\n- And", "- Fees [1]\n- Trust [2]"),
        ("Fees matter. [1]", "Fees matter. [1]"),
        ("هل هذا صحيح؟ نعم و", "هل هذا صحيح؟"),
        ("Half", ""),
    ],
)
def test_half_a_sentence_at_the_end_is_dropped(text: str, complete: str) -> None:
    assert complete_sentences(text) == complete


@pytest.mark.parametrize("finish", CUT_SHORT)
def test_an_answer_that_was_cut_short_says_so(finish: str) -> None:
    text, generation = keep(OWN, " And th", finish=finish)
    assert text == OWN
    assert generation.notices == [Notice(CUT_SHORT[finish])]
    assert keep("Half of it", finish=finish)[0] == "Half of it"
    assert not keep(OWN, " And th", finish="stop")[1].notices


def test_text_that_is_far_too_long_is_cut_in_many_pieces_or_one() -> None:
    text = " ".join(f"Lab {n} has {n * n} boats [1]." for n in range(30_000))
    for pieces in ([text], [text[i : i + 9] for i in range(0, len(text), 9)]):
        kept, generation = keep(*pieces, tokens=50)
        assert 500 < len(kept) <= 600
        assert text.startswith(kept)
        assert kept.endswith("boats [1].")
        assert generation.finish == "length"


@given(st.lists(st.text("ab. \n[1]", max_size=6), max_size=60))
def test_what_is_kept_is_always_a_beginning(pieces: list[str]) -> None:
    try:
        text, generation = keep(*pieces, finish="length")
    except ModelError:
        return
    assert "".join(pieces).startswith(text)
    assert generation.kept is None or generation.kept > 0


def test_a_record_has_a_cost_only_where_a_price_is_known() -> None:
    assert cost_usd("gpt-4.1-mini", 1_000_000, 500_000) == pytest.approx(1.2)
    assert cost_usd("gpt-4.1-mini-of-mine", 1000, 1000) is None
    assert Generation().record("2", 10) == GenerationRecord()
    assert Generation("gpt-4o", prompt=1000).record("2", 10) == GenerationRecord("gpt-4o", "2")
    priced = Generation("gpt-4o", priced=True, prompt=1000).record("2", 100)
    assert priced == GenerationRecord("gpt-4o", "2", pytest.approx(0.0035), PRICES_OF)
    assert Generation("own", priced=True, prompt=1000).record("2", 100) == GenerationRecord(
        "own", "2"
    )
