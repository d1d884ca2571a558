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


def shared(folder: Path) -> tuple[Any, Talk]:
    engine: Any = FakeEngine()
    engine.settings = Settings(index=folder, share=True)
    exchange = Exchange("What?", answer=engine.ask("What?").answer)
    return engine, (replace(exchange, seal=seal(engine, exchange)),)


def test_an_answer_has_one_link_which_shows_it_and_checks_its_quotes(tmp_path: Path) -> None:
    engine, talk = shared(tmp_path)
    made = freeze(Visit(engine, sent={"turn": 1}, talk=talk))
    assert freeze(Visit(engine, sent={"turn": 1}, talk=talk)) == made
    event = {"report": json.loads(made)["query"].removeprefix("report=")}
    page = open_report(Visit(engine, sent=event))
    assert "What?" in page
    assert "Checked now: 2 of 2 quotes stand" in page
    assert QUOTE in Outline(page).text
    file = next((tmp_path / FOLDER).iterdir())
    file.write_text(file.read_text().replace(QUOTE, "Nobody wrote this."))
    assert "No longer stands in the report" in open_report(Visit(engine, sent=event))
    # What a browser has changed is not shared.
    kept = exchange_to_json(talk[0])
    opened = (exchange_from_json(kept),)
    assert "query" in json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=opened)))
    forged = (exchange_from_json(kept.replace("What?", "Who?")),)
    told = json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=forged)))
    assert told == {"error": NOT_OURS}


@pytest.mark.parametrize("name", ["answer:../x", "answer:" + "0" * 32, "answer:"])
def test_nothing_else_is_shown_and_nothing_kept_unasked(tmp_path: Path, name: str) -> None:
    engine, talk = shared(tmp_path)
    assert "removed" in open_report(Visit(engine, sent={"report": name}))
    assert freeze(Visit(engine, sent={"turn": 2}, talk=talk)) == ""
    engine.settings = Settings(index=tmp_path / "gone", share=True)
    assert json.loads(freeze(Visit(engine, sent={"turn": 1}, talk=talk))) == {"error": NOT_KEPT}
    engine.settings = Settings(index=tmp_path)
    assert freeze(Visit(engine, sent={"turn": 1}, talk=talk)) == ""
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
    french = Visit(engine, translations_for("fr"), {"turn": 1, "n": 1}, talk=talk)
    made = json.loads(translated(french))
    assert made["text"] == "Les vendeurs <b>gardent</b> les boîtes."
    assert "small" in made["by"]
    sent = json.dumps(server.chats[-1].body, ensure_ascii=False)
    assert QUOTE in sent
    assert "French" in sent
    server.script(Reply(status=500))
    assert "error" in json.loads(translated(Visit(engine, sent={"turn": 1, "n": 1}, talk=talk)))
    for event in ({"turn": 2, "n": 1}, {"turn": 1, "n": 99}, {"turn": 1, "n": "1"}, {}):
        assert translated(Visit(engine, sent=event, talk=talk)) == ""
