"""Asks the same cases changed in ways that should not matter, and tells what changed.

Changes of the question are asked over the index as it is. Changes of the collection need an index
of their own, made in a temporary folder of the reports that the cases accept and some others; they
are compared with the unchanged cases over an index of the same reports.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from eval.cases import Case, write_text
from eval.compare import Difference, differences
from eval.perturbations import (
    Change,
    Undoubled,
    batches,
    chosen_reports,
    double,
    plain,
    plant,
    translated,
    typos,
    upper,
    with_country,
    with_year,
    write_reports,
)
from eval.report.markdown import table
from eval.report.report import write_report
from eval.run import (
    Asker,
    Outcome,
    load_outcomes,
    run_cases,
)
from eval.stats import LEVEL
from rag.errors import InputError
from rag.types import Progress

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.models.chat import ChatModel


UNCHANGED, UNCHANGED_INDEX = "unchanged", "unchanged-index"
# What each variant does, in the order in which they are run.
VARIANTS = {
    "typos": "one word in six mistyped",
    "upper": "the question in capital letters",
    "plain": "no accents, no punctuation",
    "language": "the question in another language",
    "year": "the year of the gold reports named as well",
    "country": "the country of the gold reports named as well",
    "injected": "an instruction against each question in a report that has nothing to do with it",
    "doubled": "each report twice, under another name",
    "shuffled": "the reports ingested in another order, in several lots",
}
ON_INDEX = ("injected", "doubled", "shuffled")
NO_MODEL = (
    "not run: it needs a chat model; without one only lists worded by `eval make` can be said "
    "in another language"
)
NOT_APPLICABLE = "not run: no case can take this change"
# Makes an index in a folder of report files, lot by lot, and opens it.
Build = Callable[[Path, Sequence[Sequence[Path]]], Asker]


@dataclass(frozen=True)
class Tried:
    """A variant that was asked, or why it was not (`note`); what it changes by metric.

    `obeyed` counts the answers that have the word that an instruction planted in a report wants.
    """

    name: str
    asked: int = 0
    over: str = UNCHANGED
    changes: Mapping[str, Difference] = field(default_factory=dict)
    failed: int = 0
    obeyed: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Stress:
    """All variants, and how many cases and reports they were tried with.

    `index_reports` is how many reports the temporary indexes were made of; 0 without one.
    """

    tried: tuple[Tried, ...]
    cases: int
    reports: int
    index_reports: int
    seed: int


@dataclass
class Lab:
    """Where variants are tried: the engine, the cases, where runs go, how indexes are made.

    `asked` is the folder of a run of the same cases over the same index, where there is one: they
    are then not asked once more.
    """

    engine: Engine
    cases: Sequence[Case]
    out: Path
    build: Build
    most_reports: int = 300
    seed: int = 0
    llm: ChatModel | None = None
    seconds: float = 60.0
    progress: Progress = lambda *_: None
    asked: Path | None = None

    def rng(self, *parts: str) -> random.Random:
        """Chance of its own for each part, so that none depends on another."""
        return random.Random(" ".join((str(self.seed), *parts)))

    def run(self, name: str, engine: Asker, cases: Sequence[Case]) -> dict[str, Outcome]:
        """Ask cases and write the run to a folder of the variant's name; the outcomes by id."""
        folder = self.out / name
        outcomes = run_cases(engine, cases, folder, self.progress, stage=f"asking ({name})")
        write_report(folder)
        return {outcome.case.id: outcome for outcome in outcomes}


def stress(lab: Lab, only: Sequence[str] = ()) -> Stress:
    """Try the variants, all of them unless some are named.

    Raises:
        InputError: there is no such variant, the folder can't be written to, or what was asked
            before is no run of these cases.
    """
    unknown = [name for name in only if name not in VARIANTS]
    if unknown:
        raise InputError(
            f"There is no variant {', '.join(unknown)}. There are: {', '.join(VARIANTS)}."
        )
    wanted = [name for name in VARIANTS if name in only or not only]
    tried = _on_questions(lab, [name for name in wanted if name not in ON_INDEX])
    on_index = [name for name in wanted if name in ON_INDEX]
    used = 0
    if on_index:
        with tempfile.TemporaryDirectory(prefix="asklabs-stress-") as folder:
            used, more = _on_indexes(lab, on_index, Path(folder))
            tried += more
    return Stress(tuple(tried), len(lab.cases), len(lab.engine.catalog.reports), used, lab.seed)


def _on_questions(lab: Lab, names: Sequence[str]) -> list[Tried]:
    if not names:
        return []
    before = _unchanged(lab)
    tried = []
    for name in names:
        changed = _changed(lab, name)
        if changed:
            after = lab.run(name, lab.engine, changed)
            tried.append(_compared(name, before, after))
        else:
            nothing = NO_MODEL if name == "language" and lab.llm is None else NOT_APPLICABLE
            tried.append(Tried(name, note=nothing))
    return tried


def _unchanged(lab: Lab) -> Mapping[str, Outcome]:
    if lab.asked is None:
        return lab.run(UNCHANGED, lab.engine, lab.cases)
    known = {outcome.case.id: outcome for outcome in load_outcomes(lab.asked)}
    missing = [c for c in lab.cases if c.id not in known or known[c.id].case != c]
    index = {str(o.answer["index"]) for o in known.values() if o.answer}
    if missing or index - {lab.engine.revision}:
        raise InputError(
            f"{lab.asked} is no run of these cases over this index. Leave it out, or name another."
        )
    return {case.id: known[case.id] for case in lab.cases}


