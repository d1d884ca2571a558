"""Answers by a chat model over HTTP: streamed, cited, checked, and replaced where it fails."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer

from ingest.sync import sync
from rag.catalog.fields import Filters
from rag.engine import Engine, open_engine
from rag.errors import IndexMismatch, ModelError
from rag.export.answer_json import answer_to_dict
from rag.export.formats import export
from rag.models.prompts import PROMPT_VERSION, REFUSALS
from rag.settings import Settings
from rag.text.sentences import sentences
from rag.types import Answer, Notice, Turn

KEY = "sk-secret-4711"
QUESTION = "What did the labs learn about mobile money?"
MADE_UP = "Penguins built a bank of ice in Antarctica"
TOO_LONG = Reply(status=400, body='{"error": {"message": "maximum context length is 4096"}}')


def opened(server: ScriptedServer, index: Path, **more: Any) -> Engine:
    given = {"model": "openai:test-model", "openai_api_key": KEY, "timeout": 0.5}
    return open_engine(Settings(index=index, openai_base_url=server.url, **(given | more)))


@pytest.fixture(scope="module")
def engine(server: ScriptedServer, sample_index: Path) -> Engine:
    # What the scripted model says stands in no report: it is not to be struck here.
    return opened(server, sample_index, strict=False)


@pytest.fixture(scope="module")
def strict(server: ScriptedServer, sample_index: Path) -> Engine:
    return opened(server, sample_index)


def ask(engine: Engine, server: ScriptedServer, *pieces: str) -> tuple[str, Answer]:
    server.say(*pieces)
    stream = engine.ask(QUESTION)
    return "".join(stream), stream.answer


def prompts(server: ScriptedServer, number: int = -1) -> tuple[str, str]:
    """What the model was told as system and as user."""
    system, user = server.chats[number].body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    return system["content"], user["content"]


def test_pieces_arrive_one_by_one_and_the_answer_says_how_it_was_written(
    engine: Engine, server: ScriptedServer
) -> None:
    server.script(Reply(("Fees ", "matter ", "[1]. ", "Trust too [2]."), gated=True))
    stream = engine.ask(QUESTION)
    shown = ""
    for expected in ("Fees", "Fees matter", "Fees matter [1]."):
        server.gate.release()
        shown += next(stream)
        assert shown == expected
    server.gate.release()
    answer = stream.answer
    assert (answer.text, answer.mode) == ("Fees matter [1]. Trust too [2].", "test-model")
    assert not answer.refused
    assert answer.generation.model == "test-model"
    assert answer.generation.prompt_version == PROMPT_VERSION
    assert answer.generation.cost_usd is None
    assert answer.tokens["prompt"] > 200
    assert answer.tokens["completion"] > 5
    assert set(answer.timings) == {"plan_ms", "retrieve_ms", "answer_ms"}
    assert answer_to_dict(answer)["detail"]["run"]["model"] == "test-model"


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("Fees matter [1][99].",), "Fees matter [1]."),
        (("Fees matter [1] [", "9", "9]."), "Fees matter [1]."),
        (("Fees matter [", "99;", "1]."), "Fees matter [1]."),
        (("Fees matter [1[99]0", "0] [1]."), "Fees matter [1]."),
        (("Fees matter [1, 3].",), "Fees matter [1][3]."),
        (("Fees matter [1 ;", "3 ]."), "Fees matter [1][3]."),
    ],
)
def test_marks_are_single_and_unknown_numbers_never_show(
    engine: Engine, server: ScriptedServer, pieces: tuple[str, ...], text: str
) -> None:
    shown, answer = ask(engine, server, *pieces)
    assert shown == answer.text
    assert "99" not in shown
    assert shown.startswith(text[:-1])


def test_a_citation_quotes_its_passage_verbatim(engine: Engine, server: ScriptedServer) -> None:
    hit = engine.ask(QUESTION).answer.hits[0]
    info = hit.passage.report
    sentence = hit.passage.text[slice(*sentences(hit.passage.text)[0])].rstrip(".")
    _, answer = ask(engine, server, f"{info.lab}: {sentence} [1].")
    (citation,) = answer.citations
    assert (citation.passage, citation.status) == (hit.passage, "supported")
    raw = " ".join(engine.report(info.id).raw.split())
    assert " ".join(citation.quote.split()) in raw
    assert (answer.coverage.reports, answer.coverage.labs) == ((info.id,), (info.lab,))


@pytest.mark.parametrize("language", ["en", "ar"])
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
    "over the limit for an hour": Reply(status=429, headers={"retry-after": "3600"}),
    "unavailable": Reply(status=503, body="<html>down</html>"),
    "cut in the middle": Reply(("Fees matter", " greatly in ["), cut=True),
    "garbage": Reply(("Fees matter",), raw=("data: {x",)),
    "another shape": Reply(("Fees matter",), raw=("data: 3",)),
    "no events": Reply(raw=('{"error": {"message": "no stream"}}',)),
    "empty": Reply(),
    "only reasoning": Reply(finish="length"),
    "only repeats": Reply(("the ",) * 300),
    "slow": Reply(("Fees ", "matter."), delay=0.8),
    "stall": Reply(("Fees matter [1].", " And"), stall=1.5),
    "too long": TOO_LONG,
    "too long in the end": Reply(
        ("Fees matter [1].",),
        raw=('data: {"error": {"message": "Context size has been exceeded."}}',),
    ),
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
    assert (answer.mode, answer.text) == ("extractive", expected.text)
    assert shown.endswith(expected.text)
    assert (answer.citations, answer.coverage) == (expected.citations, expected.coverage)
    assert (answer.generation, answer.tokens) == (expected.generation, expected.tokens)
    failure, instead = answer.notices
    assert "model" in failure.code
    assert instead == Notice("extractive_instead")
    assert KEY not in f"{shown}{answer!r}{answer_to_dict(answer)}" + str(export([answer], "md"))


def test_a_prompt_that_is_too_long_is_sent_again_with_half_of_the_passages(
    engine: Engine, server: ScriptedServer
) -> None:
    server.script(TOO_LONG, Reply(("Fees matter [1][20].",)))
    answer = engine.ask(QUESTION).answer
    first, second = (prompts(server, n)[1].count("<passage ") for n in (0, 1))
    assert second == first // 2
    assert (answer.mode, answer.text) == ("test-model", "Fees matter [1].")
    assert answer.coverage.read_passages == second
    assert answer.notices[0] == Notice("passages_left_out", {"read": second, "all": first})


def test_passages_that_do_not_fit_are_not_read(server: ScriptedServer, sample_index: Path) -> None:
    small = opened(server, sample_index, context_window=2500)
    server.say("Fees matter [1][20].")
    answer = small.ask(QUESTION).answer
    read = prompts(server)[1].count("<passage ")
    assert 0 < read < 20
    assert answer.coverage.read_passages == read
    assert answer.notices[0] == Notice("passages_left_out", {"read": read, "all": 20})
    assert answer.tokens["prompt"] + 700 <= 2500


def test_where_no_passage_fits_nothing_is_sent(server: ScriptedServer, sample_index: Path) -> None:
    tiny = opened(server, sample_index, context_window=900)
    server.say("Invented [1].")
    answer = tiny.ask(QUESTION).answer
    assert not server.chats
    assert answer.mode == "extractive"
    assert answer.notices[0] == Notice("no_passage_fits", {"window": 900})


def test_no_passage_means_refusal_without_a_request(engine: Engine, server: ScriptedServer) -> None:
    server.say("Invented [1].")
    assert engine.ask(QUESTION, filters=Filters(year=(1990,))).answer.refused
    assert not server.chats


def test_a_model_that_repeats_itself_is_stopped(engine: Engine, server: ScriptedServer) -> None:
    endless = tuple("It is so, they say [2]. " for _ in range(5000))
    server.script(Reply(("Fees matter [1]. ", *endless), delay=0.001))
    answer = engine.ask(QUESTION).answer
    assert answer.text == "Fees matter [1]. It is so, they say [2]."
    assert answer.notices[0] == Notice("model_repeated_itself")
    assert server.hung_up.wait(5)


def test_an_answer_that_was_cut_short_ends_with_a_whole_sentence(
    engine: Engine, server: ScriptedServer
) -> None:
    server.script(Reply(("Fees matter [1].", " Trust mat"), finish="length"))
    answer = engine.ask(QUESTION).answer
    assert answer.text == "Fees matter [1]."
    assert answer.notices[0] == Notice("cut_short_by_tokens")


def test_the_prompt_holds_the_passages_and_the_question_once(
    engine: Engine, server: ScriptedServer
) -> None:
    _, answer = ask(engine, server, "Yes [1].")
    system, user = prompts(server)
    assert REFUSALS["en"] in system
    assert user.count(QUESTION) == 1
    assert answer.hits[0].passage.text[:60] in user
    read = answer.coverage.read_passages
    assert user.count("<passage ") == user.count("</passage>") == read
    assert f'<passage number="{read}"' in user


def test_a_follow_up_carries_the_question_before(engine: Engine, server: ScriptedServer) -> None:
    server.say("Yes [1].")
    turns = (Turn("user", "What of seaweed in Fiji?"), Turn("assistant", "Rain wets it [7]."))
    engine.ask("And who buys it?", history=turns).answer  # noqa: B018
    _, user = prompts(server)
    assert "What of seaweed in Fiji?" in user
    assert "Rain wets it [7]" not in user


@pytest.mark.parametrize(
    ("question", "shape"),
    [
        (QUESTION, "how many labs these are"),
        ("How do Peru and Fiji differ on mobile money?", "side by side"),
        ("What did the lab of Peru learn about mobile money in 2023?", "a few short sentences"),
    ],
)
def test_the_shape_of_an_answer_is_that_of_its_question(
    engine: Engine, server: ScriptedServer, question: str, shape: str
) -> None:
    server.say("Fees matter [1].")
    engine.ask(question).answer  # noqa: B018
    assert shape in prompts(server)[0]


def test_the_key_shows_nowhere(
    engine: Engine, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, answer = ask(engine, server, "Fees matter [1].")
    server.script(FAULTS["refused key"])
    failed = engine.ask(QUESTION).answer
    shown = json.dumps([answer_to_dict(answer), answer_to_dict(failed), engine.info()])
    assert KEY not in f"{shown}{answer!r}{failed!r}{engine.settings!r}{caplog.text}"
    assert caplog.text


def test_a_server_of_one_s_own_has_no_price(server: ScriptedServer, sample_index: Path) -> None:
    server.say("Fees matter [1].")
    answer = opened(server, sample_index, model="openai:gpt-4o").ask(QUESTION).answer
    assert (answer.generation.model, answer.generation.cost_usd) == ("gpt-4o", None)


def test_a_server_s_embeddings_can_ingest_and_ask(
    server: ScriptedServer, sample_index: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    for name, text in (("honey", "Honey sells well in spring."), ("ice", "Ice is dear in June.")):
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
    answer = engine.ask("When does honey sell well?").answer
    assert "\nPeru (2023, closing): Honey sells well in spring [1]." in answer.text
    assert answer.hits[0].similarity > answer.hits[1].similarity

    server.embeddings_fail = Reply(status=401)
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        engine.ask("When does ice melt?")
    for other in (
        Settings(index=settings.index),
        Settings(index=sample_index, embedding="openai:test-embedding", **common),
    ):
        with pytest.raises(IndexMismatch, match=r"embedding.*asklabs ingest PATH --rebuild"):
            open_engine(other)


def test_a_sentence_without_a_mark_gets_one_where_a_passage_supports_it(
    strict: Engine, server: ScriptedServer
) -> None:
    texts = [hit.passage.text for hit in strict.ask(QUESTION).answer.hits]
    firsts = [text[slice(*sentences(text)[0])].rstrip(".?!") for text in texts]
    sentence = next(first for first in firsts if len(first.split()) > 6)
    _, answer = ask(strict, server, f"{sentence}. {MADE_UP}.")
    assert re.match(rf"{re.escape(sentence)} \[\d\]\.", answer.text)
    assert "Penguins" not in answer.text
    assert [struck.text for struck in answer.struck] == [f"{MADE_UP}."]
    assert answer.citations[0].corrected
    assert answer.checked == {"supported": 1, "corrected": 1, "struck": 1}


def test_without_strictness_what_has_no_support_stays_and_is_counted(
    engine: Engine, server: ScriptedServer
) -> None:
    _, answer = ask(engine, server, f"{MADE_UP} [1].")
    assert answer.text == f"{MADE_UP} [1]."
    assert answer.citations[0].status == "unsupported"
    assert answer.notices == (Notice("unsupported_sentences", {"n": 1}),)


def test_an_answer_without_any_support_becomes_a_refusal_with_what_is_near(
    strict: Engine, server: ScriptedServer
) -> None:
    _, answer = ask(strict, server, f"{MADE_UP} [1].")
    assert answer.refused
    assert answer.text.startswith("The reports don't say.\nNearest: ")
    assert answer.citations
    assert answer.notices == (Notice("nothing_supported"),)
