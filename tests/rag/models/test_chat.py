"""Chat models and their servers: what is sent, each failure, where a text ends, what fits."""

import json
import logging
import traceback
from itertools import chain, islice, repeat
from typing import Any

import pytest
from openai_server import KEY, MESSAGES, Reply, ScriptedServer, chat_at, event, running
from passages import hits

from rag.errors import ContextOverflow, ModelError, SettingsError
from rag.models.chat import CUT_SHORT, Generation, make_chat, truncate, without_reasoning
from rag.models.client import find_server
from rag.models.prompts import answer_messages
from rag.models.tokens import SHARE, WINDOW, Budget, count_tokens, make_budget, own_encoding
from rag.settings import Settings
from rag.types import Notice, Plan

SOON = 5.0  # seconds; the servers here would go on for far longer
OWN = "Fees matter to vendors in Peru [1]. Trust matters more in Fiji [2]."


def stream(server: ScriptedServer, model: str = "test-model", **more: Any) -> str:
    return "".join(chat_at(server.url, model, **more).stream(MESSAGES))


def test_a_model_is_made_by_its_name_and_its_server_by_its_address() -> None:
    assert make_chat(Settings()) is None
    assert make_chat(Settings(model="extractive", openai_api_key=KEY)) is None
    with pytest.raises(SettingsError, match="'gpt-4' is unknown"):
        make_chat(Settings(model="gpt-4"))
    with pytest.raises(SettingsError, match="Set OPENAI_API_KEY"):
        make_chat(Settings(model="openai:gpt-4.1-mini"))
    for address in ("nowhere", "ftp://a.example", "http://", "http://a:b"):
        with pytest.raises(SettingsError, match="OPENAI_BASE_URL is no address"):
            find_server(Settings(openai_base_url=address))
    # One setting names servers of all kinds.
    azure = "https://name.openai.azure.com"
    for address, found in {
        "http://127.0.0.1:8080/v1/chat/completions": ("http://127.0.0.1:8080/v1", {}),
        "https://a.example/v1/?team=b": ("https://a.example/v1", {"team": "b"}),
        azure: (f"{azure}/openai/v1", {}),
        f"{azure}/openai/deployments/o/embeddings?api-version=7": (f"{azure}/openai/v1", {}),
    }.items():
        server = find_server(Settings(openai_api_key=KEY, openai_base_url=address))
        assert (server.url, server.query) == found


def test_a_completion_is_asked_for_nothing_rare(server: ScriptedServer) -> None:
    server.say("<think>Hm.</think> Mobile ", "\ud800 money.")
    assert stream(server, answer_tokens=123) == "Mobile ? money."
    addressed = chat_at(f"{server.url}?team=b", answer_tokens=77)
    assert addressed.complete(MESSAGES, 10) == "Mobile ? money."
    streamed, complete = server.chats
    body = {"model": "test-model", "messages": MESSAGES, "temperature": 0.0}
    assert streamed.body == body | {"stream": True, "max_tokens": 123}
    assert complete.body == body | {"stream": False, "max_tokens": 77}
    assert complete.path == "/v1/chat/completions?team=b"
    assert streamed.headers["authorization"] == f"Bearer {KEY}"


def refusal(message: str, status: int = 400) -> Reply:
    return Reply(status=status, body=json.dumps({"error": {"message": message}}))


WELL = event(reasoning_content="Well. ")
LONG = f"the context length {KEY}"
# Of a stream, or of a whole completion: what the server does, what is said of it, and how often
# it is asked.
FAULTS = (
    (True, Reply(("One ",), cut=True), "broke off", 1),
    (True, Reply(("One ",), raw=("data: {not json",)), "can't be read", 1),
    (True, Reply(raw=('data: {"choices": [{"delta": 7}]}',)), "can't be read", 1),
    (True, Reply(raw=(f"data: {refusal(f'bad {KEY}').body}",)), "broke off", 1),
    (True, Reply((" ", "\n")), "empty answer", 1),
    (True, Reply(("<think>Hm.",), finish="length"), "ASKLABS_ANSWER_TOKENS", 1),
    (True, Reply(("<think>", *("Well. ",) * 2000)), "ASKLABS_ANSWER_TOKENS", 1),
    (True, Reply(raw=(WELL,) * 2000), "ASKLABS_ANSWER_TOKENS", 1),
    (True, Reply(status=307, headers={"Location": "/v1/chat/completions"}), "HTTP 307", 1),
    (True, refusal(f"bad {KEY}", 400), "ASKLABS_CONTEXT_TOKENS", 1),
    (True, refusal(LONG, 401), "OPENAI_API_KEY", 1),
    (True, refusal(LONG, 404), "model's name", 1),
    (True, refusal(LONG, 429), "over its limit", 3),
    (True, refusal(f"bad {KEY}", 500), "HTTP 500", 3),
    (False, Reply(status=503, body="<html>down</html>"), "HTTP 503", 3),
    (False, Reply(raw=('{"choices": []}',)), "can't be read", 1),
    (False, Reply(), "empty answer", 1),
)


