"""Writes what `make results` measured into a page, between its marks; all else there stays.

The folder has what the commands left: info.json of the index, `run` over all questions with its
baselines, bench.txt, and survey.json and verify.json where they were given something.
"""

import argparse
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from eval import report
from eval.baselines import CHUNKS, NAMES
from eval.cases import load_cases, read_text, write_text
from eval.metrics import SURVEYED
from eval.report import FIGURES, Estimate, Group
from eval.run import BASELINES, OUTCOMES, load_outcomes, load_record
from rag.errors import InputError
from rag.export.documents import escape_markdown

# What figures count; those of surveys and of the check of sentences have no words elsewhere.
TITLES = {name: title for name, (title, _) in FIGURES.items()} | {
    "about_p": "Of those called about the topic, right",
    "count_err": "Stated number off by",
    "right_struck": "Right sentences struck",
    "right_marked": "Right sentences marked",
    "wrong_struck": "Sentences with a planted error struck",
    "wrong_doubted": "Sentences with a planted error struck or marked",
}
HEAD = ("questions", "n", "figure", "Ask the Labs")
BESIDE = ("plain llama-index", "its best of three chunk sizes", "BM25 alone")
ABSENT = "Not measured: `make results` was given no {}."


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def measured(file: Path, command: str, *details: str) -> str:
    """When and on which machine, and the command that measures it again."""
    date = datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    machine = f"{os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"
    return f"{'; '.join((str(date), *details, machine))}; `{command}`"


def collection(folder: Path) -> str:
    """How much the index holds."""
    info = json.loads(read_text(folder / "info.json", "Run `make results`."))
    return f"{info['reports']:,} reports, {info['passages']:,} passages"


def questions(folder: Path, files: Sequence[Path]) -> Iterator[str]:
    """For each file of cases how well they are answered, beside the baselines."""
    if not files:
        yield ABSENT.format("questions to these reports (`CASES=FILES`)")
        return
    run = folder / "run"
    runs = {name: run / BASELINES / name for name in NAMES}
    outcomes = {"": load_outcomes(run)}
    outcomes |= {name: load_outcomes(out) for name, out in runs.items() if out.exists()}
    for file in files:
        cases = {case.id for case in load_cases(file)}
        asked = {n: [o for o in side if o.case.id in cases] for n, side in outcomes.items()}
        failed = sum(bool(outcome.error) for outcome in asked[""])
        yield f"**{escape_markdown(file.name)}**: {len(cases)} asked, {failed} failed."
        yield "\n".join(
            f"- {report.headline_count(claim)} {report.HEADLINES[claim.name]} "
            f"({report.headline_note(claim)})"
            for claim in report.headlines(asked[""])
        )
        head = HEAD + (BESIDE if any(asked[name] for name in asked if name) else ())
        rows = _rows({name: report.aggregate(side) for name, side in asked.items()})
        yield table(head, (row[: len(head)] for row in rows))
    command = "asklabs eval run FILE --out DIR --index INDEX --baseline"
    models = f"answered by {load_record(run)['model']}"
    yield measured(run / OUTCOMES, command, collection(folder), models)


def _rows(sides: dict[str, dict[str, Group]]) -> Iterator[Sequence[object]]:
    """A row for each main figure of each type of question; the best chunks are chosen by row.

    Quotes are counted over all questions alone.
    """
    for kind, group in sides[""].items():
        told_of = group.metrics.keys() - (set() if kind == report.ALL else {"quote_ok"})
        for name in (name for name in FIGURES if name in told_of):
            found = {side: groups.get(kind) for side, groups in sides.items()}
            told = {s: g.metrics[name] for s, g in found.items() if g and name in g.metrics}
            sizes = [size for size in CHUNKS if size in told]
            best = max(sizes, key=lambda size: told[size].mean, default="")
            chunks = f"{told[best]} ({CHUNKS[best][0]:,})" if best else "-"
            row = (told[""], told.get("plain", "-"), chunks, told.get("bm25", "-"))
            yield report.TYPES[kind], told[""].n, TITLES[name], *row


def surveys(folder: Path) -> Iterator[str]:
    """How well surveys meet the grades of reports: means over topics, lowest and highest."""
    file = folder / "survey.json"
    if not file.exists():
        yield ABSENT.format("graded topics (`GRADED=FILE`)")
        return
    found = json.loads(file.read_text("utf-8"))
    topics = [scores for topic, scores in found["topics"].items() if topic != "mean"]
    columns = {n: [t[n] for t in topics if n in t] for n in (*SURVEYED, "quote_ok")}
    rows = (
        (TITLES[n], len(of), report.estimate(of), f"{min(of):.2f}; {max(of):.2f}")
        for n, of in columns.items()
        if of
    )
    yield table(("figure", "topics", "mean", "lowest; highest topic"), rows)
    error = (
        f"expected calibration error {found['ece']:.3f}, {found['ece_from_0.1']:.3f} from 0.1 on"
    )
    yield measured(file, "asklabs eval survey FILE --index INDEX", collection(folder), error)


def check(folder: Path) -> Iterator[str]:
    """How well the check of a model's sentences tells right ones from wrong ones."""
    file = folder / "verify.json"
    if not file.exists():
        yield ABSENT.format("labelled replies (`REPLIES=FILE`)")
        return
    found = json.loads(file.read_text("utf-8"))
    checked = f"checked by {found.pop('check')}"
    estimates = {name: Estimate(**value) for name, value in found.items()}
    rows = (
        (TITLES[name], of.n, f"{of.mean:.3f} [{of.low:.3f}, {of.high:.3f}]")
        for name, of in estimates.items()
    )
    yield table(("figure", "sentences", "share"), rows)
    yield measured(file, "asklabs eval verify --replies FILE", checked)


def speed(folder: Path) -> Iterator[str]:
    """What `make bench` printed."""
    file = folder / "bench.txt"
    rows = re.findall(r"^ *(\S.*?) {2,}([\d.]+ s)$", read_text(file, "Run `make results`."), re.M)
    yield table(("what takes time", "measured"), rows)
    yield measured(file, "make bench REPORTS=INDEX", collection(folder))


def write(folder: Path, page: Path, files: Sequence[Path]) -> None:
    """Put all tables into a page; an InputError where it has no place for one."""
    text = read_text(page, "Name the page of results.")
    parts = {"check": check, "surveys": surveys, "speed": speed}
    made = {"questions": questions(folder, files)} | {n: p(folder) for n, p in parts.items()}
    for name, part in made.items():
        begin, end = f"<!-- measured: {name} -->\n", f"<!-- end of {name} -->"
        before, mark, rest = text.partition(begin)
        _, closing, after = rest.partition(end)
        if not (mark and closing):
            raise InputError(f"{page}: no lines {begin.strip()} and {end}. Put them there.")
        text = before + begin + "\n" + "\n\n".join(part) + "\n\n" + end + after
    write_text(page, text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=write.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("files", nargs="*", type=Path)
    write(**vars(parser.parse_args()))
