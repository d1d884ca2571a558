"""Times ingest, start and answers: `make bench`, or with REPORTS=DIR on your own reports.

Prints one table. Nothing here fails on a slow machine: it measures, the tests judge.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "eval" / "sample" / "reports"
QUESTIONS = (
    "What did labs learn about mobile money?",
    "Which labs worked with informal vendors, and what stood in their way?",
    "¿Qué aprendieron los laboratorios sobre los residuos plásticos?",
    "Qu'ont appris les laboratoires sur la confiance dans les paiements mobiles ?",
    "How was air quality measured, and at what cost?",
)
ROUNDS = 4


def timed(*arguments: str) -> float:
    """Seconds that a run of the command line takes, start of the process included."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "ui.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    reports = Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else SAMPLE
    print(f"{reports}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        index = str(Path(folder, "index"))
        rows = [("ingest", timed("ingest", str(reports), "--index", index))]
        rows.append(("ingest, nothing changed", timed("ingest", str(reports), "--index", index)))
        rows.append(
            ("first answer on the command line", timed("ask", QUESTIONS[0], "--index", index))
        )
        rows.append(("second", timed("ask", QUESTIONS[0], "--index", index)))
        rows += in_process(Path(index))
    for name, seconds in rows:
        print(f"{name:45s} {seconds:9.3f} s")


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
    size = len(engine.catalogue.reports)
    return [
        (f"open an index of {size} reports", opened),
        ("plan and retrieve, median", statistics.median(searches)),
        ("plan and retrieve, 95th percentile", statistics.quantiles(searches, n=20)[-1]),
        ("whole extractive answer, median", statistics.median(answers)),
        ("whole extractive answer, 95th percentile", statistics.quantiles(answers, n=20)[-1]),
    ]


if __name__ == "__main__":
    main()
