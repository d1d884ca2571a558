"""What is done to a service for real, in a process of its own on a small disk; it serves on."""

import random
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import httpx
import pytest
from bench import Site, crowd, served
from machine import children, disk
from openai_server import Reply, ScriptedServer
from page_fixtures import serve
from soak import resident

from rag.catalog.tag_fields import FILTER_FIELDS
from rag.engine import Engine, open_engine
from rag.settings import Settings
from ui.api.models import MOST_VALUES
from ui.server.guard import MOST_HEAD, SLOWEST_HEAD

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="mounts a disk and reads /proc"),
]
QUESTION = {"question": "What did labs learn about mobile money?"}
Service = tuple[str, int, Path]  # address, process and disk


@pytest.fixture(scope="module")
def service(sample_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with disk(tmp_path_factory.mktemp("attacks") / "disk") as folder:
        index = shutil.copytree(sample_index, folder / "index")
        settings = {"ASKLABS_PAGE_INGEST": "true", "GRADIO_TEMP_DIR": str(folder / "uploads")}
        with served(index, **settings, ASKLABS_RERANKER="none") as (address, process):
            yield address, process.pid, folder


@pytest.fixture(autouse=True)
def _serves_on(service: Service) -> Iterator[None]:
    yield
    answer = httpx.post(f"{service[0]}/api/v1/ask", json=QUESTION, timeout=60)
    assert answer.raise_for_status().json()["citations"]
    assert httpx.get(f"{service[0]}/healthz", timeout=5).status_code == 200


def _connect(address: str, data: bytes) -> socket.socket:
    url = httpx.URL(address)
    made = socket.create_connection((url.host, url.port), timeout=60)
    made.sendall(data)
    return made


def test_the_longest_question_filters_and_conversation_keep_to_a_budget(service: Service) -> None:
    def ask(**body: Any) -> Any:
        reply = httpx.post(f"{service[0]}/api/v1/ask", json=body, timeout=60)
        return reply.raise_for_status().json()

    rng = random.Random(0)
    words = " ".join("".join(rng.choices(ascii_lowercase, k=7)) for _ in range(500))[:4000]
    history = [{"role": "user", "content": words * 2}] * 100
    processes = [service[1], *children(service[1])]
    before = sum(map(resident, processes))
    for question in (words, "a " * 2000, f"Compare {words[:3900]}", "?" * 4000, "And in Peru?"):
        ask(question=question, history=history)
    # Of fields whose values are known others are refused.
    fields = [name for name in FILTER_FIELDS if name not in ("kind", "language", "author")]
    values = [f"value {n}" for n in range(MOST_VALUES)]
    filters = dict.fromkeys(fields, values) | {"year": list(range(MOST_VALUES))}
    answer = ask(**QUESTION, filters=filters, ignored=filters)
    assert answer["coverage"]["matched_reports"] == 0
    assert sum(resident(pid, "VmHWM") for pid in processes) < before + 400e6


def _drip(opened: Sequence[socket.socket]) -> None:
    """Send a byte a second, until all are closed in time."""
    begun = time.monotonic()
    for n in range(int(SLOWEST_HEAD)):
        for slow in opened[1:200:2]:
            try:
                slow.sendall(b"a")
            except ConnectionError:
                assert n > 5
        time.sleep(1)
    for closed in opened:
        with suppress(ConnectionError):
            assert closed.recv(1) == b""
    assert time.monotonic() - begun < 4 * SLOWEST_HEAD


def test_two_thousand_who_say_little_are_closed_and_askers_answered(service: Service) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    idle = 2000 if most >= 3000 else 0  # as many as may be opened here
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        heads = (b"", b"GET / HTTP/1.1\r\nX-Slow: ")
        opened = [stack.enter_context(_connect(service[0], heads[n % 2])) for n in range(idle)]
        dripping = pool.submit(_drip, opened)
        asked = httpx.post(f"{service[0]}/api/v1/ask", json=QUESTION, timeout=60)
        assert asked.status_code == 200
        assert httpx.get(f"{service[0]}/healthz", timeout=5).status_code == 200
        times, healths_meanwhile = crowd(Site(service[0]))
        assert len(times) == 200
        assert healths_meanwhile
        dripping.result()


def test_a_head_without_end_is_cut_off(service: Service) -> None:
    before = resident(service[1])
    with _connect(service[0], b"GET / HTTP/1.1\r\nX-Long: ") as endless:
        with pytest.raises(ConnectionError):
            endless.sendall(b"a" * 500 * MOST_HEAD)
        assert resident(service[1]) < before + 10e6


def test_what_a_visitor_asked_is_no_other_s_to_export(service: Service) -> None:
    def exported(visit: str) -> str:
        handlers = site.config["dependencies"]
        export = next(h for h in handlers if [t[1] for t in h["targets"]] == ["export"])
        body = {"fn_index": export["id"], "data": [None], "trigger_id": export["targets"][0][0]}
        body |= {"session_hash": visit, "event_data": {"ending": "md", "last": False}}
        site.client.post("/gradio_api/queue/join", json=body).raise_for_status()
        return site.client.get("/gradio_api/queue/data", params={"session_hash": visit}).text

    site = Site(service[0])
    site.ask(QUESTION["question"], "first-visit")
    assert r"\"type\": \"text/markdown" in exported("first-visit")
    assert r"\"error\": " in exported("second-visit")
    assert not list(service[2].rglob("*.md"))


def test_a_full_and_then_a_read_only_disk_are_served_from(service: Service) -> None:
    address, _, folder = service
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b" " * 1_000_000)
    files = {"files": ("new.md", b"# A report\n" * 20_000)}
    for state in ("rw", "ro"):
        subprocess.run(["mount", "-o", f"remount,{state}", folder], check=True)
        upload = httpx.post(f"{address}/gradio_api/upload", files=files, timeout=60)
        assert upload.status_code >= 400
        asked = {"question": f"What did labs learn about fees, {state}?"}
        assert httpx.post(f"{address}/api/v1/ask", json=asked, timeout=60).status_code == 200
        begun = httpx.post(f"{address}/api/v1/survey", json={"question": "mobile money"})
        assert httpx.get(f"{address}{begun.headers['location']}/rows", timeout=90).text
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    filler.unlink()
    assert httpx.post(f"{address}/gradio_api/upload", files=files).status_code == 200


def test_a_jumping_clock_is_no_harm(quick_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    with serve(quick_engine) as address:
        for jump in (0.0, 1e9, -1e9):
            monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
            for _ in range(2):
                httpx.post(f"{address}/api/v1/ask", json=QUESTION, timeout=60).raise_for_status()
            Site(address).ask(QUESTION["question"], f"visit{jump}")


@pytest.mark.parametrize("path", ["/api/v1/ask", "/mcp"])
def test_who_hangs_up_gets_no_answer(sample_index: Path, server: ScriptedServer, path: str) -> None:
    server.script(Reply(("The labs tell of it [1].",), mute=60))
    call = {"name": "ask", "arguments": QUESTION}
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    body = rpc if path == "/mcp" else QUESTION
    headers = {"Accept": "application/json, text/event-stream"}
    settings = Settings(index=sample_index, openai_base_url=server.url, reranker="none")
    with serve(open_engine(settings)) as address:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}{path}", json=body, headers=headers, timeout=3)
        assert server.chats
        assert server.hung_up.wait(5)
