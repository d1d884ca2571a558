"""Whoever stops an answer leaves its model's server at once."""

import gc
import time
from pathlib import Path

import pytest
from openai_server import Reply, ScriptedServer, event

from rag.engine import Engine
from ui.web import handlers
from ui.web.handlers import Visit

QUESTION = "What did the labs learn about mobile money?"
# Seconds; far less than the servers here would go on, and machines may be busy.
SOON = 5.0


@pytest.fixture(scope="module")
def engine(server: ScriptedServer, sample_index: Path) -> Engine:
    return server.engine(sample_index, check="off")


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
def test_stopping_on_the_page_leaves_a_silent_server(
    engine: Engine, server: ScriptedServer, when: str
) -> None:
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
