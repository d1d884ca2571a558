"""A model searches further before it writes: its tools, their limits, and servers without any."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openai_server import Reply, ScriptedServer, calls

from rag.answer.generate import STEPS
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.export.formats import export
from rag.i18n.labels import notice_words
from rag.types import FACTS, Answer, Notice

QUESTION = "What did the lab of Peru learn about seaweed?"
DONE = Reply(("DONE",)), Reply(("Yes [1].",))
PUMPS = ("search", {"query": "solar pumps by the hour", "countries": ["Namibia", "Atlantis"]})


@pytest.fixture(scope="module")
def engine(server: ScriptedServer, sample_index: Path) -> Engine:
    return server.engine(sample_index, check="off")


def brief_of(answer: Answer) -> str:
    return export([answer], "md", day=date(2026, 3, 4)).decode()


def asked(engine: Engine, server: ScriptedServer, *replies: Reply, **more: Any) -> Answer:
    server.script(*replies)
    return engine.ask(QUESTION, deep=True, **more).answer


def test_what_a_search_finds_is_read_cited_and_told(engine: Engine, server: ScriptedServer) -> None:
    usual = engine.ask(QUESTION).answer
    server.script(calls(PUMPS), Reply(("DONE",)), Reply(("Pumps are rented [2].",)))
    stream = engine.ask(QUESTION, deep=True)
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
    again = calls(("search", {"query": QUESTION}))
    answer = asked(small, server, again, *DONE)
    assert "New: 8." in server.chats[1].body["messages"][1]["content"]
    assert answer.citations[0].passage == small.search(QUESTION, k=1)[0].passage


def test_reports_are_opened_and_counted_within_the_reader_s_filters(
    engine: Engine, server: ScriptedServer
) -> None:
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


def test_without_calls_or_a_model_the_answer_is_the_usual_one_and_says_so(
    engine: Engine, server: ScriptedServer
) -> None:
    for first in ([Reply(status=400)], [Reply(("DONE",))], [Reply(status=503)] * 3):
        answer = asked(engine, server, *first, Reply(("Yes [1].",)))
        assert (answer.text, answer.mode) == ("Yes [1].", "test-model")
        assert answer.notices[0] == Notice("looked_no_further")
        assert not answer.generation.steps
    answer = engine.without_model().ask(QUESTION, deep=True).answer
    assert Notice("no_model_looks") in answer.notices


def test_a_list_is_looked_into_and_stopping_stops_the_search(
    engine: Engine, server: ScriptedServer
) -> None:
    server.script(calls(PUMPS), Reply(mute=30))
    stream = engine.ask("Which labs used ethnography?", deep=True)
    assert next(stream) == ""
    stream.stop()
    answer = stream.answer
    assert (answer.text, answer.coverage.intent) == ("", "answer")
    assert len(server.chats) == 1