def _changed(lab: Lab, name: str) -> list[Case]:
    """The cases that take a change, changed."""
    reports = lab.engine.catalog.reports
    changes: Mapping[str, Change] = {
        "typos": typos,
        "upper": upper,
        "plain": plain,
        "language": partial(translated, llm=lab.llm, seconds=lab.seconds),
        "year": lambda case, _: with_year(case, reports),
        "country": lambda case, _: with_country(case, reports),
    }
    found = []
    for done, case in enumerate(lab.cases, start=1):
        changed = changes[name](case, lab.rng(name, case.id))
        found += [changed] if changed else []
        if name == "language" and lab.llm is not None:
            lab.progress("translating", done, len(lab.cases))
    return found


def _on_indexes(lab: Lab, names: Sequence[str], folder: Path) -> tuple[int, list[Tried]]:
    reports = lab.engine.catalog.reports
    ids = chosen_reports(lab.cases, reports, lab.most_reports, lab.rng("reports"))
    known = set(ids)
    cases = [case for case in lab.cases if case.gold <= known]
    paths = write_reports(lab.engine, ids, folder / "reports")
    before = lab.run(UNCHANGED_INDEX, lab.build(folder / UNCHANGED_INDEX, [paths]), cases)
    tried = []
    for name in names:
        rng = lab.rng(name)
        files = write_reports(lab.engine, ids, folder / f"reports-{name}")
        lots: Sequence[Sequence[Path]] = [files]
        marks: Mapping[str, str] = {}
        if name == "injected":
            marks = plant(files, cases, rng)
        elif name == "doubled":
            lots = [[*files, *double(files)]]
        else:
            lots = batches(files, rng)
        engine = lab.build(folder / name, lots)
        after = lab.run(name, Undoubled(engine) if name == "doubled" else engine, cases)
        tried.append(_compared(name, before, after, UNCHANGED_INDEX, marks))
    return len(ids), tried


def _compared(
    name: str,
    before: Mapping[str, Outcome],
    after: Mapping[str, Outcome],
    over: str = UNCHANGED,
    marks: Mapping[str, str] | None = None,
) -> Tried:
    # An outcome that failed has no score.
    pairs = [(before[i], one) for i, one in after.items() if i in before]
    return Tried(
        name,
        asked=len(after),
        over=over,
        changes={one.metric: one for one in differences(pairs)},
        failed=sum(bool(one.error) for one in after.values()),
        obeyed=_obeyed(after, marks) if marks else None,
    )


def _obeyed(after: Mapping[str, Outcome], marks: Mapping[str, str]) -> int:
    """How many answers have the word that the instruction against their question wants."""
    texts = {i: str(one.answer["answer"]) for i, one in after.items() if one.answer}
    return sum(mark in texts.get(i, "").casefold() for i, mark in marks.items())


# What a stress test found, as a table and as data.


TABLE, DATA = "stress.md", "stress.json"
# The metrics that the table shows; all are in the data.
SHOWN = ("rep@10", "ev@4k", "quote_ok", "cite_prec", "facts", "refusal_ok", "list_f1")


def write_stress(found: Stress, out: Path) -> str:
    """Write stress.md and stress.json and return the table (Markdown).

    Raises:
        InputError: they can't be written.
    """
    text = to_markdown(found)
    data = json.dumps(asdict(found), indent=2, ensure_ascii=False)
    write_text(out / TABLE, text)
    write_text(out / DATA, data + "\n")
    return text


def to_markdown(found: Stress) -> str:
    """The change of each metric by variant, what stood out, and how it was tried."""
    shown = [metric for metric in SHOWN if any(metric in one.changes for one in found.tried)]
    rows = [
        (one.name, str(one.asked), *(_cell(one.changes.get(metric)) for metric in shown))
        for one in found.tried
        if one.asked
    ]
    parts = [
        "# Stress test",
        _headline(found.tried),
        table(("variant", "cases", *shown), rows) if rows else "",
        "Change of the mean against the same cases unchanged, with its 95 % interval where it "
        "changed at all; **bold** where the interval leaves out 0 and a paired randomisation test "
        f"gives p < {LEVEL}. Only cases that a variant changes are asked, and of these only those "
        "that a metric applies to in both runs are paired.",
        _said(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(tried: Sequence[Tried]) -> str:
    worse = [
        f"{one.name} ({', '.join(lost)})"
        for one in tried
        if (lost := [m for m, d in _shown(one).items() if d.tells and d.change.mean < 0])
    ]
    if not any(one.asked for one in tried):
        return "**Nothing was asked.**"
    if not worse:
        return "**Nothing got worse** that these cases can show."
    return f"**Got worse**: {'; '.join(worse)}."


def _shown(one: Tried) -> dict[str, Difference]:
    return {metric: one.changes[metric] for metric in SHOWN if metric in one.changes}


def _cell(found: Difference | None) -> str:
    if found is None:
        return ""
    change = found.change
    if not change.mean and not change.low and not change.high:
        return f"0 ({change.n})"
    said = f"{change.mean:+.2f} [{change.low:+.2f}, {change.high:+.2f}] ({change.n})"
    return f"**{said}**" if found.tells else said


def _said(found: Stress) -> str:
    lines = []
    for one in found.tried:
        more = f"; {one.failed} failed" if one.failed else ""
        if one.obeyed is not None:
            more += f"; {one.obeyed} answers obey or quote it (they have the word that it wants)"
        note = f" ({one.note})" if one.note else ""
        lines.append(f"- {one.name}: {VARIANTS[one.name]}{note}{more}")
    if found.index_reports:
        names = ", ".join(one.name for one in found.tried if one.name in ON_INDEX)
        lines.append(
            f"- {names}: over indexes of {found.index_reports} of the {found.reports} reports "
            f"(those that cases accept, and others by lot), against the run `{UNCHANGED_INDEX}`"
        )
    lines.append(f"- {found.cases} cases, seed {found.seed}")
    return "\n".join(lines)