def test_faults_are_told_and_no_message_or_log_has_the_key(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat = chat_at(server.url, answer_tokens=50)
    for streamed, reply, words, tries in FAULTS:
        caplog.clear()
        server.script(reply)
        with pytest.raises(ModelError, match=words) as caught:
            "".join(chat.stream(MESSAGES)) if streamed else chat.complete(MESSAGES, 10)
        assert not isinstance(caught.value, ContextOverflow)
        assert len(server.chats) == tries
        shown = "".join(traceback.format_exception(caught.value))
        assert KEY not in f"{shown}{caught.value!r}{caplog.text}"
        assert str(reply.status) in caplog.text


def test_a_server_is_asked_again_and_given_up_in_time(server: ScriptedServer) -> None:
    server.script(Reply(status=429, headers={}), Reply(("Yes.",)))
    assert stream(server) == "Yes."
    server.script(Reply(status=429, headers={"retry-after": "21"}), Reply(("Yes.",)))
    with pytest.raises(ModelError, match="over its limit"):
        stream(server)
    assert len(server.chats) == 1
    with running() as gone:
        pass
    with pytest.raises(ModelError, match=r"can't be reached\. Check OPENAI_BASE_URL"):
        stream(gone, retries=0)
    server.script(Reply(("word ",) * 300, delay=0.1))
    with pytest.raises(ModelError, match="too long"):
        chat_at(server.url, retries=0).complete(MESSAGES, 0.5)
    assert server.hung_up.wait(SOON)
    # A stream ends at its deadline, and what it told stays.
    words = (f"word{n} " for n in range(300))
    server.script(Reply(("One sentence. ", *words), delay=0.05))
    generation = Generation()
    pieces = chat_at(server.url, deadline=1.0).stream(MESSAGES, generation)
    text = "".join(truncate(pieces, generation, 1000))
    assert len(text) < 500
    assert text[: generation.end].strip() == "One sentence."
    assert generation.notices == [Notice("language_model_too_slow")]


NO_MAX = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


def test_a_refused_parameter_is_replaced_and_remembered(server: ScriptedServer) -> None:
    bound, other_bound = {"max_tokens": 123}, {"max_completion_tokens": 123, "temperature": 0.0}
    for message, status, others in (
        (NO_MAX, 400, other_bound),
        ("Please use `max_completion_tokens`.", 422, other_bound),
        ("`temperature` is deprecated for this model.", 400, bound),
    ):
        # What is remembered of a model holds for all tests: each has its own.
        server.script(refusal(message, status), Reply(("Yes.",)))
        for _ in range(2):
            assert stream(server, f"refusing {message}", answer_tokens=123) == "Yes."
        names = ("max_tokens", "max_completion_tokens", "temperature")
        sent = [{n: chat.body[n] for n in names if n in chat.body} for chat in server.chats]
        assert sent == [bound | {"temperature": 0.0}, others, others]
    # A refusal that stays is raised.
    server.script(refusal(NO_MAX))
    with pytest.raises(ModelError, match="refused the request"):
        stream(server, "stubborn")
    assert len(server.chats) == 2
    too_large = "'max_tokens' or 'max_completion_tokens' is too large: 700."
    server.script(refusal(f"{too_large} This model's maximum context length is 512 tokens."))
    with pytest.raises(ContextOverflow):
        stream(server, "small")
    assert len(server.chats) == 1


def test_reasoning_is_left_out_however_it_is_cut() -> None:
    for text, rest in {
        "Yes.": "Yes.",
        "\n<think>\nHm.\n</think>\n\nYes. No. ": "Yes. No. ",
        "<think></think>\n\n<think>2 < 3</thin </think>Yes.": "Yes.",
        "<think>Hm.": "",
        "<thinking is hard": "<thinking is hard",
        "Yes <think>No</think>": "Yes <think>No</think>",
    }.items():
        for size in (1, 2, 3, 5, 7, 100):
            pieces = [text[i : i + size] for i in range(0, len(text), size)]
            assert "".join(without_reasoning(pieces)) == rest


def truncated(*pieces: str, again: str = "", finish: str = "") -> tuple[str, Generation]:
    """What is kept of pieces, followed by `again` without end, and what is noted."""
    generation = Generation(finish=finish)
    endless = chain(pieces, repeat(again) if again else ())
    text = "".join(islice(truncate(iter(endless), generation, 700), 20_000))
    assert len(text) < 20_000
    return text[: generation.end], generation


def test_a_sentence_that_is_repeated_is_kept_once_but_lists_and_echoes_stay() -> None:
    for again, kept in {
        "- Labs agree on it [1]\n": " - Labs agree on it [1]",
        "المختبرات تتفق على ذلك [1]. ": " المختبرات تتفق على ذلك [1].",
        "the ": "",
        "x" * 33: "",
    }.items():
        text, generation = truncated(f"{OWN} ", again=again)
        assert text == OWN + kept
        assert generation.notices == [Notice("model_repeated_itself")]
        if not kept:
            with pytest.raises(ModelError, match="repeated itself"):
                truncated(again=again)
    # Lists, tables and short echoes are no repetition.
    for text in (
        "| lab | year |\n|---|---|\n| Peru | 2023 |\n| Peru | 2024 |\n| Peru | 2022 |\n",
        "".join(f"- Lab {n} reports that fees matter [1].\n" for n in range(40)),
        "No. " * 9 + "Yes.",
    ):
        kept, generation = truncated(*text)
        assert (kept, generation.notices) == (text, [])


def test_an_answer_cut_short_says_so_and_ends_with_a_sentence() -> None:
    for text, whole in {
        f"{OWN} And [3": OWN,
        "- Fees [1]\n- Trust [2]\n- And": "- Fees [1]\n- Trust [2]",
        "Fees matter. [1]": "Fees matter. [1]",
        "هل هذا صحيح؟ نعم و": "هل هذا صحيح؟",
    }.items():
        for finish, code in CUT_SHORT.items():
            kept, generation = truncated(text, finish=finish)
            assert kept == whole
            assert generation.notices == [Notice(code)]
            # Half a sentence is no answer.
            with pytest.raises(ModelError):
                truncated("Half of it", finish=finish)
        assert not truncated(text, finish="stop")[1].notices


def test_a_prompt_that_is_too_long_is_recognised(server: ScriptedServer) -> None:
    for message, status in {
        "This model's maximum context length is 8192 tokens. You requested 9000.": 400,
        "Too big (context_length_exceeded)": 400,
        "Context size has been exceeded.": 500,
        "Requested tokens (2285) exceed context window of 2048": 400,
    }.items():
        refused = refusal(message, status)
        for reply in (refused, Reply(raw=(f"data: {refused.body}",))):
            server.script(reply)
            with pytest.raises(ContextOverflow, match="ASKLABS_CONTEXT_WINDOW"):
                stream(server)


def test_windows_and_tables_of_openai_s_models_are_known_without_a_download() -> None:
    dated, tuned, other = "gpt-4o-2024-08-06", "ft:gpt-4o-mini:lab:x:1", "gpt-4.1-of-mine"
    for model, window in ((dated, 128_000), (tuned, 128_000), (other, WINDOW)):
        assert make_budget(Settings(model=f"openai:{model}")).window == window
        settings = Settings(model=f"openai:{model}", context_window=5000, answer_tokens=100)
        assert make_budget(settings) == Budget(model, 5000, 100)
    assert count_tokens("hello there") == count_tokens("hello there", "gpt-4o") == 2


@pytest.mark.parametrize("model", ["gpt-4", "llama3.2"])
def test_passages_are_left_out_whole_and_from_the_last(model: str) -> None:
    plan = Plan("What sells?", "What sells?")
    found = hits(*(f"Report {n} says that honey sells well. " * 10 for n in range(1, 9)))
    sizes = set()
    for window in range(300, 4000, 100):
        budget = Budget(model, window, 100)
        count = len(fitting := budget.fitting(plan, found, ()))
        sizes.add(count)
        assert list(fitting) == found[:count]
        usable = window if own_encoding(model) else SHARE * window
        used, more = (
            budget.tokens(answer_messages(plan, found[:n], ())) + 100 for n in (count, count + 1)
        )
        assert not count or used <= usable
        assert count == len(found) or more + len(found) > usable - 1
    assert sizes == set(range(9))
