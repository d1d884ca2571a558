"""What is pinned becomes a brief whose quotes stand in their reports."""

import base64
from dataclasses import replace
from typing import Any

from fake_engine import QUOTE, FakeEngine

from rag.types import Answer, Citation
from ui.web.brief import download, pinned_answer
from ui.web.handlers import Exchange, Visit


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
