"""Times ingest, start and answers: `make bench`, or with REPORTS=DIR on your own reports.

Prints one table. Nothing here fails on a slow machine: it measures, the tests judge.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
BATCH = 256


def timed(*arguments: str) -> float:
    """Seconds that a run of the command line takes, start of the process included."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "ui.cli.main", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    from bench_page import page

    reports = Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else SAMPLE
    print(f"{reports}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        index, copy = str(Path(folder, "index")), Path(folder, "reports")
        shutil.copytree(reports, copy)
        rows = reading(copy)
        rows.append(("ingest", timed("ingest", str(copy), "--index", index)))
        print(f"ingest takes {rows[-1][1] / rows[-2][1]:.2f} times what embedding alone takes")
        rows.append(("ingest, nothing changed", timed("ingest", str(copy), "--index", index)))
        changed = next(copy.rglob("*.md"))
        changed.write_text(changed.read_text("utf-8") + "\nOne more sentence.\n", "utf-8")
        rows.append(("ingest, one report changed", timed("ingest", str(copy), "--index", index)))
        rows.append(
            ("first answer on the command line", timed("ask", QUESTIONS[0], "--index", index))
        )
        rows.append(("second", timed("ask", QUESTIONS[0], "--index", index)))
        rows += in_process(Path(index))
        rows += page(Path(index))
    for name, seconds in rows:
        print(f"{name:55s} {seconds:9.3f} s")


def reading(reports: Path) -> list[tuple[str, float]]:
    """Seconds to parse and chunk reports, and to embed their passages and do nothing else."""
    from ingest.audit import audit_paths
    from ingest.chunk import chunk
    from ingest.parsing.forms import learn_texts
    from ingest.parsing.parser import parse
    from ingest.sources import collect, read_files
    from rag.models.encoder import encoding_processes

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
    embedded = time.perf_counter() - started
    share = audit_paths([reports])[0].answer_share
    print(f"{len(files):,} reports, {len(passages):,} passages; {share:.4%} of answers taken in")
    return [("read, parse and chunk", parsed), ("embed and nothing else", embedded)]


def in_process(index: Path) -> list[tuple[str, float]]:
    """Seconds to open an index, and percentiles of whole extractive answers."""
    from rag.engine import open_engine
    from rag.settings import Settings

    started = time.perf_counter()
    engine = open_engine(Settings(index=index))
    opened = time.perf_counter() - started
    searches, answers = [], []
    for _ in range(ROUNDS):
        for question in QUESTIONS:
            started = time.perf_counter()
            answer = engine.ask(question).answer
            answers.append(time.perf_counter() - started)
            searches.append((answer.timings["plan_ms"] + answer.timings["retrieve_ms"]) / 1000)
    size = len(engine.catalog.reports)
    return [
        (f"open an index of {size} reports", opened),
        ("plan and retrieve, median", statistics.median(searches)),
        ("plan and retrieve, 95th percentile", statistics.quantiles(searches, n=20)[-1]),
        ("whole extractive answer, median", statistics.median(answers)),
        ("whole extractive answer, 95th percentile", statistics.quantiles(answers, n=20)[-1]),
    ]


if __name__ == "__main__":
    main()
