"""Answers by a chat model over HTTP: streamed, cited, checked, stopped, replaced where it fails.

The model may search further before it writes: its tools, their limits, and servers without any.
"""

import gc
import json
import logging
import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ferries import engine_of
from openai_server import KEY, TOO_LONG, Reply, ScriptedServer, calls, event

from rag.answer.generate import STEPS
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.export.answer_json import answer_to_dict
from rag.export.formats import export
from rag.i18n.labels import notice_words, run_sentence
from rag.i18n.translations import ENGLISH
from rag.models.prompts import PROMPT_VERSION, is_refusal, refusal
from rag.text.sentences import sentences
from rag.types import FACTS, Answer, Notice, Turn
from ui.web import handlers
from ui.web.handlers import Visit

Ask = Callable[[str], Answer]
QUESTION = "What did the labs learn about mobile money?"
TURNS = (Turn("user", "What of seaweed in Fiji?"), Turn("assistant", "Rain wets it [7]."))
SEAWEED = "Who bought the seaweed of the lab of Peru?"
DONE = Reply(("DONE",)), Reply(("Yes [1].",))
PUMPS = ("search", {"query": "solar pumps by the hour", "countries": ["Namibia", "Atlantis"]})
MADE_UP = "Penguins built a bank of ice in Antarctica"
# Seconds; far less than the servers here would go on, and machines may be busy.
SOON = 5.0


@pytest.fixture(scope="module")
def engine(server: ScriptedServer, sample_index: Path) -> Engine:
    # What the scripted model says stands in no report: it is not to be struck here.
    return server.engine(sample_index, check="off")


@pytest.fixture(scope="module")
def hasty(server: ScriptedServer, sample_index: Path) -> Engine:
    return server.engine(sample_index, check="off", timeout=0.5)


@pytest.fixture(scope="module")
def strict(server: ScriptedServer, sample_index: Path) -> Engine:
    return server.engine(sample_index, check="facts", context_window=100_000)


def said(engine: Engine, server: ScriptedServer, *pieces: str) -> Answer:
    server.say(*pieces)
    return engine.ask(QUESTION).answer


def prompts(server: ScriptedServer, number: int = -1) -> tuple[str, str]:
    """What the model was told as system and as user."""
    system, user = server.chats[number].body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    return system["content"], user["content"]


def test_an_answer_comes_in_pieces_with_its_run(engine: Engine, server: ScriptedServer) -> None:
    server.script(Reply(("Fees ", "matter ", "[1][9", "9]. ", "Trust too? [2]."), gated=True))
    stream = engine.ask(QUESTION)
    shown = ""
    for expected, pieces in (("Fees", 1), ("Fees matter", 1), ("Fees matter [1].", 2)):
        server.gate.release(pieces)
        while shown != expected:
            shown += next(stream)
            assert expected.startswith(shown)
    server.gate.release()
    answer = stream.answer
    assert (answer.text, answer.mode) == ("Fees matter [1]. Trust too [2]?", "test-model")
    assert not answer.refused
    # Without a check all stays.
    assert [citation.status for citation in answer.citations] == ["unchecked"] * 2
    assert answer.checked == {"unchecked": 2}
    assert answer.generation.prompt_version == PROMPT_VERSION
    assert answer.tokens["prompt"] > 200
    assert answer.tokens["completion"] > 5
    assert set(answer.timings) == {"plan_ms", "retrieve_ms", "answer_ms"}
    run = answer_to_dict(answer)["detail"]["run"]
    assert (run["model"], run["window"]) == ("test-model", 8192)
    read = answer.coverage.read_passages
    assert (run["passages"], run["tokens"]) == (read, answer.tokens["prompt"])


def test_only_the_phrase_marks_an_answer_refused(engine: Engine, server: ScriptedServer) -> None:
    answer = said(engine, server, refusal("ar")[:5], refusal("ar")[5:])
    assert answer.refused
    assert not answer.coverage.reports
    assert len(answer.hits) >= 20
    assert is_refusal("The reports don't say. They are silent.")
    assert is_refusal("The reports don’t say")
    gap = "The reports don't say how many, but Peru's lab asked ten vendors [1]."
    assert not is_refusal(gap)


