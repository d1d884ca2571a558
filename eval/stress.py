"""Asks the same cases changed in ways that should not matter, and writes what changed.

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
from eval.report.pages import write_report
from eval.report.render import render
from eval.run import Asker, Outcome, load_outcomes, run_cases
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
# The metrics that the table shows; all are in the data.
SHOWN = ("rep@10", "ev@4k", "quote_ok", "cite_prec", "facts", "refusal_ok", "list_f1")
# Makes an index in a folder of report files, lot by lot, and opens it.
Build = Callable[[Path, Sequence[Sequence[Path]]], Asker]


@dataclass(frozen=True)
class Variant:
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

    @property
    def shown(self) -> dict[str, Difference]:
        """The changes that the table shows."""
        return {metric: self.changes[metric] for metric in SHOWN if metric in self.changes}

    @property
    def worse(self) -> list[str]:
        """The metrics of the table that got worse, or may have."""
        return [m for m, d in self.shown.items() if d.is_notable and d.change.mean < 0]


@dataclass(frozen=True)
class Stress:
    """All variants, and how many cases and reports they were tried with.

    `index_reports` is how many reports the temporary indexes were made of; 0 without one.
    """

    tried: tuple[Variant, ...]
    cases: int
    reports: int
    index_reports: int
    seed: int


@dataclass
class StressTest:
    """What to try variants with: the engine, the cases, where runs go, how indexes are made.

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

    def run(self, only: Sequence[str] = ()) -> Stress:
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
        tried = self._try_questions([name for name in wanted if name not in ON_INDEX])
        on_index = [name for name in wanted if name in ON_INDEX]
        used = 0
        if on_index:
            with tempfile.TemporaryDirectory(prefix="asklabs-stress-") as folder:
                used, more = self._try_indexes(on_index, Path(folder))
                tried += more
        reports = len(self.engine.catalog.reports)
        return Stress(tuple(tried), len(self.cases), reports, used, self.seed)

    def _rng(self, *parts: str) -> random.Random:
        """Chance of its own for each part, so that none depends on another."""
        return random.Random(" ".join((str(self.seed), *parts)))

    def _ask(self, name: str, engine: Asker, cases: Sequence[Case]) -> dict[str, Outcome]:
        """Ask cases and write the run to a folder of the variant's name; the outcomes by id."""
        folder = self.out / name
        outcomes = run_cases(engine, cases, folder, self.progress, stage=f"asking ({name})")
        write_report(folder)
        return {outcome.case.id: outcome for outcome in outcomes}

    def _try_questions(self, names: Sequence[str]) -> list[Variant]:
        if not names:
            return []
        before = self._unchanged()
        tried = []
        for name in names:
            changed = self._changed_cases(name)
            if changed:
                tried.append(_compared(name, before, self._ask(name, self.engine, changed)))
            else:
                note = NO_MODEL if name == "language" and self.llm is None else NOT_APPLICABLE
                tried.append(Variant(name, note=note))
        return tried

    def _unchanged(self) -> Mapping[str, Outcome]:
        if self.asked is None:
            return self._ask(UNCHANGED, self.engine, self.cases)
        known = {outcome.case.id: outcome for outcome in load_outcomes(self.asked)}
        missing = [c for c in self.cases if c.id not in known or known[c.id].case != c]
        index = {str(o.answer["index"]) for o in known.values() if o.answer}
        if missing or index - {self.engine.revision}:
            raise InputError(
                f"{self.asked} is no run of these cases over this index. Leave it out, or name "
                "another."
            )
        return {case.id: known[case.id] for case in self.cases}

    def _changed_cases(self, name: str) -> list[Case]:
        """The cases that take a change, changed."""
        reports = self.engine.catalog.reports
        changes: Mapping[str, Change] = {
            "typos": typos,
            "upper": upper,
            "plain": plain,
            "language": partial(translated, llm=self.llm, seconds=self.seconds),
            "year": lambda case, _: with_year(case, reports),
            "country": lambda case, _: with_country(case, reports),
        }
        changed = []
        for done, case in enumerate(self.cases, start=1):
            if variant := changes[name](case, self._rng(name, case.id)):
                changed.append(variant)
            if name == "language" and self.llm is not None:
                self.progress("translating", done, len(self.cases))
        return changed

    def _try_indexes(self, names: Sequence[str], folder: Path) -> tuple[int, list[Variant]]:
        reports = self.engine.catalog.reports
        ids = chosen_reports(self.cases, reports, self.most_reports, self._rng("reports"))
        known = set(ids)
        cases = [case for case in self.cases if case.gold <= known]
        paths = write_reports(self.engine, ids, folder / "reports")
        index = self.build(folder / UNCHANGED_INDEX, [paths])
        before = self._ask(UNCHANGED_INDEX, index, cases)
        tried = []
        for name in names:
            rng = self._rng(name)
            files = write_reports(self.engine, ids, folder / f"reports-{name}")
            lots: Sequence[Sequence[Path]] = [files]
            marks: Mapping[str, str] = {}
            if name == "injected":
                marks = plant(files, cases, rng)
            elif name == "doubled":
                lots = [[*files, *double(files)]]
            else:
                lots = batches(files, rng)
            engine = self.build(folder / name, lots)
            after = self._ask(name, Undoubled(engine) if name == "doubled" else engine, cases)
            tried.append(_compared(name, before, after, UNCHANGED_INDEX, marks))
        return len(ids), tried


def _compared(
    name: str,
    before: Mapping[str, Outcome],
    after: Mapping[str, Outcome],
    over: str = UNCHANGED,
    marks: Mapping[str, str] | None = None,
) -> Variant:
    # An outcome that failed has no score.
    pairs = [(before[i], outcome) for i, outcome in after.items() if i in before]
    texts = {i: str(o.answer["answer"]).casefold() for i, o in after.items() if o.answer}
    return Variant(
        name,
        asked=len(after),
        over=over,
        changes={difference.metric: difference for difference in differences(pairs)},
        failed=sum(bool(outcome.error) for outcome in after.values()),
        obeyed=sum(mark in texts.get(i, "") for i, mark in marks.items()) if marks else None,
    )


def write_stress(stress: Stress, out: Path) -> str:
    """Write stress.md and stress.json and return the table (Markdown)."""
    text = stress_markdown(stress)
    write_text(out / "stress.md", text)
    data = json.dumps(asdict(stress), indent=2, ensure_ascii=False)
    write_text(out / "stress.json", data + "\n")
    return text


def stress_markdown(stress: Stress) -> str:
    """The change of each metric by variant, what stood out, and how it was tried."""
    return render(
        "stress.md.jinja",
        stress=stress,
        shown=[m for m in SHOWN if any(m in variant.changes for variant in stress.tried)],
        worse=[variant for variant in stress.tried if variant.worse],
        on_index=[variant.name for variant in stress.tried if variant.name in ON_INDEX],
        unchanged_index=UNCHANGED_INDEX,
        variants=VARIANTS,
        level=LEVEL,
    )
