"""Times ingest as a collection grows: `make bench-growth`, about ten minutes on two cores.

The collections are made from the sample's reports: the form stays, half of the words of each
answer are others, so that no two reports are alike.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
import time
from pathlib import Path

from ingest.sync import sync
from rag.settings import Settings

SAMPLE = Path(__file__).resolve().parents[2] / "eval" / "sample" / "reports"
SIZES = (25_000, 100_000)
PASSAGES_PER_REPORT = 18
WORD = re.compile(r"[^\W\d_]{4,}")


def grow(folder: Path, reports: int) -> None:
    """Fill a folder with so many reports."""
    rng = random.Random(0)
    sample = [path.read_text("utf-8") for path in sorted(SAMPLE.glob("*.md"))]
    words = sorted({word for text in sample for word in WORD.findall(text)})

    def replaced(word: re.Match[str]) -> str:
        return rng.choice(words) if rng.random() < 0.5 else word.group()

    for n in range(reports):
        lines = [
            line if line.startswith(("[[", "#", ">", "<")) else WORD.sub(replaced, line)
            for line in sample[n % len(sample)].splitlines()
        ]
        (folder / f"report_{n:05d}.md").write_text("\n".join(lines), "utf-8")


def measure(size: int) -> None:
    """Print how fast a collection of about `size` passages is ingested, and one report more."""
    with tempfile.TemporaryDirectory() as place:
        reports, settings = Path(place, "reports"), Settings(index=Path(place, "index"))
        reports.mkdir()
        grow(reports, size // PASSAGES_PER_REPORT)
        stages: dict[str, float] = {}

        def progress(stage: str, _done: int, _total: int) -> None:
            stages.setdefault(stage, time.perf_counter())

        started = time.perf_counter()
        result = sync([reports], settings, progress=progress)
        seconds = time.perf_counter() - started
        writing = stages["embedding sentences"] - stages["embedding"]
        print(
            f"{result.passages:7,} passages of {len(result.added):6,} reports: {seconds:6.1f} s, "
            f"{result.passages / seconds:4.0f} passages/s; "
            f"embedded and written {result.passages / writing:4.0f}/s",
            flush=True,
        )
        (reports / "report_00000.md").write_text((reports / "report_00001.md").read_text() + "!")
        started = time.perf_counter()
        sync([reports], settings)
        print(f"{'':8s}one report changed: {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    for wanted in map(int, sys.argv[1:]) if sys.argv[1:] else SIZES:
        measure(wanted)
