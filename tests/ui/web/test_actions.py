"""A link keeps an answer as it was, its quotes looked up when it is opened; a model translates."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_engine import QUOTE, FakeEngine
from openai_server import Reply, ScriptedServer
from readers import Outline

from rag.engine import Engine
from rag.i18n.translations import ENGLISH, translations_for
from rag.settings import Settings
from ui.web.actions import FOLDER, NOT_KEPT, NOT_OURS, freeze, translated
from ui.web.dialogs import open_report, render_who
from ui.web.handlers import Exchange, Talk, Visit, seal
from ui.web.history import exchange_from_json, exchange_to_json


def shared(folder: Path, **more: object) -> tuple[FakeEngine, Talk]:
    engine = FakeEngine()
    engine.settings = Settings(index=folder, share=True, **more)  # type: ignore[arg-type]
    exchange = Exchange("What?", answer=engine.ask("What?").answer)
    return engine, (replace(exchange, seal=seal(engine, exchange)),)  # type: ignore[arg-type]


def test_an_answer_has_one_link_which_shows_it_and_checks_its_quotes(tmp_path: Path) -> None:
    engine, talk = shared(tmp_path)
    link = json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=talk)))["query"]  # type: ignore[arg-type]
    assert json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=talk)))["query"] == link  # type: ignore[arg-type]
    event = {"report": link.removeprefix("report=")}
    page = open_report(Visit(engine, sent=event))  # type: ignore[arg-type]
    assert "What?" in page
    n = len(talk[0].answer.citations) if talk[0].answer else 0
    assert f"Checked now: {n} of {n} quotes stand" in page
    assert QUOTE in Outline(page).text
    file = next((tmp_path / FOLDER).iterdir())
    file.write_text(file.read_text().replace(QUOTE, "Nobody wrote this."))
    changed = open_report(Visit(engine, sent=event))  # type: ignore[arg-type]
    assert "No longer stands in the report" in changed


def test_what_a_browser_has_changed_is_not_shared(tmp_path: Path) -> None:
    engine, talk = shared(tmp_path)
    kept = exchange_to_json(talk[0])
    opened = (exchange_from_json(kept),)
    assert "query" in json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=opened)))  # type: ignore[arg-type]
    forged = (exchange_from_json(kept.replace("What?", "Who?")),)
    told = json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=forged)))  # type: ignore[arg-type]
    assert told == {"error": NOT_OURS}


@pytest.mark.parametrize("name", ["answer:../x", "answer:" + "0" * 32, "answer:"])
def test_nothing_else_is_shown_and_nothing_kept_unasked(tmp_path: Path, name: str) -> None:
    engine, talk = shared(tmp_path)
    assert "removed" in open_report(Visit(engine, sent={"report": name}))  # type: ignore[arg-type]
    assert freeze(Visit(engine, sent={"turn": 2}, talk=talk)) == ""  # type: ignore[arg-type]
    engine.settings = Settings(index=tmp_path / "gone", share=True)
    assert json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=talk))) == {"error": NOT_KEPT}  # type: ignore[arg-type]
    engine.settings = Settings(index=tmp_path)
    assert freeze(Visit(engine, sent={"turn": 1}, talk=talk)) == ""  # type: ignore[arg-type]
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.quality
def test_who_works_on_a_topic_is_told_by_the_latest_year(sample_engine: Engine) -> None:
    page = Outline(render_who(sample_engine, "mobile money", "key", ENGLISH))
    assert page.all("button", "open-report")
    assert "Labs whose reports are about it" in page.text


def test_the_quotes_of_a_number_are_translated_and_marked(server: ScriptedServer) -> None:
    engine: Any = FakeEngine()
    talk = (Exchange("What?", answer=engine.ask("What?").answer),)
    assert translated(Visit(engine, sent={"turn": 1, "n": 1}, talk=talk)) == ""
    engine.settings = Settings(model="openai:small", openai_base_url=server.url)
    server.say("Les vendeurs <b>gardent</b> les boîtes.")
    made = json.loads(
        translated(Visit(engine, translations_for("fr"), {"turn": 1, "n": 1}, talk=talk))
    )
    assert made["text"] == "Les vendeurs <b>gardent</b> les boîtes."
    assert "small" in made["by"]
    sent = json.dumps(server.chats[-1].body, ensure_ascii=False)
    assert QUOTE in sent
    assert "French" in sent
    server.script(Reply(status=500))
    assert "error" in json.loads(translated(Visit(engine, sent={"turn": 1, "n": 1}, talk=talk)))
    for event in ({"turn": 2, "n": 1}, {"turn": 1, "n": 99}, {"turn": 1, "n": "1"}, {}):
        assert translated(Visit(engine, sent=event, talk=talk)) == ""
