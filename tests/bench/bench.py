"""Times ingest, start, answers and the page: `make bench`, or with REPORTS=DIR on your own reports.

DIR may be an index, too, whose reports are then written to files.

`make bench-growth` times an index as it grows. Nothing here fails on a slow machine.
"""

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from machine import free_port
from playwright.sync_api import sync_playwright

from eval.cases import write_text
from rag.engine import open_engine
from rag.index.local import POINTER
from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "eval" / "sample" / "reports"
QUESTIONS = (
    "What did labs learn about mobile money?",
    "Which labs worked with informal vendors, and what stood in their way?",
    "¿Qué aprendieron los laboratorios sobre los residuos plásticos?",
    "Qu'ont appris les laboratoires sur la confiance dans les paiements mobiles ?",
    "How was air quality measured, and at what cost?",
)
ROUNDS = 4
TOPICS = (
    *("mobile money", "informal vendors", "plastic waste", "air quality", "trust in banks"),
    *("food loss at markets", "school meals", "urban heat", "flood warnings", "youth unemployment"),
    *("care work", "digital identity", "public transport", "water quality", "local tourism"),
    *("disability", "fishing communities", "energy use at home", "street lights", "land titles"),
)
# A visitor asks these of a topic, one after the other; no two visitors ask the same.
FRAMES = (
    "What did labs learn about {}?",
    "How did labs measure {}, and whom did they ask?",
    "What stood in the way of work on {}?",
)
# What more is asked when all topics are asked at once, each question by a visitor of its own.
ALL_FRAMES = (
    *FRAMES,
    "Which labs worked on {}?",
    "How many reports are there on {}?",
    "Compare Peru and Kenya on {}",
    "What is the Togo lab doing about {}?",
    "How did work on {} change over the years?",
    "Summarise the report on {}",
    "Qu'ont appris les laboratoires sur {} ?",
)
# What one visitor asks alone.
OTHERS = ("drinking straws", "beekeeping", "prison food", "border trade", "coral reefs", "fashion")
EDITABLE = "document.querySelector('#question textarea:not([disabled], [readonly])')?.offsetParent"
# Asks for the page's health until its input ends; tells how many seconds each reply took.
WATCH = """
import json, sys, threading, time, urllib.request
reading, times = threading.Thread(target=sys.stdin.read, daemon=True), []
reading.start()
while reading.is_alive():
    started = time.perf_counter()
    urllib.request.urlopen(sys.argv[1], timeout=60).read()
    times.append(time.perf_counter() - started)
    reading.join(0.1)
print(json.dumps(times))
"""


def show(what: str, seconds: Sequence[float]) -> None:
    if len(seconds) > 1:
        show(f"{what}, median of {len(seconds)}", [statistics.median(seconds)])
        show(f"{what}, 95th percentile", [statistics.quantiles(seconds, n=20)[-1]])
    else:
        print(f"{what:55s} {seconds[0]:9.3f} s", flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long a block took, and the processor time of this process and of its children."""
    started, used = time.perf_counter(), sum(os.times()[:4])
    yield
    show(what, [time.perf_counter() - started])
    show("  of it CPU time", [sum(os.times()[:4]) - used])


def run(what: str, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", "ui.cli.main", *map(str, arguments)]
    with timed(what):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        sys.exit(f"{' '.join(command)}: {done.stderr}")


def measure(reports: Path) -> None:
    """Time ingest, answers and the page, over a folder of reports or those of an index."""
    print(f"{reports}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        index, copy = Path(folder, "index"), Path(folder, "reports")
        if (reports / POINTER).exists():
            source = open_engine(Settings(index=reports))
            for name in source.catalog.reports:
                write_text(copy / f"{name}.md", source.report(name).raw)
        else:
            shutil.copytree(reports, copy)
        ingest = ("ingest", copy, "--index", index)
        run("ingest", *ingest)
        run("ingest, nothing changed", *ingest)
        changed = next(copy.rglob("*.md"))
        changed.write_text(changed.read_text("utf-8") + "\nOne more sentence.\n", "utf-8")
        run("ingest, one report changed", *ingest)
        run("first answer on the command line", "ask", QUESTIONS[0], "--index", index)
        engine = open_engine(Settings(index=index))
        engine.open()
        answers = [engine.ask(question).answer.timings for question in QUESTIONS * ROUNDS]
        for stage in ("plan_ms", "retrieve_ms", "answer_ms"):
            show(stage.removesuffix("_ms"), [timings[stage] / 1000 for timings in answers])
        started = time.perf_counter()
        with served(index) as (address, _):
            show("start of the page", [time.perf_counter() - started])
            open_in_browsers(address)
            site = Site(address)
            visit(site)
            crowd(site)


@contextmanager
def served(index: Path, *options: str, **settings: str) -> Iterator[tuple[str, Any]]:
    """A page in a process of its own: its address and the process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("ASKLABS_", "OPENAI_"))}
    environ |= {"ASKLABS_LOG_LEVEL": "error"} | settings
    command = [sys.executable, "-m", "ui.cli.main", "serve", "--index", index, "--port", str(port)]
    process = subprocess.Popen([*command, *options], cwd=ROOT, env=environ)
    try:
        while process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/healthz").status_code == 200:
                    break
            time.sleep(0.05)
        yield address, process
    finally:
        process.terminate()
        process.wait(60)


