"""The page's log: a line an event, no question, no key, and no line that somebody else wrote."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from fake_engine import FakeEngine, answer

from rag.catalog.fields import Filters
from rag.errors import ModelError
from rag.i18n.notices import text_notice
from rag.i18n.translations import ENGLISH
from rag.settings import Settings
from rag.types import Answer, Notice
from ui.server import log
from ui.web import exports, handlers
from ui.web import report as reading
from ui.web.conversation import Exchange

SECRET = "sk-not-for-logs"
QUESTION = "What keeps fish cool in Peru?"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in log.OURS]
    before = [(one.level, list(one.handlers)) for one in loggers]
    yield
    for one, (level, ours) in zip(loggers, before, strict=True):
        one.setLevel(level)
        one.handlers = ours


def asked(engine: FakeEngine, question: str = QUESTION) -> None:
    list(handlers.ask(engine, question, Filters(), (), None, ENGLISH))  # type: ignore[arg-type]


def test_a_question_is_a_line_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Settings())
    asked(FakeEngine())
    (line,) = capsys.readouterr().err.splitlines()
    assert "INFO ui.server.log: question outcome=answered seconds=" in line
    assert "intent=answer" in line
    assert "fish" not in line
    assert "Peru" not in line


def test_questions_are_told_where_a_setting_wants_them(capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine()
    engine.settings = Settings(log_questions=True)
    log.set_up(engine.settings)
    asked(engine, "fish?\n2026-01-01T00:00:00Z ERROR forged")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r'question="fish?\n2026-01-01T00:00:00Z ERROR forged"')


def test_nothing_below_the_level_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Settings(log_level="warning"))
    asked(FakeEngine())
    assert capsys.readouterr().err == ""


def test_what_a_model_s_server_failed_with_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Settings())
    said = "The language model's server refused the key. Check OPENAI_API_KEY and OPENAI_BASE_URL."
    notices = (Notice("language_model_key_refused"), Notice("extractive_instead"))
    asked(FakeEngine(lambda _: replace(answer(), notices=notices)))
    line = capsys.readouterr().err
    assert "WARNING ui.server.log: question outcome=answered" in line
    assert f'notice="{said}' in line


def test_an_error_for_the_user_and_one_of_ours_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(error: Exception) -> FakeEngine:
        def write(_: str) -> Answer:
            raise error

        return FakeEngine(write)

    log.set_up(Settings())
    asked(fails(ModelError(text_notice("It is out of reach."))))
    with pytest.raises(ZeroDivisionError):
        asked(fails(ZeroDivisionError()))
    first, second = capsys.readouterr().err.splitlines()
    assert "ERROR ui.server.log: question outcome=error seconds=0." in first
    assert 'error="It is out of reach."' in first
    assert "ERROR ui.server.log: question outcome=failed" in second


def test_a_visitor_who_leaves_has_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Settings())
    updates = handlers.ask(FakeEngine(), QUESTION, Filters(), (), None, ENGLISH)  # type: ignore[arg-type]
    next(updates)
    next(updates)
    updates.close()  # type: ignore[attr-defined]
    assert "outcome=stopped" in capsys.readouterr().err


def test_no_key_is_told_not_even_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Settings(openai_api_key=SECRET, reranker_key="other-secret"))  # type: ignore[arg-type]
    try:
        raise ValueError(f"Bearer {SECRET}")
    except ValueError:
        logging.getLogger("rag.models.servers").exception("It failed with %s", "other-secret")
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert f"Bearer {log.HIDDEN}" in told
    assert SECRET not in told
    assert "other-secret" not in told


def test_exports_and_votes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Settings())
    exports.download([answer()], "md", None)
    exports.download([], "md", None)
    engine = FakeEngine()
    talk = (Exchange(QUESTION, answer=answer()),)
    for folder in (tmp_path, tmp_path / "none"):
        engine.settings = Settings(index=folder)
        reading.voted(engine, talk, {"turn": 1, "vote": "up"}, ENGLISH)  # type: ignore[arg-type]
    lines = [line.partition("ui.server.log: ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines[0].startswith("export outcome=done seconds=")
    assert lines[0].endswith("format=md answers=1")
    assert lines[1].startswith("export outcome=error format=md error=")
    assert lines[2] == "vote outcome=kept vote=up"
    assert lines[3].startswith(f"vote outcome=error folder={tmp_path / 'none'} error=")


def test_a_log_that_can_t_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log.set_up(Settings())
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stderr", full)
        log.event("question", "answered")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
