"""Huge, broken and hostile files: named, read in little memory and in time as their size."""

import gzip
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ferries import text
from made_up import passages_of, zipped

from ingest.form_text import learn, lesson_of
from ingest.scan import clean_with_offsets, hide_private
from rag.catalog.normalize import fold_tag
from rag.places.countries import fold_name

SIZE = 60_000
UNITS = (
    *(" ", "\n", "> ", "> \n", "> q?\n", "## a\n", "[[", "[[a:b\n", "[[a:x]"),
    *('<div class="group">\n> a?\nx\n</div>\n', "[[focal_point:a@b.example\n", "a@b.c", "!["),
    *("[a](https://", "<p ", "&amp;", "*", "=", '."', "e.g. ", "\u200b", "\x00"),
)
STEPS: dict[str, Callable[[str], object]] = {
    "offsets": clean_with_offsets,
    "private": hide_private,
    "forms": lambda raw: learn(lesson_of(f"[[country:{lab}]]\n{raw}") for lab in ("Peru", "Fiji")),
    "passages": passages_of,
    "country": fold_name,
    "fold": fold_tag,
}


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_size_and_no_faster(unit: str) -> None:
    """Linear work takes four times as long for four times the text; quadratic, sixteen times."""
    passages_of("The models and tables are loaded before the first is timed.")
    small, large = (unit * (size // len(unit)) + "!" for size in (SIZE // 4, SIZE))
    # A busy machine can slow one run; it does not slow three of the same in the same way.
    for name, step in STEPS.items():
        assert not all(_slower(step, small, large) for _ in "123"), name


def _slower(step: Callable[[str], object], small: str, large: str) -> bool:
    spent = _seconds(step, large)
    # Less than half a second is too short to tell from noise, and no harm.
    return spent > 0.5 and spent > 10 * _seconds(step, small)


def _seconds(step: Callable[[str], object], raw: str) -> float:
    """Of this process, whatever else the machine does."""
    started = time.process_time()
    step(raw)
    return time.process_time() - started


MIB = 1024 * 1024
# What the models and the database need, and what is ever held of bad input.
MOST_MEMORY = 900 * MIB
REASONS = {
    "latin1.md": "save it as UTF-8",
    "one_line.md": "larger than 5 MB; split it into reports",
    "bomb.zip:bomb.md": "larger than 5 MB",
    "bombs.zip": "the archive unpacks to over 500 MB; give it as a folder",
    "bomb.tgz": "the archive unpacks to over 500 MB",
    "header.tgz": "the archive can't be read (a header of megabytes)",
}


def _files() -> Mapping[str, bytes]:
    wrap, rest = "[[country:Peru]]\n# Wide\n\n## Any\n\n> Q?\n\n", bytes(100 * MIB)
    return {
        "good.md": text("Peru").encode(),
        "latin1.md": text("Chad", "Fianga, la ville inondée").encode("latin-1"),
        "one_line.md": b"[[country:Chad]] " + b"boat " * (10 * MIB),
        "long_line.md": (wrap + "the boat leaves at noon and " * 10_000).encode(),
        "deep_quotes.md": (wrap + ">" * 90_000 + " It sailed.").encode(),
        "tags.md": ("[[country:Togo]]\n" + "[[m:b]]\n" * 50_000).encode(),
        "bomb.zip": zipped({"bomb.md": b" " * (200 * MIB), "beside.md": text("Laos").encode()}),
        "bombs.zip": zipped({f"{n}.md": b" " * (4 * MIB) for n in range(150)}),
        "bomb.tgz": gzip.compress(_head("a.txt", 600 * MIB) + rest, 1),
        "header.tgz": gzip.compress(_head("@LongLink", 2_000 * MIB) + rest, 1),
    }


def _head(name: str, size: int) -> bytes:
    """The head of a file in a tar, or of a file's name that is said to be so long."""
    info = tarfile.TarInfo(name)
    info.size = size
    if name == "@LongLink":
        info.type = tarfile.GNUTYPE_LONGNAME
    return info.tobuf(tarfile.GNU_FORMAT)


# A process of its own looks: what a child of this one needs at most counts this one's memory in.
_LOOK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.stdout.decode())
"""


@pytest.mark.slow
def test_bad_files_are_named_with_their_remedy_and_the_rest_is_taken_in(tmp_path: Path) -> None:
    for name, data in _files().items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-m", "ui.cli.main", "ingest", "--json", "--index", "index"]
    paths = [tmp_path, *(p for p in tmp_path.iterdir() if p.suffix != ".md")]
    looked = subprocess.check_output([sys.executable, "-c", _LOOK, *command, *paths], cwd=tmp_path)
    memory, _, printed = looked.decode().partition(" ")
    result = json.loads(printed)
    skipped = {Path(item["path"]).name: item["reason"] for item in result["skipped"]}
    assert set(skipped) == set(REASONS)
    wrong = {name: skipped[name] for name, words in REASONS.items() if words not in skipped[name]}
    assert not wrong
    assert set(result["added"]) == {"good", "beside", "long_line", "deep_quotes", "tags"}
    # Linux counts in KiB, macOS in bytes.
    assert int(memory) * (1 if sys.platform == "darwin" else 1024) < MOST_MEMORY