def open_in_browsers(address: str) -> None:
    """Time how long it takes until a question can be typed, where a browser is installed."""
    if not (path := shutil.which("chromium")):
        return
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(4):
            page = browser.new_page()
            started = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.wait_for_function(EDITABLE, timeout=120_000)  # looks in each frame
            times.append(time.perf_counter() - started)
            page.context.close()
        browser.close()
    show(f"page usable in a new browser, median of {len(times)}", [statistics.median(times)])


class Site:
    """A served page, asked as its own JavaScript asks it."""

    def __init__(self, address: str) -> None:
        limits = httpx.Limits(max_connections=1000)
        self.client = httpx.Client(base_url=address, timeout=300, limits=limits)
        self.config = config = self.client.get("/config").raise_for_status().json()
        parts = {part["id"]: part["props"] for part in config["components"]}
        self.box = next(i for i, props in parts.items() if props.get("elem_id") == "question")
        submit = [self.box, "submit"]
        self.handler = next(h for h in config["dependencies"] if submit in h["targets"])
        self.values = {i: parts[i].get("value") for i in self.handler["inputs"]}

    def join(self, question: str, session: str) -> str:
        """Ask, and say where what comes of it can be read."""
        data = list((self.values | {self.box: question}).values())
        body = {"data": data, "fn_index": self.handler["id"], "session_hash": session}
        self.client.post("/gradio_api/queue/join", json=body).raise_for_status()
        return f"/gradio_api/queue/data?session_hash={session}"

    def ask(self, question: str, session: str) -> float:
        started = time.perf_counter()
        with self.client.stream("GET", self.join(question, session)) as events:
            for line in events.iter_lines():
                if '"msg":"process_completed"' in line.replace(" ", ""):
                    if json.loads(line.removeprefix("data:"))["success"]:
                        return time.perf_counter() - started
                    break
        raise RuntimeError("The page failed to answer.")


def visit(site: Site) -> None:
    def visitor(topic: str) -> list[float]:
        session = secrets.token_hex(8)
        return [site.ask(frame.format(topic), session) for frame in FRAMES]

    show("alone on the page", [site.ask(FRAMES[0].format(topic), "alone") for topic in OTHERS])
    with ThreadPoolExecutor(len(TOPICS)) as pool:
        times = [seconds for asked in pool.map(visitor, TOPICS) for seconds in asked]
    show(f"{len(TOPICS)} visitors at once", times)


def crowd(site: Site) -> tuple[list[float], list[float]]:
    """Time answers to two hundred who ask at once, and the page's health meanwhile."""
    questions = [frame.format(topic) for topic in TOPICS for frame in ALL_FRAMES]
    # By a process of its own: those who ask keep this one busy.
    watch = [sys.executable, "-c", WATCH, str(site.client.base_url.join("/healthz"))]
    watching = subprocess.Popen(watch, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with ThreadPoolExecutor(len(questions)) as pool:
        times = list(pool.map(lambda question: site.ask(question, secrets.token_hex(8)), questions))
    healths: list[float] = json.loads(watching.communicate()[0])
    show(f"{len(questions)} askers at once", times)
    show("health meanwhile", healths)
    show("health meanwhile, longest", [max(healths)])
    return times, healths


if __name__ == "__main__":
    measure(Path(sys.argv[1]) if sys.argv[1:] and sys.argv[1] else SAMPLE)
