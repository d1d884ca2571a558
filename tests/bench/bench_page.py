"""Times the served page: when it is usable, and answers to 20 visitors who ask at the same time.

Part of `make bench`; on an index that is there already: `python -m tests.bench_page INDEX`.
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

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
# What nobody of them asks about: what is asked by one visitor alone.
OTHERS = (
    *("drinking straws", "beekeeping", "prison food", "border trade", "coral reefs", "bicycles"),
    *("blood donors", "fashion"),
)
WRITING = "answer writing"  # stands in what is drawn once an answer begins


class Site:
    """A served page, asked as its own JavaScript asks it."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=300, limits=httpx.Limits())
        config = self.client.get("/config").raise_for_status().json()
        parts = {one["id"]: one for one in config["components"]}
        self.box = next(i for i, one in parts.items() if one["props"].get("elem_id") == "question")
        self.asking = next(
            one for one in config["dependencies"] if [self.box, "submit"] in one["targets"]
        )
        self.values = [parts[i]["props"].get("value") for i in self.asking["inputs"]]

    def ask(self, question: str, session: str) -> tuple[float, float]:
        """Seconds until an answer begins on the page, and until all of it is there."""
        data = [
            question if i == self.box else value
            for i, value in zip(self.asking["inputs"], self.values, strict=True)
        ]
        body = {"data": data, "fn_index": self.asking["id"], "session_hash": session}
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
def served(index: Path, port: int) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """A page over an index in a process of its own, and how long it took to be there."""
    command = [
        sys.executable,
        "-m",
        "ui.cli.main",
        "serve",
        "--index",
        str(index),
        "--port",
        str(port),
    ]
    started = time.perf_counter()
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("ASKLABS_", "OPENAI_"))}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True
    ) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            sys.exit(f"{' '.join(command)}: {process.communicate()[1]}")
        rows = [("start of the page", time.perf_counter() - started)]
        try:
            yield f"http://127.0.0.1:{port}", rows
        finally:
            process.terminate()


def answers(address: str) -> list[tuple[str, float]]:
    """Percentiles of answers to one visitor, and to twenty of them who never pause."""
    site = Site(address)
    alone = [site.ask(f"What did labs find out about {topic}?", "alone") for topic in OTHERS]

    def visitor(topic: str) -> list[tuple[float, float]]:
        session = secrets.token_hex(8)
        return [site.ask(frame.format(topic=topic), session) for frame in FRAMES]

    with ThreadPoolExecutor(len(TOPICS)) as pool:
        many = [pair for pairs in pool.map(visitor, TOPICS) for pair in pairs]
    return [
        *_rows("alone on the page", alone),
        *_rows(f"{len(TOPICS)} visitors at once", many),
    ]


def _rows(who: str, pairs: list[tuple[float, float]]) -> list[tuple[str, float]]:
    rows = []
    for at, what in enumerate(("first words", "whole answer")):
        seconds = [pair[at] for pair in pairs]
        rows += [
            (f"{who}: {what}, median", statistics.median(seconds)),
            (f"{who}: {what}, 95th percentile", statistics.quantiles(seconds, n=20)[-1]),
        ]
    return rows


def usable(address: str) -> list[tuple[str, float]]:
    """Seconds until a question can be typed in a new browser, where one is installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        return []
    from playwright.sync_api import expect, sync_playwright

    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(4):
            page = browser.new_page()
            started = time.perf_counter()
            page.goto(address)
            expect(page.locator("#question textarea")).to_be_editable(timeout=120_000)
            times.append(time.perf_counter() - started)
            page.context.close()
        browser.close()
    return [("page usable in a new browser, median", statistics.median(times))]


def page(index: Path) -> list[tuple[str, float]]:
    """All rows of the page over an index."""
    from free_port import free_port

    with served(index, free_port()) as (address, rows):
        return [*rows, *usable(address), *answers(address)]


if __name__ == "__main__":
    for name, seconds in page(Path(sys.argv[1])):
        print(f"{name:55s} {seconds:8.3f} s")
