"""Writes what `make results` measured into a page, between its marks; all else there stays.

The folder has what the commands left: info.json of the index, `run` over all questions with its
baselines, bench.txt, and survey.json and verify.json where they were given something.
"""

import json
import os
import platform
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument

from eval import report
from eval.baselines import CHUNKS, NAMES
from eval.cases import load_cases, read_text, write_text
from eval.metrics import SURVEYED
from eval.report import FIGURES, Estimate, Group
from eval.run import BASELINES, OUTCOMES, load_outcomes, load_record
from rag.errors import InputError

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


def questions(run: Path, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """For each file of cases how well they are answered, beside the baselines."""
    runs = {name: run / BASELINES / name for name in NAMES} if files else {}
    outcomes = {"": load_outcomes(run)} if files else {}
    outcomes |= {name: load_outcomes(out) for name, out in runs.items() if out.exists()}
    for file in files:
        cases = {case.id for case in load_cases(file)}
        asked = {n: [o for o in side if o.case.id in cases] for n, side in outcomes.items()}
        head = HEAD + (BESIDE if any(asked[name] for name in asked if name) else ())
        rows = _rows({name: report.aggregate(side) for name, side in asked.items()})
        yield {
            **{"name": file.name, "cases": len(cases), "claims": report.headlines(asked[""])},
            "failed": sum(bool(outcome.error) for outcome in asked[""]),
            **{"head": head, "rows": [row[: len(head)] for row in rows]},
        }


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


def write(folder: Path, page: Path, files: Annotated[list[Path] | None, Argument()] = None) -> None:
    """Put all tables into a page; an InputError where it has no place for one."""
    run, remedy = folder / "run", "Run `make results`."
    info = json.loads(read_text(folder / "info.json", remedy))
    found, check = (
        json.loads(path.read_text("utf-8")) if path.exists() else {}
        for path in (folder / "survey.json", folder / "verify.json")
    )
    topics = [scores for topic, scores in found.get("topics", {}).items() if topic != "mean"]
    columns = {n: [t[n] for t in topics if n in t] for n in (*SURVEYED, "quote_ok")}
    shares = {name: Estimate(**value) for name, value in check.items() if name != "check"}
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    bench = read_text(folder / "bench.txt", remedy)
    made = report.render(
        "results.md.jinja",
        asked=list(questions(run, files or ())),
        surveys=found,
        survey_rows=[
            (TITLES[n], len(of), report.estimate(of), f"{min(of):.2f}; {max(of):.2f}")
            for n, of in columns.items()
            if of
        ],
        check=check,
        check_rows=[
            (TITLES[name], of.n, f"{of.mean:.3f} [{of.low:.3f}, {of.high:.3f}]")
            for name, of in shares.items()
        ],
        times=re.findall(r"^ *(\S.*?) {2,}([\d.]+ s)$", bench, re.M),
        dates={
            str(path.relative_to(folder)): datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
            for path in (*folder.iterdir(), *run.glob(OUTCOMES))
        },
        machine=f"{os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}",
        collection=f"{info['reports']:,} reports, {info['passages']:,} passages",
        model=load_record(run)["model"] if files else "",
    )
    text = read_text(page, "Name the page of results.")
    for part in re.finditer(r"(<!-- measured: .* -->\n)[\s\S]*?(<!-- end of .* -->)", made):
        before, mark, rest = text.partition(part[1])
        _, closing, after = rest.partition(part[2])
        if not (mark and closing):
            raise InputError(f"{page}: no lines {part[1].strip()} and {part[2]}. Put them there.")
        text = before + part[0] + after
    write_text(page, text)


if __name__ == "__main__":
    typer.run(write)
