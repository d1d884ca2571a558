"""What a browser is given to save, and what is refused when it comes back."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fake_engine import FakeEngine, answer, checked, hostile

from rag.catalog.tag_fields import Filters
from rag.errors import InputError
from rag.i18n.translations import ENGLISH
from tests.rag.test_feedback import VOTE as FEEDBACK
from ui.web import handlers, history
from ui.web.handlers import Exchange, Run, Visit

VOTE = replace(FEEDBACK, id="0123456789abcdef")
NARROWED = Filters(country=("Peru",), year=(2023,))
EXCHANGES = [
    Exchange("What keeps food cool?", NARROWED, answer()),
    Exchange("Which?", answer=checked(), ignored=Filters(year=(2022,))),
    Exchange("ماذا تعلمت المختبرات؟", answer=hostile("x")),
    Exchange("Again?", answer=answer(), passages=40, vote=VOTE),
    Exchange("Cut short", text="What was there", stopped=True),
    Exchange("Failed", error="The model's server does not answer."),
]
STORED = [history.exchange_to_json(exchange) for exchange in EXCHANGES]
IDENT = "a" * 22


def message(update: handlers.Update) -> Any:
    return json.loads(update["message"])


def test_what_is_saved_comes_back_as_it_was_but_for_halves_of_surrogates() -> None:
    for exchange, stored in zip(EXCHANGES, STORED, strict=True):
        again = history.exchange_from_json(stored)
        assert replace(again, answer=None) == replace(exchange, answer=None)
        assert history.exchange_to_json(again) == stored
    exchange = Exchange("Why \ud800?", answer=answer(text="So \udfff [1]."))
    assert history.exchange_from_json(history.exchange_to_json(exchange)).question == "Why ??"
    assert history.save_message(IDENT, (exchange,)).encode()


def changed(part: str = "", **fields: Any) -> str:
    """A stored question of which some fields, or those of a part of it, were changed."""
    stored = json.loads(STORED[3])
    return json.dumps(stored | ({part: stored[part] | fields} if part else fields))


def test_what_was_changed_is_refused_with_a_sentence() -> None:
    for data in (
        "",
        "[" * 100_000,
        '{"format": 1}',
        changed(format=2),
        changed(asked={"year": ["2023"]}),
        changed(answer="<script>"),
        changed(stopped="yes"),
        changed("vote", id="../x"),
        changed("vote", vote="sideways"),
        changed("answer", citations=[{"n": "<b>"}]),
        changed("answer", passages=[]),
        changed("answer", coverage={"intent": "steal"}),
    ):
        with pytest.raises(InputError, match="can't be opened: question 2 was changed or damaged"):
            history.read_talk([STORED[0], data], ENGLISH)


def test_a_conversation_is_a_list_of_texts_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for turns in (None, "x" * 10, {}, [], [1], [["x"]]):
        with pytest.raises(InputError, match="can't be opened"):
            history.read_talk(turns, ENGLISH)
    stored = STORED[-1]
    with pytest.raises(InputError, match="too large"):
        history.read_talk([stored] * (history.MOST_TURNS + 1), ENGLISH)
    monkeypatch.setattr(history, "LARGEST", len(stored))
    assert len(history.read_talk([stored], ENGLISH)) == 1
    with pytest.raises(InputError, match="too large"):
        history.read_talk([stored, stored], ENGLISH)


def test_a_question_is_saved_before_its_answer_and_again_with_it() -> None:
    updates = handlers.ask(Visit(FakeEngine(), question="Why?", talk=tuple(EXCHANGES)))
    saving = [update for update in history.with_saving(updates, IDENT) if "message" in update]
    before, after = map(message, saving)
    # The name stays, and only the last question is sent.
    for sent, is_pending in ((before, True), (after, False)):
        assert (sent["id"], sent["first"], sent["pending"]) == (IDENT, 7, is_pending)
    (pending,), (finished,) = before["turns"], after["turns"]
    assert history.exchange_from_json(pending["data"]) == Exchange("Why?", stopped=True)
    assert finished["text"] == history.exchange_from_json(finished["data"]).answer.text


def test_a_changed_name_is_refused_and_all_while_an_answer_is_written() -> None:
    engine = FakeEngine()
    updates = handlers.ask(Visit(engine, question="slow"))
    run = [next(updates), next(updates)][1]["run"]

    def opened(ident: object, run: Run | None = None) -> handlers.Update:
        sent = {"id": ident, "turns": STORED}
        return history.open_conversation(Visit(engine, sent=sent, run=run))

    changed = map(opened, (None, "../../etc/passwd", "a" * 65, f"<script>{IDENT}"))
    for update in (*changed, opened(IDENT, run), history.new_conversation(Visit(engine, run=run))):
        assert update.keys() == {"message"}
        assert message(update)["do"] == "refused"
    updates.close()