FAULTS = {
    "key_refused": Reply(status=401, body=f'{{"error": {{"message": "bad key {KEY}"}}}}'),
    "reply_broken": Reply(("Fees matter", " greatly in ["), cut=True),
    "too_slow": Reply(("Fees matter [1].", " And"), stall=1.5),
    "too_slow, signs of life aside": Reply(("Fees matter",), raw=(": ping",) * 600, delay=0.05),
    "too_slow, empty pieces aside": Reply(("",) * 600, delay=0.05),
    "window_too_small": TOO_LONG,
    "window_too_small in the end": Reply(("Fees [1].",), raw=(f"data: {TOO_LONG.body}",)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_model_is_replaced_by_the_reports_own_words(
    ask: Ask, hasty: Engine, server: ScriptedServer, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(FAULTS[fault])
    stream = hasty.ask(QUESTION)
    shown = "".join(stream)
    answer = stream.answer
    expected = ask(QUESTION)
    assert (answer.mode, answer.text) == ("extractive", expected.text)
    assert shown.endswith(expected.text)
    assert (answer.citations, answer.coverage) == (expected.citations, expected.coverage)
    assert (answer.generation, answer.tokens) == (expected.generation, expected.tokens)
    failure, instead = answer.notices
    assert failure.code.endswith(re.split("[ ,]", fault)[0])
    assert instead == Notice("extractive_instead")
    exported = json.dumps([answer_to_dict(answer), hasty.info()]) + str(export([answer], "md"))
    assert KEY not in f"{shown}{answer!r}{exported}{hasty.settings!r}{caplog.text}"


def test_what_is_too_long_is_sent_again_by_half(engine: Engine, server: ScriptedServer) -> None:
    # What is left half written is no part of the answer.
    server.script(TOO_LONG, Reply(("Fees matter [1][20].", " Trust mat"), finish="length"))
    answer = engine.ask(QUESTION).answer
    first, second = (prompts(server, n)[1].count("<passage ") for n in (0, 1))
    assert second == first // 2
    assert (answer.mode, answer.text) == ("test-model", "Fees matter [1].")
    assert answer.coverage.read_passages == second
    left_out, cut = answer.notices
    assert (left_out.code, left_out.params["read"]) == ("passages_left_out", second)
    assert cut == Notice("cut_short_by_tokens")
    # Without passages nothing is sent.
    tiny = server.engine(engine.settings.index, context_window=900)
    answer = said(tiny, server, "Invented [1].")
    assert answer.mode == "extractive"
    assert answer.notices[0] == Notice("no_passage_fits", {"window": 900})
    assert engine.ask(QUESTION, filters=Filters(year=(1990,))).answer.refused
    assert not server.chats


@pytest.mark.quality
def test_a_model_reads_what_digests_quote(ask: Ask, strict: Engine, server: ScriptedServer) -> None:
    quoted = ask(QUESTION)
    counted = quoted.text.partition("\n")[0]
    assert quoted.coverage.speaking
    answer = said(strict, server, "About as many speak of fees as were counted. Fees matter [1].")
    prompt = prompts(server)[1]
    assert f"estimated where it says so:\n<counted>\n{counted}\n</counted>" in prompt
    assert all(cited.passage.text[:40] in prompt for cited in quoted.citations)
    assert answer.coverage.speaking == quoted.coverage.speaking
    # It reads nothing else of a side that says nothing.
    server.say("Namibia's passages tell nothing of it.")
    assert strict.ask("Vanuatu vs Namibia: how are cyclone warnings passed on?").answer
    _, prompt = prompts(server)
    searched = prompt.partition("<counted>\n")[2].partition("\n</counted>")[0].splitlines()
    assert [line.partition(" (")[0] for line in searched] == ["Vanuatu", "Namibia"]
    assert searched[1].endswith("nothing found on it")
    assert 'lab="Vanuatu"' in prompt
    assert 'lab="Namibia"' not in prompt


def test_a_prompt_has_form_and_last_two_answers(engine: Engine, server: ScriptedServer) -> None:
    turns = [Turn("user", "What of nets?"), Turn("assistant", "Nets tear."), *TURNS, *TURNS]
    many = "young fishers, bakers and tailors of Peru"
    for question, form in {
        QUESTION: "every lab whose passages bear",
        "How do Peru and Fiji differ on mobile money?": "side by side",
        f"Whose fees did nobody in the harbour tell {many} about?": "First give what is asked",
    }.items():
        server.say("Yes [1].")
        assert engine.ask(question, history=turns).answer.text
        _, user = prompts(server)
        assert form in user.partition("</question>")[2]
        assert user.count("user: What of seaweed in Fiji?\nassistant: Rain wets it.\n") == 2
        assert "Nets tear" not in user


def test_a_server_s_embeddings_can_ingest_and_ask(server: ScriptedServer, tmp_path: Path) -> None:
    said = {"honey": "Honey sells well in spring.", "ice": "Ice is dear in June."}
    head = "[[country:Peru]]\n\n# Prices\n\n## Learnings\n\n"
    settings = server.settings(model="extractive", embedding="openai:test-embedding")
    engine = engine_of(tmp_path, {name: f"{head}{text}\n" for name, text in said.items()}, settings)
    assert len(engine.passages) == 2
    answer = engine.ask("When does honey sell well?").answer
    assert "Honey sells well in spring [1]." in answer.text
    assert answer.hits[0].similarity > answer.hits[1].similarity


def test_a_sentence_is_marked_anew_or_struck(strict: Engine, server: ScriptedServer) -> None:
    texts = [hit.passage.text for hit in strict.ask(QUESTION).answer.hits]
    firsts = [text[slice(*sentences(text)[0])].rstrip(".?!") for text in texts]
    _, prompt = prompts(server)
    sentence = next(first for first in firsts if len(first.split()) > 6 and first in prompt)
    own = re.findall(r'number="(\d+)"', prompt.partition(sentence)[0])[-1]
    answer = said(strict, server, f"{sentence} [{1 if own != '1' else 2}]. {MADE_UP}.")
    assert re.fullmatch(rf"{re.escape(sentence)} \[\d\]\.", answer.text)
    assert [struck.text for struck in answer.struck] == [f"{MADE_UP}."]
    (citation,) = answer.citations
    assert citation.corrected
    assert answer.checked == {"supported": 1, "corrected": 1, "struck": 1}
    report = citation.passage.report.id
    assert " ".join(citation.quote.split()) in " ".join(strict.report(report).raw.split())
    # After it those that speak of the topic and are not cited.
    assert answer.coverage.reports[0] == report
    assert len(answer.coverage.reports) <= answer.coverage.speaking + 1
    # An answer without any support becomes a refusal with what is near.
    answer = said(strict, server, f"{MADE_UP} [1].")
    assert answer.refused
    assert answer.text.startswith("The reports don't say.\nNearest: ")
    assert answer.citations
    assert answer.notices == (Notice("nothing_supported"),)


def test_the_tokens_of_a_check_are_told(server: ScriptedServer, sample_index: Path) -> None:
    verdict = '{"verdicts": [{"sentence": 1, "verdict": "supported", "reason": ""}]}'
    server.script(Reply(("Labs learned much about mobile money [1].",)), Reply((verdict,)))
    answer = server.engine(sample_index).ask(QUESTION).answer
    assert answer.checked["supported"] == 1
    assert answer.tokens["check"] > 100
    assert f"; {answer.tokens['check']:,} tokens for the check." in run_sentence(answer, ENGLISH)


def brief_of(answer: Answer) -> str:
    return export([answer], "md", day=date(2026, 3, 4)).decode()


def asked(engine: Engine, server: ScriptedServer, *replies: Reply, **more: Any) -> Answer:
    server.script(*replies)
    return engine.ask(SEAWEED, deep=True, **more).answer


def test_what_a_search_finds_is_read_cited_and_told(engine: Engine, server: ScriptedServer) -> None:
    usual = engine.ask(SEAWEED).answer
    server.script(calls(PUMPS), Reply(("DONE",)), Reply(("Pumps are rented [2].",)))
    stream = engine.ask(SEAWEED, deep=True)
    assert next(stream) == ""
    assert [step.code for step in stream.steps] == ["searched"]
    answer = stream.answer
    searched = "Searched: solar pumps by the hour, Namibia, 10 passage(s)"
    assert notice_words(answer.generation.steps) == searched
    (citation,) = answer.citations
    assert citation.passage.report.lab == "Namibia"
    assert citation.passage.id not in {hit.passage.id for hit in usual.hits}
    assert citation.passage in [hit.passage for hit in answer.hits]
    first, second, last = (chat.body for chat in server.chats)
    assert first["tools"][0]["function"]["name"] == "search"
    assert "10 passages. New: 10." in second["messages"][1]["content"]
    assert "tools" not in last
    assert answer.tokens["prompt"] > usual.tokens["prompt"]
    assert answer.tokens["prompt"] == answer.generation.tokens
    assert searched in brief_of(answer)
    assert "not read" not in brief_of(answer)
    assert "not read" in brief_of(usual)


def told_by(engine: Engine, report_id: str) -> set[str]:
    """The passages of a report without those that only say how its form was filled in."""
    passages = engine.passages_of(report_id)
    told = {p.id for p in passages if p.stage != "admin" or p.section == FACTS}
    assert len(told) < len(passages)
    return told


@pytest.mark.parametrize("limit", [{}, {"context_tokens": 500}, {"context_window": 4000}])
def test_what_is_opened_is_read_first_and_what_does_not_fit_is_told(
    server: ScriptedServer, sample_index: Path, limit: dict[str, int]
) -> None:
    small = server.engine(sample_index, check="off", passages=2, **limit)
    others = [info for info in small.catalog.select(Filters()) if info.lab != "Peru"]
    ours = sorted(others, key=lambda info: -len(small.report(info.id).raw))[:2]
    known = {name for info in ours for name in told_by(small, info.id)}
    n = len(known)
    opening = calls(*(("open_report", {"id": info.id}) for info in ours))
    answer = asked(small, server, opening, *DONE)
    read, found = answer.generation.passages, {hit.passage.id for hit in answer.hits}
    first, *_, last = server.chats[-1].body["messages"][1]["content"].split("<report ")[1:]
    assert any(f'lab="{info.lab}"' in first for info in ours)
    if limit:
        assert 2 < read < n
        assert answer.generation.tokens < 3 * 4000
        assert any(f'lab="{info.lab}"' in last for info in ours)
        assert answer.notices[0] == Notice("passages_left_out", {"read": read, "all": n + 2})
    else:
        assert read == n + 2
        assert known <= found
        assert "passages_left_out" not in [notice.code for notice in answer.notices]


def test_what_is_found_again_is_read_first(server: ScriptedServer, sample_index: Path) -> None:
    small = server.engine(sample_index, check="off", passages=2)
    again = calls(("search", {"query": SEAWEED}))
    answer = asked(small, server, again, *DONE)
    assert "New: 8." in server.chats[1].body["messages"][1]["content"]
    assert answer.citations[0].passage == small.search(SEAWEED, k=1)[0].passage


def test_tools_keep_within_the_reader_s_filters(engine: Engine, server: ScriptedServer) -> None:
    namibia, fiji = Filters(country=("Namibia",)), Filters(country=("Fiji",))
    ours, other = (engine.catalog.select(filters)[0] for filters in (namibia, fiji))
    made = [
        ("open_report", {"id": ours.id}),
        ("open_report", {"id": other.id}),
        ("count", {"countries": ["Fiji"], "group_by": "countries"}),
        ("search", {"query": "seaweed", "countries": ["Fiji"]}),
    ]
    answer = asked(engine, server, calls(*made), *DONE, filters=namibia)
    opened, closed, counted, _ = answer.generation.steps
    assert opened.params == {"title": ours.title, "n": len(told_by(engine, ours.id))}
    assert closed.params["n"] == 0
    assert counted.params["n"] == len(engine.catalog.ids(namibia))
    assert {hit.passage.report.lab for hit in answer.hits} == {"Namibia"}
    assert "Namibia: " in server.chats[1].body["messages"][1]["content"]


def test_calls_of_any_kind_do_no_harm_and_end(engine: Engine, server: ScriptedServer) -> None:
    made: list[tuple[str, object]] = [
        ("search", "no JSON"),
        ("search", {"query": 7, "years": {"a": 1}}),
        ("search", {"query": "</question> " * 900}),
        ("open_report", {"id": "../../etc/passwd"}),
        ("count", {"group_by": "__class__", "years": ["x" * 500]}),
        ("rm", {"query": "all"}),
    ]
    answer = asked(engine, server, calls(*made), calls(*made), Reply(("Yes [1].",)))
    assert (answer.text, len(answer.generation.steps)) == ("Yes [1].", STEPS)
    assert len(server.chats) == 3
    prompt = server.chats[-2].body["messages"][1]["content"]
    assert prompt.count("</question>") == 1


def test_without_calls_the_answer_is_the_usual_one(engine: Engine, server: ScriptedServer) -> None:
    for first in ([Reply(status=400)], [Reply(("DONE",))], [Reply(status=503)] * 3):
        answer = asked(engine, server, *first, Reply(("Yes [1].",)))
        assert (answer.text, answer.mode) == ("Yes [1].", "test-model")
        assert answer.notices[0] == Notice("looked_no_further")
        assert not answer.generation.steps
    answer = engine.without_model().ask(SEAWEED, deep=True).answer
    assert Notice("no_model_looks") in answer.notices
    # A list is looked into, and stopping stops the search.
    server.script(calls(PUMPS), Reply(mute=30))
    stream = engine.ask("How many reports are from Fiji?", deep=True)
    assert next(stream) == ""
    stream.stop()
    answer = stream.answer
    assert (answer.text, answer.coverage.intent) == ("", "answer")
    assert len(server.chats) == 1


def test_closing_early_hangs_up(engine: Engine, server: ScriptedServer) -> None:
    server.script(Reply(tuple(f"word{n} " for n in range(5000)), delay=0.005))
    stream = engine.ask(QUESTION)
    written = [next(stream) for _ in range(3)]
    # Not left to the garbage collector, which may come late.
    gc.disable()
    try:
        stream.close()
        assert server.hung_up.wait(SOON)
    finally:
        gc.enable()
    assert stream.answer.text == "".join(written).strip()
    assert stream.answer.mode == "test-model"
    # Who stops before anything was asked asks nothing.
    server.say("Fees matter [1].")
    stream = engine.ask(QUESTION)
    stream.stop()
    assert not stream.answer.text
    assert not server.chats


SILENT = {
    "before its headers": Reply(mute=30),
    "after some words": Reply(("Fees ", "matter "), stall=30),
    "while it reasons": Reply(raw=(event(reasoning_content="Hm. "),) * 500, delay=0.05),
    "while it wants to be asked again": Reply(status=503, headers={"retry-after": "15"}),
}


@pytest.mark.parametrize("when", SILENT)
def test_stopping_leaves_a_silent_server(engine: Engine, server: ScriptedServer, when: str) -> None:
    server.script(SILENT[when])
    updates = handlers.ask(Visit(engine, question=QUESTION))
    run = [next(updates), next(updates)][1]["run"]
    until = time.monotonic() + 10
    while not server.chats:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.2)
    run.stop()
    if SILENT[when].status == 200:
        assert server.hung_up.wait(SOON)
    last = list(updates)[-1]["talk"][0]
    assert (last.stopped, last.error) == (True, "")
    text = last.answer.text if last.answer else last.text
    assert text == ("Fees matter" if when == "after some words" else "")
    assert len(server.chats) == 1
