"""The log, one line an event, and the metrics: without questions, keys and forged lines."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from fake_engine import FakeEngine, answer
from page_fixtures import serve
from passages import text_notice

from rag.errors import ModelError, Stopped
from rag.settings import Settings
from rag.types import Answer, Notice
from ui.server import log
from ui.web import handlers
from ui.web.handlers import Visit


@pytest.fixture(autouse=True)
def _restore_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    for logger in map(logging.getLogger, log.PACKAGES):
        monkeypatch.setattr(logger, "handlers", list(logger.handlers))
        monkeypatch.setattr(logger, "level", logger.level)


def ask(question: str, write: Callable[[str], Answer] = answer, **settings: Any) -> None:
    engine: Any = FakeEngine(write, settings=Settings(**settings))
    log.set_up(engine.settings)
    list(handlers.ask(Visit(engine, question=question)))


def test_a_question_is_logged_only_if_set_so(capsys: pytest.CaptureFixture[str]) -> None:
    ask("What keeps fish cool in Peru?")
    (line,) = capsys.readouterr().err.splitlines()
    assert "INFO ui.server.log: question outcome=answered seconds=" in line
    assert "intent=answer" in line
    assert "fish" not in line
    assert "Peru" not in line
    ask("fish?\n2026-01-01T00:00:00Z ERROR forged", log_questions=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r'question="fish?\n2026-01-01T00:00:00Z ERROR forged"')


def test_failures_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    for code in log.FAILED:
        ask("Why?", lambda _, code=code: replace(answer(), notices=(Notice(code),)))
    ask("Why?", Mock(side_effect=ModelError(text_notice("It is out of reach."))))
    with pytest.raises(ZeroDivisionError):
        ask("Why?", Mock(side_effect=ZeroDivisionError))
    with pytest.raises(Stopped), log.question(Settings(), "Why?"):
        raise Stopped("The question was stopped.")
    instead, cut, error, failed, stopped = capsys.readouterr().err.splitlines()
    for line in (instead, cut):
        assert "WARNING ui.server.log: question outcome=answered" in line
    assert 'notice="This answer is made' in instead
    assert 'notice="The answer was cut short' in cut
    assert "ERROR ui.server.log: question outcome=error seconds=0." in error
    assert 'error="It is out of reach."' in error
    assert "ERROR ui.server.log: question outcome=failed" in failed
    # Whoever hangs up is no fault of the server.
    assert "INFO ui.server.log: question outcome=stopped" in stopped


def test_keys_are_hidden_also_in_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Settings(openai_api_key="sk-secret"))
    try:
        raise ValueError("Bearer sk-secret")
    except ValueError:
        logging.getLogger("rag.models.servers").exception("It failed with %s", "sk-secret")
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert f"Bearer {log.HIDDEN}" in text
    assert "secret" not in text


def test_counts_are_for_this_machine_alone(caplog: pytest.LogCaptureFixture) -> None:
    with serve(FakeEngine()) as address, caplog.at_level("INFO"):

        def count(name: str) -> float:
            lines = httpx.get(f"{address}/metrics").raise_for_status().text.splitlines()
            return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

        answered = 'asklabs_questions_total{outcome="answered"}'
        names = (answered, 'asklabs_refusals_total{status="404"}', "asklabs_stage_seconds_count")
        one, two, three = map(count, names)
        for question, status in (("What keeps food cool?", 200), ("A fail", 502)):
            reply = httpx.post(f"{address}/api/v1/ask", json={"question": question})
            assert reply.status_code == status
        httpx.get(f"{address}/monitoring")
        assert [*map(count, names)] == [one + 1, two + 1, three + 3]
        assert count('asklabs_questions_total{outcome="error"}') >= 1
        assert count("asklabs_waiting") == 0
        assert count("process_resident_memory_bytes") > 1e6
        passed_on = {"X-Forwarded-For": "203.0.113.9"}
        assert httpx.get(f"{address}/metrics", headers=passed_on).status_code == 401
    assert "question outcome=answered" in caplog.text
    assert "keeps food cool" not in caplog.text
