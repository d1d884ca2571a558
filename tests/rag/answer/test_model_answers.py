"""Answers by a chat model over HTTP: streamed, cited, and replaced where the model fails."""

from __future__ import annotations

import gc
import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer

from ingest.sync import sync
from rag.engine import Engine, open_engine
from rag.errors import IndexMismatch, ModelError
from rag.export.answer_json import answer_to_dict
from rag.i18n.notices import notice_words
from rag.models.prompts import REFUSALS
from rag.settings import Settings
from rag.text.sentences import sentences
from rag.types import Answer, Turn

KEY = "sk-secret-4711"
QUESTION = "What did the labs learn about mobile money?"


@pytest.fixture(scope="module")
def engine(server: ScriptedServer, sample_index: Path) -> Engine:
    return open_engine(
        Settings(
            index=sample_index,
            model="openai:test-model",
            openai_api_key=KEY,
            openai_base_url=server.url,
            timeout=0.5,
        )
    )


def ask(engine: Engine, server: ScriptedServer, *pieces: str) -> tuple[str, Answer]:
    server.say(*pieces)
    stream = engine.ask(QUESTION)
    return "".join(stream), stream.answer


def test_pieces_arrive_one_by_one(engine: Engine, server: ScriptedServer) -> None:
    server.script(Reply(("Fees ", "matter ", "[1]. ", "Trust too [2]."), gated=True))
    stream = engine.ask(QUESTION)
    shown = ""
    for expected in ("Fees", "Fees matter", "Fees matter [1]."):
        server.gate.release()
        shown += next(stream)
        assert shown == expected
    server.gate.release()
    assert stream.answer.text == "Fees matter [1]. Trust too [2]."
    assert stream.answer.mode == "test-model"
    assert not stream.answer.refused
    assert not stream.answer.notices
    assert stream.answer.tokens["prompt"] > 200
    assert stream.answer.tokens["completion"] > 5


@pytest.mark.parametrize(
    "pieces",
    [
        ("Fees matter [1][99].",),
        ("Fees matter [1] [", "9", "9]."),
        ("Fees matter [1", ", 99", "]."),
        ("Fees matter [", "99;", "1]."),
        ("Fees matter [1[99]0", "0] [1]."),
        ("Fees matter [1] [", "0", "]."),
    ],
)
def test_unknown_numbers_never_show(
    engine: Engine, server: ScriptedServer, pieces: tuple[str, ...]
) -> None:
    shown, answer = ask(engine, server, *pieces)
    for text in (shown, answer.text):
        assert "99" not in text
        assert "[0]" not in text
    assert answer.text == shown
    assert answer.text.startswith("Fees matter [1]")
    assert {c.n for c in answer.citations} <= {1}


@pytest.mark.parametrize("marks", ["[1, 3]", "[1][3]", "[1;3]", "[1 ,3 ]"])
def test_marks_become_single(engine: Engine, server: ScriptedServer, marks: str) -> None:
    shown, answer = ask(engine, server, f"Fees matter {marks}.")
    assert shown == answer.text == "Fees matter [1][3]."


def test_a_citation_quotes_its_passage_verbatim(engine: Engine, server: ScriptedServer) -> None:
    hit = engine.ask(QUESTION).answer.hits[0]
    sentence = hit.passage.text[slice(*sentences(hit.passage.text)[0])].rstrip(".")
    _, answer = ask(engine, server, f"{hit.passage.report.lab}: {sentence} [1].")
    (citation,) = answer.citations
    assert citation.passage == hit.passage
    assert citation.status == "supported"
    raw = " ".join(engine.report(hit.passage.report.id).raw.split())
    assert " ".join(citation.quote.split()) in raw
    assert answer.coverage.reports == (hit.passage.report.id,)
    assert answer.coverage.labs == (hit.passage.report.lab,)


@pytest.mark.parametrize("language", REFUSALS)
def test_the_refusal_phrase_marks_an_answer_refused(
    engine: Engine, server: ScriptedServer, language: str
) -> None:
    _, answer = ask(engine, server, REFUSALS[language][:5], REFUSALS[language][5:])
    assert answer.refused
    assert not answer.coverage.reports
    assert len(answer.hits) >= 20


