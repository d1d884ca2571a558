"""Times the served page: when it is usable, and answers to 20 visitors who ask at the same time.

Part of `make bench`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
from free_port import free_port
from playwright.sync_api import expect, sync_playwright

Rows = list[tuple[str, float]]  # what was measured, and its seconds

ROOT = Path(__file__).resolve().parents[2]
TOPICS = (
    *("mobile money", "informal vendors", "plastic waste", "air quality", "trust in banks"),
    *("food loss at markets", "school meals", "urban heat", "flood warnings", "youth unemployment"),
    *("care work", "digital identity", "public transport", "water quality", "local tourism"),
    *("disability", "fishing communities", "energy use at home", "street lights", "land titles"),
)
# A visitor asks all of these of a topic, one after the other; no two visitors ask the same.
FRAMES = (
    "What did labs learn about {topic}?",
    "How did labs measure {topic}, and whom did they ask?",
    "What stood in the way of work on {topic}?",
)
# What one visitor asks alone.
OTHERS = ("drinking straws", "beekeeping", "prison food", "border trade", "coral reefs", "fashion")
WRITING = "answer writing"  # stands in what is drawn once an answer begins


def percentiles(what: str, seconds: Sequence[float]) -> Rows:
    return [
        (f"{what}, median", statistics.median(seconds)),
        (f"{what}, 95th percentile", statistics.quantiles(seconds, n=20)[-1]),
    ]


class Site:
    """A served page, asked as its own JavaScript asks it."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=300, limits=httpx.Limits())
        config = self.client.get("/config").raise_for_status().json()
        parts = {part["id"]: part["props"] for part in config["components"]}
        self.box = next(i for i, props in parts.items() if props.get("elem_id") == "question")
        self.handler = next(
            handler
            for handler in config["dependencies"]
            if [self.box, "submit"] in handler["targets"]
        )
        self.values = {i: parts[i].get("value") for i in self.handler["inputs"]}

    def ask(self, question: str, session: str) -> tuple[float, float]:
        """Seconds until an answer begins on the page, and until all of it is there."""
        data = list((self.values | {self.box: question}).values())
        body = {"data": data, "fn_index": self.handler["id"], "session_hash": session}
        started = time.perf_counter()
        self.client.post("/gradio_api/queue/join", json=body).raise_for_status()
        first = 0.0
        url = f"/gradio_api/queue/data?session_hash={session}"
        with self.client.stream("GET", url) as events:
            for line in events.iter_lines():
                if WRITING in line and not first:
                    first = time.perf_counter() - started
                if '"msg":"process_completed"' in line.replace(" ", ""):
                    whole = time.perf_counter() - started
                    done = json.loads(line.removeprefix("data:"))
                    if not done["success"]:
                        sys.exit(f"The page failed: {done['output']}")
                    # An answer that is there at once is drawn as a whole.
                    return first or whole, whole
        sys.exit("The page ended before its answer.")


@contextmanager
def served(index: Path) -> Iterator[tuple[str, float]]:
    """A page over an index in a process of its own, and how long it took to be there."""
    port = str(free_port())
    options = ["serve", "--index", str(index), "--port", port]
    command = [sys.executable, "-m", "ui.cli.main", *options]
    started = time.perf_counter()
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("ASKLABS_", "OPENAI_"))}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True
    ) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            sys.exit(f"{' '.join(command)}: {process.communicate()[1]}")
        try:
            yield f"http://127.0.0.1:{port}", time.perf_counter() - started
        finally:
            process.terminate()


def answers(address: str) -> Rows:
    """Percentiles of answers to one visitor, and to twenty of them who never pause."""
    site = Site(address)

    def visitor(topic: str) -> list[tuple[float, float]]:
        session = secrets.token_hex(8)
        return [site.ask(frame.format(topic=topic), session) for frame in FRAMES]

    alone = [site.ask(f"What did labs find out about {topic}?", "alone") for topic in OTHERS]
    with ThreadPoolExecutor(len(TOPICS)) as pool:
        many = [pair for pairs in pool.map(visitor, TOPICS) for pair in pairs]
    rows: Rows = []
    for who, pairs in (("alone on the page", alone), (f"{len(TOPICS)} visitors at once", many)):
        first, whole = zip(*pairs, strict=True)
        rows += percentiles(f"{who}: first words", first)
        rows += percentiles(f"{who}: whole answer", whole)
    return rows


def usable(address: str) -> Rows:
    """Seconds until a question can be typed in a new browser, where one is installed."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser_path is None:
        return []
    options = ["--no-sandbox", "--disable-gpu"]
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=options)
        for _ in range(4):
            page = browser.new_page()
            started = time.perf_counter()
            page.goto(address)
            expect(page.locator("#question textarea")).to_be_editable(timeout=120_000)
            times.append(time.perf_counter() - started)
            page.context.close()
        browser.close()
    return [("page usable in a new browser, median", statistics.median(times))]


def page_times(index: Path) -> Rows:
    """All rows of the page over an index."""
    with served(index) as (address, seconds):
        return [("start of the page", seconds), *usable(address), *answers(address)]
