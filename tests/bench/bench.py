"""Times ingest, start and answers: `make bench`, or with REPORTS=DIR on your own reports.

Prints one table. Nothing here fails on a slow machine: it measures, the tests judge.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench_page import ROOT, Rows, page_times, percentiles

from ingest.chunk import chunk
from ingest.parsing.form_text import learn_texts
from ingest.parsing.parser import parse
from ingest.sources import collect, read_files
from rag.engine import open_engine
from rag.models.encoder import encoding_processes
from rag.settings import Settings

SAMPLE = ROOT / "eval" / "sample" / "reports"
QUESTIONS = (
    "What did labs learn about mobile money?",
    "Which labs worked with informal vendors, and what stood in their way?",
    "¿Qué aprendieron los laboratorios sobre los residuos plásticos?",
    "Qu'ont appris les laboratoires sur la confiance dans les paiements mobiles ?",
    "How was air quality measured, and at what cost?",
)
ROUNDS = 4
BATCH = 256


def timed(*arguments: str | Path) -> float:
    """Seconds that a run of the command line takes, start of the process included."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "ui.cli.main", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    reports = Path(sys.argv[1]) if sys.argv[1:] and sys.argv[1] else SAMPLE
    print(f"{reports}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        index, copy = Path(folder, "index"), Path(folder, "reports")
        shutil.copytree(reports, copy)
        ingest, ask = ("ingest", copy, "--index", index), ("ask", QUESTIONS[0], "--index", index)
        rows = reading_times(copy)
        rows += [("ingest", timed(*ingest)), ("ingest, nothing changed", timed(*ingest))]
        changed = next(copy.rglob("*.md"))
        changed.write_text(changed.read_text("utf-8") + "\nOne more sentence.\n", "utf-8")
        rows.append(("ingest, one report changed", timed(*ingest)))
        rows += [("first answer on the command line", timed(*ask)), ("second", timed(*ask))]
        rows += answer_times(index)
        rows += page_times(index)
    for name, seconds in rows:
        print(f"{name:55s} {seconds:9.3f} s")


def reading_times(reports: Path) -> Rows:
    """How long it takes to parse and chunk reports, and to embed passages and do nothing else."""
    started = time.perf_counter()
    files = read_files(collect([reports]), {}, lambda *_: None).files
    forms = learn_texts(file.text for file in files)
    passages = [p for file in files for p in chunk(parse(file.id, file.text, forms))]
    parsed = time.perf_counter() - started
    started = time.perf_counter()
    texts = [f"{p.context}\n{p.text}" for p in passages]
    batches = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
    cores = os.cpu_count() or 1
    with encoding_processes(cores) as embed, ThreadPoolExecutor(cores) as pool:
        list(pool.map(embed, batches))
    print(f"{len(files):,} reports, {len(passages):,} passages")
    return [
        ("read, parse and chunk", parsed),
        ("embed and nothing else", time.perf_counter() - started),
    ]


def answer_times(index: Path) -> Rows:
    """How long it takes to open an index, and to answer from it without a model."""
    started = time.perf_counter()
    engine = open_engine(Settings(index=index))
    opened = time.perf_counter() - started
    searches, answers = [], []
    for question in QUESTIONS * ROUNDS:
        started = time.perf_counter()
        timings = engine.ask(question).answer.timings
        answers.append(time.perf_counter() - started)
        searches.append((timings["plan_ms"] + timings["retrieve_ms"]) / 1000)
    return [
        (f"open an index of {len(engine.catalog.reports)} reports", opened),
        *percentiles("plan and retrieve", searches),
        *percentiles("whole extractive answer", answers),
    ]


if __name__ == "__main__":
    main()
