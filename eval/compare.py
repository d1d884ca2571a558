"""Two runs compared case by case: what changed, by how much, and whether it could be chance.

A run is also held to floors: the least mean of figures, by "group metric". A floor is one case
below the lower end of the metric's 95 % bootstrap interval, so that chance alone fails no build.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from eval import report
from eval.cases import read_text, write_text
from eval.metrics import METRICS
from eval.report import LEVEL, Estimate
from eval.run import Outcome, load_outcomes, load_record
from rag.errors import InputError, first_problem

# Whether a refusal or one more lab is good depends on the case.
COMPARED = [name for name in METRICS if name not in ("refused", "labs")]
PROMISED = "all quote_ok"  # that every quote is verbatim: this floor is never renewed
Verdict = Literal["better", "worse", "no difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric over the n cases that both runs answered, and its change from A to B.

    `p` is of this test alone, `p_holm` corrected for all tests made beside it. There is a
    difference where the interval leaves out 0 and `p_holm` is below 0.05.
    """

    metric: str
    before: float
    after: float
    change: Estimate
    p: float
    p_holm: float = 1.0

    @property
    def verdict(self) -> Verdict:
        """Whether B is better or worse, as far as these cases can show."""
        if self.p_holm >= LEVEL or self.change.low <= 0 <= self.change.high:
            return "no difference"
        return "better" if self.change.mean > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Moved:
    """A case whose scores changed: each in A and in B, and their sum's change."""

    id: str
    group: str
    question: str
    scores: Mapping[str, tuple[float, float]]
    change: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What B does better and worse than A, over the cases that both answered."""

    a: str  # which runs these are
    b: str
    paired: int
    unpaired: int  # cases of one run alone, or that failed or are others in one
    differences: tuple[Difference, ...]
    moved: tuple[Moved, ...]

    def metrics(self, verdict: Verdict) -> list[str]:
        """The metrics that have this verdict."""
        return [d.metric for d in self.differences if d.verdict == verdict]

    @property
    def headline(self) -> str:
        """What is better and worse, in one sentence."""
        same = self.paired - len(self.moved)
        sides = (("better", self.metrics("better")), ("worse", self.metrics("worse")))
        changes = [f"{word} in {len(names)} ({', '.join(names)})" for word, names in sides if names]
        if changes:
            return f"Of {len(self.differences)} figures, B is {' and '.join(changes)}."
        return f"No difference that can be shown: {same} of {self.paired} cases score the same."


def compare(dir_a: Path, dir_b: Path) -> Comparison:
    """Compare two runs; cases are paired by id and content, with an InputError where none are."""
    a, b = ({o.case.id: o for o in load_outcomes(out)} for out in (dir_a, dir_b))
    shared = [(a[key], b[key]) for key in a if key in b]
    pairs = [(x, y) for x, y in shared if x.case == y.case and not (x.error or y.error)]
    if not pairs:
        raise InputError(
            f"{dir_a} and {dir_b} have no answered case in common. Compare two runs of one file "
            "of cases."
        )
    # An older run may have measured less.
    scored = [
        {m: (x.scores[m], y.scores[m]) for m in COMPARED if m in x.scores and m in y.scores}
        for x, y in pairs
    ]
    moved = []
    for (x, _), scores in zip(pairs, scored, strict=True):
        changed = {m: (before, after) for m, (before, after) in scores.items() if before != after}
        if changed:
            change = sum(after - before for before, after in changed.values())
            moved.append(Moved(x.case.id, x.case.group, x.case.question, changed, change))
    return Comparison(
        a=_side(dir_a, list(a.values())),
        b=_side(dir_b, list(b.values())),
        paired=len(pairs),
        unpaired=len(a.keys() | b.keys()) - len(pairs),
        differences=_differences(scored),
        moved=tuple(sorted(moved, key=lambda case: -abs(case.change))),
    )


def _differences(scored: Sequence[Mapping[str, tuple[float, float]]]) -> tuple[Difference, ...]:
    """The change of each metric, corrected for as many tests as these are."""
    tested = []
    for metric in COMPARED:
        if sides := [scores[metric] for scores in scored if metric in scores]:
            changes = [after - before for before, after in sides]
            before, after = (sum(values) / len(sides) for values in zip(*sides, strict=True))
            p = report.randomisation_p(changes)
            tested.append(Difference(metric, before, after, report.estimate(changes), p))
    corrected = report.holm([difference.p for difference in tested])
    return tuple(replace(d, p_holm=p) for d, p in zip(tested, corrected, strict=True))


def _side(out: Path, outcomes: Sequence[Outcome]) -> str:
    modes, indexes = (
        ", ".join(report.values_of(outcomes, name)) or "nothing" for name in ("mode", "index")
    )
    date = load_record(out)["date"]
    return f"{out} ({len(outcomes)} cases, {modes}, index {indexes}, {date})"


def comparison_text(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    return report.render("compare.md.jinja", comparison=comparison)


def below_floors(out: Path, path: Path, *, renew: bool = False) -> list[str]:
    """The figures of a run below a file's floors, or not measured; to `renew` sets the floors."""
    try:
        text = read_text(path, "Name a file of floors.")
        floors = TypeAdapter(dict[str, float]).validate_json(text)
    except ValidationError as error:
        problem = first_problem(error)
        raise InputError(f'{path}: no floors, such as {{"all mrr": 0.5}} ({problem}).') from error
    groups = report.aggregate(load_outcomes(out))
    below = []
    for name, floor in floors.items():
        group, _, metric = name.partition(" ")
        value = groups[group].metrics.get(metric) if group in groups else None
        if renew and value and name != PROMISED:
            floors[name] = max(0.0, math.floor(100 * (value.low - 1 / value.n)) / 100)
        elif value is None:
            below.append(f"{name}: not measured")
        elif value.mean < floor:
            below.append(f"{name}: {value.mean:.3f} (n={value.n}) is below {floor}")
    if renew:
        write_text(path, json.dumps(floors, indent=1) + "\n")
    return [] if renew else below
