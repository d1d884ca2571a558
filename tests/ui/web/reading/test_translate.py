"""A model translates the quotes of a number; its failure is told, and nothing else is sent."""

import json
from typing import Any

from fake_engine import QUOTE, FakeEngine
from openai_server import Reply, ScriptedServer

from rag.i18n.translations import translations_for
from rag.settings import Settings
from ui.web.handlers import Exchange, Visit
from ui.web.reading.translate import translated


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
