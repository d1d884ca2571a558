"""What a model thinks before its answer is neither shown nor part of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Reply, ScriptedServer, event

from rag.engine import open_engine
from rag.errors import ModelError
from rag.models.chat import make_chat, without_reasoning
from rag.settings import Settings

ASKED = [{"role": "user", "content": "Hello?"}]
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
def test_thoughts_are_left_out_however_they_are_cut(text: str) -> None:
    assert "".join(without_reasoning([text])) == TEXTS[text]
    for size in (1, 2, 3, 5, 7):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert "".join(without_reasoning(pieces)) == TEXTS[text]


@given(st.lists(st.text("<think/> a\n", max_size=9)), st.text("ab<>", min_size=1))
def test_where_a_text_is_cut_makes_no_difference(pieces: Sequence[str], rest: str) -> None:
    whole = "".join(pieces) + rest
    assert "".join(without_reasoning([*pieces, rest])) == "".join(without_reasoning([whole]))


def test_what_can_be_no_tag_is_not_held_back() -> None:
    texts = without_reasoning(iter(["<thi", "s", " is"]))
    assert next(texts) == "<this"


def settings(server: ScriptedServer) -> Settings:
    return Settings(
        model="openai:test-model", openai_base_url=server.url, strict=False, answer_tokens=50
    )


def said(server: ScriptedServer) -> list[str]:
    llm = make_chat(settings(server))
    assert llm is not None
    return list(llm.stream(ASKED))


def test_tags_that_are_split_over_chunks_are_known(server: ScriptedServer) -> None:
    server.say("<", "think", ">\nThey ask", " whether.\n</", "think>", "\n\n", "Yes", ".")
    assert said(server) == ["Yes", "."]


def test_reasoning_that_a_server_tells_apart_is_left_out(server: ScriptedServer) -> None:
    thought = event(reasoning_content="They ask whether.")
    server.script(Reply(raw=(thought, thought, event(content="Yes."))))
    assert said(server) == ["Yes."]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(("<think>Hm.", " Well.")), "empty answer"),
        (Reply(("<think>Hm.", " Well."), finish="length"), "ASKLABS_ANSWER_TOKENS"),
        (Reply(("<think>Hm.", "</think>\n")), "empty answer"),
        (Reply(("<think>", *("Well. ",) * 5000)), "ASKLABS_ANSWER_TOKENS"),
        (Reply(raw=(event(reasoning_content="Well. "),) * 5000), "ASKLABS_ANSWER_TOKENS"),
    ],
    ids=["never ends", "cut short", "nothing after it", "endless", "endless apart"],
)
def test_a_model_that_only_thinks_wrote_nothing(
    server: ScriptedServer, reply: Reply, words: str
) -> None:
    server.script(reply)
    with pytest.raises(ModelError, match=words):
        said(server)


def test_a_whole_completion_has_no_thoughts(server: ScriptedServer) -> None:
    llm = make_chat(settings(server))
    assert llm is not None
    server.say('<think>{"intent": "list"}</think>', " Yes.")
    assert llm.complete(ASKED, 10) == "Yes."
    server.say("<think>Hm.")
    with pytest.raises(ModelError, match="empty answer"):
        llm.complete(ASKED, 10)


def test_an_answer_begins_after_the_thoughts(server: ScriptedServer, sample_index: Path) -> None:
    engine = open_engine(settings(server).model_copy(update={"index": sample_index}))
    server.say("<think>Passage [2] ", "fits.</think>", "\n\nFees ", "matter [1].")
    stream = engine.ask("What did the labs learn about mobile money?")
    assert "".join(stream) == "Fees matter [1]."
    assert stream.answer.text == "Fees matter [1]."
    assert stream.answer.mode == "test-model"