FAULTS = {
    "refused key": Reply(status=401, body=f'{{"error": {{"message": "bad key {KEY}"}}}}'),
    "unknown model": Reply(status=404),
    "over the limit": Reply(status=429),
    "server error": Reply(status=500),
    "cut at once": Reply(cut=True),
    "cut in the middle": Reply(("Fees matter", " greatly in ["), cut=True),
    "garbage": Reply(("Fees matter",), raw=("data: {x",)),
    "another shape": Reply(("Fees matter",), raw=("data: 3",)),
    "empty": Reply(),
    "slow": Reply(("Fees ", "matter."), delay=0.8),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_model_is_replaced_by_the_reports_own_words(
    engine: Engine, sample_engine: Engine, server: ScriptedServer, fault: str
) -> None:
    server.script(FAULTS[fault])
    stream = engine.ask(QUESTION)
    shown = "".join(stream)
    answer = stream.answer
    expected = sample_engine.ask(QUESTION).answer
    assert answer.mode == "extractive"
    assert answer.text == expected.text
    assert answer.citations == expected.citations
    assert shown.endswith(expected.text)
    assert notice_words(answer.notices).count(". ") >= 1
    assert "language model" in notice_words(answer.notices)
    assert "own sentences instead" in notice_words(answer.notices)
    assert KEY not in f"{shown}{answer!r}"
    assert answer.tokens["completion"] == 0


def test_closing_early_hangs_up(engine: Engine, server: ScriptedServer) -> None:
    server.script(Reply(tuple("word " for _ in range(2000)), delay=0.005))
    stream = engine.ask(QUESTION)
    written = [next(stream) for _ in range(3)]
    # Not left to the garbage collector, which may come late.
    gc.disable()
    try:
        stream.close()
        assert server.hung_up.wait(5)
    finally:
        gc.enable()
    assert stream.answer.text == "".join(written).strip()
    assert stream.answer.mode == "test-model"
    assert list(stream) == []


def test_no_passage_means_refusal_without_a_request(engine: Engine, server: ScriptedServer) -> None:
    server.say("Invented [1].")
    answer = engine.ask(
        QUESTION, filters=replace(engine.ask("x").answer.coverage.filters, year=(1990,))
    ).answer
    assert answer.refused
    assert not server.chats[1:]


def test_the_prompt_holds_the_passages_and_the_question_once(
    engine: Engine, server: ScriptedServer
) -> None:
    _, answer = ask(engine, server, "Yes [1].")
    (request,) = server.chats
    system, user = request.body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert REFUSALS["en"] in system["content"]
    assert user["content"].count(QUESTION) == 1
    assert answer.hits[0].passage.text[:60] in user["content"]
    read = answer.coverage.read_passages
    assert user["content"].count("<passage ") == user["content"].count("</passage>") == read
    assert f'<passage number="{read}"' in user["content"]


def test_a_follow_up_carries_the_question_before(engine: Engine, server: ScriptedServer) -> None:
    server.say("Yes [1].")
    turns = (Turn("user", "What of seaweed in Fiji?"), Turn("assistant", "Rain wets it [7]."))
    engine.ask("And who buys it?", history=turns).answer  # noqa: B018
    user = server.chats[-1].body["messages"][1]["content"]
    assert "What of seaweed in Fiji?" in user
    assert "Rain wets it [7]" not in user


def test_the_key_shows_nowhere(
    engine: Engine, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, answer = ask(engine, server, "Fees matter [1].")
    server.script(FAULTS["refused key"])
    failed = engine.ask(QUESTION).answer
    said = json.dumps([answer_to_dict(answer), answer_to_dict(failed), engine.info()])
    assert KEY not in f"{said}{answer!r}{failed!r}{engine.settings!r}{caplog.text}"
    assert caplog.text
    assert engine.info()["answers"] == "test-model"


def test_a_server_s_embeddings_can_ingest_and_ask(
    server: ScriptedServer, sample_index: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    for name, text in {
        "honey": "Honey sells well in spring.",
        "ice": "Ice is dear in June.",
    }.items():
        (folder / f"{name}.md").write_text(
            f"[[country:Peru]]\n[[year:2023]]\n[[type:learningplan]]\n\n# On {name}\n\n"
            f"## Learnings\n\n> What did you learn?\n\n{text}\n",
            encoding="utf-8",
        )
    common: dict[str, Any] = {"openai_base_url": server.url, "openai_api_key": KEY}
    settings = Settings(
        index=tmp_path / "index", embedding="openai:test-embedding", model="extractive", **common
    )
    assert sync([folder], settings).passages == 2
    engine = open_engine(settings)
    assert engine.info()["embedding"] == "openai:test-embedding"
    answer = engine.ask("When does honey sell well?").answer
    assert "\nPeru (2023, closing): Honey sells well in spring [1]." in answer.text
    assert answer.hits[0].similarity > answer.hits[1].similarity

    server.embeddings_fail = Reply(status=401)
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        engine.ask("When does ice melt?")
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        open_engine(settings)

    for other in (
        Settings(index=settings.index),
        Settings(index=settings.index, embedding="openai:another", **common),
        Settings(index=sample_index, embedding="openai:test-embedding", **common),
    ):
        with pytest.raises(IndexMismatch, match=r"embedding.*asklabs ingest PATH --rebuild"):
            open_engine(other)


def test_a_sentence_without_a_mark_gets_one_where_a_passage_supports_it(
    engine: Engine, server: ScriptedServer
) -> None:
    texts = [hit.passage.text for hit in engine.ask(QUESTION).answer.hits]
    firsts = [text[slice(*sentences(text)[0])].rstrip(".?!") for text in texts]
    sentence = next(first for first in firsts if len(first.split()) > 6)
    _, answer = ask(engine, server, f"{sentence}. Penguins built a bank of ice in Antarctica.")
    assert re.match(rf"{re.escape(sentence)} \[\d\]\.", answer.text)
    assert "Penguins" not in answer.text
    (struck,) = answer.struck
    assert struck.text == "Penguins built a bank of ice in Antarctica."
    assert answer.citations[0].corrected
    assert answer.checked == {"supported": 1, "corrected": 1, "struck": 1}


def test_without_strictness_what_has_no_support_stays_and_is_counted(
    server: ScriptedServer, sample_index: Path
) -> None:
    common: dict[str, Any] = {"openai_base_url": server.url, "openai_api_key": KEY}
    lenient = open_engine(Settings(index=sample_index, model="openai:test", strict=False, **common))
    _, answer = ask(lenient, server, "Penguins built a bank of ice in Antarctica [1].")
    assert answer.text == "Penguins built a bank of ice in Antarctica [1]."
    assert answer.citations[0].status == "unsupported"
    assert notice_words(answer.notices).startswith("1 sentence(s) of this answer")


def test_an_answer_without_any_support_becomes_a_refusal_with_what_is_near(
    engine: Engine, server: ScriptedServer
) -> None:
    _, answer = ask(engine, server, "Penguins built a bank of ice in Antarctica [1].")
    assert answer.refused
    assert "Penguins" not in answer.text
    assert answer.text.startswith("The reports don't say.\nNearest: ")
    assert answer.citations
    assert "not supported" in notice_words(answer.notices)
