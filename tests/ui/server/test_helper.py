"""Other processes compute answers as the first one would, and may end at any time."""

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import pytest
from bench import served
from machine import children

from ingest.sync import sync
from rag.engine import Engine
from rag.export.answer_json import answer_to_dict
from rag.settings import Settings
from tests.conftest import SAMPLE
from ui.server.helper import HELPERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")
QUESTIONS = (
    "What did labs learn about mobile money?",
    "¿Qué aprendieron los laboratorios sobre los residuos plásticos?",
    "Compare Kenya and Peru on waste",
    "Who won the football cup of 1998?",
)
SCRIPT = """
import os, signal, threading, time
from rag.engine import open_engine
from rag.errors import Stopped, TooLong
from rag.models.client import Stop
from rag.settings import Settings
from ui.server.helper import HelpedEngine, can_help

engine = open_engine(Settings(reranker="none"))
assert can_help(engine) or os.cpu_count() == 1
helped = HelpedEngine(engine)
try:
    helped.ask("money " * 1000)
except TooLong as error:
    print(error.notice.code)
pids = [helper.process.pid for helper in helped.helpers]
for pid in pids:
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()
stop = Stop()
threading.Timer(0.5, stop.set).start()
try:
    helped.ask("What did labs learn about mobile money?", stop=stop)
except Stopped:
    print("stopped")
print(helped.ask("What is this collection about?").answer.coverage.intent)
for pid in pids:
    os.kill(pid, signal.SIGKILL)
    print(helped.ask("What is this collection about?").answer.coverage.intent)
print(len(helped.helpers))
"""


def _answer(address: str, question: str) -> Any:
    reply = httpx.post(f"{address}/api/v1/ask", json={"question": question}, timeout=120)
    return reply.raise_for_status().json()


def _said(answer: dict[str, Any]) -> list[Any]:
    """What an answer says, without what differs each time."""
    return [answer["answer"], answer["refused"], answer["citations"], answer["coverage"]["reports"]]


def test_answers_stay_the_same(sample_index: Path, quick_engine: Engine, tmp_path: Path) -> None:
    index = shutil.copytree(sample_index, tmp_path / "index")
    with served(index, ASKLABS_RERANKER="none") as (address, process):
        helpers = children(process.pid)
        assert len(helpers) == HELPERS
        for question in QUESTIONS:
            own = json.loads(json.dumps(answer_to_dict(quick_engine.ask(question).answer)))
            assert _said(_answer(address, question)) == _said(own)
        metrics = httpx.get(f"{address}/metrics").text
        for n in range(HELPERS):
            assert f"\nasklabs_helper_{n + 1}_process_resident_memory_bytes " in metrics
        os.kill(helpers[0], signal.SIGSTOP)
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(_answer, address, question) for question in QUESTIONS[:2]]
            # While one is at work, the other answers.
            told, waiting = wait(asked, return_when=FIRST_COMPLETED)
            assert len(told) == len(waiting) == 1
            os.kill(helpers[0], signal.SIGKILL)
            assert all(one.result()["citations"] for one in asked)
        report = next(SAMPLE.glob("*.md"))
        sync([report], Settings(index=index), prune=True, prune_most=True)
        assert _answer(address, "How many reports are there?")["coverage"]["count"] == 1
        # The other ends with the page.
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        while Path(f"/proc/{helpers[1]}").exists():
            sleep(0.05)


def test_errors_and_wishes_to_stop_reach_and_leave_it(sample_index: Path) -> None:
    environ = {**os.environ, "ASKLABS_INDEX": str(sample_index), "OPENBLAS_NUM_THREADS": "1"}
    script = SCRIPT.replace("Settings(", f"Settings(index={str(sample_index)!r}, ")
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    told = ["question_too_long", "stopped", "about", "about", "about", "0"]
    assert done.stdout.split() == told, done
    assert "A helper has ended (-9)" in done.stderr
