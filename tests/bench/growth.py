"""Times an index of many passages: `make bench-growth INDEX=DIR SIZE=1000000`.

With DATABASE=ADDRESS it is written to that one and searched there instead.

Passages of an index are recombined (the first half of one, the second of another in its language)
and their vectors perturbed; nothing is embedded, and Chroma is left out. The seed is fixed.
"""

import gc
import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from bench import QUESTIONS, ROOT, run, show, timed

from ingest.form_text import Lesson, learn, lesson_of, save_lessons
from ingest.sync import made_by
from rag.engine import open_engine
from rag.files import size_of
from rag.index.interface import StoredReport
from rag.index.local import POINTER, LocalWriter, Snapshot, Version, current_snapshot
from rag.index.postgres import Database, bring_in_line
from rag.index.store import tell
from rag.models.encoder import Vectors, unit
from rag.retrieval.hybrid import find
from rag.settings import Settings
from rag.types import Passage

TOGETHER = 200  # reports
NOISE = 0.3  # length of what is added to a vector
ROUNDS = 8
ASKERS = 16
NO_FORMS = learn(())  # recombined reports have no form questions
Batch = tuple[list[tuple[StoredReport, list[Passage]]], Vectors]


def recombined(base: Snapshot, passages: int) -> Iterator[Batch]:
    """Reports with so many passages in all, in batches, with their vectors."""
    rng, noise = random.Random(0), np.random.default_rng(0)
    forms, dense = NO_FORMS.digest(lesson_of("")), base.dense[:]
    others: dict[str, list[int]] = defaultdict(list)
    for n, language in enumerate(base.languages):
        others[language].append(n)
    made = 0
    for copies, first in ((n, at) for n in count(1) for at in range(0, len(base.ids), TOGETHER)):
        reports: list[tuple[StoredReport, list[Passage]]] = []
        rows: list[tuple[int, int]] = []
        for number, name in enumerate(base.ids[first : first + TOGETHER], start=first):
            report = base.report(name)
            info = replace(report.info, id=f"{name[:80]}-{copies}")
            written, raw = list[Passage](), ""
            for n, passage in enumerate(base.passages_of(name), start=base.starts[number]):
                other = rng.choice(others[passage.language])
                rows.append((n, other))
                one, two = passage.text.split(), base.passages[other].text.split()
                text = " ".join([*one[: len(one) // 2 + 1], *two[len(two) // 2 :]])
                place = {"id": f"{info.id}#{n}", "spans": ((len(raw), len(raw) + len(text)),)}
                written.append(replace(passage, report=info, text=text, **place))
                raw += f"{text}\n"
            digest = f"{report.digest}-{copies}"
            # What an ingest would make of a file of this text, so that the next one leaves it.
            parsed = hashlib.sha256(f"{digest} {forms}".encode()).hexdigest()
            made_of = {"info": info, "raw": raw, "digest": digest, "form_digest": parsed}
            reports.append((replace(report, **made_of, source="", passages=len(written)), written))
        left, right = np.array(rows).T
        mixed = dense[left] + dense[right]
        mixed += NOISE / 512**0.5 * noise.standard_normal(mixed.shape, np.float32)
        yield reports, unit(mixed)
        made += len(rows)
        if made >= passages:
            return


def resident() -> str:
    """The memory of this process, and how much of it is mapped files, which readers share."""
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()[1:]
    sizes = {name: int(value.split()[0]) / 1e6 for name, value in (ln.split(":") for ln in lines)}
    return f"{sizes['Rss']:.2f} GB resident, {sizes['Rss'] - sizes['Anonymous']:.2f} GB of it files"


def build(base: Snapshot, folder: Path, passages: int) -> None:
    """Write an index; what Chroma would hold is taken as written."""
    started = time.perf_counter()
    writer = LocalWriter(folder, None, made_by(Settings(index=folder)))
    shutil.copytree(base.home / "memo", writer.home / "memo")
    lessons: dict[str, Lesson] = {}
    for reports, vectors in recombined(base, passages):
        ends = np.cumsum([len(own) for _, own in reports])[:-1]
        for (report, own), part in zip(reports, np.split(vectors, ends), strict=True):
            writer.add(report, own, part)
        lessons |= {report.digest: lesson_of(report.raw) for report, _ in reports}
    snapshot = writer.publish()
    save_lessons(writer.home, lessons)
    tell(snapshot, Version())
    seconds, rows = time.perf_counter() - started, snapshot.version.rows
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{rows:,} passages, {rows / seconds:,.0f} a second, {most:.2f} GB at most")
    print(f"{size_of(folder) / rows:,.0f} bytes each without Chroma")


def read(folder: Path, url: str = "") -> None:
    """Time the start, and searches without the cross-encoder."""

    def search(question: str) -> float:
        started = time.perf_counter()
        find(engine.index, engine._embedding, engine.plan(question))
        return time.perf_counter() - started

    with timed("start until the first answer"):
        engine = open_engine(Settings(index=folder, reranker="none", database=url or None))
        engine.ask(QUESTIONS[0])
    print(resident())
    gc.freeze()  # as a page does
    show("plan and search", [search(question) for question in QUESTIONS * ROUNDS])
    started = time.perf_counter()
    with ThreadPoolExecutor(ASKERS) as pool:
        times = list(pool.map(search, QUESTIONS * ROUNDS))
    each = (time.perf_counter() - started) / len(times)
    print(f"{1 / each:.0f} searches a second by {ASKERS} askers")
    print(resident())


def write(folder: Path, url: str) -> None:
    """Time writing to a database, its indexes included, and searches there."""
    with timed("written to the database"), closing(Database(url, writes=True)) as database:
        snapshot = current_snapshot(folder, {})
        database.run(partial(bring_in_line, snapshot, lambda *_: None))
    size = "SELECT pg_database_size(current_database())"
    with closing(Database(url)) as database:
        each = database.fetch(size)[0][0] / len(snapshot.passages)
    print(f"{each:,.0f} bytes each in the database")
    read(folder, url)


def change(folder: Path) -> None:
    place = Path(tempfile.mkdtemp())
    sample = next((ROOT / "eval" / "sample" / "reports").glob("*.md"))
    for what, more in (("one report new", ""), ("nothing changed", ""), ("one changed", "\nMore.")):
        (place / "new.md").write_text(sample.read_text("utf-8") + more, "utf-8")
        run(f"ingest, {what}", "ingest", place, "--index", folder)


def main(first: str, second: str, *more: str) -> None:
    """`growth.py INDEX PASSAGES FOLDER`, or one step of it over a folder that is there."""
    steps: dict[str, Callable[..., None]] = {"read": read, "change": change, "write": write}
    if first in steps:
        steps[first](Path(second), *more)
        return
    folder = Path(*more) if more else Path(tempfile.mkdtemp(), "index")
    if not (folder / POINTER).exists():
        folder.mkdir(parents=True, exist_ok=True)
        with timed("written and published"):
            build(current_snapshot(Path(first), {}), folder, int(second))
    address = os.environ.get("DATABASE")
    todo = [["write", folder, address]] if address else [["read", folder], ["change", folder]]
    for step in todo:  # Each in a process of its own, whose memory is its alone.
        subprocess.run([sys.executable, __file__, *step], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
