"""What readers keep: links to answers, translated quotes, and briefs whose quotes stand."""

import base64
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
from rag.types import Answer, Citation
from ui.web.brief import download, pinned_answer
from ui.web.handlers import Exchange, Talk, Visit, seal
from ui.web.history import exchange_from_json, exchange_to_json
from ui.web.reading import FOLDER, NOT_KEPT, NOT_OURS, freeze, open_report, render_who, translated


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


def pinned(*items: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"format": 1, "title": "Markets", "author": "Ama", **more, "items": list(items)}


def visit(question: str, answer: Answer) -> Visit:
    return Visit(FakeEngine(), sent={"turn": 1}, talk=(Exchange(question, answer=answer),))


def text(engine: FakeEngine, brief: object, ending: str = "md") -> str:
    made = download(Visit(engine, sent={"ending": ending, "brief": brief}))
    saved = base64.b64decode(made.get("data", "")).decode()
    return saved + made.get("warning", made.get("error"))


def test_answers_quotes_notes_and_counts_become_one_brief() -> None:
    engine = FakeEngine()
    answer = engine.ask("What did labs learn?").answer
    item = pinned_answer(visit("What did labs learn?", answer))
    cited = answer.citations[0].passage
    quote = {"kind": "quote", "report": cited.report.id, "passage": "gone", "quotes": [QUOTE]}
    note = {"kind": "note", "text": "My own view [1]."}
    counts = {"kind": "table", "text": "Years", "rows": [("2021", "4")]}
    address = "https://labs.example/"
    words = text(engine, pinned(note, quote, item, counts, address=address))
    assert words.startswith("# Markets\n\nAsk the Labs · Ama · ")
    places = [words.index(part) for part in ("My own", "What did labs learn?", "- 2021: 4")]
    assert places == sorted(places)
    assert f"{address}?report={cited.report.id}" in words
    assert QUOTE in words
    assert "<svg" in text(engine, pinned(quote, address=address), "html")


def test_what_no_longer_stands_is_left_out_and_damaged_pins_are_refused() -> None:
    engine = FakeEngine()
    passage = engine.ask("What?").answer.citations[0].passage
    false = {"kind": "quote", "report": passage.report.id, "passage": passage.id}
    false |= {"quotes": ["Nobody wrote this."]}
    words = text(engine, pinned(false, {"kind": "note", "text": "x"}))
    assert "Nobody wrote" not in words
    assert "1 quote no longer stands" in words
    answer = replace(engine.ask("What?").answer, citations=(Citation(1, passage, "Nor this."),))
    item = pinned_answer(visit("What?", answer))
    assert "1 quote no longer stands" in text(engine, pinned(item))
    assert "Nothing is pinned" in text(engine, pinned())
    assert "no brief" in text(engine, {"format": 2})
    assert "no brief" in text(engine, pinned({"kind": "script"}))
    assert pinned_answer(Visit(engine, sent={"turn": 1})) == {}
