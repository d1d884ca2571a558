"""A service that is stopped in the middle of an answer and of a survey ends soon and cleanly."""

import signal
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from openai_server import Reply, ScriptedServer
from soak import served


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_a_service_ends_amid_answer_and_survey(sample_index: Path, server: ScriptedServer) -> None:
    server.script(Reply(("The labs tell of it [1].",), mute=60))
    told: list[str] = []
    with served(sample_index, OPENAI_BASE_URL=server.url) as (address, process):

        def ask() -> None:
            try:
                reply = httpx.post(
                    f"{address}/api/v1/ask", json={"question": "Ferries?"}, timeout=90
                )
                told.append(str(reply.status_code))
            except httpx.TransportError:
                told.append("hung up")

        asking = threading.Thread(target=ask)
        asking.start()
        begun = httpx.post(f"{address}/api/v1/survey", json={"question": "mobile money"})
        assert begun.status_code == 202
        while not server.chats:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        asking.join(30)
    assert len(told) == 1
